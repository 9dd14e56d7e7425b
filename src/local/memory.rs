//! That somebody has just confirmed it: worth something for a while, in the same login session and nowhere else.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Change, State, Unusable};
use crate::os::{Process, Session};

const KIND: &str = "memory";
/// More than one person has at once.
const MAX_ENTRIES: usize = 32;

/// Whose confirmation, and where: everything must be the same for it to count again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The local user.
    pub uid: u32,
    /// The person who confirmed it.
    pub tenant_user: String,
    /// The terminal, as the service says.
    pub tty: String,
    /// Where from, as the service says.
    pub rhost: String,
    /// Who runs the program, whatever rights it has: root, unless it was started from somebody's session.
    pub real_uid: u32,
    /// The account that it was for: who has confirmed becoming one user has not confirmed becoming another.
    #[serde(default)]
    pub account: String,
    /// A fingerprint of the configuration: another configuration, another question.
    pub configuration: String,
}

/// What was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// A step-up in a service, by this session.
    StepUp {
        /// The PAM service.
        service: String,
        /// The session that asked.
        session: Session,
    },
    /// A login by ssh: holds for everything below this process of sshd's.
    Ssh {
        /// The process that looks after the connection.
        monitor: Process,
    },
}

/// One confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who and where.
    pub circumstances: Circumstances,
    /// What for.
    pub scope: Scope,
    /// When, in seconds since boot.
    pub at: u64,
    /// Until when, in seconds since boot.
    pub until: u64,
}

/// Proof that a confirmation was found that still counts. Can't be made or changed outside of this file.
#[derive(Debug, PartialEq, Eq)]
pub struct Remembered {
    age: Duration,
    by_ssh: bool,
}

impl Remembered {
    /// How long ago it was given.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Whether it was a login by ssh.
    #[must_use]
    pub fn by_ssh(&self) -> bool {
        self.by_ssh
    }
}

/// What asks now.
pub struct Now<'a> {
    /// Who and where.
    pub circumstances: &'a Circumstances,
    /// The PAM service.
    pub service: &'a str,
    /// The session that asks.
    pub session: &'a Session,
    /// How old a confirmation may be.
    pub within: Duration,
    /// Whether a login by ssh counts.
    pub ssh_counts: bool,
}

impl Entry {
    /// How old it is at this second, if it counts by then.
    fn age_at(&self, second: u64, within: Duration) -> Option<Duration> {
        let age = Duration::from_secs(second.checked_sub(self.at)?);
        (second < self.until && age < within).then_some(age)
    }

    fn counts_for(&self, now: &Now<'_>) -> bool {
        is_of_a_person(now.circumstances) && self.is_of_the_same(now)
    }

    fn is_of_the_same(&self, now: &Now<'_>) -> bool {
        match &self.scope {
            Scope::StepUp { service, session } => {
                service == now.service
                    && session.is_same(now.session)
                    && self.circumstances == *now.circumstances
            }
            // sudo knows neither the terminal nor the address that sshd knew: the process above both does.
            Scope::Ssh { monitor } => {
                now.ssh_counts
                    && now.session.is_below(monitor)
                    && self.circumstances.uid == now.circumstances.uid
                    && self.circumstances.tenant_user == now.circumstances.tenant_user
                    && self.circumstances.configuration == now.circumstances.configuration
            }
        }
    }
}

impl State {
    /// Whether what is asked now has been confirmed.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then it has not.
    pub fn recall(&self, now: &Now<'_>) -> Result<Option<Remembered>, Unusable> {
        let entries: Vec<Entry> = self.load(&name(now.circumstances.uid))?.unwrap_or_default();
        let second = self.now();
        let good = entries.iter().filter(|entry| entry.counts_for(now));
        let found = good.filter_map(|entry| {
            Some(Remembered {
                age: entry.age_at(second, now.within)?,
                by_ssh: matches!(entry.scope, Scope::Ssh { .. }),
            })
        });
        Ok(found.min_by_key(Remembered::age))
    }

    /// Remembers a confirmation for `time`.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then it is not remembered.
    pub fn remember(
        &self,
        circumstances: Circumstances,
        scope: Scope,
        time: Duration,
    ) -> Result<(), Unusable> {
        if matches!(scope, Scope::StepUp { .. }) && !is_of_a_person(&circumstances) {
            return Ok(());
        }
        let at = self.now();
        let until = at.saturating_add(time.as_secs());
        self.update(&name(circumstances.uid), |entries: &mut Vec<Entry>| {
            entries.retain(|e| {
                e.until > at && !(e.scope == scope && e.circumstances == circumstances)
            });
            if entries.len() >= MAX_ENTRIES {
                entries.remove(0);
            }
            entries.push(Entry {
                circumstances,
                scope,
                at,
                until,
            });
            (Change::Write, ())
        })
    }

    /// Forgets everything that a local user has confirmed.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn forget(&self, uid: u32) -> Result<(), Unusable> {
        self.update(&name(uid), |entries: &mut Vec<Entry>| {
            match entries.is_empty() {
                true => (Change::None, ()),
                false => (Change::Remove, ()),
            }
        })
    }

    /// Everything that still counts for somebody.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn all_remembered(&self) -> Result<Vec<Entry>, Unusable> {
        let files = self.names(&format!("{KIND}-"))?;
        let loaded = files.iter().map(|file| self.load::<Vec<Entry>>(file));
        let entries = loaded
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .flatten();
        let second = self.now();
        Ok(entries.filter(|entry| entry.until > second).collect())
    }
}

/// Whether it is known for certain who asks: a program such as sudo, that a person runs in a session of theirs.
///
/// What root runs (sshd, gdm, a mail server) asks for anybody who comes along, and often in one session for all.
fn is_of_a_person(circumstances: &Circumstances) -> bool {
    circumstances.real_uid != 0
}

/// Files are named by uid, never by name.
fn name(uid: u32) -> String {
    format!("{KIND}-{uid}")
}
