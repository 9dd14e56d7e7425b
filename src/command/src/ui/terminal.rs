//! The dialogue with the user at the terminal. It never goes through standard input or output:
//! those may be files.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use countersign::os::{self, Paused};
use countersign::words::Screen;
use zeroize::Zeroizing;

use super::output::Problem;

/// A terminal gives one line at a time, and none that is longer (termios(3), canonical mode).
const LINE: usize = 4096;

pub struct Terminal(File);

impl Terminal {
    /// The terminal that this program was started from.
    pub fn open() -> Result<Terminal, Problem> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty");
        file.map(Terminal).map_err(|_| Problem::new("there is no terminal to ask on"))
    }

    /// What it can show.
    pub fn screen(&self) -> Screen {
        let (rows, columns) = os::size_of(&self.0).unwrap_or((24, 80));
        let has_blocks = os::shows_unicode();
        Screen { rows, columns, has_blocks }
    }

    /// One line for the person, and not for a program.
    pub fn show(&mut self, text: impl Display) -> Result<(), Problem> {
        writeln!(self.0, "{text}").map_err(|_| gone())
    }

    /// What is typed in answer to `prompt`, while it can be seen.
    pub fn ask(&mut self, prompt: &str) -> Result<Zeroizing<String>, Problem> {
        write!(self.0, "{prompt}").map_err(|_| gone())?;
        if os::await_input(&self.0) == Paused::Interrupted {
            return Err(gone());
        }
        let mut bytes = Zeroizing::new(vec![0; LINE]);
        let count = self.0.read(&mut bytes).map_err(|_| gone())?;
        let line = bytes.get(..count).unwrap_or_default();
        if line.is_empty() {
            return Err(gone());
        }
        let text = std::str::from_utf8(line).unwrap_or_default();
        Ok(Zeroizing::new(text.trim_end().to_owned()))
    }

    /// Asks for a line that is not shown while the user types it.
    ///
    /// rpassword shows its prompt before it hides what is typed, and answers Ctrl-C with a signal
    /// before it has mended that: the keys are hidden before it starts, and signals wait until the
    /// terminal is as it was.
    pub fn ask_hidden(&mut self, prompt: &str) -> Result<Zeroizing<String>, Problem> {
        let ask = || rpassword::prompt_password(prompt);
        let typed = os::with_signals_blocked(|| os::with_keys_unseen(&self.0, ask).flatten());
        typed.map(Zeroizing::new).map_err(|_| gone())
    }
}

/// Whether standard input is a terminal: then a secret is asked for, and does not come from a file.
pub fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// The first line of standard input, without its end.
pub fn piped_line() -> Result<Zeroizing<String>, Problem> {
    first_line(io::stdin()).map_err(Problem::new)
}

/// The first line of something, without its end.
///
/// # Errors
///
/// What read(2) says, [`io::ErrorKind::UnexpectedEof`] where there is nothing, and
/// [`io::ErrorKind::InvalidData`] for what is no text or too long.
fn first_line(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE));
    let limited = from.take(LINE as u64);
    BufReader::with_capacity(LINE, limited).read_until(b'\n', &mut line)?;
    match line.last() {
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
        Some(b'\n') => {
            line.pop();
        }
        Some(_) if line.len() == LINE => return Err(io::ErrorKind::InvalidData.into()),
        Some(_) => {}
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn gone() -> Problem {
    Problem::new("nothing was typed")
}
