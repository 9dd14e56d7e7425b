//! What the system knows about its accounts, as far as rules ask for it.
#![forbid(unsafe_code)]

use std::fmt;
use std::path::Path;

use super::{Account, Date, ListFailed, Origin};

/// What the system knows about its accounts. Asked only if a rule cannot be decided without it.
///
/// An answer of `None` means that there is no such account; that the system could not be asked is
/// an error.
pub trait Directory {
    /// The uid of a user.
    ///
    /// # Errors
    /// The look-up failed.
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed>;
    /// The gid of a group.
    ///
    /// # Errors
    /// The look-up failed.
    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed>;
    /// The groups of an account, by every name that it is known to have.
    ///
    /// # Errors
    /// The look-up failed.
    fn groups_of(&self, account: &Account) -> Result<Groups, DirectoryFailed>;
    /// Where the login session came from that a program asks in which names no remote host; several
    /// places, if one can act for another. Never none: what is not known is [`Origin::Unclear`].
    fn origins(&self) -> Vec<Origin>;
    /// What a file of names says of a local name.
    ///
    /// # Errors
    /// The file can't be used for this name.
    fn listed(&self, file: &Path, name: &str) -> Result<Option<String>, ListFailed>;
    /// A day that certainly lies behind us: a clock that shows an earlier one is wrong.
    fn behind(&self) -> Date;
}

/// The gids of the groups that an account is in, the primary ones too. Two names of an account can
/// be in different groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Those that a session under any of its names would have: what requires looks here.
    pub any: Vec<u32>,
    /// Those that a session would have under whichever name: what exempts looks here.
    pub every: Vec<u32>,
}

/// The system could not say who its users and groups are. That is never an exemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryFailed {
    /// What was asked and what went wrong, for the log.
    pub problem: String,
}

impl fmt::Display for DirectoryFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for DirectoryFailed {}
