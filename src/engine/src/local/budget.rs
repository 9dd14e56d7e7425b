//! How often a phone may ring: pushes, texts, mails and calls of one person, over all processes and
//! services.
//!
//! sshd and sudo repeat a refused login three to six times, and a robot for ever. Each time a phone
//! would ring.
//!
//! Each is counted before it is sent, in one of as many slots as are allowed. A login holds its
//! slot until it knows what became of it: one that is killed, or lasts too long, counts as denied,
//! so that no denial is lost.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, Stamp, Trouble, bytes_of};
use super::marks::LONGEST;
use super::{State, Unusable, file_name};
use crate::policy::Push;

const KIND: &str = "pushes";
/// Of the version before this one, which kept them in another form.
const BEFORE: &str = "budget";
/// The name of the person.
const HEAD: usize = 1024;
/// When something was denied.
const DENIED: usize = 0;
/// For how many seconds that counts.
const LENGTH: usize = 1;
/// When something was sent.
const SLOTS: std::ops::Range<usize> = 8..108;
const WORDS: usize = 128;
/// In a slot: its outcome is not known yet.
const OPEN: u64 = 64;
/// How often a login looks again where another one has made the file before it.
const TRIES: usize = 2;

/// Whether a push, a text, a mail or a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Yes.
    Free,
    /// Too many went unapproved: not before this time has passed.
    Over(Duration),
    /// The last one was refused: not before this time has passed.
    Paused(Duration),
    /// No, and no time is known after which one may: the limits allow none, or the state can't be
    /// used.
    Never,
}

impl Allowance {
    /// For how long nothing may be sent, where that is known.
    #[must_use]
    pub fn silence(self) -> Option<Duration> {
        match self {
            Self::Over(time) | Self::Paused(time) => Some(time),
            Self::Free | Self::Never => None,
        }
    }
}

/// What is known of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The name in the tenant.
    pub user: String,
    /// When something was sent, in seconds since boot, the earliest first.
    pub sent: Vec<u64>,
    /// Until when nothing is sent, in seconds since boot.
    pub paused_until: u64,
}

/// Something that was counted, and is sent: its outcome is open until the login tells it.
pub struct Ringing {
    ledger: Ledger,
    index: usize,
    stamp: Stamp,
}

impl Spent {
    fn allowance(&self, limits: Push, now: u64) -> Allowance {
        if limits.count == 0 {
            return Allowance::Never;
        }
        let window = limits.window.as_secs();
        let recent = self.sent.iter().filter(|at| is_recent(**at, window, now));
        let recent: Vec<u64> = recent.copied().collect();
        let over = recent.len().checked_sub(usize::from(limits.count));
        let next = over.and_then(|over| recent.get(over)).map(|at| at + window);
        let next = next.unwrap_or(0);
        let left = |until: u64| Duration::from_secs(until.saturating_sub(now).max(1));
        if self.paused_until > next.max(now) {
            Allowance::Paused(left(self.paused_until))
        } else if over.is_some() {
            Allowance::Over(left(next))
        } else {
            Allowance::Free
        }
    }
}

fn is_recent(at: u64, window: u64, now: u64) -> bool {
    now < at.saturating_add(window)
}

impl State {
    /// Whether something may be sent to `user`, without sending it.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent.
    pub fn allowance(&self, user: &str, limits: Push) -> Result<Allowance, Unusable> {
        let Some(ledger) = self.open_pushes(user)? else {
            return Ok(Spent::default().allowance(limits, self.now()));
        };
        let allowance = self.read(&ledger)?.allowance(limits, self.now());
        self.looked_at.replace(Some((name(user), ledger)));
        Ok(allowance)
    }

    /// How many may be sent to `user` before a success, without sending any.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent.
    pub fn left(&self, user: &str, limits: Push) -> Result<usize, Unusable> {
        let (spent, now) = (self.spent(user)?, self.now());
        let window = limits.window.as_secs();
        let recent = spent.sent.iter().filter(|at| is_recent(**at, window, now));
        Ok(usize::from(limits.count).saturating_sub(recent.count()))
    }

    /// Counts one more, if it is allowed, before it is sent.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent. The inner error says what the limits allow instead.
    pub fn spend(&self, user: &str, limits: Push) -> Result<Result<Ringing, Allowance>, Unusable> {
        let ledger = match self.looked_at.take() {
            Some((looked_at, ledger)) if looked_at == name(user) => ledger,
            Some(_) | None => self.pushes(user)?,
        };
        match self.read(&ledger)?.allowance(limits, self.now()) {
            Allowance::Free => {}
            allowance @ (Allowance::Over(_) | Allowance::Paused(_) | Allowance::Never) => {
                return Ok(Err(allowance));
            }
        }
        ledger.set(LENGTH, limits.pause.as_secs())?;
        let Some(ringing) = self.claim(ledger, limits)? else {
            // Others were quicker.
            let allowance = self.allowance(user, limits)?;
            let soon = Allowance::Over(Duration::from_secs(1));
            return Ok(Err(if allowance == Allowance::Free { soon } else { allowance }));
        };
        ringing.ledger.check_current()?;
        Ok(Ok(ringing))
    }

    /// Takes one of as many slots as are allowed.
    fn claim(&self, ledger: Ledger, limits: Push) -> Result<Option<Ringing>, Unusable> {
        let nonce = crate::os::random().map_or(0, |random| random % OPEN);
        let (now, window) = (self.stamp(), limits.window.as_secs());
        let stamp = now.with(OPEN | nonce);
        for index in SLOTS.take(limits.count.into()) {
            let is_over = |at: Stamp| {
                let second = at.seconds(now);
                second.is_none_or(|second| !is_recent(second, window, self.now()))
            };
            // Before others can see the slot: it is never without its owner.
            ledger.hold(place(index, stamp))?;
            let claimed = ledger.change(index, |number| {
                let is_free = Stamp::unpack(number).is_none_or(is_over);
                is_free.then(|| stamp.pack())
            })?;
            if claimed.is_some() {
                return Ok(Some(Ringing { ledger, index, stamp }));
            }
        }
        Ok(None)
    }

    /// What was sent was denied: nothing more is sent for a while.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn deny(&self, user: &str, rang: &[Ringing], limits: Push) -> Result<(), Unusable> {
        let ledger = self.pushes(user)?;
        ledger.set(LENGTH, limits.pause.as_secs())?;
        ledger.set(DENIED, self.stamp().pack())?;
        ledger.check_current()?;
        rang.iter().try_for_each(Ringing::answered)
    }

    /// A success: everything that was sent is forgotten, but for what another login is still
    /// waiting for. Says whether there was anything. Also what an administrator does.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refill(&self, user: &str, rang: &[Ringing]) -> Result<bool, Unusable> {
        rang.iter().try_for_each(Ringing::answered)?;
        let own = rang.first().map(|ringing| &ringing.ledger);
        let opened;
        let ledger = match own.filter(|own| own.check_current().is_ok()) {
            Some(own) => own,
            None => {
                opened = self.open_pushes(user)?;
                let Some(opened) = &opened else {
                    return self.forget_old(user);
                };
                opened
            }
        };
        // The file stays: the next login needs no room for another one.
        let mut was_known = ledger.get(DENIED)? != 0;
        for index in SLOTS {
            let number = ledger.get(index)?;
            was_known |= number != 0;
            if number != 0 && !self.is_waited_for(ledger, index, number)? {
                ledger.exchange(index, number, 0)?;
            }
        }
        ledger.set(DENIED, 0)?;
        Ok(was_known)
    }

    /// All users with something on record.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn all_spent(&self) -> Result<Vec<Spent>, Unusable> {
        let mut all = Vec::new();
        for file in self.names(&format!("{KIND}-"))? {
            if let Some(ledger) = Ledger::open(&self.folder, &file, HEAD, WORDS)? {
                let head = String::from_utf8_lossy(&ledger.head()?).trim_end().to_owned();
                let spent = self.read(&ledger)?;
                if !spent.sent.is_empty() || spent.paused_until > self.now() {
                    all.push(Spent { user: head, ..spent });
                }
            }
        }
        Ok(all)
    }

    fn spent(&self, user: &str) -> Result<Spent, Unusable> {
        match self.open_pushes(user)? {
            Some(ledger) => Ok(self.read(&ledger)?),
            None => Ok(Spent::default()),
        }
    }

    fn read(&self, ledger: &Ledger) -> Result<Spent, Trouble> {
        let (now, length) = (self.stamp(), ledger.get(LENGTH)?);
        let second = |number| Stamp::unpack(number).and_then(|stamp| stamp.seconds(now));
        let mut denied = second(ledger.get(DENIED)?);
        let mut sent = Vec::new();
        for index in SLOTS {
            let number = ledger.get(index)?;
            let Some(at) = second(number) else {
                continue;
            };
            sent.push(at);
            // One that has just ended may have said so since.
            let is_left = is_open(number)
                && !self.is_waited_for(ledger, index, number)?
                && ledger.get(index)? == number;
            if is_left {
                denied = denied.max(Some(at));
            }
        }
        sent.sort_unstable();
        Ok(Spent {
            user: String::new(),
            sent,
            paused_until: denied.map_or(0, |at| at.saturating_add(length)),
        })
    }

    /// Whether a login lives that waits for what it has sent from this slot.
    fn is_waited_for(&self, ledger: &Ledger, index: usize, number: u64) -> Result<bool, Trouble> {
        let Some(stamp) = Stamp::unpack(number).filter(|_| is_open(number)) else {
            return Ok(false);
        };
        let second = stamp.seconds(self.stamp());
        let may_last = second.is_some_and(|at| is_recent(at, LONGEST, self.now()));
        Ok(may_last && ledger.is_held(place(index, stamp))?)
    }

    fn open_pushes(&self, user: &str) -> Result<Option<Ledger>, Trouble> {
        Ledger::open(&self.folder, &name(user), HEAD, WORDS)
    }

    /// Opens a person's, and makes it where it is missing.
    fn pushes(&self, user: &str) -> Result<Ledger, Unusable> {
        for _ in 0..TRIES {
            if let Some(ledger) = self.open_pushes(user)? {
                return Ok(ledger);
            }
            let before = self.spent_before(user)?;
            let numbers = self.begin(before.as_ref());
            let head: String = folded(user).chars().take(HEAD / 4).collect();
            let bytes = bytes_of(head.as_bytes(), HEAD, &numbers);
            let made = Ledger::make(&self.folder, &name(user), &bytes, HEAD, WORDS)?;
            if before.is_some() {
                self.remove(&file_name(BEFORE, &folded(user)))?;
            }
            if let Some(ledger) = made {
                return Ok(ledger);
            }
        }
        Err(Unusable("pushes: made and removed again".to_owned()))
    }

    /// The numbers of a user of which nothing is known but what the version before this one has
    /// kept.
    fn begin(&self, before: Option<&Spent>) -> Vec<u64> {
        let mut numbers = vec![0; WORDS];
        let Some(before) = before else {
            return numbers;
        };
        let stamp = |second| Stamp::new(&self.boot, second, 0).pack();
        let slots = numbers.iter_mut().skip(SLOTS.start).take(SLOTS.len());
        for (slot, at) in slots.zip(&before.sent) {
            *slot = stamp(*at);
        }
        if before.paused_until > self.now() {
            let length = before.paused_until - self.now();
            for (index, value) in [(DENIED, stamp(self.now())), (LENGTH, length)] {
                if let Some(number) = numbers.get_mut(index) {
                    *number = value;
                }
            }
        }
        numbers
    }

    /// Removes what the version before this one has kept of a user, and returns whether it had any.
    fn forget_old(&self, user: &str) -> Result<bool, Unusable> {
        let name = file_name(BEFORE, &folded(user));
        match self.spent_before(user)? {
            Some(_) => self.remove(&name).map(|()| true),
            None => Ok(false),
        }
    }

    fn spent_before(&self, user: &str) -> Result<Option<Spent>, Unusable> {
        self.load(&file_name(BEFORE, &folded(user)))
    }
}

impl Ringing {
    /// It is known what became of it, and it was not denied, or that is written.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then it counts as denied.
    pub fn answered(&self) -> Result<(), Unusable> {
        let answered = self.stamp.with(self.stamp.extra & !OPEN);
        let (before, after) = (self.stamp.pack(), answered.pack());
        self.ledger.exchange(self.index, before, after)?;
        Ok(())
    }
}

fn is_open(number: u64) -> bool {
    Stamp::unpack(number).is_some_and(|stamp| stamp.extra & OPEN != 0)
}

/// What a login holds as long as it waits, which no other one does.
fn place(index: usize, stamp: Stamp) -> u64 {
    stamp.pack() << 7 | u64::try_from(index).unwrap_or(0)
}

/// The tenant folds the case of names, and so do we: another spelling is no second budget.
fn folded(user: &str) -> String {
    user.to_lowercase()
}

fn name(user: &str) -> String {
    file_name(KIND, &folded(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Push =
        Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(60) };

    fn spent(sent: &[u64], paused_until: u64) -> Spent {
        Spent { user: String::new(), sent: sent.to_vec(), paused_until }
    }

    #[test]
    fn the_fourth_in_ten_minutes_waits_for_the_first_to_be_over() {
        let over = |seconds| Allowance::Over(Duration::from_secs(seconds));
        assert_eq!(spent(&[], 0).allowance(LIMITS, 0), Allowance::Free);
        assert_eq!(spent(&[1000, 1100], 0).allowance(LIMITS, 1200), Allowance::Free);
        assert_eq!(spent(&[1000, 1100, 1200], 0).allowance(LIMITS, 1200), over(400));
        assert_eq!(spent(&[1000, 1100, 1200], 0).allowance(LIMITS, 1599), over(1));
        assert_eq!(spent(&[1000, 1100, 1200], 0).allowance(LIMITS, 1600), Allowance::Free);
    }

    #[test]
    fn a_pause_holds_whatever_is_left() {
        assert_eq!(
            spent(&[], 1060).allowance(LIMITS, 1000),
            Allowance::Paused(Duration::from_secs(60))
        );
        assert_eq!(spent(&[], 1060).allowance(LIMITS, 1060), Allowance::Free);
    }

    #[test]
    fn a_budget_of_nothing_never_has_room() {
        let none = Push { count: 0, ..LIMITS };
        assert_eq!(spent(&[], 0).allowance(none, 1000), Allowance::Never);
        assert_eq!(spent(&[900], 1060).allowance(none, 1000), Allowance::Never);
    }
}
