//! Where sshd looks for the keys of accounts: files that can be looked into, and sources that
//! can't.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use super::config::Config;
use super::effective::Effective;
use crate::machine::accounts::Account;
use crate::machine::program;
use crate::machine::root::Root;

/// sshd_config(5), the default of AuthorizedKeysFile.
const DEFAULT: &str = ".ssh/authorized_keys .ssh/authorized_keys2";
const FILES: &str = "authorizedkeysfile";
/// Sources of keys that are no files of an account.
const SOURCES: [(&str, &str); 2] = [
    ("authorizedkeyscommand", "AuthorizedKeysCommand"),
    ("trustedusercakeys", "TrustedUserCAKeys"),
];

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

/// The fingerprints of the keys in a file, as ssh-keygen(1) shows them.
pub fn fingerprints(path: &Path) -> Vec<String> {
    let listed = program::run("ssh-keygen", &["-l", "-f", &path.display().to_string()]);
    let listed = listed.unwrap_or_default();
    let words = listed.split_ascii_whitespace();
    words.filter(|word| word.starts_with("SHA256:")).map(str::to_owned).collect()
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
    fn a_comment_is_no_key() {
        assert!(!has_keys("# ssh-ed25519 AAAA\n\n"));
        assert!(has_keys("# why\nssh-ed25519 AAAA\n"));
    }
}
