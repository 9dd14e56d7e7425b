//! What a terminal does with the keys that are typed (termios(3)).

use std::fs::OpenOptions;
use std::io::{ErrorKind, IsTerminal, Result, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Runs `f` while nothing that is typed at this terminal is shown, or made a signal or a line of by
/// the kernel.
///
/// # Errors
///
/// What tcgetattr(3) and tcsetattr(3) say; then `f` has not run.
pub fn with_keys_unseen<R>(terminal: &impl AsFd, f: impl FnOnce() -> R) -> Result<R> {
    let _restored = Unseen::keys_at(terminal.as_fd())?;
    Ok(f())
}

/// Shows a text on a terminal of another user, without waiting for it, and without making it our
/// own.
///
/// # Errors
///
/// What open(2) and write(2) say, [`ErrorKind::WouldBlock`] where the terminal was stopped among
/// it, and [`ErrorKind::InvalidInput`] of what is no terminal.
pub fn tell_terminal(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK);
    let mut terminal = options.open(path)?;
    if terminal.is_terminal() {
        terminal.write_all(text.as_bytes())
    } else {
        Err(ErrorKind::InvalidInput.into())
    }
}

/// Lines and columns of a terminal, where it knows them (tty_ioctl(4)).
pub fn size_of(terminal: &impl AsFd) -> Option<(u16, u16)> {
    let size = tcgetwinsize(terminal).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// The same of the terminal that this process belongs to.
#[must_use]
pub fn own_size() -> Option<(u16, u16)> {
    size_of(&std::fs::File::open("/dev/tty").ok()?)
}

/// Whether locale and terminal are said to show more than ASCII. The user who started the program
/// says so: nothing but the look of what is shown may depend on it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "decides how a picture looks, and nothing else")]
pub fn shows_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    let terminal = set("TERM").unwrap_or_default();
    (locale.contains("utf-8") || locale.contains("utf8"))
        && !["", "dumb"].contains(&terminal.as_str())
}

/// The settings that were there before; dropping it puts them back, also when `f` panics.
struct Unseen<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Unseen<'a> {
    fn keys_at(terminal: BorrowedFd<'a>) -> Result<Unseen<'a>> {
        let before = tcgetattr(terminal)?;
        let mut unseen = before.clone();
        unseen
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        set(terminal, &unseen)?;
        Ok(Unseen { terminal, before })
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to put back.
        let _ = set(self.terminal, &self.before);
    }
}

/// At once: what was typed before stays, to be read.
fn set(terminal: BorrowedFd<'_>, settings: &Termios) -> Result<()> {
    Ok(tcsetattr(terminal, OptionalActions::Now, settings)?)
}
