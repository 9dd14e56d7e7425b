//! The program that calls libpam: this process, or in the broker another one.
#![forbid(unsafe_code)]

use std::io;
use std::rc::Rc;

use crate::os::{self, Login, Process, Session};
use crate::words::Screen;

/// The program that calls libpam.
#[derive(Clone, Default)]
pub enum Program {
    /// This process.
    #[default]
    Own,
    /// Another one, for which this process runs a login.
    Other(Rc<dyn OtherProgram>),
}

/// What another process tells of itself, or what is known of it without its word.
pub trait OtherProgram {
    /// What it is called.
    fn name(&self) -> String;
    /// Its number.
    fn pid(&self) -> u32;
    /// Whether it may show its prompts in a window of another program.
    fn asks_in_a_window(&self) -> bool;
    /// The login that has started it.
    fn login(&self) -> Login;
    /// Its session.
    ///
    /// # Errors
    ///
    /// Where that can't be told.
    fn session(&self) -> io::Result<Session>;
    /// The process of sshd's that looks after its connection.
    ///
    /// # Errors
    ///
    /// Where that can't be told.
    fn connection(&self) -> io::Result<Option<Process>>;
    /// What its terminal shows.
    fn screen(&self) -> Screen;
}

impl Program {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Own => os::program(),
            Self::Other(other) => other.name(),
        }
    }

    /// Its name and number, where it is not this process.
    pub(super) fn other(&self) -> Option<(String, u32)> {
        match self {
            Self::Own => None,
            Self::Other(other) => Some((other.name(), other.pid())),
        }
    }

    /// Whether it may show its prompts in a window of another program.
    #[must_use]
    pub fn asks_in_a_window(&self) -> bool {
        match self {
            Self::Own => may_ask_in_a_window(),
            Self::Other(other) => other.asks_in_a_window(),
        }
    }

    /// The login that has started it.
    #[must_use]
    pub fn login(&self) -> Login {
        match self {
            Self::Own => Login::own(),
            Self::Other(other) => other.login(),
        }
    }

    /// Its session.
    ///
    /// # Errors
    ///
    /// Where that can't be told.
    pub fn session(&self) -> io::Result<Session> {
        match self {
            Self::Own => Session::own(),
            Self::Other(other) => other.session(),
        }
    }

    /// The process of sshd's that looks after its connection.
    ///
    /// # Errors
    ///
    /// Where that can't be told.
    pub fn connection(&self) -> io::Result<Option<Process>> {
        match self {
            Self::Own => Process::of_connection(),
            Self::Other(other) => other.connection(),
        }
    }

    /// What its terminal shows.
    #[must_use]
    pub fn screen(&self) -> Screen {
        match self {
            Self::Own => {
                let (rows, columns) = os::own_size().unwrap_or((24, 80));
                Screen { rows, columns, has_blocks: os::shows_unicode() }
            }
            Self::Other(other) => other.screen(),
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
