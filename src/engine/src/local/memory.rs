//! Confirmations: that a user has just met the terms counts for a while, in the same login session
//! and nowhere else.
//!
//! Each person has a folder, with a file for each confirmation and one for the marks of logins that
//! are on their way (`marks`). What was given before a refusal, or before a login that may have
//! been refused, counts no more.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, Trouble};
use super::marks::{self, Mark};
use super::{State, Unmarked, Unusable, fingerprint, wrong};
use crate::os::{Folder, Process, Session};

const KIND: &str = "confirmed";
/// The marks, among a person's confirmations.
const ASKED: &str = "asked";
/// How many words that has.
const WORDS: usize = 64;
/// No confirmation lasts longer, in seconds.
const LONGEST: u64 = 13 * 3600;
/// More than one person has at once.
const MAX_ENTRIES: usize = 32;

/// The user, the session and the terms of a confirmation: it counts where all of them are equal.
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
    /// Who runs the program, whatever rights it has: root, unless it was started from a user's
    /// session.
    pub real_uid: u32,
    /// The account that it was for: who has confirmed becoming one user has not confirmed becoming
    /// another.
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

/// Proof that a confirmation was found that still counts. Can't be made or changed outside of this
/// file.
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

/// A login that is on its way, about a person who has confirmed something. Until it says how it
/// ended, that does not count.
pub struct Suspended {
    ledger: Ledger,
    mark: Mark,
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
    /// The name of its file. A confirmation that is given again replaces it.
    fn name(&self) -> String {
        let whole = serde_json::to_vec(&(&self.circumstances, &self.scope));
        fingerprint(&whole.unwrap_or_default())
    }

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
            // sudo knows neither the terminal nor the address that sshd knew: the process above
            // both does.
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
        let Some(folder) = self.confirmed(now.circumstances.uid)? else {
            return Ok(None);
        };
        let entries = self.entries(&folder)?;
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
        let name = name(circumstances.uid);
        let folder = self.folder.within(&name, true);
        let Some(folder) = folder.map_err(|error| self.wrong(&name, &error))? else {
            return Ok(());
        };
        self.sweep(&folder)?;
        // First: what is remembered can be suspended.
        let marks = super::ledger::bytes_of(b"", 0, &[0; WORDS]);
        let made = folder.make(ASKED, &marks);
        made.map_err(|error| wrong(&folder, ASKED, &error))?;
        let at = self.now();
        let entry = Entry { circumstances, scope, at, until: at.saturating_add(time.as_secs()) };
        self.store(&folder, &entry.name(), entry)
    }

    /// Removes what is over, and the oldest where there are too many.
    fn sweep(&self, folder: &Folder) -> Result<(), Unusable> {
        let remove = |name: &str| {
            let removed = folder.remove(name);
            removed.map_err(|error| wrong(folder, name, &error))
        };
        let mut left = Vec::new();
        for name in names(folder)? {
            match self.load_from::<Entry>(folder, &name)? {
                Some(entry) if entry.until > self.now() => left.push((entry.at, name)),
                Some(_) | None => remove(&name)?,
            }
        }
        left.sort_unstable();
        let surplus = (left.len() + 1).saturating_sub(MAX_ENTRIES);
        left.iter().take(surplus).try_for_each(|(_, name)| remove(name))
    }

    /// Forgets everything that a local user has confirmed.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn forget(&self, uid: u32) -> Result<(), Unusable> {
        let Some(folder) = self.confirmed(uid)? else {
            return Ok(());
        };
        for name in names(&folder)? {
            let removed = folder.remove(&name);
            removed.map_err(|error| wrong(&folder, &name, &error))?;
        }
        Ok(())
    }

    /// A login begins whose refusal would end everything that a local user has confirmed: that does
    /// not count until the login says otherwise. `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// [`Unmarked`]: then nothing may be sent, or nothing of this user counts anyway.
    pub fn suspend(&self, uid: u32) -> Result<Option<Suspended>, Unmarked> {
        let name = name(uid);
        let folder = self.folder.within(&name, false);
        let trouble = |error| Trouble::of(self.folder.place().join(&name).display(), &error);
        let Some(folder) = folder.map_err(trouble)? else {
            return Ok(None);
        };
        let Some(ledger) = Ledger::open(&folder, ASKED, 0, WORDS)? else {
            return Ok(None);
        };
        let mark = marks::ask(&ledger, LONGEST, self.stamp())?;
        Ok(Some(Suspended { ledger, mark }))
    }

    /// A login was refused: nothing counts any more that was confirmed before.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refuse(&self, uid: u32, suspended: Option<&Suspended>) -> Result<(), Unusable> {
        let Some(folder) = self.confirmed(uid)? else {
            return Ok(());
        };
        if let Some(ledger) = Ledger::open(&folder, ASKED, 0, WORDS)? {
            let mark = suspended.map(|suspended| &suspended.mark);
            marks::refuse(&ledger, mark, LONGEST, self.stamp())?;
        }
        self.forget(uid)
    }

    /// A login succeeded: what is confirmed from now on counts.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn resume(&self, suspended: &Suspended) -> Result<(), Unusable> {
        let Suspended { ledger, mark } = suspended;
        Ok(marks::forgive(ledger, Some(mark), self.stamp())?)
    }

    /// Everything that still counts for a user.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn all_remembered(&self) -> Result<Vec<Entry>, Unusable> {
        let mut entries = Vec::new();
        for name in self.names(&format!("{KIND}-"))? {
            let folder = self.folder.within(&name, false);
            if let Some(folder) = folder.map_err(|error| self.wrong(&name, &error))? {
                entries.extend(self.entries(&folder)?);
            }
        }
        let second = self.now();
        entries.retain(|entry| entry.until > second);
        entries.sort_by_key(|entry| (entry.circumstances.uid, entry.at));
        Ok(entries)
    }

    /// A person's folder, if there is one.
    fn confirmed(&self, uid: u32) -> Result<Option<Folder>, Unusable> {
        let name = name(uid);
        let folder = self.folder.within(&name, false);
        folder.map_err(|error| self.wrong(&name, &error))
    }

    /// What is in it, but for what was refused since, or may have been.
    fn entries(&self, folder: &Folder) -> Result<Vec<Entry>, Unusable> {
        let marks = Ledger::open(folder, ASKED, 0, WORDS)?;
        let mut entries = Vec::new();
        for name in names(folder)? {
            let Some(entry) = self.load_from::<Entry>(folder, &name)? else {
                continue;
            };
            let is_void = |marks: &Ledger| marks::is_void(marks, entry.at, self.stamp());
            if !marks.as_ref().map_or(Ok(false), is_void)? {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

impl Suspended {
    /// The login ended in any other way.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn taken_back(&self) -> Result<(), Unusable> {
        Ok(marks::take_back(&self.ledger, &self.mark)?)
    }
}

/// The names of a person's confirmations.
fn names(folder: &Folder) -> Result<Vec<String>, Unusable> {
    let names = folder.names();
    let mut names = names.map_err(|error| wrong(folder, "", &error))?;
    names.retain(|name| name != ASKED);
    Ok(names)
}

/// Whether it is known for certain who asks: a program such as sudo, that a person runs in a
/// session of theirs.
///
/// What root runs (sshd, gdm, a mail server) asks for any user who comes along, and often in one
/// session for all.
fn is_of_a_person(circumstances: &Circumstances) -> bool {
    circumstances.real_uid != 0
}

/// Files are named by uid, never by name.
fn name(uid: u32) -> String {
    format!("{KIND}-{uid}")
}
