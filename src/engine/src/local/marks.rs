//! "Asked, and not answered yet": a mark of each login that is on its way, about one person.
//!
//! It counts as a refusal from the moment at which it is made. A login that gets any other answer
//! takes its own mark back; one that is killed, or stopped, never does.
#![forbid(unsafe_code)]

use super::ledger::{Ledger, Stamp, Trouble};
use crate::os;

/// When there was a refusal.
pub(super) const REFUSED: usize = 6;
/// For how many seconds that counts.
pub(super) const LENGTH: usize = 7;
/// The marks of logins on their way.
const MARKS: std::ops::Range<usize> = 8..24;
/// No login takes longer, in seconds.
pub(super) const LONGEST: u64 = 120;

/// One login's mark.
pub(super) struct Mark {
    /// `None` where all were taken, and this login counts as refused whatever comes of it.
    index: Option<usize>,
    stamp: Stamp,
}

/// Marks a login, before anything is sent that could be refused. A refusal counts for so many
/// seconds.
pub(super) fn ask(ledger: &Ledger, length: u64, now: Stamp) -> Result<Mark, Trouble> {
    ledger.set(LENGTH, length)?;
    let stamp = now.with(os::random().map_or(0, |random| random & 127));
    for index in MARKS {
        let is_over = |mark: Stamp| mark.age(now) >= length;
        let claimed = ledger.change(index, |number| {
            let is_free = Stamp::unpack(number).is_none_or(is_over);
            is_free.then(|| stamp.pack())
        })?;
        if claimed.is_some() {
            return Ok(Mark { index: Some(index), stamp });
        }
    }
    // So many logins of one person are no honest ones: this one counts as refused, and no end of it
    // takes that back.
    ledger.set(REFUSED, stamp.pack())?;
    Ok(Mark { index: None, stamp })
}

/// Any end of a login but a refusal.
pub(super) fn take_back(ledger: &Ledger, mark: &Mark) -> Result<(), Trouble> {
    let Some(index) = mark.index else {
        return Ok(());
    };
    ledger.exchange(index, mark.stamp.pack(), 0).map(drop)
}

/// There was a refusal.
pub(super) fn refuse(
    ledger: &Ledger,
    mark: Option<&Mark>,
    length: u64,
    now: Stamp,
) -> Result<(), Trouble> {
    ledger.set(LENGTH, length)?;
    ledger.set(REFUSED, now.pack())?;
    mark.map_or(Ok(()), |mark| take_back(ledger, mark))
}

/// A success: what was refused before this login began is over, and so are the marks of logins that
/// began before it.
pub(super) fn forgive(ledger: &Ledger, own: Option<&Mark>, now: Stamp) -> Result<(), Trouble> {
    let begun = own.map_or(now, |own| own.stamp);
    let is_forgiven = |refused: Stamp| !refused.is_after(begun);
    ledger.change(REFUSED, |number| Stamp::unpack(number).is_some_and(is_forgiven).then_some(0))?;
    for index in MARKS {
        let is_own = own.is_some_and(|own| own.index == Some(index));
        let is_earlier = |mark: Stamp| mark.boot_differs(begun) || begun.is_after(mark);
        ledger.change(index, |number| {
            let mark = Stamp::unpack(number)?;
            (is_own || is_earlier(mark)).then_some(0)
        })?;
    }
    Ok(())
}

/// The latest refusal, those that may still come included.
pub(super) fn latest(ledger: &Ledger, now: Stamp) -> Result<Option<Stamp>, Trouble> {
    let mut latest: Option<Stamp> = None;
    for index in std::iter::once(REFUSED).chain(MARKS) {
        let mark = Stamp::unpack(ledger.get(index)?);
        let is_later = |mark: Stamp| latest.is_none_or(|latest| mark.age(now) < latest.age(now));
        if mark.is_some_and(is_later) {
            latest = mark;
        }
    }
    Ok(latest)
}

/// Whether something that was given at this second of this boot was refused later, or may have
/// been.
pub(super) fn is_void(ledger: &Ledger, second: u64, now: Stamp) -> Result<bool, Trouble> {
    let seconds = |index| Ok(Stamp::unpack(ledger.get(index)?).and_then(|mark| mark.seconds(now)));
    if seconds(REFUSED)?.is_some_and(|refused| second <= refused) {
        return Ok(true);
    }
    for index in MARKS {
        if seconds(index)?.is_some_and(|asked| second <= asked + LONGEST) {
            return Ok(true);
        }
    }
    Ok(false)
}
