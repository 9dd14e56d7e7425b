//! Why a subject gets no login, and what an administrator should look at.
#![forbid(unsafe_code)]

use std::fmt;

use super::error::quoted;
use super::{Date, DirectoryFailed, ListFailed};
use crate::refusal::{self, Reason};

/// Something that an administrator should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An exemption would have held, but its last day has passed.
    Expired {
        /// The exemption.
        rule: String,
        /// Its last day.
        until: Date,
    },
    /// An exemption with an end would have held, but the clock shows a day before one that
    /// certainly lies behind us.
    ClockWrong {
        /// The exemption.
        rule: String,
        /// What the clock shows.
        today: Date,
        /// The day that lies behind us.
        behind: Date,
    },
    /// A rule exempts one of two people; the other's lot does not depend on it.
    OneExempt {
        /// The rule.
        rule: String,
        /// The user that it exempts.
        user: String,
    },
    /// A rule names a user that the system does not know.
    UnknownUser {
        /// The rule.
        rule: String,
        /// The user.
        user: String,
    },
    /// A rule names a group that the system does not know.
    UnknownGroup {
        /// The rule.
        rule: String,
        /// The group.
        group: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Expired { rule, until } => write!(f, "exemption {rule:?} ended with {until}"),
            Note::ClockWrong { rule, today, behind } => write!(
                f,
                "the clock is wrong: it shows {today}, and {behind} lies behind us; exemption {rule:?}, which has an end, does not hold"
            ),
            Note::OneExempt { rule, user } => {
                write!(f, "rule {rule:?} exempts {user:?}, one of two people")
            }
            Note::UnknownUser { rule, user } => {
                write!(f, "rule {rule:?} names an unknown user {user:?}")
            }
            Note::UnknownGroup { rule, group } => {
                write!(f, "rule {rule:?} names an unknown group {group:?}")
            }
        }
    }
}

/// Why there is no login for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTerms {
    /// Uid 0 without an entry in `users.names` or `users.keys`.
    RootNotMapped {
        /// The name with this uid.
        user: String,
    },
    /// No entry, and no template that would take the name.
    NameNotMapped {
        /// The name.
        user: String,
    },
    /// sshd has verified keys of several people, and `users.keys` decides who the user is.
    SeveralOwners {
        /// Two of these people.
        owners: [String; 2],
    },
    /// The tenant is to be asked about the caller, and no caller is known.
    NoCaller,
    /// No user is required, but a requirement names a user that the system does not know.
    Misconfigured(Note),
    /// The file of names can't be used for this name.
    ListFailed(ListFailed),
    /// The users and groups could not be looked up.
    DirectoryFailed(DirectoryFailed),
}

impl NoTerms {
    /// What the log says, and libpam is told.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            NoTerms::RootNotMapped { .. } => Reason::RootNotMapped,
            NoTerms::NameNotMapped { .. } | NoTerms::SeveralOwners { .. } => Reason::NameNotMapped,
            NoTerms::NoCaller => Reason::NoCaller,
            NoTerms::Misconfigured(_) | NoTerms::ListFailed(_) => Reason::Misconfigured,
            NoTerms::DirectoryFailed(_) => Reason::DirectoryFailed,
        }
    }
}

impl fmt::Display for NoTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoTerms::RootNotMapped { user } => {
                let user = quoted(user);
                write!(f, "{user} has uid 0 and no entry in users.names or users.keys")
            }
            NoTerms::NameNotMapped { user } => {
                let user = quoted(user);
                write!(
                    f,
                    "{user} has no entry in users.names or users.keys, and no template takes the name"
                )
            }
            NoTerms::SeveralOwners { owners: [one, other] } => {
                let (one, other) = (quoted(one), quoted(other));
                write!(
                    f,
                    "sshd has verified keys of {one} and of {other}: users.keys must give one person"
                )
            }
            NoTerms::NoCaller => {
                f.write_str("login.person asks about the caller, which this program does not name")
            }
            NoTerms::Misconfigured(note) => write!(f, "{note}"),
            NoTerms::ListFailed(failure) => write!(f, "{failure}"),
            NoTerms::DirectoryFailed(failure) => write!(f, "{failure}"),
        }
    }
}

impl From<NoTerms> for refusal::Refusal {
    fn from(no_terms: NoTerms) -> Self {
        Self::new(no_terms.reason(), no_terms.to_string())
    }
}

impl From<ListFailed> for NoTerms {
    fn from(failure: ListFailed) -> Self {
        NoTerms::ListFailed(failure)
    }
}

impl From<DirectoryFailed> for NoTerms {
    fn from(failure: DirectoryFailed) -> Self {
        NoTerms::DirectoryFailed(failure)
    }
}
