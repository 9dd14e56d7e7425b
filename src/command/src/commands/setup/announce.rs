//! Tells the terminals of root, and the one that a setup was typed on, what becomes of it.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use countersign::os;
use serde::{Deserialize, Serialize};

/// The terminal that a setup was typed on, and who owned it then: its name may be another login's
/// later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    path: String,
    owner: u32,
}

impl Place {
    /// That of this process; none without a terminal. What sudo starts may have a terminal of its
    /// own (`use_pty`), which is gone as soon as the command ends: that of sudo's caller counts.
    pub fn own() -> Option<Self> {
        let typed_in = os::named_ancestors().into_iter().find(|(name, _)| !relays(name));
        let typed_in = typed_in.and_then(|(_, process)| terminal_of(&process.pid.to_string()));
        let path = typed_in.or_else(|| terminal_of("self"))?;
        let owner = fs::metadata(&path).ok()?.uid();
        Some(Self { path, owner })
    }

    fn is_still_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.uid() == self.owner)
    }
}

/// Shows a line on each of these terminals. One that takes nothing now is left out.
pub fn tell(text: &str, typed_on: Option<&Place>) {
    let mut terminals = of_root();
    let typed_on = typed_on.filter(|place| place.is_still_there());
    terminals.extend(typed_on.map(|place| place.path.clone()));
    for terminal in terminals {
        let _ = os::tell_terminal(terminal.as_ref(), &format!("\r\ncountersign: {text}\r\n"));
    }
}

/// Whether a process of this name shows on its own terminal what a command says on another.
fn relays(name: &str) -> bool {
    name == "sudo"
}

/// The terminals that a process of root runs on, such as a shell behind sudo. Not those of sudo
/// itself, which would show everything twice.
fn of_root() -> BTreeSet<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let owned = entries.filter(|entry| entry.metadata().is_ok_and(|found| found.uid() == 0));
    let names = owned.filter_map(|entry| entry.file_name().into_string().ok());
    let pids = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let found = pids.filter_map(|pid| name_and_terminal(&pid));
    found.filter(|(name, _)| !relays(name)).map(|(_, terminal)| terminal).collect()
}

fn terminal_of(pid: &str) -> Option<String> {
    name_and_terminal(pid).map(|(_, terminal)| terminal)
}

/// The name of a process and its controlling terminal: proc(5), `comm` and `tty_nr`.
fn name_and_terminal(pid: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.rsplit_once(')')?;
    let (_, name) = name.split_once('(')?;
    let number: u32 = rest.split_ascii_whitespace().nth(4)?.parse().ok()?;
    Some((name.to_owned(), named(number)?))
}

/// Its name by major and minor number: pseudo-terminals, virtual consoles and serial lines.
fn named(number: u32) -> Option<String> {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    match (major, minor) {
        (136..=143, _) => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        (4, 1..=63) => Some(format!("/dev/tty{minor}")),
        (4, 64..) => Some(format!("/dev/ttyS{}", minor - 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_terminal_is_named_by_its_numbers() {
        for (number, name) in [
            (0, None),
            (34816, Some("/dev/pts/0")),
            (34819, Some("/dev/pts/3")),
            (35073, Some("/dev/pts/257")),
            (1025, Some("/dev/tty1")),
            (1088, Some("/dev/ttyS0")),
        ] {
            assert_eq!(named(number).as_deref(), name, "{number}");
        }
    }
}
