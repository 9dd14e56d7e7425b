//! The stacks of PAM as files: a service's own, and what it includes.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// Where libpam looks, in its order.
pub const FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// No stack includes more files than this.
const MOST: usize = 64;

/// One line of a stack.
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    pub rule: Rule,
}

/// What a line says.
pub enum Rule {
    /// Everything that another file says.
    Include(String),
    Module {
        kind: String,
        control: String,
        module: String,
        arguments: Vec<String>,
    },
}

/// One file of a stack.
pub struct Stack {
    pub path: PathBuf,
    pub lines: Vec<Line>,
}

impl Stack {
    /// `None` if there is no such file, or none that can be read.
    pub fn read(path: PathBuf) -> Option<Self> {
        let bytes = std::fs::read(&path).ok()?;
        let lines = parse(&String::from_utf8_lossy(&bytes));
        Some(Self { path, lines })
    }

    pub fn names_module(&self) -> bool {
        self.lines.iter().any(|line| match &line.rule {
            Rule::Module { module, .. } => module.contains("countersign.so"),
            Rule::Include(_) => false,
        })
    }
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
        for line in &stack.lines {
            match &line.rule {
                Rule::Include(other) if !names.contains(other) => names.push(other.clone()),
                Rule::Include(_) | Rule::Module { .. } => {}
            }
        }
        stacks.push(stack);
    }
    stacks
}

/// The lines of a file (pam.conf(5)): a backslash at the end goes on, and a `#` ends a line.
fn parse(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut whole, mut begun) = (String::new(), None);
    for (at, text) in text.lines().enumerate() {
        let begin = *begun.get_or_insert(at + 1);
        let text = text.split('#').next().unwrap_or_default();
        match text.trim_end().strip_suffix('\\') {
            Some(text) => whole.push_str(&format!("{text} ")),
            None => {
                whole.push_str(text);
                let rule = rule(&std::mem::take(&mut whole));
                lines.extend(rule.map(|rule| Line {
                    number: begin,
                    rule,
                }));
                begun = None;
            }
        }
    }
    lines
}

fn rule(text: &str) -> Option<Rule> {
    let mut words = words(text).into_iter();
    let kind = words.next()?;
    let second = words.next()?;
    if kind == "@include" {
        return Some(Rule::Include(second));
    }
    let third = words.next()?;
    if second == "include" || second == "substack" {
        return Some(Rule::Include(third));
    }
    Some(Rule::Module {
        kind,
        control: second,
        module: third,
        arguments: words.collect(),
    })
}

/// Words, of which those in square brackets may have spaces in them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.starts_with('[') {
            true => rest.find(']').map(|at| at + 1),
            false => rest.find(char::is_whitespace),
        };
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_read_as_libpam_reads_it() {
        let text = "# a comment\n@include common-auth # more\n\nauth [success=1 default=ignore] \\\n  pam_unix.so nullok # x\n\
            -auth include other\naccount substack third\nauth\n";
        let lines = parse(text);
        let shown: Vec<_> = lines
            .iter()
            .map(|line| match &line.rule {
                Rule::Include(file) => format!("{} <{file}>", line.number),
                Rule::Module {
                    kind,
                    control,
                    module,
                    arguments,
                } => {
                    format!(
                        "{} {kind} {control} {module} {}",
                        line.number,
                        arguments.join(" ")
                    )
                }
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2 <common-auth>",
                "4 auth [success=1 default=ignore] pam_unix.so nullok",
                "6 <other>",
                "7 <third>",
            ]
        );
    }
}
