//! Which lines of a question are said before it is asked.
//!
//! A message is decoration where sshd keeps it back until the next prompt, so a question is one
//! prompt. sudo is the exception: `sudo -p` and `passprompt_override` put the caller's words in the
//! place of every prompt, and the module can't know it. sudo shows messages at once, so there all
//! lines but the last are messages, and only the last is a prompt.
#![forbid(unsafe_code)]

use super::caller::Caller;
use crate::os;

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
        if !os::program().starts_with("sudo") {
            Self::Shown
        } else if caller.tty.is_some() && !may_ask_in_a_window() {
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

/// Whether sudo was started to show its prompts in a window of another program (`sudo -A`). With
/// doubt, yes.
fn may_ask_in_a_window() -> bool {
    os::kernel_file("/proc/self/cmdline").map_or(true, |line| has_askpass(&line))
}

/// Whether an argument asks for a helper: `-A`, also among other letters, or `--askpass`, also cut
/// short.
fn has_askpass(command_line: &str) -> bool {
    let arguments = command_line.split('\0').skip(1);
    let mut options = arguments.filter_map(|argument| argument.strip_prefix('-'));
    options.any(|option| match option.strip_prefix('-') {
        Some(long) => long.starts_with('a'),
        None => option.contains('A'),
    })
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

    #[test]
    fn a_helper_of_sudo_is_seen_on_its_command_line() {
        for line in ["sudo\0-A\0id\0", "sudo\0-kA\0id\0", "sudo\0--ask\0id\0"] {
            assert!(has_askpass(line), "{line}");
        }
        for line in ["sudo\0id\0", "sudo\0-p\0pw: \0-u\0A\0id\0", "A\0id\0"] {
            assert!(!has_askpass(line), "{line}");
        }
    }
}
