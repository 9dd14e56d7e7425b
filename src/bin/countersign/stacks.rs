//! The stacks of PAM as files: a service's own, and what it includes.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use super::libpam::line::{Line, lines};
use super::libpam::module::names_ours;
use super::libpam::rule::Rule;

/// Where libpam looks, in its order.
pub const FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// No stack includes more files than this.
const MOST: usize = 64;

/// One file of a stack.
pub struct Stack {
    pub path: PathBuf,
    lines: Vec<Line>,
}

impl Stack {
    /// `None` if there is no such file, or none that can be read.
    pub fn read(path: PathBuf) -> Option<Self> {
        let bytes = std::fs::read(&path).ok()?;
        let (lines, _) = lines(&String::from_utf8_lossy(&bytes));
        Some(Self { path, lines })
    }

    /// What the file says, line by line, each with its number.
    pub fn rules(&self) -> impl Iterator<Item = (usize, Rule<'_>)> {
        let lines = self.lines.iter();
        lines.filter_map(|line| Some((line.number, Rule::of(&line.text)?)))
    }

    pub fn names_module(&self) -> bool {
        self.lines.iter().any(names_ours)
    }

    /// What it includes, by name.
    fn includes(&self) -> impl Iterator<Item = String> {
        let names = self
            .rules()
            .filter_map(|(_, rule)| Some(rule.included()?.name().to_owned()));
        names.filter(|name| !name.is_empty())
    }
}

/// Whether a text names the module, even in a line that libpam would not take.
pub fn names_module(text: &str) -> bool {
    let (lines, unfinished) = lines(text);
    lines.iter().chain(&unfinished).any(names_ours)
}

/// The file of a service and everything that it includes, each once; none if there is no such service.
pub fn of_service(folders: &[&Path], service: &str) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    let mut names = vec![service.to_owned()];
    let mut at = 0;
    while let Some(name) = names.get(at).filter(|_| at < MOST).cloned() {
        at += 1;
        let found = folders
            .iter()
            .find_map(|folder| Stack::read(folder.join(&name)));
        let Some(stack) = found else {
            continue;
        };
        for other in stack.includes() {
            if !names.contains(&other) {
                names.push(other);
            }
        }
        stacks.push(stack);
    }
    stacks
}
