//! How often an approval is asked for: densely while people approve, rarely once they have stopped
//! to, and over each wait as a whole no more than once in the configured interval.
//!
//! Few users approve in the first two seconds, for the phone has to ring and be looked at; nearly
//! all users who approve at all do so in thirty. So the second question waits for two
//! seconds, the next few come closer together by what that has saved, and those after the thirtieth
//! second come half as often. With an interval of a second an approval that comes anywhere from the
//! third to the thirtieth second is seen half a second later on average.
#![forbid(unsafe_code)]

use std::time::Duration;

/// Before this no user has approved.
const LATENCY: Duration = Duration::from_secs(2);
/// So many questions come closer together, by a quarter of the interval each: together the interval
/// that the first wait has saved.
const DENSE: u16 = 4;
/// A poll changes nothing, so it may be repeated after a broken connection. So many times in a row.
pub(super) const MAX_OUTAGES: u8 = 2;
/// After so many questions, at an interval of a second, half a minute is over.
pub(super) const PATIENT: u16 = 32;

/// How long an approval has been waited for.
#[derive(Clone, Copy, Default)]
pub(super) struct Waited(Option<Span>);

/// Times since the login began.
#[derive(Clone, Copy)]
struct Span {
    since: Duration,
    until: Duration,
}

impl Waited {
    /// With another wait of `time`, which is over `now`. What passes between two waits counts, too.
    pub(super) fn and(self, time: Duration, now: Duration) -> Self {
        let since = self.0.map_or(now.saturating_sub(time), |span| span.since);
        Self(Some(Span { since, until: now }))
    }

    /// Whether the user has waited so long that there must be a word from us.
    pub(super) fn is_enough(self, patience: Duration) -> bool {
        self.0.is_some_and(|span| span.until.saturating_sub(span.since) >= patience)
    }
}

/// How long to wait after so many questions, the last of which has just been answered.
pub(super) fn pause(interval: Duration, asked: u16) -> Duration {
    let saved = LATENCY.saturating_sub(interval);
    match asked {
        0 | 1 => interval.max(LATENCY),
        2.. if asked - 2 < DENSE && saved >= interval => interval * 3 / 4,
        2.. if asked < PATIENT => interval,
        _ => interval * 2,
    }
}
