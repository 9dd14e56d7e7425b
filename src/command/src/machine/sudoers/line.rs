//! The lines of sudoers(5): continued ones joined, comments away, and what they include.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use crate::machine::root::Root;

/// A line that says something, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub file: PathBuf,
    pub number: usize,
    pub text: String,
}

/// What a line takes in.
pub enum Included {
    File(String),
    Folder(String),
}

/// The lines of a file.
pub fn lines(file: &Path, text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut continues = false;
    for (index, part) in text.lines().enumerate() {
        let said = without_comment(part);
        let (said, goes_on) = match said.strip_suffix('\\') {
            Some(said) => (said, true),
            None => (said, false),
        };
        match lines.last_mut() {
            Some(last) if continues => last.text.push_str(said),
            _ => {
                lines.push(Line { file: file.to_owned(), number: index + 1, text: said.to_owned() })
            }
        }
        continues = goes_on;
    }
    lines.retain(|line| !line.text.trim().is_empty());
    lines
}

/// A `#` in front of a number is a uid, and in front of `include` an old way to write `@include`.
fn without_comment(line: &str) -> &str {
    let is_include = ["#include ", "#include\t", "#includedir"];
    if is_include.iter().any(|word| line.trim_start().starts_with(word)) {
        return line;
    }
    let mut is_quoted = false;
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '"' => is_quoted = !is_quoted,
            '#' if !is_quoted && !letters.peek().is_some_and(|(_, next)| next.is_ascii_digit()) => {
                return line.get(..at).unwrap_or_default();
            }
            _ => {}
        }
    }
    line
}

impl Line {
    /// What it includes, if it includes something.
    pub fn included(&self) -> Option<Included> {
        let rest = self.text.trim().strip_prefix(['@', '#'])?;
        let (word, path) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
        let path = path.trim().trim_matches('"').replace("\\ ", " ");
        match word {
            "include" => Some(Included::File(path)),
            "includedir" => Some(Included::Folder(path)),
            _ => None,
        }
    }
}

impl Included {
    /// Its files, in the order of sudo: of a folder those whose name has no dot and no `~` at its
    /// end.
    pub fn files(&self, root: &Root, from: &Path) -> Vec<PathBuf> {
        let beside = from.parent().unwrap_or(Path::new("/"));
        match self {
            Included::File(path) => vec![beside.join(path)],
            Included::Folder(path) => {
                let folder = beside.join(path);
                let names = root.names(&folder).into_iter();
                let names = names.filter(|name| !name.contains('.') && !name.ends_with('~'));
                names.map(|name| folder.join(name)).collect()
            }
        }
    }
}
