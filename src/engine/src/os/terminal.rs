//! What a terminal does with the keys that are typed (termios(3)).

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, IsTerminal, Result, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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

/// Shows a text on a terminal of somebody else, without waiting for it, and without making it our
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
    match terminal.is_terminal() {
        true => terminal.write_all(text.as_bytes()),
        false => Err(ErrorKind::InvalidInput.into()),
    }
}

/// Lines and columns of a terminal, where it knows them (tty_ioctl(4)).
pub fn size_of(terminal: &impl AsFd) -> Option<(u16, u16)> {
    // SAFETY: a winsize is plain data, which the kernel fills.
    let size = unsafe {
        let mut size: libc::winsize = mem::zeroed();
        let fd = terminal.as_fd().as_raw_fd();
        done(libc::ioctl(fd, libc::TIOCGWINSZ, &mut size)).ok()?;
        size
    };
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// The same of the terminal that this process belongs to.
#[must_use]
pub fn own_size() -> Option<(u16, u16)> {
    size_of(&std::fs::File::open("/dev/tty").ok()?)
}

/// Whether locale and terminal are said to show more than ASCII. Whoever started the program says
/// so: nothing but the look of what is shown may depend on it.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "decides how a picture looks, and nothing else")]
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
    before: libc::termios,
}

impl<'a> Unseen<'a> {
    fn keys_at(terminal: BorrowedFd<'a>) -> Result<Unseen<'a>> {
        // SAFETY: a termios is plain data, which tcgetattr fills.
        let before = unsafe {
            let mut before: libc::termios = mem::zeroed();
            done(libc::tcgetattr(terminal.as_raw_fd(), &mut before))?;
            before
        };
        let unseen = libc::termios {
            c_lflag: before.c_lflag & !(libc::ECHO | libc::ECHONL | libc::ICANON | libc::ISIG),
            ..before
        };
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
fn set(terminal: BorrowedFd<'_>, settings: &libc::termios) -> Result<()> {
    // SAFETY: the settings are whole, and tcsetattr writes nothing.
    done(unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, settings) })
}

fn done(result: libc::c_int) -> Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
