//! What sshd says of itself: `sshd -T`, which includes every drop-in and default, and its version.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use crate::program;

/// Keyword and value, the keyword in lower case.
#[derive(Debug, PartialEq, Eq)]
pub struct Effective(BTreeMap<String, String>);

impl Effective {
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(
            lines
                .map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        )
    }
}

/// Asks for the settings that hold for whom no Match block is about; an error is sshd's own first line.
pub fn ask(program: &Path) -> Result<Effective, String> {
    let output = run(program, "-T").map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(Effective::parse(&String::from_utf8_lossy(&output.stdout)));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().next().unwrap_or("nothing").trim().to_owned())
}

/// Major and minor. Versions that don't know the option say theirs in the complaint about it.
pub fn version(program: &Path) -> Option<(u32, u32)> {
    let output = run(program, "-V").ok()?;
    parse_version(&String::from_utf8_lossy(&output.stderr))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("OpenSSH_")?;
    let (major, rest) = rest.split_once('.')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (minor, _) = rest.split_at(end);
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn run(program: &Path, option: &str) -> std::io::Result<Output> {
    program::command(&program.to_string_lossy(), &[option]).output()
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
    fn the_version_is_found_in_what_any_sshd_says() {
        for (text, version) in [
            (
                "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17\n",
                Some((9, 2)),
            ),
            (
                "unknown option -- V\nOpenSSH_8.4p1 Debian-5, OpenSSL\nusage: sshd\n",
                Some((8, 4)),
            ),
            ("OpenSSH_10.3", Some((10, 3))),
            ("dropbear", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
