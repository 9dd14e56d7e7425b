//! Offline codes: who has been enrolled, and whether a code counts while the tenant can't be reached.
//!
//! One file of root's for each user, named by uid, in a folder that outlives a boot. Every try is read, judged and
//! written under one lock, and a success is told only when it is on the disk. A file that can't be read is never taken
//! for an empty one.
//!
//! - `otp`, `base32`, `uri`, `recovery`: codes and keys
//! - `rules`: when a code counts, without any I/O
//! - `record`: what is kept
#![forbid(unsafe_code)]

pub mod base32;
pub mod otp;
pub mod record;
pub mod recovery;
pub mod rules;
pub mod uri;

use std::io;
use std::path::Path;
use std::time::Duration;

use self::record::Record;
use self::rules::{Accepted, Limits, Moment, No, Purpose};
use super::Unusable;
use crate::os::{self, Folder, Trusted};

/// The largest of our files.
const MAX_FILE: u64 = 64 * 1024;
/// How our files are named, before the uid.
const PREFIX: &str = "totp-";
/// How files are named that say that somebody was offered a key, before the uid.
const OFFERED: &str = "offered-";

/// The folder of the records, and what time it is.
pub struct Store {
    folder: Folder,
    now: Moment,
}

/// Proof that a code was accepted, and that this is on the disk. Can't be made outside of this file.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt(Accepted);

impl Receipt {
    /// What was accepted.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        self.0
    }

    /// A receipt for nothing.
    #[cfg(test)]
    pub(crate) fn for_tests(accepted: Accepted) -> Self {
        Self(accepted)
    }
}

/// What became of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The record is there.
    Now,
    /// Somebody had enrolled the user before; nothing was changed.
    Before,
}

impl Moment {
    /// What time it is.
    ///
    /// # Errors
    ///
    /// [`Unusable`] where the kernel does not say which boot this is.
    pub fn now() -> Result<Self, Unusable> {
        let boot = os::boot_id().map_err(|error| Unusable(format!("boot_id: {error}")))?;
        Ok(Self {
            wall: os::wall_clock(),
            boot,
            uptime: os::boot_clock().as_secs(),
        })
    }
}

impl Store {
    /// Opens the folder, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if it is in other hands, or can't be made.
    pub fn open(place: &Path) -> Result<Self, Unusable> {
        Self::open_knowing(&Trusted::default(), place)
    }

    /// The same, where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unusable> {
        let folder = Folder::open_knowing(trusted, place);
        let folder = folder.map_err(|error| Unusable(error.to_string()))?;
        let now = Moment::now()?;
        Ok(Self { folder, now })
    }

    /// When it was opened.
    #[must_use]
    pub fn now(&self) -> &Moment {
        &self.now
    }

    /// Tries a code for a login.
    ///
    /// # Errors
    ///
    /// [`No`]: then nobody gets in by it.
    pub fn redeem(&self, uid: u32, typed: &str, limits: Limits) -> Result<Receipt, No> {
        self.attempt(uid, typed, Purpose::Login(limits))
    }

    /// Tries a code for nothing but to see whether it is right. It is used up all the same.
    ///
    /// # Errors
    ///
    /// [`No`].
    pub fn check(&self, uid: u32, typed: &str) -> Result<Receipt, No> {
        self.attempt(uid, typed, Purpose::Check)
    }

    fn attempt(&self, uid: u32, typed: &str, purpose: Purpose) -> Result<Receipt, No> {
        let tried = self.update(uid, |record| {
            rules::redeem(record, typed, purpose, &self.now)
        });
        match tried {
            Ok(Some(result)) => result.map(Receipt),
            Ok(None) => Err(No::NotEnrolled),
            Err(Unusable(problem)) => Err(No::Unusable(problem)),
        }
    }

    /// The tenant let the user in: how many offline logins there were since it last did, `None` if the user is not
    /// enrolled.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn online(&self, uid: u32) -> Result<Option<u32>, Unusable> {
        self.update(uid, |record| rules::online(record, &self.now))
    }

    /// The tenant refused the user: no code counts for a while.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refused(&self, uid: u32, pause: Duration) -> Result<(), Unusable> {
        let seconds = pause.as_secs();
        self.update(uid, |record| rules::refused(record, seconds, &self.now))
            .map(|_| ())
    }

    /// Keeps the record of somebody who has none.
    ///
    /// # Errors
    ///
    /// [`Unusable`], also where there is a file that can't be read.
    pub fn enroll(&self, record: &Record) -> Result<Enrolled, Unusable> {
        let locked = self.lock()?;
        if self.load(record.uid)?.is_some() {
            return Ok(Enrolled::Before);
        }
        self.write(&locked, record)?;
        Ok(Enrolled::Now)
    }

    /// Whether to offer somebody a key: nobody who has one, and nobody twice, which is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then there is no offer.
    pub fn offer(&self, uid: u32) -> Result<bool, Unusable> {
        let locked = self.lock()?;
        let (record, offered) = (name(uid), format!("{OFFERED}{uid}"));
        let names = self.folder.names().map_err(|error| self.wrong(&error))?;
        if names.contains(&record) || names.contains(&offered) {
            return Ok(false);
        }
        let written = locked.replace(&offered, b"");
        written.map_err(|error| self.wrong(&error))?;
        Ok(true)
    }

    /// Reads, changes and writes a record under one lock. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then whatever `change` said must not be believed.
    pub fn update<T>(
        &self,
        uid: u32,
        change: impl FnOnce(&mut Record) -> T,
    ) -> Result<Option<T>, Unusable> {
        let locked = self.lock()?;
        let Some(mut record) = self.load(uid)? else {
            return Ok(None);
        };
        let result = change(&mut record);
        self.write(&locked, &record)?;
        Ok(Some(result))
    }

    /// Removes a record, a damaged one too, and whatever a process that was killed has left of it. Whether there was one.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn remove(&self, uid: u32) -> Result<bool, Unusable> {
        let name = name(uid);
        let locked = self.lock()?;
        let names = self.folder.names().map_err(|error| self.wrong(&error))?;
        let was_there = names.contains(&name);
        let removed = locked.remove(&name).and_then(|()| locked.sweep(&name));
        removed.map_err(|error| self.wrong(&error))?;
        Ok(was_there)
    }

    /// A user's record, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if it is damaged, or not as we would have left it.
    pub fn load(&self, uid: u32) -> Result<Option<Record>, Unusable> {
        let name = name(uid);
        let place = self.folder.place().join(&name);
        let wrong = |problem: &str| Unusable(format!("{}: {problem}", place.display()));
        let read = self.folder.read(&name, MAX_FILE);
        let Some(bytes) = read.map_err(|error| wrong(&error.to_string()))? else {
            return Ok(None);
        };
        let bytes = zeroize::Zeroizing::new(bytes);
        Record::from_bytes(&bytes, uid).map(Some).map_err(wrong)
    }

    /// The uids of all who have a record, in order.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn uids(&self) -> Result<Vec<u32>, Unusable> {
        let names = self.folder.names().map_err(|error| self.wrong(&error))?;
        let uids = names
            .iter()
            .filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok());
        let mut uids: Vec<u32> = uids.collect();
        uids.sort_unstable();
        Ok(uids)
    }

    fn lock(&self) -> Result<os::Locked<'_>, Unusable> {
        self.folder.lock().map_err(|error| self.wrong(&error))
    }

    fn write(&self, locked: &os::Locked<'_>, record: &Record) -> Result<(), Unusable> {
        let bytes = record.to_bytes().map_err(Unusable)?;
        let written = locked.replace(&name(record.uid), &bytes);
        written.map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &io::Error) -> Unusable {
        Unusable(format!("{}: {error}", self.folder.place().display()))
    }
}

/// Files are named by uid, never by name.
fn name(uid: u32) -> String {
    format!("{PREFIX}{uid}")
}

#[cfg(test)]
mod tests;
