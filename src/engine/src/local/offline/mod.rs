//! Offline codes: who has been enrolled, and whether a code counts while the tenant can't be
//! reached.
//!
//! Two files of root's for each user, named by uid, in a folder that outlives a boot: the record,
//! which no login writes to, and the numbers, of constant size, which logins change in place and
//! without a lock. Every try is counted there, and on the disk, before it is judged; a success
//! takes it back. A file that can't be read is never taken for an empty one. Where there is no room
//! to make the numbers, no code counts, and an online login keeps the tenant's refusal in the date
//! of the record's file: a date that is still to come says until when.
//!
//! - `recovery`: codes for a user without an authenticator
//! - `rules`: when a code counts, without any I/O
//! - `record`: what is kept
//! - `store`: the folder of the records
//! - `book`: a record with its numbers, and what a try changes
#![forbid(unsafe_code)]

mod book;
pub mod moment;
pub mod record;
pub mod recovery;
pub mod rules;
mod store;

use std::io;
use std::time::Duration;

use zeroize::Zeroizing;

use self::book::{Book, LONGEST, Opened};
use self::record::Record;
use self::recovery::Hashes;
use self::rules::{Accepted, CodeRefusal, Purpose};
pub use self::store::Store;
use self::store::{OFFERED, head_name, numbers_name, numbers_prefix};
use super::ledger::Trouble;
use super::marks::{self, Mark};
use super::{Unmarked, Unusable};
use crate::os;
use crate::otpauth::{Key, Shape};
use crate::policy::OfflineLimits;

/// Proof that a code was accepted, and that this is on the disk. Can't be made outside of this
/// file.
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

/// A new key of 160 bits (RFC 4226, section 4), for codes that every authenticator knows.
///
/// # Errors
///
/// What getrandom(2) fails with.
pub fn new_key() -> Result<Key, String> {
    let mut bytes = Zeroizing::new(vec![0; 20]);
    os::fill_with_random(&mut bytes).map_err(|error| error.to_string())?;
    Key::new(bytes, Shape::default()).map_err(|invalid| invalid.to_string())
}

/// What became of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The record is there.
    Now,
    /// The user was enrolled before; nothing was changed.
    Before,
}

impl Store {
    /// Tries a code for a login.
    ///
    /// # Errors
    ///
    /// [`CodeRefusal`]: then the code lets no user in.
    pub fn redeem(
        &self,
        uid: u32,
        typed: &str,
        limits: OfflineLimits,
    ) -> Result<Receipt, CodeRefusal> {
        self.attempt(uid, typed, Purpose::Login(limits)).map(Receipt)
    }

    /// Tries a code for nothing but to see whether it is right. The code is used up by that.
    ///
    /// # Errors
    ///
    /// [`CodeRefusal`].
    pub fn check(&self, uid: u32, typed: &str) -> Result<Receipt, CodeRefusal> {
        self.attempt(uid, typed, Purpose::Check).map(Receipt)
    }

    /// The tenant is about to be asked about a user: from now on that counts as its refusal for
    /// `pause`, on the disk, until the login says otherwise. `None` if the user is not enrolled.
    ///
    /// # Errors
    ///
    /// [`Unmarked`]: then nothing may be sent, or no code of this user counts anyway.
    pub fn ask(self, uid: u32, pause: Duration) -> Result<Option<Asked>, Unmarked> {
        let kept = match self.opened(uid)? {
            Some(Opened::Book(book)) => {
                let mark = marks::ask(&book.ledger, pause.as_secs(), self.now.stamp())?;
                book.ledger.sync()?;
                self.check_current(&book)?;
                Kept::Numbers(book, mark)
            }
            Some(Opened::Record(_)) => {
                let own = self.mark_date(uid, pause)?;
                // Another login may have made the numbers meanwhile: they do not have this mark.
                match self.opened(uid)? {
                    Some(Opened::Record(_)) => Kept::Date(own),
                    Some(Opened::Book(_)) | None => return self.ask(uid, pause),
                }
            }
            None => return Ok(None),
        };
        Ok(Some(Asked { store: self, uid, pause, kept }))
    }

    /// Keeps in the date of a record's file that no code counts for `pause`, or one second longer
    /// than another login has kept there: what each login has kept can be told apart.
    fn mark_date(&self, uid: u32, pause: Duration) -> Result<u64, Trouble> {
        let end_of = |seconds: u64| self.now.wall.saturating_add(seconds);
        let later = self.date(uid)?.saturating_add(1).min(end_of(LONGEST));
        let own = end_of(pause.as_secs()).max(later);
        self.set_date(uid, own).map(|()| own)
    }

    /// The tenant let a user in, and [`Store::ask`] had made no mark: how many offline
    /// logins there were since it last did, `None` if the user is not enrolled.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn online(&self, uid: u32) -> Result<Option<u32>, Unusable> {
        let book = self.book(uid)?;
        let online = book.map(|book| book.online(None, &self.now));
        Ok(online.transpose()?)
    }

    /// The tenant refused a user before anything was sent that [`Store::ask`] had to mark: no code
    /// counts for a while.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refused(&self, uid: u32, pause: Duration) -> Result<(), Unusable> {
        match self.opened(uid)? {
            Some(Opened::Book(book)) => {
                marks::refuse(&book.ledger, None, pause.as_secs(), self.now.stamp())?;
                book.ledger.sync()?;
            }
            Some(Opened::Record(_)) => drop(self.mark_date(uid, pause)?),
            None => {}
        }
        Ok(())
    }

    /// Keeps the record of a user who has none yet.
    ///
    /// # Errors
    ///
    /// [`Unusable`], also where there is a file that can't be read.
    pub fn enroll(&self, record: &Record) -> Result<Enrolled, Unusable> {
        if self.load(record.uid)?.is_some() {
            return Ok(Enrolled::Before);
        }
        let bytes = record.to_bytes().map_err(Unusable)?;
        // First: a user who is enrolled can be asked for a code even when the disk is full.
        self.make_numbers(&bytes, record)?;
        let made = self.folder.make(&head_name(record.uid), &bytes);
        let made = made.and_then(|made| self.folder.sync().map(|()| made));
        Ok(if made.map_err(|error| self.wrong(&error))? { Enrolled::Now } else { Enrolled::Before })
    }

    /// Whether to offer a user a key: once, and never to a user who has one. The offer is on the
    /// disk when this returns.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then there is no offer.
    pub fn offer(&self, uid: u32) -> Result<bool, Unusable> {
        let folder = &self.folder;
        let offered = format!("{OFFERED}{uid}");
        let make = || -> io::Result<bool> {
            if folder.has(&head_name(uid))? || !folder.make(&offered, b"")? {
                return Ok(false);
            }
            folder.sync().map(|()| true)
        };
        make().map_err(|error| self.wrong(&error))
    }

    /// Gives a user these recovery codes in place of all others, `None` if the user is not
    /// enrolled. For root's commands.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then the old ones are still good.
    pub fn renew_recovery(&self, uid: u32, recovery: Hashes) -> Result<Option<()>, Unusable> {
        let locked = self.lock()?;
        let Some(record) = self.load(uid)? else {
            return Ok(None);
        };
        let record = Record { recovery, ..record };
        let bytes = record.to_bytes().map_err(Unusable)?;
        self.make_numbers(&bytes, &record)?;
        let replaced = locked.replace(&head_name(uid), &bytes);
        replaced.map_err(|error| self.wrong(&error))?;
        // A login that still has the old ones finds that out before it lets a user in.
        let prefix = numbers_prefix(uid);
        let own = numbers_name(uid, &bytes);
        for name in self.names()?.iter().filter(|name| name.starts_with(&prefix)) {
            if *name != own {
                locked.remove(name).map_err(|error| self.wrong(&error))?;
            }
        }
        Ok(Some(()))
    }

    /// Forgets wrong codes: whether codes count again, `None` if the user is not enrolled.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn unlock(&self, uid: u32) -> Result<Option<bool>, Unusable> {
        let Some(book) = self.book(uid)? else {
            return Ok(None);
        };
        let unlocked = book.unlock()?;
        book.ledger.sync()?;
        Ok(Some(unlocked))
    }

    /// Removes a record, a damaged one too, and all that belongs to it. Whether there was one. For
    /// root's commands.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn remove(&self, uid: u32) -> Result<bool, Unusable> {
        let name = head_name(uid);
        let locked = self.lock()?;
        let remove = || -> io::Result<bool> {
            let was_there = self.folder.has(&name)?;
            locked.remove(&name)?;
            locked.sweep(&format!(".{name}."))?;
            locked.sweep(&numbers_prefix(uid))?;
            self.folder.sync().map(|()| was_there)
        };
        remove().map_err(|error| self.wrong(&error))
    }

    /// Reads a user's record as it is now; `None` if the user is not enrolled.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if it is damaged, or not as we would have left it.
    pub fn load(&self, uid: u32) -> Result<Option<Record>, Unusable> {
        Ok(self.look(uid)?)
    }
}

/// A login that is on its way to the tenant, about a user who is enrolled. Until it says how it
/// ended, it counts as refused.
pub struct Asked {
    store: Store,
    uid: u32,
    pause: Duration,
    kept: Kept,
}

/// Where that is kept.
#[expect(clippy::large_enum_variant, reason = "a login holds one of them")]
enum Kept {
    /// In the numbers.
    Numbers(Book, Mark),
    /// In the date of the record's file, which is this from now on.
    Date(u64),
}

impl Asked {
    /// The tenant let the user in: how many offline logins there were since it last did.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn online(self) -> Result<u32, Unusable> {
        match self.kept {
            Kept::Numbers(book, mark) => Ok(book.online(Some(&mark), &self.store.now)?),
            // The numbers still have to be made of the record: it tells next time. A login that
            // has begun later has another date there, which stays.
            Kept::Date(own) => {
                if self.store.date(self.uid)? == own {
                    self.store.set_date(self.uid, self.store.now.wall)?;
                }
                Ok(0)
            }
        }
    }

    /// The tenant said no: no code counts for a while, from when it was asked.
    ///
    /// # Errors
    ///
    /// [`Unusable`]. Then the mark stays, which says as much.
    pub fn refused(self) -> Result<(), Unusable> {
        let Kept::Numbers(book, mark) = &self.kept else {
            return self.store.refused(self.uid, self.pause);
        };
        let (length, now) = (self.pause.as_secs(), self.store.now.stamp());
        marks::refuse(&book.ledger, Some(mark), length, now)?;
        book.ledger.sync()?;
        match self.store.check_current(book) {
            Ok(()) => Ok(()),
            // Root has replaced it meanwhile, and the new one is to know.
            Err(_) => self.store.refused(self.uid, self.pause),
        }
    }

    /// The login ended in any other way. Where only a date could be kept, it counts as refused.
    ///
    /// # Errors
    ///
    /// [`Unusable`]. Then it counts as refused.
    pub fn taken_back(self) -> Result<(), Unusable> {
        match self.kept {
            Kept::Numbers(book, mark) => Ok(marks::take_back(&book.ledger, &mark)?),
            // Nothing exchanges a date in one step: to take it back could take another login's
            // with it, which its caller can see to.
            Kept::Date(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
