//! The folder of the records: how its files are named, opened and read.
#![forbid(unsafe_code)]

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::moment::Moment;
use super::record::Record;
use crate::local::ledger::{Stamp, Trouble};
use crate::local::{Unmarked, Unusable, fingerprint};
use crate::os::{self, Folder, Trusted};

/// The largest of our files.
const MAX_FILE: u64 = 64 * 1024;
/// How our files are named, before the uid.
const PREFIX: &str = "totp-";
/// How files are named that say that a user was offered a key, before the uid.
pub(super) const OFFERED: &str = "offered-";
/// How the files of the numbers are named, before the uid.
const NUMBERS: &str = "tries-";

/// All of them: a record comes behind its numbers.
const FILES: [&str; 3] = [OFFERED, NUMBERS, PREFIX];

/// The name of the numbers that belong to a record: another record of the user has others.
pub(super) fn numbers_name(uid: u32, record: &[u8]) -> String {
    format!("{}{}", numbers_prefix(uid), fingerprint(record))
}

pub(super) fn numbers_prefix(uid: u32) -> String {
    format!("{NUMBERS}{uid}-")
}

/// The folder of the records, and what time it is.
pub struct Store {
    pub(super) folder: Folder,
    pub(super) now: Moment,
}

impl Moment {
    /// What time it is.
    ///
    /// # Errors
    ///
    /// [`Unusable`] where the kernel does not say which boot this is, and where the clock can't be
    /// right.
    pub fn now() -> Result<Self, Unusable> {
        let boot = os::boot_id().map_err(|error| Unusable(format!("boot_id: {error}")))?;
        Self::at(os::wall_clock(), boot, os::boot_clock().as_secs())
    }

    /// A moment, by what both clocks show.
    pub(super) fn at(wall: u64, boot: String, uptime: u64) -> Result<Self, Unusable> {
        if wall < os::built() {
            let problem = "the clock is wrong: it shows a time before this program was built";
            return Err(Unusable(problem.to_owned()));
        }
        Ok(Self { wall, boot, uptime })
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp::new(&self.boot, self.uptime, 0)
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

    /// Opens the folder where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unusable> {
        Folder::follow(place, &FILES);
        let folder = Folder::open_knowing(trusted, place);
        let folder = folder.map_err(|error| Unusable(error.to_string()))?;
        let now = Moment::now()?;
        Ok(Self { folder, now })
    }

    /// Opens the folder; `None` if it is missing: no user is enrolled.
    ///
    /// # Errors
    ///
    /// [`Unmarked`].
    pub fn find(trusted: &Trusted, place: &Path) -> Result<Option<Self>, Unmarked> {
        Folder::follow(place, &FILES);
        let folder = Folder::find(trusted, place).map_err(|error| {
            let unusable = Unusable(error.to_string());
            if error.is_lasting() {
                Unmarked::NoMatter(unusable)
            } else {
                Unmarked::Refused(unusable)
            }
        })?;
        let now = Moment::now().map_err(Unmarked::Refused)?;
        Ok(folder.map(|folder| Self { folder, now }))
    }

    /// When it was opened.
    #[must_use]
    pub fn now(&self) -> &Moment {
        &self.now
    }

    /// The record's file, and what is in it.
    pub(super) fn head(&self, uid: u32) -> Result<Option<Head>, Trouble> {
        let name = head_name(uid);
        let place = self.folder.place().join(&name);
        let read = self.folder.read(&name, MAX_FILE);
        let Some(bytes) = read.map_err(|error| Trouble::of(place.display(), &error))? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(bytes);
        let record = Record::from_bytes(&bytes, uid).map_err(|problem| {
            Trouble::Closed(Unusable(format!("{}: {problem}", place.display())))
        })?;
        Ok(Some((bytes, record)))
    }

    /// The uids of all who have a record, in order.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn uids(&self) -> Result<Vec<u32>, Unusable> {
        let names = self.names()?;
        let uids = names.iter().filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok());
        let mut uids: Vec<u32> = uids.collect();
        uids.sort_unstable();
        Ok(uids)
    }

    pub(super) fn names(&self) -> Result<Vec<String>, Unusable> {
        self.folder.names().map_err(|error| self.wrong(&error))
    }

    pub(super) fn lock(&self) -> Result<os::Locked<'_>, Unusable> {
        self.folder.lock().map_err(|error| self.wrong(&error))
    }

    pub(super) fn wrong(&self, error: &io::Error) -> Unusable {
        Unusable(format!("{}: {error}", self.folder.place().display()))
    }
}

/// Files are named by uid, never by name.
pub(super) fn head_name(uid: u32) -> String {
    format!("{PREFIX}{uid}")
}

/// The bytes of a record's file, and what they say.
pub(super) type Head = (Zeroizing<Vec<u8>>, Record);
