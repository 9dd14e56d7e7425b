//! The stacks of PAM as files: a service's own, and what it includes.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pam_stack::line::{Line, lines};
use pam_stack::rule::Rule;
use pam_stack::stack::{self, Kind};

use super::modules;
use crate::machine::pam::our_module::{is_path_of_ours, names_ours};
use crate::machine::root::Root;

/// Where every libpam looks, in its order.
const FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
/// Where a libpam looks behind these if it was built so: the folder of packages on SUSE, and on
/// Fedora.
const OF_PACKAGES: [&str; 2] = ["/usr/etc/pam.d", "/usr/share/pam.d"];
/// What libpam reads where none of the folders is there.
pub const CONF: &str = "/etc/pam.conf";
/// The service whose lines count where a service has none.
const OTHER: &str = "other";
/// No stack includes more files than this.
const MOST: usize = 64;

/// What editors and package managers put behind the name of a file that they keep a copy of. A name
/// with a dot in it is no copy for that alone: PAM takes any name for a service.
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

/// Whether a file of a PAM folder is a copy that an editor or a package manager left there, and no
/// service.
pub fn is_leftover(name: &str) -> bool {
    name.starts_with(['.', '#']) || COPIES.iter().any(|copy| name.ends_with(copy))
}

/// The folders in which the libpam of a system looks, in its order.
pub fn folders(root: &Root) -> Vec<&'static str> {
    let more = OF_PACKAGES.into_iter().filter(|folder| is_read(root, folder));
    FOLDERS.into_iter().chain(more).collect()
}

/// Whether the system's libpam looks into a folder that is there: its file has the folder's name.
/// Where no libpam is found, it may.
fn is_read(root: &Root, folder: &str) -> bool {
    if !root.exists(folder) {
        return false;
    }
    let libraries =
        modules::folders(root).filter_map(|modules| Some(modules.parent()?.join("libpam.so.0")));
    let mut texts = libraries.filter_map(|library| root.text(&library).ok());
    texts.next().is_none_or(|text| text.contains(&format!("{folder}/%s")))
}

/// Whether /etc/pam.conf counts: libpam ignores it where one of the folders is there.
pub fn is_conf_read(root: &Root) -> bool {
    !folders(root).iter().any(|folder| root.exists(folder)) && root.exists(CONF)
}

/// The services of a system, and the files that services share.
pub fn services(root: &Root) -> BTreeSet<String> {
    if is_conf_read(root) {
        let text = root.text(Path::new(CONF)).unwrap_or_default();
        let words = lines(&text).0.into_iter();
        let names =
            words.filter_map(|line| line.text.split_whitespace().next().map(str::to_lowercase));
        return names.filter(|name| name != OTHER).collect();
    }
    let folders = folders(root).into_iter();
    let names = folders.flat_map(|folder| root.names(folder));
    names.filter(|name| !is_leftover(name)).collect()
}

/// The file of a service or of an absolute path: the first that libpam finds, or where it would be
/// first.
pub fn path_of(root: &Root, name: &str) -> PathBuf {
    let candidates = FOLDERS.into_iter().chain(OF_PACKAGES);
    let mut candidates = candidates.map(|folder| (folder, Path::new(folder).join(name)));
    let is_known = |folder| FOLDERS.contains(&folder) || is_read(root, folder);
    let found = candidates.find(|(folder, path)| root.exists(path) && is_known(*folder));
    found.map_or_else(|| Path::new("/etc/pam.d").join(name), |(_, path)| path)
}

/// Where a line of a stack stands: in the file of that name, or in /etc/pam.conf.
pub fn place_of(root: &Root, name: &str) -> PathBuf {
    if !name.starts_with('/') && is_conf_read(root) { CONF.into() } else { path_of(root, name) }
}

/// The text of that file; none where there is no such file, or it can't be read.
pub fn text(root: &Root, name: &str) -> Option<String> {
    root.text(&path_of(root, name)).ok()
}

/// The lines of a service for one type, as the libpam of a system reads them.
pub fn stack(root: &Root, service: &str, kind: Kind) -> stack::Stack {
    if !is_conf_read(root) {
        return stack::read(&|name| text(root, name), service, kind);
    }
    let conf = root.text(Path::new(CONF)).unwrap_or_default();
    let source = |name: &str| {
        if [service, OTHER].contains(&name) { Some(of_conf(&conf, name)) } else { text(root, name) }
    };
    stack::read(&source, service, kind)
}

/// The lines of a service in a folder that stands for all of them (pam_start_confdir(3)).
pub fn stack_in(folder: &Path, service: &str, kind: Kind) -> stack::Stack {
    let source = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    stack::read(&source, service, kind)
}

/// What /etc/pam.conf says of one service, each line at its place and without the name.
fn of_conf(conf: &str, service: &str) -> String {
    let (lines, _) = lines(conf);
    let mut text = String::new();
    for line in lines {
        let (name, rest) = line.text.split_once([' ', '\t']).unwrap_or((&line.text, ""));
        if name.eq_ignore_ascii_case(service) {
            let above = line.number.saturating_sub(1 + text.matches('\n').count());
            text.push_str(&"\n".repeat(above));
            text.push_str(rest);
            text.push('\n');
        }
    }
    text
}

/// The files that have a service of the system ask the module, by the names that services and
/// includes have for them.
pub fn naming(root: &Root) -> BTreeSet<String> {
    let services = services(root).into_iter();
    services.flat_map(|service| naming_in(root, &service)).collect()
}

/// The paths of the files that have a service of the system ask the module.
pub fn paths_naming(root: &Root) -> Vec<String> {
    let names = naming(root).into_iter();
    names.map(|name| place_of(root, &name).display().to_string()).collect()
}

/// The files that have this service ask the module.
pub fn naming_in(root: &Root, service: &str) -> BTreeSet<String> {
    let stacks = Kind::ALL.map(|kind| stack(root, service, kind));
    let lines = stacks.into_iter().flat_map(|stack| stack.handlers);
    let ours = lines.filter(|line| line.module().is_some_and(is_path_of_ours));
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
        let names = self.rules().filter_map(|(_, rule)| Some(rule.included()?.name().to_owned()));
        names.filter(|name| !name.is_empty())
    }
}

/// Whether a text names the module, even in a line that libpam would not take.
pub fn names_module(text: &str) -> bool {
    let (lines, unfinished) = lines(text);
    lines.iter().chain(&unfinished).any(names_ours)
}

/// The file of a service and everything that it includes, each once; none if there is no such
/// service.
pub fn of_service(folders: &[&Path], service: &str) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    let mut names = vec![service.to_owned()];
    let mut at = 0;
    while let Some(name) = names.get(at).filter(|_| at < MOST).cloned() {
        at += 1;
        let found = folders.iter().find_map(|folder| Stack::read(folder.join(&name)));
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
        for name in ["sshd", "gdm.custom", "vpn.original", "sshd.2", "my~service", "a.rpm"] {
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
