//! Sees whether this process was stopped, suspended or starved during an exchange, and what the
//! kernel was short of meanwhile.
//!
//! The caller of sudo, su or doas may do all of it. The time that passes then is not the tenant's
//! silence.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::tables;
use crate::os::{self, Continuations};

/// The longest wait that is not looked at.
pub(super) const SLICE: Duration = Duration::from_secs(1);

/// What an exchange may take beside its waits, in all. A machine that is merely busy takes less.
const MARGIN: Duration = Duration::from_millis(500);

/// The kernel rounds the time of a wait up to its clock.
const ROUNDING: Duration = Duration::from_millis(20);

/// Silence that lasted as long counts, also where the configuration gives the network more time.
const SEVERAL: Duration = Duration::from_secs(3);

/// The watch of one login, shared by everything in it that waits for the network. The HTTP crate
/// wants what stands below it to be fit for threads, hence the lock: one thread alone comes here.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    account: Account,
    /// When the exchange began.
    begun: Option<Instant>,
    /// The time that this machine was suspended before the exchange began.
    suspended: Duration,
    /// Looks for SIGCONT. Begins when an exchange is as old as a slice, which most never are.
    continuations: Option<Continuations>,
    /// A table of the kernel that was full when a slice was over.
    full: Option<String>,
}

/// What the time of an exchange went to.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// All waits for the network.
    waited: Duration,
    /// Those since something was last sent to the network.
    listened: Duration,
    /// What a fair request gives the network to answer.
    fair: Duration,
    /// A wait ended too late.
    late: bool,
}

impl Account {
    /// A wait took so long, and was to last no longer than planned. What is beyond is not the
    /// network's.
    fn wait(&mut self, took: Duration, planned: Duration) {
        let of_network = if took <= planned.saturating_add(ROUNDING) { took } else { planned };
        self.waited += of_network;
        self.listened += of_network;
        self.late |= took > planned.saturating_add(MARGIN);
    }

    /// Whether the waits account for the time of an exchange.
    fn covers(&self, elapsed: Duration) -> bool {
        !self.late && elapsed.saturating_sub(self.waited) <= MARGIN
    }

    /// Whether the silence since something was last sent is as long as a fair request would have
    /// waited.
    fn is_fair(&self) -> bool {
        self.listened >= self.fair.min(SEVERAL).saturating_sub(MARGIN)
    }
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An exchange begins. What happened before it does not matter.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.account = Account::default();
        state.begun = Some(Instant::now());
        state.suspended = os::time_suspended();
        state.full = None;
    }

    /// An exchange ends: the host gets its signals back.
    pub(super) fn end(&self) {
        self.state().continuations = None;
    }

    /// A part of the exchange begins in which the network has so much time to answer.
    pub(super) fn gives(&self, fair: Duration) {
        self.state().account.fair = fair;
        self.sent();
    }

    /// Something was sent. What passed before it was no silence after it.
    pub(super) fn sent(&self) {
        self.state().account.listened = Duration::ZERO;
    }

    /// A wait that began then, and was to last no longer than this, has ended.
    pub(super) fn waited(&self, begun: Instant, planned: Duration) {
        self.waited_so_long(begun.elapsed(), planned);
    }

    /// A wait that took so long, and was to last no longer than planned, has ended.
    pub(super) fn waited_so_long(&self, took: Duration, planned: Duration) {
        let mut state = self.state();
        state.account.wait(took, planned);
        if took >= SLICE && state.full.is_none() {
            state.full = tables::full();
        }
        // Not of this wait alone: a stop ends some waits early (signal(7)).
        if state.begun.is_some_and(|begun| begun.elapsed() >= SLICE) {
            state.continuations.get_or_insert_with(Continuations::watch);
        }
    }

    /// A deadline has passed.
    pub(super) fn passed(&self, deadline: Instant) {
        self.state().account.late |= deadline.elapsed() > MARGIN;
    }

    /// Whether all the time of this exchange, up to now, was the network's.
    pub(super) fn was_running(&self) -> bool {
        let state = self.state();
        let suspended = os::time_suspended().saturating_sub(state.suspended);
        let continued = state.continuations.as_ref().is_some_and(Continuations::seen);
        let elapsed = state.begun.map(|begun| begun.elapsed());
        let covered = state.account.covers(elapsed.unwrap_or_default());
        covered && !continued && suspended <= MARGIN
    }

    /// Whether the silence that ended this exchange lasted as long as a fair request would have
    /// waited.
    pub(super) fn was_fair(&self) -> bool {
        self.state().account.is_fair()
    }

    /// A table of the kernel that was full meanwhile.
    pub(super) fn full_table(&self) -> Option<String> {
        self.state().full.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    fn ago(time: Duration) -> Instant {
        Instant::now().checked_sub(time).unwrap()
    }

    /// A watch of an exchange that began so long ago.
    fn begun(before: Duration) -> Watch {
        let watch = Watch::default();
        watch.begin();
        watch.state().begun = Some(ago(before));
        watch
    }

    fn account(waits: &[(Duration, Duration)]) -> Account {
        let mut account = Account::default();
        waits.iter().for_each(|(took, planned)| account.wait(*took, *planned));
        account
    }

    #[test]
    fn the_waits_account_for_all_but_a_margin() {
        let waits = account(&[(SLICE, SLICE), (SHORT, SLICE)]);
        assert!(waits.covers(SLICE + SHORT));
        assert!(waits.covers(SLICE + SHORT + MARGIN));
        assert!(!waits.covers(SLICE + SHORT + MARGIN + SHORT));
        assert!(!account(&[]).covers(MARGIN + SHORT), "no wait at all");
    }

    /// The process was stopped at connect(2), which is not a wait.
    #[test]
    fn a_stop_between_two_waits_is_seen() {
        let budget = SLICE * 2;
        let waits = account(&[(SHORT, SHORT)]);
        assert!(!waits.covers(budget));
    }

    #[test]
    fn waits_that_end_late_are_not_the_networks_by_what_they_are_late() {
        let late = (SLICE + SHORT * 2, SLICE);
        assert!(account(&[late; 2]).covers(late.0 * 2));
        assert!(!account(&[late; 3]).covers(late.0 * 3), "all together");
        assert!(!account(&[(SLICE + MARGIN + SHORT, SLICE)]).covers(SLICE));
        let rounded = (SHORT + ROUNDING / 2, SHORT);
        assert!(account(&[rounded; 1000]).covers(rounded.0 * 1000), "as the kernel rounds");
    }

    #[test]
    fn silence_is_fair_if_it_lasted_by_itself() {
        let watch = begun(SLICE * 2);
        watch.gives(SLICE * 2);
        watch.waited(ago(SLICE * 2), SLICE * 2);
        assert!(watch.was_fair());
        watch.sent();
        assert!(!watch.was_fair(), "what passed before is none of it");
        watch.waited(ago(SLICE * 2 - MARGIN), SLICE * 2);
        assert!(watch.was_fair());
        watch.gives(SLICE * 3600);
        watch.waited(ago(SEVERAL - MARGIN - SHORT), SLICE * 3600);
        assert!(!watch.was_fair());
        watch.waited(ago(SHORT), SLICE * 3600);
        assert!(watch.was_fair(), "several seconds are enough");
    }

    #[test]
    fn waits_that_end_in_time_prove_that_the_process_ran() {
        let watch = begun(SLICE * 4);
        watch.waited(ago(SLICE), SLICE);
        watch.waited(ago(SLICE * 3), SLICE * 3);
        watch.passed(Instant::now());
        assert!(watch.was_running());
    }

    #[test]
    fn a_wait_that_ends_late_and_a_deadline_that_is_long_over_prove_that_it_did_not() {
        let watch = begun(Duration::ZERO);
        watch.waited(ago(SLICE + MARGIN * 2), SLICE);
        assert!(!watch.was_running());
        let watch = begun(Duration::ZERO);
        watch.passed(ago(MARGIN * 2));
        assert!(!watch.was_running());
        watch.begin();
        assert!(watch.was_running(), "each exchange is looked at for itself");
    }

    /// A stop and a continuation end a wait early. The signal alone does not, but leaves the same
    /// trace.
    #[test]
    fn a_continuation_is_seen_once_an_exchange_is_as_old_as_a_slice() {
        let watch = begun(Duration::ZERO);
        watch.waited(Instant::now(), SLICE);
        os::continue_this_thread();
        assert!(watch.was_running(), "nothing was looked at so far");
        watch.state().begun = Some(ago(SLICE));
        watch.waited(ago(SLICE), SLICE);
        assert!(watch.was_running());
        os::continue_this_thread();
        assert!(!watch.was_running());
        watch.end();
        watch.begin();
        assert!(watch.was_running(), "the signal went where it goes without us");
    }

    #[test]
    fn a_table_that_was_full_when_a_slice_was_over_stays_in_mind_for_this_exchange() {
        let watch = begun(SLICE);
        watch.state().full = Some("x is full".to_owned());
        watch.waited(ago(SLICE), SLICE);
        assert_eq!(watch.full_table().as_deref(), Some("x is full"));
        watch.begin();
        assert_eq!(watch.full_table(), None);
    }

    #[test]
    fn time_in_which_the_machine_was_suspended_is_not_the_networks() {
        let watch = begun(Duration::ZERO);
        let before = os::time_suspended().checked_sub(MARGIN * 2);
        // On a machine that was never suspended there is no such time to pretend.
        if let Some(before) = before {
            watch.state().suspended = before;
            assert!(!watch.was_running());
        }
    }
}
