//! What sshd says of itself: `sshd -T`, which includes every drop-in and default, and its version.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::machine::program;

/// Keyword and value, the keyword in lower case.
#[derive(Debug, PartialEq, Eq)]
pub struct Effective(BTreeMap<String, String>);

impl Effective {
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(
            lines
                .map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        )
    }
}

/// Why sshd does not say its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The folder that it locks itself into is missing. The service manager makes it when it starts
    /// sshd.
    NoFolder(PathBuf),
    /// No key of the host is there yet. Most systems make them before the first start.
    NoHostKeys,
    /// The first line of its complaint.
    Refuses(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::NoFolder(folder) => write!(f, "{} is missing", folder.display()),
            Silence::NoHostKeys => f.write_str("the host has no keys yet"),
            Silence::Refuses(said) => f.write_str(said),
        }
    }
}

/// Asks for the settings outside of Match blocks.
///
/// # Errors
///
/// Why sshd does not say them.
pub fn ask(program: &Path) -> Result<Effective, Silence> {
    ask_with(program, &["-T"])
}

/// What an sshd says of itself that has only this host key.
///
/// # Errors
///
/// Why sshd does not say them.
pub fn ask_with_key(program: &Path, key: &str) -> Result<Effective, Silence> {
    ask_with(program, &["-T", "-h", key])
}

/// Asks for the settings that hold for an account, or outside of Match blocks, with these lines
/// before those of the files.
///
/// # Errors
///
/// Why sshd does not say them.
pub fn ask_planned(
    program: &Path,
    account: Option<&str>,
    lines: &[String],
) -> Result<Effective, Silence> {
    // Of networks, none that a machine has (RFC 5737).
    let who = account.map(|name| format!("user={name},host=example.org,addr=203.0.113.1"));
    let mut options = vec!["-T"];
    options.extend(who.iter().flat_map(|who| ["-C", who.as_str()]));
    options.extend(lines.iter().flat_map(|line| ["-o", line.as_str()]));
    ask_with(program, &options)
}

fn ask_with(program: &Path, options: &[&str]) -> Result<Effective, Silence> {
    let output = run(program, options).map_err(|error| Silence::Refuses(error.to_string()))?;
    if output.status.success() {
        return Ok(Effective::parse(&String::from_utf8_lossy(&output.stdout)));
    }
    Err(silence(&String::from_utf8_lossy(&output.stderr)))
}

/// What sshd.c of OpenSSH complains of.
fn silence(said: &str) -> Silence {
    const FOLDER: &str = "Missing privilege separation directory: ";
    let folder = said.lines().find_map(|line| line.split_once(FOLDER));
    match folder {
        Some((_, folder)) => Silence::NoFolder(folder.trim().into()),
        None if said.contains("no hostkeys available") => Silence::NoHostKeys,
        None => Silence::Refuses(said.lines().next().unwrap_or("nothing").trim().to_owned()),
    }
}

/// Major and minor. Versions that don't know the option say theirs in the complaint about it.
pub fn version(program: &Path) -> Option<(u32, u32)> {
    let output = run(program, &["-V"]).ok()?;
    parse_version(&String::from_utf8_lossy(&output.stderr))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("OpenSSH_")?;
    let (major, rest) = rest.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (minor, _) = rest.split_at(end);
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn run(program: &Path, options: &[&str]) -> std::io::Result<Output> {
    program::command(&program.to_string_lossy(), options).output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_sshd_prints_them() {
        let effective = Effective::parse(
            "usepam yes\nlogingracetime 120\nauthenticationmethods publickey,keyboard-interactive:pam any\nx\n",
        );
        assert_eq!(effective.get("usepam"), Some("yes"));
        assert_eq!(
            effective.get("authenticationmethods"),
            Some("publickey,keyboard-interactive:pam any")
        );
        assert_eq!(effective.get("x"), None);
    }

    #[test]
    fn an_sshd_that_was_never_started_is_told_from_one_that_refuses_its_settings() {
        for (said, expected) in [
            (
                "Missing privilege separation directory: /run/sshd\r\n",
                Silence::NoFolder("/run/sshd".into()),
            ),
            (
                "Unable to load host key: /etc/ssh/ssh_host_rsa_key\r\nsshd: no hostkeys available -- exiting.\r\n",
                Silence::NoHostKeys,
            ),
            (
                "/etc/ssh/sshd_config: line 1: Bad configuration option: x\r\n",
                Silence::Refuses(
                    "/etc/ssh/sshd_config: line 1: Bad configuration option: x".into(),
                ),
            ),
        ] {
            assert_eq!(silence(said), expected);
        }
    }

    #[test]
    fn the_version_is_found_in_what_any_sshd_says() {
        for (text, version) in [
            ("OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17\n", Some((9, 2))),
            ("unknown option -- V\nOpenSSH_8.4p1 Debian-5, OpenSSL\nusage: sshd\n", Some((8, 4))),
            ("OpenSSH_10.3", Some((10, 3))),
            ("dropbear", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
