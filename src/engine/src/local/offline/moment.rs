//! A moment, and a time for which nothing counts.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// A moment, by the clock that codes need and by one that no process can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970, as the machine believes.
    pub wall: u64,
    /// Which boot this is.
    pub boot: String,
    /// Seconds since that boot.
    pub uptime: u64,
}

/// A time for which nothing counts. It is measured from boot, so that no clock can be set forward
/// to end it; after another boot, from that one on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    boot: String,
    until: u64,
    length: u64,
}

impl Pause {
    /// From now on for `length` seconds.
    #[must_use]
    pub fn of(length: u64, now: &Moment) -> Self {
        Self { boot: now.boot.clone(), until: now.uptime.saturating_add(length), length }
    }

    /// Seconds that are left of it, never more than it had.
    #[must_use]
    pub fn left(&self, now: &Moment) -> u64 {
        let left = if self.boot == now.boot {
            self.until.saturating_sub(now.uptime)
        } else {
            self.length.saturating_sub(now.uptime)
        };
        left.min(self.length)
    }

    /// The boot in which it began, the second of that, and its length in seconds.
    pub(super) fn begin(&self) -> (&str, u64, u64) {
        (&self.boot, self.until.saturating_sub(self.length), self.length)
    }

    /// One that began so many seconds ago in this boot, or before it.
    pub(super) fn begun(at: Option<u64>, length: u64, now: &Moment) -> Self {
        let boot = if at.is_some() { now.boot.as_str() } else { "" };
        Self { boot: boot.to_owned(), until: at.unwrap_or(0).saturating_add(length), length }
    }
}
