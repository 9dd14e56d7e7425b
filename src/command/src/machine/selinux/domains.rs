//! The domains in which the programs behind a service ask PAM.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kernel::Kernel;
use crate::machine::root::Root;
use crate::machine::sshd;

/// Where SELinux users of logins are written down, in the folder of a policy.
const SEUSERS: &str = "seusers";
const FOLDER: &str = "/etc/selinux";

/// The contexts of the program behind a service; none where it is not known, or the kernel does not
/// say.
pub fn of(kernel: &Kernel<'_>, root: &Root, service: &str) -> BTreeSet<String> {
    match service {
        "sshd" => {
            let programs = [sshd::program(root), sshd::session_program(root)];
            let programs: Vec<_> = programs.into_iter().flatten().collect();
            let programs: Vec<_> = programs.iter().map(PathBuf::as_path).collect();
            if programs.is_empty() {
                BTreeSet::new()
            } else {
                kernel.started(&programs).into_iter().collect()
            }
        }
        "login" => {
            let programs = [Path::new("/sbin/agetty"), Path::new("/bin/login")];
            kernel.started(&programs).into_iter().collect()
        }
        "sudo" | "sudo-i" => of_users(kernel, root, Path::new("/usr/bin/sudo")),
        "su" | "su-l" => of_users(kernel, root, Path::new("/bin/su")),
        _ => BTreeSet::new(),
    }
}

/// A program that users start: for each SELinux user that logins are mapped to, in the domain of
/// its sessions.
fn of_users(kernel: &Kernel<'_>, root: &Root, program: &Path) -> BTreeSet<String> {
    let sessions = seusers(root).into_iter().filter_map(|(user, level)| {
        let name = user.strip_suffix("_u")?;
        let context = format!("{user}:{name}_r:{name}_t:{level}");
        kernel.knows(&context).then_some(context)
    });
    sessions.filter_map(|session| kernel.starts(&session, program)).collect()
}

/// The SELinux users of `LOGIN:USER:LEVEL`, each with the lowest level, in the files of every
/// policy.
fn seusers(root: &Root) -> BTreeSet<(String, String)> {
    let policies = root.names(FOLDER).into_iter();
    let files = policies.map(|name| Path::new(FOLDER).join(name).join(SEUSERS));
    let texts = files.filter_map(|file| root.text(&file).ok());
    let users: BTreeSet<_> = texts.flat_map(|text| parsed(&text)).collect();
    users
}

fn parsed(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let users = lines.filter_map(|line| {
        let mut parts = line.trim().splitn(3, ':').skip(1);
        let user = parts.next()?;
        let range = parts.next().unwrap_or("s0");
        let level = range.split('-').next().unwrap_or("s0");
        Some((user.to_owned(), level.to_owned()))
    });
    users.collect()
}
