//! The way to the user, and the password that may come by it.
#![forbid(unsafe_code)]

use zeroize::{Zeroize, Zeroizing};

use super::caller::Caller;
use super::prompts::Prompts;
use crate::login::{self, Before, Echo, Question};
use crate::os;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Unfit};
use crate::words;

/// The way to the user, and to what libpam knows.
pub trait Conversation {
    /// The password: the one that the stack has, else libpam's own prompt.
    fn password(&mut self) -> Answer;
    /// The password, if the stack has it already.
    fn stacked_password(&mut self) -> Option<Answer>;
    /// Asks one question.
    fn ask(&mut self, question: &Question) -> Answer;
    /// Says something. A caller may show it late, or never.
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

/// The talk with one user, by the conversation of the caller.
pub(super) struct Talk<'a> {
    caller: &'a Caller,
    conversation: &'a mut dyn Conversation,
    /// A user is at the other end: a question whose answer is shown has been answered.
    has_answered: bool,
    /// Something was typed that may be a code.
    has_typed_code: bool,
}

impl<'a> Talk<'a> {
    pub(super) fn new(caller: &'a Caller, conversation: &'a mut dyn Conversation) -> Self {
        Self { caller, conversation, has_answered: false, has_typed_code: false }
    }

    /// A user is at the other end: a question whose answer is shown has been answered.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// A password that could be one. Everything else ends here, before the tenant hears of it.
    pub(super) fn password(&mut self) -> Result<Secret, Refusal> {
        match self.conversation.password() {
            Answer::Typed(password) if is_junk(&password) => Err(Reason::PasswordJunk.into()),
            Answer::Typed(password) => Ok(password),
            Answer::Unfit(Unfit::Empty) => Err(Reason::PasswordEmpty.into()),
            Answer::Unfit(Unfit::TooLong) => Err(Reason::PasswordTooLong.into()),
            Answer::Unfit(Unfit::NotUtf8) => Err(Reason::PasswordNotUtf8.into()),
            Answer::Failed => Err(self.unasked()),
        }
    }

    /// The password, if the stack has one that could be one.
    pub(super) fn stacked_password(&mut self) -> Result<Option<Secret>, Refusal> {
        match self.conversation.stacked_password() {
            Some(Answer::Typed(password)) if is_junk(&password) => Err(Reason::PasswordJunk.into()),
            Some(Answer::Typed(password)) => Ok(Some(password)),
            Some(Answer::Unfit(_) | Answer::Failed) | None => Ok(None),
        }
    }

    /// What the modules before this one have left. Must be asked before our own prompt, which
    /// leaves a password too.
    pub(super) fn before(&mut self) -> Before {
        match self.stacked_password() {
            Ok(Some(_)) => Before::Password,
            Ok(None) | Err(_) => Before::Nothing,
        }
    }

    /// Asks one question. It may hold a key: each copy of it is wiped.
    pub(super) fn ask(&mut self, question: &Question) -> Answer {
        let text = Zeroizing::new(question.text.clone());
        let (said, asked) = Prompts::of(self.caller).split(&text);
        if let Some(said) = said {
            self.conversation.tell(said);
        }
        let mut asked = Question { text: asked.to_owned(), echo: question.echo };
        let answer = self.conversation.ask(&asked);
        asked.text.zeroize();
        self.has_answered |= question.echo == Echo::On && !matches!(answer, Answer::Failed);
        self.has_typed_code |=
            matches!(&answer, Answer::Typed(typed) if login::looks_like_code(typed));
        answer
    }

    /// What is said behind a refusal that tells the user nothing.
    pub(super) fn hint(&self, reason: Reason) -> Option<&'static str> {
        let is_one = reason == Reason::AnswerRefused && self.has_typed_code;
        is_one.then_some(words::WORKS_ONCE)
    }

    /// Asks for something that may be left out. `None` for what is no answer. The question may hold
    /// secrets.
    pub(super) fn offer(&mut self, text: String) -> Result<Option<Secret>, Refusal> {
        let mut question = Question { text, echo: Echo::On };
        let answer = self.ask(&question);
        question.text.zeroize();
        if os::interrupted() {
            return Err(Reason::Interrupted.into());
        }
        self.check_user()?;
        match answer {
            Answer::Typed(typed) if is_junk(&typed) => Err(Reason::PasswordJunk.into()),
            Answer::Typed(typed) => Ok(Some(typed)),
            Answer::Unfit(Unfit::Empty | Unfit::TooLong | Unfit::NotUtf8) => Ok(None),
            Answer::Failed => Err(self.unasked()),
        }
    }

    /// Says something. A caller may show it late, or never.
    pub(super) fn tell(&mut self, text: &str) {
        self.conversation.tell(text);
    }

    /// Says that an approval is awaited. sshd keeps a message back until the next prompt or the
    /// end: there the prompt after a while says more.
    pub(super) fn tell_waiting(&mut self, text: &str) {
        if !self.caller.is_ssh() {
            self.conversation.tell(text);
        }
    }

    /// Says why the login ends.
    pub(super) fn complain(&mut self, text: &str) {
        self.conversation.complain(text);
    }

    /// Shows a picture, or says why it is missing. Without a terminal, the question alone
    /// has to do.
    pub(super) fn show_picture(&mut self, text: &str, below: usize) {
        if !words::is_terminal(self.caller.tty.as_deref(), &self.caller.service) {
            return;
        }
        match words::picture(text, words::Ground::Dark, self.screen(), below) {
            Ok(picture) => self.conversation.tell(&picture),
            Err(why_not) => self.conversation.tell(why_not),
        }
    }

    /// sshd has neither a terminal nor the environment of the user.
    fn screen(&self) -> words::Screen {
        if self.caller.is_ssh() {
            return words::Screen::UNKNOWN;
        }
        self.caller.program.screen()
    }

    /// Refuses a user who is not the one that was judged: an application may change `PAM_USER`
    /// while it asks.
    pub(super) fn check_user(&mut self) -> Result<(), Refusal> {
        let user = self.conversation.user();
        if user.as_ref() != self.caller.user.as_ref().ok() {
            return Err(Reason::UserChanged.into());
        }
        Ok(())
    }

    /// Why the login ends where the user can't be asked. The commonest cause has a name: sshd's
    /// password method can't ask anything but the password.
    pub(super) fn unasked(&self) -> Refusal {
        let detail = if self.caller.is_ssh() {
            "the caller can't ask the user: sshd_config needs KbdInteractiveAuthentication yes, and PasswordAuthentication no"
        } else {
            "the caller can't ask the user"
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
