//! The accounts of this system, as NSS lists them, and whether they have a password here.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use super::program;
use super::root::Root;
use crate::ui::output::Problem;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub home: String,
    pub password: Password,
}

/// What an account's password on this machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// There is one.
    Set,
    /// No password matches: `!` or `*` in shadow(5).
    Locked,
    /// Another source than shadow(5) has it, or nothing is known.
    Unknown,
}

/// All accounts that are listed: a source such as sssd may know more than it lists.
///
/// # Errors
///
/// What getent(1) says.
pub fn all(root: &Root) -> Result<Vec<Account>, Problem> {
    let listed = program::run("getent", &["passwd"])?;
    let shadow = root.text("/etc/shadow".as_ref()).unwrap_or_default();
    Ok(parsed(&listed, &shadow))
}

fn parsed(listed: &str, shadow: &str) -> Vec<Account> {
    let hashes: BTreeMap<_, _> = shadow.lines().filter_map(hash).collect();
    let accounts = listed.lines().filter_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let [name, _, uid, _, _, home, ..] = fields.as_slice() else {
            return None;
        };
        Some(Account {
            name: (*name).to_owned(),
            uid: uid.parse().ok()?,
            home: (*home).to_owned(),
            password: hashes.get(name).copied().unwrap_or(Password::Unknown),
        })
    });
    accounts.collect()
}

fn hash(line: &str) -> Option<(&str, Password)> {
    let (name, rest) = line.split_once(':')?;
    let is_locked = rest.starts_with(['!', '*']);
    let password = if is_locked { Password::Locked } else { Password::Set };
    Some((name, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_password_is_seen() {
        let listed = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\nbob@corp:*:9:9::/home/bob:\nbroken\n";
        let shadow = "root:*:19000:0:99999:7:::\nalice:$y$x:19000::::::\n";
        let found: Vec<_> = parsed(listed, shadow)
            .into_iter()
            .map(|account| (account.name, account.uid, account.home, account.password))
            .collect();
        let one = |name: &str, uid, home: &str, password| {
            (name.to_owned(), uid, home.to_owned(), password)
        };
        assert_eq!(
            found,
            [
                one("root", 0, "/root", Password::Locked),
                one("alice", 1000, "/home/alice", Password::Set),
                one("bob@corp", 9, "/home/bob", Password::Unknown),
            ]
        );
    }
}
