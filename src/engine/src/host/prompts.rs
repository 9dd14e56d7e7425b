//! Which lines of a question are said before it is asked.
//!
//! A message is decoration where sshd keeps it back until the next prompt, so a question is one
//! prompt. sudo is the exception: `sudo -p` and `passprompt_override` put the caller's words in the
//! place of every prompt, and the module can't know it. sudo shows messages at once, so there all
//! lines but the last are messages, and only the last is a prompt.
#![forbid(unsafe_code)]

use super::caller::Caller;

/// What a program does with the prompts and messages of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompts {
    /// It shows each prompt as it is.
    Shown,
    /// It may replace prompts, and shows messages at the user's terminal.
    Replaced,
    /// It may replace prompts, and may show messages where the user does not see them.
    Unsure,
}

impl Prompts {
    /// How `caller` treats prompts. Only what the user reads depends on this.
    pub(super) fn of(caller: &Caller) -> Self {
        // `sudo`, `sudoedit`, `sudo.ws`, `sudo-rs`; the service is whatever `pam_service` in
        // sudoers says.
        if !caller.program.name().starts_with("sudo") {
            Self::Shown
        } else if caller.tty.is_some() && !caller.program.asks_in_a_window() {
            Self::Replaced
        } else {
            Self::Unsure
        }
    }

    /// What is said of `text`, and what is asked.
    pub(super) fn split(self, text: &str) -> (Option<&str>, &str) {
        match (self, text.rsplit_once('\n')) {
            (Self::Shown, _) | (_, None) => (None, text),
            (Self::Replaced, Some((said, asked))) => (Some(said), asked),
            (Self::Unsure, Some((said, _))) => (Some(said), text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "1. mail\nChoose 1.\nVerification code: ";

    #[test]
    fn all_lines_but_the_last_are_said_where_prompts_may_be_replaced() {
        let said = Some("1. mail\nChoose 1.");
        assert_eq!(Prompts::Shown.split(TEXT), (None, TEXT));
        assert_eq!(Prompts::Replaced.split(TEXT), (said, "Verification code: "));
        assert_eq!(Prompts::Unsure.split(TEXT), (said, TEXT));
        for prompts in [Prompts::Shown, Prompts::Replaced, Prompts::Unsure] {
            assert_eq!(prompts.split("Mail: "), (None, "Mail: "));
        }
    }
}
