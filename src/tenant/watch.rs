//! Sees whether this process was stopped, suspended or starved while it waited for the network.
//!
//! The caller of sudo, su or doas may do all three to it. The time that passes then is not the tenant's silence.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::os::{self, Continuations};

/// The longest wait that is not looked at.
pub(super) const SLICE: Duration = Duration::from_secs(1);

/// A wait that ends later than this after its time was not the network's: a machine that is merely busy is quicker.
const MARGIN: Duration = Duration::from_millis(500);

/// The watch of one login, shared by everything in it that waits for the network.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Rc<State>);

#[derive(Debug, Default)]
struct State {
    /// A wait ended too late.
    late: Cell<bool>,
    /// When the exchange began.
    begun: Cell<Option<Instant>>,
    /// The time that this machine was suspended before the exchange began.
    suspended: Cell<Duration>,
    /// Looks for SIGCONT. Begins when an exchange is as old as a slice, which most never are: a stop before that makes a wait end
    /// late, or is short.
    continuations: RefCell<Option<Continuations>>,
}

impl Watch {
    /// An exchange begins. What happened before it does not matter.
    pub(super) fn begin(&self) {
        self.0.late.set(false);
        self.0.begun.set(Some(Instant::now()));
        self.0.suspended.set(os::time_suspended());
    }

    /// An exchange ends: the host gets its signals back.
    pub(super) fn end(&self) {
        self.0.continuations.take();
    }

    /// A wait that began then, and was to last no longer than this, has ended.
    pub(super) fn waited(&self, begun: Instant, planned: Duration) {
        let time = begun.elapsed();
        if time > planned.saturating_add(MARGIN) {
            self.0.late.set(true);
        }
        // Not of this wait alone: a stop ends some waits early (signal(7)).
        if self
            .0
            .begun
            .get()
            .is_some_and(|begun| begun.elapsed() >= SLICE)
        {
            let mut continuations = self.0.continuations.borrow_mut();
            continuations.get_or_insert_with(Continuations::watch);
        }
    }

    /// A deadline has passed.
    pub(super) fn passed(&self, deadline: Instant) {
        if deadline.elapsed() > MARGIN {
            self.0.late.set(true);
        }
    }

    /// Whether all the time of this exchange was the network's.
    pub(super) fn was_running(&self) -> bool {
        let suspended = os::time_suspended().saturating_sub(self.0.suspended.get());
        let continuations = self.0.continuations.borrow();
        let continued = continuations.as_ref().is_some_and(Continuations::seen);
        !self.0.late.get() && !continued && suspended <= MARGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(time: Duration) -> Instant {
        Instant::now().checked_sub(time).unwrap()
    }

    fn begun() -> Watch {
        let watch = Watch::default();
        watch.begin();
        watch
    }

    #[test]
    fn waits_that_end_in_time_prove_that_the_process_ran() {
        let watch = begun();
        watch.waited(ago(SLICE), SLICE);
        watch.waited(ago(SLICE * 3), SLICE * 3);
        watch.passed(Instant::now());
        assert!(watch.was_running());
    }

    #[test]
    fn a_wait_that_ends_late_and_a_deadline_that_is_long_over_prove_that_it_did_not() {
        let watch = begun();
        watch.waited(ago(SLICE + MARGIN * 2), SLICE);
        assert!(!watch.was_running());
        let watch = begun();
        watch.passed(ago(MARGIN * 2));
        assert!(!watch.was_running());
        watch.begin();
        assert!(watch.was_running(), "each exchange is looked at for itself");
    }

    /// A stop and a continuation end a wait early. The signal alone does not, but leaves the same trace.
    #[test]
    fn a_continuation_is_seen_once_an_exchange_is_as_old_as_a_slice() {
        let watch = begun();
        watch.waited(Instant::now(), SLICE);
        os::continue_this_thread();
        assert!(watch.was_running(), "nothing was looked at so far");
        watch.0.begun.set(Some(ago(SLICE)));
        watch.waited(Instant::now(), SLICE);
        assert!(watch.was_running());
        os::continue_this_thread();
        assert!(!watch.was_running());
        watch.end();
        watch.begin();
        assert!(
            watch.was_running(),
            "the signal went where it goes without us"
        );
    }

    #[test]
    fn time_in_which_the_machine_was_suspended_is_not_the_networks() {
        let watch = begun();
        let before = os::time_suspended().checked_sub(MARGIN * 2);
        // On a machine that was never suspended there is no such time to pretend.
        if let Some(before) = before {
            watch.0.suspended.set(before);
            assert!(!watch.was_running());
        }
    }
}
