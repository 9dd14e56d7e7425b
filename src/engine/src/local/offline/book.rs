//! A user's record, and the numbers that logins have changed since: counted first, then judged,
//! then taken back.
#![forbid(unsafe_code)]

use super::moment::{Moment, Pause};
use super::record::{Record, Stage};
use super::rules::{self, Accepted, CodeRefusal, FINAL, Found, Kind, Purpose};
use super::store::{Store, head_name, numbers_name};
use crate::local::Unusable;
use crate::local::ledger::{Ledger, Stamp, Trouble};
use crate::local::marks::{self, Mark};
use crate::policy::OfflineLimits;

/// Wrong codes since the last right one, and when the last of them was counted.
const TRIES: usize = 0;
/// No code of this step of time or an earlier one counts again.
const STEP: usize = 1;
/// The latest time that the machine's clock has shown here.
const CLOCK: usize = 2;
/// The last online login.
const ONLINE: usize = 3;
/// Offline logins since then.
const LOGINS: usize = 4;
/// A bit for each recovery code that was used, and one for a right code.
const USED: usize = 5;
const ACTIVE: u64 = 1 << 32;
/// The longest that a date can keep codes from counting, in seconds: the longest `offline.pause`.
pub(super) const LONGEST: u64 = 30 * 86_400;
/// How many words there are.
pub(super) const WORDS: usize = 64;

/// One user's, open.
pub(super) struct Book {
    pub(super) uid: u32,
    /// The bytes of the record's file.
    bytes: zeroize::Zeroizing<Vec<u8>>,
    record: Record,
    pub(super) ledger: Ledger,
}

/// What there is of a user who is enrolled.
#[expect(clippy::large_enum_variant, reason = "a login holds one of them")]
pub(super) enum Opened {
    /// The record and its numbers.
    Book(Book),
    /// The record alone. Its numbers could not be made: no code of this user can be judged.
    Record(Trouble),
}

impl Store {
    /// Opens a user's record and numbers, `None` if the user is not enrolled.
    pub(super) fn book(&self, uid: u32) -> Result<Option<Book>, Trouble> {
        match self.opened(uid)? {
            Some(Opened::Book(book)) => Ok(Some(book)),
            Some(Opened::Record(trouble)) => Err(trouble),
            None => Ok(None),
        }
    }

    /// Opens a user's record, and its numbers as far as they are there or can be made.
    pub(super) fn opened(&self, uid: u32) -> Result<Option<Opened>, Trouble> {
        let Some((bytes, record)) = self.head(uid)? else {
            return Ok(None);
        };
        let name = numbers_name(uid, &bytes);
        let folder = &self.folder;
        let open = || Ledger::open(folder, &name, 0, WORDS);
        let ledger = if let Some(ledger) = open()? {
            ledger
        } else {
            let made = self.make_numbers(&bytes, &self.dated(record.clone())?);
            match (open()?, made) {
                (Some(ledger), _) => ledger,
                (None, Err(trouble @ Trouble::Refused(_))) => {
                    return Ok(Some(Opened::Record(trouble)));
                }
                (None, Err(trouble)) => return Err(trouble),
                (None, Ok(())) => {
                    let gone = format!("{name}: was removed at once");
                    return Err(Trouble::Refused(Unusable(gone)));
                }
            }
        };
        let ledger = ledger.on_disk()?;
        Ok(Some(Opened::Book(Book { uid, bytes, record, ledger })))
    }

    /// A record without numbers, with what its file's date says: until then no code counts.
    fn dated(&self, record: Record) -> Result<Record, Trouble> {
        let left = self.date(record.uid)?.saturating_sub(self.now.wall).min(LONGEST);
        let refused = (left > 0).then(|| Pause::of(left, &self.now));
        Ok(Record { refused: refused.or(record.refused), ..record })
    }

    /// The date of a record's file.
    pub(super) fn date(&self, uid: u32) -> Result<u64, Trouble> {
        let name = head_name(uid);
        let date = self.folder.date(&name);
        date.map_err(|error| Trouble::of(self.folder.place().join(name).display(), &error))
    }

    /// Keeps in the date of a record's file that no code counts until then, where there is no room
    /// for its numbers.
    pub(super) fn set_date(&self, uid: u32, until: u64) -> Result<(), Trouble> {
        let name = head_name(uid);
        let set = self.folder.set_date(&name, until);
        set.map_err(|error| Trouble::of(self.folder.place().join(name).display(), &error))
    }

    /// The numbers as the record has them, unless they are there. The login that makes them makes
    /// the same.
    pub(super) fn make_numbers(&self, bytes: &[u8], record: &Record) -> Result<(), Trouble> {
        let name = numbers_name(record.uid, bytes);
        let numbers = crate::local::ledger::bytes_of(b"", 0, &begin(record));
        let made = self.folder.make(&name, &numbers);
        made.and_then(|_| self.folder.sync())
            .map_err(|error| Trouble::of(self.folder.place().join(name).display(), &error))
    }

    /// The record as it is now, where nothing may be made.
    pub(super) fn look(&self, uid: u32) -> Result<Option<Record>, Trouble> {
        let Some((bytes, record)) = self.head(uid)? else {
            return Ok(None);
        };
        let ledger = Ledger::open(&self.folder, &numbers_name(uid, &bytes), 0, WORDS)?;
        let Some(ledger) = ledger else {
            return self.dated(record).map(Some);
        };
        let book = Book { uid, bytes, record, ledger };
        book.now(&self.now).map(Some)
    }

    /// Tries a code: counts it, and only then looks at it.
    pub(super) fn attempt(
        &self,
        uid: u32,
        typed: &str,
        purpose: Purpose,
    ) -> Result<Accepted, CodeRefusal> {
        let book = self.book(uid)?.ok_or(CodeRefusal::NotEnrolled)?;
        if let Some(refusal) = rules::blocked(&book.now(&self.now)?, purpose, &self.now) {
            return Err(refusal);
        }
        let reserved = book.reserve(&self.now)?;
        book.ledger.raise(CLOCK, self.now.wall)?;
        book.ledger.sync()?;
        self.check_current(&book)?;
        let kind = book.judge(typed, &self.now).inspect_err(|refusal| {
            if *refusal == CodeRefusal::Replayed {
                // It was right once: this is no guess.
                let (before, after) = reserved;
                let _ = book.ledger.exchange(TRIES, after, before);
            }
        })?;
        let accepted = book.accept(kind, purpose, &self.now)?;
        book.ledger.sync()?;
        self.check_current(&book)?;
        Ok(accepted)
    }

    /// Root may have replaced or removed the record since it was opened.
    pub(super) fn check_current(&self, book: &Book) -> Result<(), Trouble> {
        book.ledger.check_current()?;
        match self.head(book.uid)? {
            Some((bytes, _)) if *bytes == *book.bytes => Ok(()),
            Some(_) | None => {
                let place = self.folder.place().join(head_name(book.uid));
                let problem = format!("{}: was replaced during this login", place.display());
                Err(Trouble::Refused(Unusable(problem)))
            }
        }
    }
}

impl From<Trouble> for CodeRefusal {
    fn from(trouble: Trouble) -> Self {
        Self::Unusable(trouble.unusable().0)
    }
}

impl Book {
    /// The record with the numbers as they are now.
    pub(super) fn now(&self, now: &Moment) -> Result<Record, Trouble> {
        let number = |index| self.ledger.get(index);
        let small = |index| number(index).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        let (tries, used) = (Stamp::unpack(number(TRIES)?), number(USED)?);
        let is_active = used & ACTIVE != 0;
        Ok(Record {
            stage: if is_active { Stage::Active } else { Stage::Pending },
            last_step: number(STEP)?,
            clock: number(CLOCK)?,
            online: number(ONLINE)?,
            logins: small(LOGINS)?,
            failures: failures(tries),
            wait: wait(tries, now),
            refused: self.refused(now)?,
            recovery: self.record.recovery.without(|place| used >> place & 1 == 1),
            ..self.record.clone()
        })
    }

    /// For how long the tenant's refusal counts, which may be one that is still to come.
    fn refused(&self, now: &Moment) -> Result<Option<Pause>, Trouble> {
        let latest = marks::latest(&self.ledger, now.stamp())?;
        let length = self.ledger.get(marks::LENGTH)?;
        Ok(latest.map(|refused| Pause::begun(refused.seconds(now.stamp()), length, now)))
    }

    /// Counts one more failure, unless none may be tried now.
    fn reserve(&self, now: &Moment) -> Result<(u64, u64), CodeRefusal> {
        let counted = self.ledger.change(TRIES, |before| {
            let tries = Stamp::unpack(before);
            let failures = failures(tries);
            let waits = wait(tries, now).is_some_and(|wait| wait.left(now) > 0);
            let next = Stamp::new(&now.boot, now.uptime, u64::from(failures) + 1);
            (failures < FINAL && !waits).then(|| next.pack())
        })?;
        match counted {
            Some(counted) => Ok(counted),
            // Another login was quicker, and its code was the last that was free.
            None => Err(rules::blocked(&self.now(now)?, Purpose::Check, now)
                .unwrap_or(CodeRefusal::Locked(1))),
        }
    }

    /// What the code is. A right one is used up here: of all logins that have it, one gets this
    /// far.
    fn judge(&self, typed: &str, now: &Moment) -> Result<Kind, CodeRefusal> {
        match rules::recognise(&self.record, typed, now) {
            Found::Nothing => Err(CodeRefusal::Wrong),
            Found::Recovery(place) => {
                let bit = 1_u64 << place;
                let taken =
                    self.ledger.change(USED, |used| (used & bit == 0).then_some(used | bit))?;
                let (_, used) = taken.ok_or(CodeRefusal::Wrong)?;
                let left = self.record.recovery.without(|place| used >> place & 1 == 1);
                Ok(Kind::Recovery(left.left()))
            }
            Found::Step(step) => {
                let moved = self.ledger.change(STEP, |last| (last < step).then_some(step))?;
                moved.map(|_| Kind::Code).ok_or(CodeRefusal::Replayed)
            }
        }
    }

    /// Counts the login, and takes the failures back.
    fn accept(&self, kind: Kind, purpose: Purpose, now: &Moment) -> Result<Accepted, CodeRefusal> {
        let login = match purpose {
            Purpose::Login(limits) => self.count_login(limits, now)?,
            Purpose::Check => 0,
        };
        self.ledger.change(USED, |used| (used & ACTIVE == 0).then_some(used | ACTIVE))?;
        self.ledger.set(TRIES, 0)?;
        let age = now.wall.saturating_sub(self.ledger.get(ONLINE)?);
        Ok(Accepted { kind, login, age })
    }

    fn count_login(&self, limits: OfflineLimits, now: &Moment) -> Result<u32, CodeRefusal> {
        let most = u64::from(limits.logins);
        let counted = self.ledger.change(LOGINS, |logins| (logins < most).then(|| logins + 1))?;
        let (_, login) = counted.ok_or(CodeRefusal::TooMany(limits.logins.into()))?;
        // The tenant may have said no since the code was typed.
        match self.refused(now)?.map_or(0, |pause| pause.left(now)) {
            0 => Ok(u32::try_from(login).unwrap_or(u32::MAX)),
            left => Err(CodeRefusal::RefusedOnline(left)),
        }
    }

    /// The tenant let this user in: everything begins anew, but no code comes back. How many
    /// offline logins there were.
    pub(super) fn online(&self, mark: Option<&Mark>, now: &Moment) -> Result<u32, Trouble> {
        let logins = self.ledger.change(LOGINS, |logins| (logins > 0).then_some(0))?;
        self.ledger.set(ONLINE, now.wall)?;
        self.ledger.set(CLOCK, now.wall)?;
        marks::forgive(&self.ledger, mark, now.stamp())?;
        self.unlock()?;
        let logins = logins.map_or(0, |(before, _)| before);
        Ok(u32::try_from(logins).unwrap_or(u32::MAX))
    }

    /// Wrong codes are forgotten, unless there were so many that only a new enrolment helps:
    /// whether they were.
    pub(super) fn unlock(&self) -> Result<bool, Trouble> {
        let is_final = |tries| failures(Stamp::unpack(tries)) >= FINAL;
        self.ledger.change(TRIES, |tries| (tries != 0 && !is_final(tries)).then_some(0))?;
        self.ledger.get(TRIES).map(|tries| !is_final(tries))
    }
}

/// The numbers of a record to which nothing has happened yet.
fn begin(record: &Record) -> [u64; WORDS] {
    let mut numbers = [0; WORDS];
    let active = if record.stage == Stage::Active { ACTIVE } else { 0 };
    let stamp = |pause: &Pause, extra| {
        let (boot, at, _) = pause.begin();
        Stamp::new(boot, at, extra).pack()
    };
    let failures = u64::from(record.failures);
    let tries = match &record.wait {
        Some(wait) => stamp(wait, failures),
        None if failures == 0 => 0,
        None => Stamp::new("", 0, failures).pack(),
    };
    let refused = record.refused.as_ref();
    let known = [
        tries,
        record.last_step,
        record.clock,
        record.online,
        record.logins.into(),
        active,
        refused.map_or(0, |pause| stamp(pause, 0)),
        refused.map_or(0, |pause| pause.begin().2),
    ];
    for (number, value) in numbers.iter_mut().zip(known) {
        *number = value;
    }
    numbers
}

fn failures(tries: Option<Stamp>) -> u32 {
    tries.map_or(0, |tries| u32::try_from(tries.extra).unwrap_or(u32::MAX))
}

/// For how long nothing may be tried after the failures that were counted.
fn wait(tries: Option<Stamp>, now: &Moment) -> Option<Pause> {
    let tries = tries?;
    let length = rules::wait_after(failures(Some(tries)));
    (length > 0).then(|| Pause::begun(tries.seconds(now.stamp()), length, now))
}
