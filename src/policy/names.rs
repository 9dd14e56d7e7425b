//! From a local name to the name in the tenant: the tables first, then the template, and root only by a table.
#![forbid(unsafe_code)]

use super::{Person, Refusal, Users};

/// Longest local name that the template takes (`useradd(8)`: 32).
const LONGEST: usize = 32;

impl Users {
    /// The person's name in the tenant; `key` is the fingerprint of a public key that this person has shown to own.
    ///
    /// A user with uid 0, whatever the name, is never mapped by the template: that would let whoever owns `root`
    /// in the tenant become root here.
    pub(super) fn tenant_user(
        &self,
        person: &Person,
        key: Option<&str>,
    ) -> Result<String, Refusal> {
        let by_name = self.names.get(&person.user);
        if let Some(name) = by_name.or_else(|| self.keys.get(key?)) {
            return Ok(name.clone());
        }
        let user = person.user.clone();
        if person.uid == 0 {
            return Err(Refusal::RootNotMapped { user });
        }
        match &self.template {
            Some(template) if is_plain(&user) => Ok(template.replacen("{user}", &user, 1)),
            Some(_) | None => Err(Refusal::NameNotMapped { user }),
        }
    }
}

/// `[a-z_][a-z0-9_.-]{0,31}` without a dot at the end: nothing that could choose another suffix or change its
/// meaning on the way.
fn is_plain(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let later = |c: char| first(c) || c.is_ascii_digit() || c == '.' || c == '-';
    name.len() <= LONGEST
        && name.starts_with(first)
        && name.chars().all(later)
        && !name.ends_with('.')
}
