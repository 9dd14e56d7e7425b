//! What sshd is set to: by its files, and by its own word.
#![forbid(unsafe_code)]

pub mod config;
pub mod effective;

use std::path::PathBuf;

use super::root::Root;

const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// The program of a system, if it has one.
pub fn program(root: &Root) -> Option<PathBuf> {
    let mut programs = PROGRAMS.into_iter().map(PathBuf::from);
    programs.find(|path| root.exists(path))
}
