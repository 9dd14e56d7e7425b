//! From a name to an account, and what the system knows of it: the one place where names are looked
//! up for a login.
#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};

use super::listing;
use super::origin::Whence;
use crate::os;
use crate::policy::{
    Account, Date, Directory, DirectoryFailed, Groups, ListFailed, Origin, Policy,
};

/// Returns the account that a name leads to; `None` for an unknown name.
///
/// # Errors
///
/// The look-up failed, or the system contradicts itself: it calls the uid by a name that belongs to
/// another uid.
pub fn account(typed: &str) -> Result<Option<Account>, DirectoryFailed> {
    let Some(entry) = os::user(typed).map_err(|error| failed(&error))? else {
        return Ok(None);
    };
    let known = os::name_of(entry.uid).map_err(|error| failed(&error))?;
    let name = known.unwrap_or(entry.name);
    if name != typed && os::uid_of(&name).map_err(|error| failed(&error))? != Some(entry.uid) {
        let problem = format!(
            "{typed:?} has uid {}, which the system calls {name:?}, and that name has another uid",
            entry.uid
        );
        return Err(DirectoryFailed { problem });
    }
    Ok(Some(Account { uid: entry.uid, name, typed: typed.to_owned() }))
}

/// The local user database, and the sessions of this machine.
pub struct LocalUsers {
    whence: Whence,
    /// Files and folders that were written in the past.
    written: Vec<PathBuf>,
}

impl LocalUsers {
    /// For a user who asks from there.
    #[must_use]
    pub fn from(whence: Whence) -> Self {
        let written = Vec::new();
        Self { whence, written }
    }

    /// Adds that this configuration and what is kept between logins were written in the past.
    #[must_use]
    pub fn behind(self, configuration: &Path, policy: &Policy) -> Self {
        let kept = [policy.state_folder(), policy.offline_folder()];
        let written = kept.into_iter().chain([configuration]);
        Self { written: written.map(Path::to_owned).collect(), ..self }
    }
}

impl Directory for LocalUsers {
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed> {
        os::uid_of(user).map_err(|error| failed(&error))
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed> {
        os::gid_of(group).map_err(|error| failed(&error))
    }

    fn groups_of(&self, account: &Account) -> Result<Groups, DirectoryFailed> {
        groups_of(account).map_err(|error| failed(&error))
    }

    fn origins(&self) -> Vec<Origin> {
        self.whence.origins()
    }

    fn listed(&self, file: &Path, name: &str) -> Result<Option<String>, ListFailed> {
        listing::look_up(file, name)
    }

    fn behind(&self) -> Date {
        let written = self.written.iter().map(|path| os::written(path));
        let latest = written.chain([os::built()]).max();
        os::day(latest.unwrap_or(0))
    }
}

fn groups_of(account: &Account) -> io::Result<Groups> {
    let entry = os::user(&account.typed)?;
    let mut names = os::local_names_of(account.uid)?;
    names.push(account.name.clone());
    names.extend(entry.map(|entry| entry.name));
    names.sort();
    names.dedup();
    let mut groups = Groups::default();
    for (at, name) in names.iter().enumerate() {
        let gids = os::gids_of(name)?;
        if at == 0 {
            groups.every.clone_from(&gids);
        }
        groups.every.retain(|gid| gids.contains(gid));
        groups.any.extend(gids);
    }
    // What applications make of the name is the entry's; some groups may still be by the name as it
    // was typed.
    groups.any.extend(os::gids_of(&account.typed)?);
    Ok(groups)
}

fn failed(error: &io::Error) -> DirectoryFailed {
    DirectoryFailed { problem: error.to_string() }
}
