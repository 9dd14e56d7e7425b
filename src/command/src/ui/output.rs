//! What the command says: results on standard output, problems with a hint on standard error.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// What went wrong, and what to do about it.
pub struct Problem {
    what: String,
    hint: Option<String>,
}

/// How a command ends.
pub type Done = Result<(), Problem>;

impl Problem {
    pub fn new(what: impl Display) -> Self {
        Self { what: what.to_string(), hint: None }
    }

    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// What went wrong, and what to do about it if that is known.
    pub fn parts(&self) -> (&str, &str) {
        (&self.what, self.hint.as_deref().unwrap_or_default())
    }

    /// Without the hint.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What it means for the whole, before what went wrong.
    pub fn within(mut self, whole: &str) -> Self {
        self.what = format!("{whole}: {}", self.what);
        self
    }
}

/// Prints one line of a result. A closed pipe is ignored.
pub fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A whole text of a result, as it is.
pub fn whole(text: &str) -> Done {
    io::stdout().write_all(text.as_bytes()).map_err(Problem::new)
}

/// Shows on a terminal what takes a moment.
pub fn progress(what: &str) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = writeln!(err, "{what} ...");
    }
}

/// Says on a terminal what takes its time, and takes it back at the end.
pub struct Waiting {
    /// Of the text that is shown; 0 where standard error is no terminal.
    length: usize,
}

impl Waiting {
    pub fn begin(text: &str) -> Self {
        let mut err = io::stderr();
        let length = if err.is_terminal() { text.len() } else { 0 };
        if length > 0 {
            let _ = write!(err, "{text}");
            let _ = err.flush();
        }
        Self { length }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.length > 0 {
            let _ = write!(io::stderr(), "\r{}\r", " ".repeat(self.length));
        }
    }
}

pub fn complain(problem: &Problem) {
    let mut err = io::stderr();
    let _ = writeln!(err, "countersign: {}", problem.what);
    if let Some(hint) = &problem.hint {
        let _ = writeln!(err, "hint: {hint}");
    }
}

/// A time as people say it: the two largest units.
pub fn spoken(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A number of things: `1 error`, `2 errors`.
pub fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}
