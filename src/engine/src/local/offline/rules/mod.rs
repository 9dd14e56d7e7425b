//! When an offline code counts: arithmetic alone, over what is known and a moment.
#![forbid(unsafe_code)]

use std::fmt;

use zeroize::Zeroizing;

use super::moment::{Moment, Pause};
use super::record::{Record, Stage};
use crate::policy::OfflineLimits;

/// After so many failures in a row there is a wait, and after each further one.
const FREE: u32 = 5;
/// The first wait, in seconds. Each further one is twice as long.
const FIRST_WAIT: u64 = 30;
/// From so many failures on, each locks.
const LOCKING: u32 = 10;
/// For how long, in seconds (PCI DSS 8.3.4: at least 30 minutes).
const LOCK: u64 = 30 * 60;
/// As many end it until the user is enrolled again (NIST SP 800-63B-4, section 3.2.2).
pub(super) const FINAL: u32 = 100;
/// A clock that is corrected by less than this, in seconds, has not gone backwards.
const SLACK: u64 = 30;

/// What a code is tried for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To let a user in.
    Login(OfflineLimits),
    /// To show that the authenticator is the right one.
    Check,
}

/// Why a code does not count. For the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// It is not the code of this time, and no recovery code.
    Wrong,
    /// It was good once.
    Replayed,
    /// Too many wrong ones: no code counts for so many seconds.
    Locked(u64),
    /// Far too many wrong ones.
    Disabled,
    /// The clock shows an earlier time than it did before.
    ClockWentBack,
    /// The tenant has refused this user: no code counts for so many seconds.
    RefusedOnline(u64),
    /// The last online login is so many seconds ago.
    TooLongAgo(u64),
    /// So many offline logins since the last online one.
    TooMany(u32),
    /// The user is not enrolled.
    NotEnrolled,
    /// The record can't be read or written.
    Unusable(String),
}

impl fmt::Display for CodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str("a wrong code"),
            Self::Replayed => f.write_str("a code that was used before"),
            Self::Locked(left) => write!(f, "locked for another {left} s by wrong codes"),
            Self::Disabled => {
                write!(f, "{FINAL} wrong codes in a row: the user must be enrolled again")
            }
            Self::ClockWentBack => f.write_str("the clock has gone backwards"),
            Self::RefusedOnline(left) => {
                write!(f, "the tenant has refused this user: none for another {left} s")
            }
            Self::TooLongAgo(age) => write!(f, "the last online login was {age} s ago"),
            Self::TooMany(count) => {
                let noun = if *count == 1 { "login" } else { "logins" };
                write!(f, "{count} offline {noun} since the last online one")
            }
            Self::NotEnrolled => f.write_str("the user is not enrolled"),
            Self::Unusable(problem) => f.write_str(problem),
        }
    }
}

/// A code that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What it was.
    pub kind: Kind,
    /// The how manieth offline login since the last online one this is; 0 for a check.
    pub login: u32,
    /// Seconds since that.
    pub age: u64,
}

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A code of the authenticator.
    Code,
    /// A recovery code; so many are left.
    Recovery(usize),
}

/// What a typed text is, whether it still counts or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The recovery code with this place in the record.
    Recovery(usize),
    /// A code of the authenticator, of this step of time.
    Step(u64),
    /// Nothing of this user's.
    Nothing,
}

/// Compares what was typed with all that this user has.
pub(super) fn recognise(record: &Record, typed: &str, now: &Moment) -> Found {
    let typed = typed.trim();
    if let Some(place) = record.recovery.place_of(typed) {
        return Found::Recovery(place);
    }
    match record.key.step_of(&dense(typed), now.wall) {
        Some(step) => Found::Step(step),
        None => Found::Nothing,
    }
}

/// The first code of a key that is not kept yet: uses it up, if it is right.
#[must_use]
pub fn activate(record: &mut Record, typed: &str, now: &Moment) -> bool {
    match recognise(record, typed, now) {
        Found::Step(step) => {
            record.last_step = step;
            record.stage = Stage::Active;
            true
        }
        Found::Recovery(_) | Found::Nothing => false,
    }
}

/// Apps show a code with a gap in it.
fn dense(typed: &str) -> Zeroizing<String> {
    let mut dense = Zeroizing::new(String::with_capacity(typed.len()));
    dense.extend(typed.chars().filter(|c| *c != ' '));
    dense
}

fn went_back(record: &Record, now: &Moment) -> bool {
    now.wall.saturating_add(SLACK) < record.clock
}

/// What would make even the right code count for nothing.
pub fn blocked(record: &Record, purpose: Purpose, now: &Moment) -> Option<CodeRefusal> {
    let left = |pause: &Option<Pause>| pause.as_ref().map_or(0, |pause| pause.left(now));
    if record.failures >= FINAL {
        return Some(CodeRefusal::Disabled);
    }
    match left(&record.wait) {
        0 => {}
        seconds => return Some(CodeRefusal::Locked(seconds)),
    }
    if went_back(record, now) {
        return Some(CodeRefusal::ClockWentBack);
    }
    let Purpose::Login(limits) = purpose else {
        return None;
    };
    let age = now.wall.saturating_sub(record.online);
    match left(&record.refused) {
        0 if age > limits.age.as_secs() => Some(CodeRefusal::TooLongAgo(age)),
        0 if record.logins >= limits.logins.into() => Some(CodeRefusal::TooMany(record.logins)),
        0 => None,
        seconds => Some(CodeRefusal::RefusedOnline(seconds)),
    }
}

/// Seconds of wait after so many failures in a row.
#[must_use]
pub fn wait_after(failures: u32) -> u64 {
    match failures {
        0..FREE => 0,
        FREE..LOCKING => FIRST_WAIT << (failures - FREE),
        _ => LOCK,
    }
}

#[cfg(test)]
mod tests;
