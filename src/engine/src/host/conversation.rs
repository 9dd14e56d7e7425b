//! The way to the user, and the password that may come by it.
#![forbid(unsafe_code)]

use std::time::Instant;

use super::Attempt;
use crate::login::Question;
use crate::policy::{Flow, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Unfit};

/// The way to the user, and to what libpam knows.
pub trait Conversation {
    /// The password: the one that the stack has, else libpam's own prompt.
    fn password(&mut self) -> Answer;
    /// The password, if the stack has it already.
    fn stacked_password(&mut self) -> Option<Answer>;
    /// Asks one question.
    fn ask(&mut self, question: &Question) -> Answer;
    /// Says something. Whether anybody sees it is another matter.
    fn tell(&mut self, text: &str);
    /// Says why it ends.
    fn complain(&mut self, text: &str);
    /// `PAM_USER` as it is now.
    fn user(&mut self) -> Option<String>;
}

/// What came back from a question.
pub enum Answer {
    /// An answer.
    Typed(Secret),
    /// Something that is none.
    Unfit(Unfit),
    /// The conversation failed, or returned nothing at all.
    Failed,
}

impl Attempt<'_> {
    /// A login needs the password; a step-up uses it where it is there. It is nobody's but the PAM
    /// user's.
    pub(super) fn password_for(&mut self, terms: &Terms) -> Result<Option<Secret>, Refusal> {
        match (&terms.flow, terms.is_pam_user) {
            (_, false) => Ok(None),
            (Flow::Login, true) => self.password().map(Some),
            (Flow::OnDemand(_), true) => match self.conversation.stacked_password() {
                Some(Answer::Typed(password)) if is_junk(&password) => {
                    Err(Reason::PasswordJunk.into())
                }
                Some(Answer::Typed(password)) => Ok(Some(password)),
                Some(Answer::Unfit(_) | Answer::Failed) | None => Ok(None),
            },
        }
    }

    /// A password that could be one. Everything else ends here, before the tenant hears of it.
    pub(super) fn password(&mut self) -> Result<Secret, Refusal> {
        let answer = self.conversation.password();
        self.begun = Instant::now();
        match answer {
            Answer::Typed(password) if is_junk(&password) => Err(Reason::PasswordJunk.into()),
            Answer::Typed(password) => Ok(password),
            Answer::Unfit(Unfit::Empty) => Err(Reason::PasswordEmpty.into()),
            Answer::Unfit(Unfit::TooLong) => Err(Reason::PasswordTooLong.into()),
            Answer::Unfit(Unfit::NotUtf8) => Err(Reason::PasswordNotUtf8.into()),
            Answer::Failed => Err(self.unheard()),
        }
    }

    /// The commonest cause has a name: sshd's password method can't ask anything but the password.
    pub(super) fn unheard(&self) -> Refusal {
        let detail = match self.is_ssh() {
            true => {
                "nobody to ask: sshd_config needs KbdInteractiveAuthentication yes, and PasswordAuthentication no"
            }
            false => "nobody to ask",
        };
        Refusal::new(Reason::Conversation, detail)
    }
}

/// What sshd answers for users that it has refused already, over and over (`fake_password` of its
/// auth-pam.c).
const JUNK: &[u8] = b"\x08\n\r\x7fINCORRECT";

/// sshd repeats or cuts its junk to the length of what was typed, so that one letter gives one byte
/// of it.
pub(super) fn is_junk(password: &Secret) -> bool {
    let junk = JUNK.iter().cycle();
    let typed = password.expose().as_bytes();
    !typed.is_empty() && typed.iter().zip(junk).all(|(typed, junk)| typed == junk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fake_password` of OpenSSH's auth-pam.c, in Rust.
    fn fake(length: usize) -> String {
        let junk = "\u{8}\n\r\u{7f}INCORRECT".chars().cycle();
        junk.take(length).collect()
    }

    #[test]
    fn every_length_of_sshds_junk_is_junk_and_nothing_else_is() {
        for length in 1..=600 {
            let junk = fake(length);
            assert!(is_junk(&Secret::new(&junk)), "{length}");
            for other in [format!("{junk}x"), format!("x{junk}"), junk.replace('\u{8}', "b")] {
                assert!(!is_junk(&Secret::new(&other)), "{length}");
            }
        }
        for honest in ["", "INCORRECT", "\n", "b"] {
            assert!(!is_junk(&Secret::new(honest)));
        }
    }
}
