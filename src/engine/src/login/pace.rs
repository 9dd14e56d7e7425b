//! How often an approval is asked for: densely while people approve, rarely once they have stopped
//! to, and over each wait as a whole no more than once in the configured interval.
//!
//! Hardly anybody approves in the first two seconds, for the phone has to ring and be looked at;
//! nearly everybody who approves at all does so in thirty. So the second question waits for two
//! seconds, the next few come closer together by what that has saved, and those after the thirtieth
//! second come half as often. With an interval of a second an approval that comes anywhere from the
//! third to the thirtieth second is seen half a second later on average.
#![forbid(unsafe_code)]

use std::time::Duration;

/// Before this nobody has approved.
const LATENCY: Duration = Duration::from_secs(2);
/// So many questions come closer together, by a quarter of the interval each: together the interval
/// that the first wait has saved.
const DENSE: u16 = 4;
/// After so many questions, at an interval of a second, half a minute is over.
pub(super) const PATIENT: u16 = 32;

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
