//! From the canonical name of an account to the name in the tenant: the tables first, then the
//! template, and root only by a table.
#![forbid(unsafe_code)]

use super::{Account, Directory, NoTerms, PublicKey, Users};

/// Where a name in the tenant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// `users.names`
    Name,
    /// `users.names_file`
    File,
    /// `users.keys`
    Key,
    /// `users.template`
    Template,
}

/// Longest local name that the template takes (`useradd(8)`: 32).
const LONGEST: usize = 32;

impl Users {
    /// The account's name in the tenant; `keys` are the public keys that the user has shown to own.
    pub(super) fn tenant_user(
        &self,
        account: &Account,
        keys: &[PublicKey],
        directory: &dyn Directory,
    ) -> Result<String, NoTerms> {
        self.mapped(account, keys, directory).map(|(name, _)| name)
    }

    /// The account's name in the tenant, and where it comes from.
    ///
    /// A user with uid 0, whatever the name, is never mapped by the template: that would let
    /// the owner of the name `root` in the tenant become root here.
    ///
    /// # Errors
    /// There is no such name, or the keys belong to several people.
    pub fn mapped(
        &self,
        account: &Account,
        keys: &[PublicKey],
        directory: &dyn Directory,
    ) -> Result<(String, Mapping), NoTerms> {
        if let Some(name) = self.names.get(&account.name) {
            return Ok((name.to_owned(), Mapping::Name));
        }
        let file = self.names_file.as_deref();
        let listed = file.map(|file| directory.listed(file, &account.name));
        if let Some(name) = listed.transpose()?.flatten() {
            return Ok((name, Mapping::File));
        }
        if let Some(name) = self.owner(keys)? {
            return Ok((name.to_owned(), Mapping::Key));
        }
        let user = account.name.clone();
        if account.uid == 0 {
            return Err(NoTerms::RootNotMapped { user });
        }
        match &self.template {
            Some(template) if is_plain(&user) => {
                let name = template.replacen("{user}", &user, 1);
                Ok((name, Mapping::Template))
            }
            Some(_) | None => Err(NoTerms::NameNotMapped { user }),
        }
    }

    /// The person to whom the keys belong, as far as `users.keys` has them.
    fn owner(&self, keys: &[PublicKey]) -> Result<Option<&str>, NoTerms> {
        let mut owners = keys.iter().filter_map(|key| self.keys.get(&key.fingerprint));
        let Some(owner) = owners.next() else {
            return Ok(None);
        };
        match owners.find(|other| !other.eq_ignore_ascii_case(owner)) {
            None => Ok(Some(owner)),
            Some(other) => {
                let owners = [owner, other].map(str::to_owned);
                Err(NoTerms::SeveralOwners { owners })
            }
        }
    }
}

/// `[a-z_][a-z0-9_.-]{0,31}` without a dot at the end: nothing that could choose another suffix or
/// change its meaning on the way.
fn is_plain(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let later = |c: char| first(c) || c.is_ascii_digit() || c == '.' || c == '-';
    name.len() <= LONGEST
        && name.starts_with(first)
        && name.chars().all(later)
        && !name.ends_with('.')
}
