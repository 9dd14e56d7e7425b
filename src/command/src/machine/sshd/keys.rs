//! Where sshd looks for the keys of accounts: files that can be looked into, and sources that
//! can't.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use countersign::policy::PublicKey;

use super::config::Config;
use super::effective::Effective;
use crate::machine::accounts::Account;
use crate::machine::program;
use crate::machine::root::{Root, plain};
use crate::ui::output::Problem;

/// sshd_config(5), the default of AuthorizedKeysFile.
const DEFAULT: &str = ".ssh/authorized_keys .ssh/authorized_keys2";
const FILES: &str = "authorizedkeysfile";
/// Sources of keys that are no files of an account.
const SOURCES: [(&str, &str); 2] = [
    ("authorizedkeyscommand", "AuthorizedKeysCommand"),
    ("trustedusercakeys", "TrustedUserCAKeys"),
];

/// The beginning of a security key's type.
const SECURITY_KEY: &str = "sk-";

/// Where keys may be.
pub struct Places {
    patterns: Vec<String>,
    /// The keywords of sources whose keys are not known here.
    pub unknown: Vec<&'static str>,
}

impl Places {
    /// As sshd says it and as Match blocks of its files do: more places than count for one account.
    pub fn of(config: &Config, effective: Option<&Effective>) -> Self {
        let all = |keyword: &str| -> Vec<String> {
            let said = effective.and_then(|effective| effective.get(keyword));
            let written = config.settings.get(keyword).map(|setting| &*setting.value);
            let matched = config.matched.iter().filter(|one| one.keyword == keyword);
            let matched = matched.map(|one| &*one.setting.value);
            said.or(written).into_iter().chain(matched).map(str::to_owned).collect()
        };
        let mut patterns = all(FILES);
        if patterns.is_empty() {
            patterns.push(DEFAULT.to_owned());
        }
        let patterns = patterns.iter().flat_map(|one| one.split_ascii_whitespace());
        let unknown = SOURCES.into_iter().filter(|(keyword, _)| {
            let values = all(keyword);
            values.iter().any(|value| !value.is_empty() && value != "none")
        });
        Self {
            patterns: patterns.map(str::to_owned).collect(),
            unknown: unknown.map(|(_, name)| name).collect(),
        }
    }

    /// The files in which the account has keys.
    pub fn files(&self, root: &Root, account: &Account) -> Vec<PathBuf> {
        let patterns = self.patterns.iter().filter(|one| *one != "none");
        let mut paths: Vec<_> = patterns.map(|one| place(one, account)).collect();
        paths.dedup();
        paths.retain(|path| root.text(path).is_ok_and(|text| has_keys(&text)));
        paths
    }
}

/// A line of authorized_keys for a security key.
pub struct SecurityKeyLine {
    pub file: PathBuf,
    pub line: usize,
    /// Options in lower case, without their values.
    options: Vec<String>,
}

impl SecurityKeyLine {
    /// Whether the line has an option of sshd(8), AUTHORIZED_KEYS FILE FORMAT.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|one| one == option)
    }
}

/// The lines for security keys in the files of an account.
pub fn security_keys(root: &Root, files: &[PathBuf]) -> Vec<SecurityKeyLine> {
    let lines = files.iter().flat_map(|file| {
        let text = root.text(file).unwrap_or_default();
        let lines = text.lines().enumerate().filter_map(|(index, text)| {
            let options = options_of_security_key(text.trim())?;
            Some(SecurityKeyLine { file: file.clone(), line: index + 1, options })
        });
        lines.collect::<Vec<_>>()
    });
    lines.collect()
}

/// Options of a line that is for a security key; `None` for any other line.
fn options_of_security_key(line: &str) -> Option<Vec<String>> {
    if line.starts_with('#') {
        return None;
    }
    let (first, rest) = unquoted(line, |c| c.is_ascii_whitespace());
    if first.starts_with(SECURITY_KEY) {
        return Some(Vec::new());
    }
    let kind = rest.trim_start().split_ascii_whitespace().next()?;
    // A certificate authority, whose certificates may be for security keys or not.
    let is_one = kind.starts_with(SECURITY_KEY);
    let mut options = Vec::new();
    let mut left = first;
    while !left.is_empty() {
        let (option, rest) = unquoted(left, |c| c == ',');
        let name = option.split('=').next().unwrap_or_default();
        options.push(name.to_ascii_lowercase());
        left = rest;
    }
    (is_one || options.iter().any(|option| option == "cert-authority")).then_some(options)
}

/// What stands before the first of these outside of quotation marks, and what stands behind it.
fn unquoted(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !is_escaped => is_quoted = !is_quoted,
            c if ends(c) && !is_quoted => {
                let (before, behind) = text.split_at(at);
                return (before, behind.get(c.len_utf8()..).unwrap_or_default());
            }
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (text, "")
}

/// The keys in a file, as ssh-keygen(1) shows them. It gets the open file: the user whose keys these
/// are can replace what the path leads to.
pub fn keys(path: &Path) -> Vec<PublicKey> {
    let listed = plain(path).map_err(Problem::new).and_then(|(file, _)| {
        let mut command = program::command("ssh-keygen", &["-l", "-f", "-"]);
        command.stdin(file);
        program::output(command)
    });
    listed.unwrap_or_default().lines().filter_map(key).collect()
}

/// Length, fingerprint, comment, and the type in brackets: of a security key, its type ends with
/// `-SK`, and that of its certificate with `-SK-CERT`.
fn key(line: &str) -> Option<PublicKey> {
    let fingerprint = line.split_ascii_whitespace().nth(1)?;
    let kind = line.trim_end().rsplit(' ').next()?;
    fingerprint.starts_with("SHA256:").then(|| PublicKey {
        fingerprint: fingerprint.to_owned(),
        is_security_key: kind.ends_with("-SK)") || kind.ends_with("-SK-CERT)"),
    })
}

/// sshd_config(5), TOKENS; a path that is not absolute is below the home.
fn place(pattern: &str, account: &Account) -> PathBuf {
    let path = pattern
        .replace("%%", "\0")
        .replace("%h", &account.home)
        .replace("%u", &account.name)
        .replace("%U", &account.uid.to_string())
        .replace('\0', "%");
    Path::new(&account.home).join(path)
}

fn has_keys(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::machine::accounts::Password;

    #[test]
    fn keys_are_looked_for_where_sshd_does() {
        let account = Account {
            name: "alice".to_owned(),
            uid: 1000,
            home: "/home/alice".to_owned(),
            password: Password::Unknown,
        };
        for (pattern, expected) in [
            (".ssh/authorized_keys", "/home/alice/.ssh/authorized_keys"),
            ("/etc/ssh/keys/%u", "/etc/ssh/keys/alice"),
            ("%h/keys-%U-%%u", "/home/alice/keys-1000-%u"),
        ] {
            assert_eq!(place(pattern, &account), Path::new(expected));
        }
    }

    #[test]
    fn sources_that_are_no_files_are_named() {
        let effective = |text: &str| Effective::parse(text);
        let said = effective(
            "authorizedkeysfile none\nauthorizedkeyscommand /usr/bin/keys %u\ntrustedusercakeys none\n",
        );
        let places = Places::of(&Config::default(), Some(&said));
        assert_eq!(places.unknown, ["AuthorizedKeysCommand"]);
        assert_eq!(places.patterns, ["none"]);
        let places = Places::of(&Config::default(), None);
        assert_eq!(places.patterns.join(" "), DEFAULT);
        assert!(places.unknown.is_empty());
    }

    #[test]
    fn what_a_user_has_put_in_the_place_of_keys_keeps_nothing_waiting() {
        let folder = PathBuf::from(format!("/tmp/countersign-keys-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let (keys, pipe) = (folder.join("keys"), folder.join("pipe"));
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
        fs::write(&keys, format!("no-pty,command=\"a b\" ssh-ed25519 {key} alice\n")).unwrap();
        assert!(program::run("mkfifo", &[pipe.to_str().unwrap()]).is_ok());
        assert_eq!(super::keys(&keys).len(), 1);
        assert!(super::keys(&pipe).is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_comment_is_no_key() {
        assert!(!has_keys("# ssh-ed25519 AAAA\n\n"));
        assert!(has_keys("# why\nssh-ed25519 AAAA\n"));
    }

    #[test]
    fn a_line_for_a_security_key_has_its_options() {
        let options = |line: &str| options_of_security_key(line);
        let of = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        for (line, expected) in [
            ("sk-ssh-ed25519@openssh.com AAAA alice", of(&[])),
            ("verify-required sk-ssh-ed25519@openssh.com AAAA", of(&["verify-required"])),
            (
                "Verify-Required,command=\"a, \\\"b\\\" sk-x\",no-pty sk-ecdsa-sha2-nistp256@openssh.com AAAA",
                of(&["verify-required", "command", "no-pty"]),
            ),
            ("cert-authority ssh-ed25519 AAAA", of(&["cert-authority"])),
            ("ssh-ed25519 AAAA sk-ssh-ed25519@openssh.com", None),
            ("no-pty ssh-ed25519 AAAA", None),
            ("# sk-ssh-ed25519@openssh.com", None),
            ("", None),
        ] {
            assert_eq!(options(line), expected, "{line}");
        }
    }
}
