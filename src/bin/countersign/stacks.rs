//! The stacks of PAM as files: a service's own, and what it includes.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::libpam::line::{Line, lines};
use super::libpam::module::{is_ours, names_ours};
use super::libpam::rule::Rule;
use super::libpam::stack::{Kind, read};
use super::root::Root;

/// Where libpam looks, in its order.
pub const FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// No stack includes more files than this.
const MOST: usize = 64;

/// What editors and package managers put behind the name of a file that they keep a copy of. A name with a dot in it is no
/// copy for that alone: PAM takes any name for a service.
const COPIES: [&str; 18] = [
    "~",
    ".bak",
    ".dpkg-bak",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-remove",
    ".dpkg-tmp",
    ".old",
    ".orig",
    ".pam-old",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".save",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
];

/// Whether a file of a PAM folder is a copy that an editor or a package manager left there, and no service.
pub fn is_leftover(name: &str) -> bool {
    name.starts_with(['.', '#']) || COPIES.iter().any(|copy| name.ends_with(copy))
}

/// The services of a system, and the files that services share.
pub fn services(root: &Root) -> BTreeSet<String> {
    let names = FOLDERS.iter().flat_map(|folder| root.names(folder));
    names.filter(|name| !is_leftover(name)).collect()
}

/// The file of a service or of an absolute path: the first that libpam finds, or where it would be first.
pub fn path_of(root: &Root, name: &str) -> PathBuf {
    let candidates = FOLDERS.map(|folder| Path::new(folder).join(name));
    let found = candidates.iter().find(|path| root.exists(path));
    let [first, ..] = &candidates;
    found.unwrap_or(first).clone()
}

/// The text of that file; none where there is no such file, or it can't be read.
pub fn text(root: &Root, name: &str) -> Option<String> {
    root.text(&path_of(root, name)).ok()
}

/// The files that have a service of the system ask the module, by the names that services and includes have for them.
pub fn naming(root: &Root) -> BTreeSet<String> {
    let services = services(root).into_iter();
    services
        .flat_map(|service| naming_in(root, &service))
        .collect()
}

/// The files that have this service ask the module.
pub fn naming_in(root: &Root, service: &str) -> BTreeSet<String> {
    let source = |name: &str| text(root, name);
    let stacks = Kind::ALL.map(|kind| read(&source, service, kind));
    let lines = stacks.into_iter().flat_map(|stack| stack.handlers);
    let ours = lines.filter(|line| line.module().is_some_and(is_ours));
    ours.map(|line| line.place.file).collect()
}

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

#[cfg(test)]
mod tests {
    use super::is_leftover;

    #[test]
    fn a_service_may_have_a_dot_in_its_name_and_a_copy_has_an_ending_of_its_own() {
        for name in [
            "sshd",
            "gdm.custom",
            "vpn.original",
            "sshd.2",
            "my~service",
            "a.rpm",
        ] {
            assert!(!is_leftover(name), "{name}");
        }
        for name in [
            "sshd~",
            ".sshd.swp",
            "#sshd#",
            "sshd.bak",
            "sshd.dpkg-old",
            "sshd.rpmsave",
            "common-auth.pam-old",
        ] {
            assert!(is_leftover(name), "{name}");
        }
    }
}
