//! What sshd is set to: by its files, and by its own word.
#![forbid(unsafe_code)]

pub mod config;
pub mod effective;
pub mod keys;

use std::path::PathBuf;

use super::root::Root;

const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// The program of a system, if it has one.
pub fn program(root: &Root) -> Option<PathBuf> {
    let mut programs = PROGRAMS.into_iter().map(PathBuf::from);
    programs.find(|path| root.exists(path))
}

/// Where OpenSSH 9.8 and later have the program that asks PAM, which is no part of sshd any more.
const SESSION_PROGRAMS: [&str; 3] = [
    "/usr/libexec/openssh/sshd-session",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/ssh/sshd-session",
];

/// The program of a system that asks PAM for sshd, where that is not sshd itself.
pub fn session_program(root: &Root) -> Option<PathBuf> {
    let mut programs = SESSION_PROGRAMS.into_iter().map(PathBuf::from);
    programs.find(|path| root.exists(path))
}

/// AuthenticationMethods: the ways in, each a list of methods that must all succeed; none where any
/// method will do.
pub fn lists(text: &str) -> Vec<Vec<String>> {
    if text == "any" || text.is_empty() {
        return Vec::new();
    }
    let lists = text.split_ascii_whitespace();
    lists.map(|list| list.split(',').map(str::to_ascii_lowercase).collect()).collect()
}
