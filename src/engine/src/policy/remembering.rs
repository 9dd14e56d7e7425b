//! A directory that looks up each name once: many rules can name the same user or group.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::{Account, Date, Directory, DirectoryFailed, Groups, ListFailed, Origin};

/// Passes questions on to another directory, and remembers what that said of names, for as long as
/// one judgement takes.
pub struct Remembering<'d> {
    directory: &'d dyn Directory,
    uids: Known,
    gids: Known,
}

/// The ids of the names that were looked up.
type Known = RefCell<BTreeMap<String, Option<u32>>>;

impl<'d> Remembering<'d> {
    /// Nothing is looked up yet.
    #[must_use]
    pub fn new(directory: &'d dyn Directory) -> Self {
        Self { directory, uids: Known::default(), gids: Known::default() }
    }
}

/// Looks a name up, if it is not known yet.
fn once(
    known: &Known,
    name: &str,
    look_up: impl FnOnce() -> Result<Option<u32>, DirectoryFailed>,
) -> Result<Option<u32>, DirectoryFailed> {
    if let Some(id) = known.borrow().get(name) {
        return Ok(*id);
    }
    let id = look_up()?;
    known.borrow_mut().insert(name.to_owned(), id);
    Ok(id)
}

impl Directory for Remembering<'_> {
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed> {
        once(&self.uids, user, || self.directory.uid_of(user))
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed> {
        once(&self.gids, group, || self.directory.gid_of(group))
    }

    fn groups_of(&self, account: &Account) -> Result<Groups, DirectoryFailed> {
        self.directory.groups_of(account)
    }

    fn origins(&self) -> Vec<Origin> {
        self.directory.origins()
    }

    fn listed(&self, file: &Path, name: &str) -> Result<Option<String>, ListFailed> {
        self.directory.listed(file, name)
    }

    fn behind(&self) -> Date {
        self.directory.behind()
    }
}
