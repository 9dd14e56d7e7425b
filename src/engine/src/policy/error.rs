//! What is wrong with a configuration: every error with its line and key, and nothing that could be
//! a secret.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

use super::spelling;

/// No administrator reads more than this.
const LISTED: usize = 64;
/// Characters of a value that an error repeats.
const QUOTED: usize = 48;

/// One thing that is wrong: `line 12: login.poll_interval: expected a duration such as "1s", found
/// "fast"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    line: Option<usize>,
    key: String,
    problem: String,
}

impl Error {
    /// The line, counted from 1; none if something is missing altogether.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The key with the tables that it is in; empty if the text is no TOML there.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

/// Everything that is wrong, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    listed: Vec<Error>,
    unlisted: usize,
}

impl Errors {
    /// The one error of a file that cannot even be read as text.
    pub(super) fn unreadable(line: Option<usize>, problem: String) -> Self {
        let key = String::new();
        Errors { listed: vec![Error { line, key, problem }], unlisted: 0 }
    }

    /// The errors, at most 64 of them.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.listed.iter()
    }

    /// How many more there are than [`Errors::iter`] gives.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }
}

impl fmt::Display for Errors {
    /// One line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.listed.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        match self.unlisted {
            0 => Ok(()),
            1 => f.write_str("\nand 1 more error"),
            more => write!(f, "\nand {more} more errors"),
        }
    }
}

impl std::error::Error for Errors {}

/// Collects errors while a file is read, and knows its lines.
pub(super) struct Findings {
    line_starts: Vec<usize>,
    /// Lines that are no TOML: what seems wrong with the settings there says nothing.
    broken: RefCell<BTreeSet<usize>>,
    /// Every key that some table knows, with the path of the table.
    known: RefCell<Vec<(&'static str, Rc<str>)>>,
    unknown: RefCell<Vec<Unknown>>,
    errors: RefCell<Vec<Error>>,
}

/// A key that its table does not know. What was meant is told when all tables have been read.
struct Unknown {
    line: usize,
    path: String,
    key: String,
    siblings: Vec<&'static str>,
}

impl Findings {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Findings {
            line_starts: std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect(),
            broken: RefCell::default(),
            known: RefCell::default(),
            unknown: RefCell::default(),
            errors: RefCell::default(),
        }
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The text is no TOML here. The parser's own rendering would quote the line: only its words
    /// are used. `first` is the path and the line of what is given twice.
    pub(super) fn syntax(&self, error: &toml::de::Error, first: Option<(String, usize)>) {
        let line = error.span().map(|span| self.line(span.start));
        self.broken.borrow_mut().insert(line.unwrap_or(0));
        let (key, problem) = match first {
            Some((path, line)) => {
                (path, format!("given twice, first in line {line}: take one of the two out"))
            }
            None => (String::new(), format!("not valid TOML: {}", error.message())),
        };
        self.push(line, key, problem);
    }

    /// A value or key is wrong.
    pub(super) fn wrong(&self, line: usize, key: &str, problem: impl Into<String>) {
        if !self.broken.borrow().contains(&line) {
            self.push(Some(line), key.to_owned(), problem.into());
        }
    }

    /// A key is not there; said only of a file that was understood whole.
    pub(super) fn missing(&self, line: Option<usize>, key: String, problem: impl Into<String>) {
        if self.broken.borrow().is_empty() {
            self.push(line, key, problem.into());
        }
    }

    /// A table knows this key.
    pub(super) fn known(&self, key: &'static str, table: &Rc<str>) {
        self.known.borrow_mut().push((key, table.clone()));
    }

    /// A table does not know this key.
    pub(super) fn unknown(
        &self,
        (line, path): (usize, String),
        key: &str,
        siblings: &[&'static str],
    ) {
        let (key, siblings) = (key.to_owned(), siblings.to_vec());
        let unknown = Unknown { line, path, key, siblings };
        self.unknown.borrow_mut().push(unknown);
    }

    fn explain_unknown(&self) {
        let known = self.known.borrow();
        for unknown in self.unknown.take() {
            let elsewhere = known.iter().find(|(key, _)| *key == unknown.key);
            let elsewhere = elsewhere.map(|(key, table)| join(table, key));
            let said = spelling::unknown(&unknown.key, &unknown.siblings, elsewhere.as_deref());
            self.wrong(unknown.line, &unknown.path, said);
        }
    }

    fn push(&self, line: Option<usize>, key: String, problem: String) {
        self.errors.borrow_mut().push(Error { line, key, problem });
    }

    /// What was read, if nothing was found.
    pub(super) fn verdict<T>(self, read: T) -> Result<T, Errors> {
        self.explain_unknown();
        let mut listed = self.errors.into_inner();
        if listed.is_empty() {
            return Ok(read);
        }
        listed.sort_by_key(|error| error.line.unwrap_or(0));
        let unlisted = listed.len().saturating_sub(LISTED);
        listed.truncate(LISTED);
        Err(Errors { listed, unlisted })
    }
}

/// `login` and `deadline` to `login.deadline`; a key that is not bare is quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let shown = match key {
        key if !key.is_empty() && key.len() <= 64 && key.chars().all(bare) => key.to_owned(),
        key => quoted(key),
    };
    if path.is_empty() { shown } else { format!("{path}.{shown}") }
}

/// A value as an error shows it: short, and printable whatever is in it.
#[must_use]
pub fn quoted(value: &str) -> String {
    let mut shown = String::new();
    for c in value.chars().take(QUOTED) {
        match c {
            '\'' => shown.push(c),
            other => shown.extend(other.escape_default()),
        }
    }
    if value.chars().nth(QUOTED).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}
