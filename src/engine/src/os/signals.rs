//! Signals of the host program: looked at, held back for our threads, never handled; taken away by
//! our own program alone.

use std::cell::Cell;
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{mem, ptr};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// How long a pause goes on before it looks for a Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// What asks to stop.
const STOPPING: [c_int; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// The time has passed.
    Over,
    /// The user pressed Ctrl-C, or the terminal is gone.
    Interrupted,
}

/// Waits for `time`, unless a signal asks to stop.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn pause(time: Duration) -> Paused {
    let end = Instant::now() + time;
    loop {
        if interrupted() {
            return Paused::Interrupted;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Paused::Over;
        }
        std::thread::sleep(left.min(SLICE));
    }
}

/// Waits until there is something to read, or nothing more will come, unless a signal asks to stop.
pub fn await_input(from: &impl AsFd) -> Paused {
    let slice = Timespec::try_from(SLICE).ok();
    loop {
        if interrupted() {
            return Paused::Interrupted;
        }
        match poll(&mut [PollFd::new(from, PollFlags::IN)], slice.as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return Paused::Over,
        }
    }
}

/// Whether a signal that asks to stop is waiting behind the host's mask: sudo blocks Ctrl-C while a
/// module runs. In the broker, whether the program that asks says so, or is gone.
#[must_use]
pub fn interrupted() -> bool {
    is_pending(&STOPPING) || is_stopped_by_caller()
}

thread_local! {
    /// The socket to the program for which this thread runs a login, in the broker alone.
    static CALLER: Cell<Option<RawFd>> = const { Cell::new(None) };
}
/// Every login of this process is to end.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// The system asks this process to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Runs `f`, in which [`interrupted`] also heeds the program at the other end of this socket: what
/// that sends unasked is a wish to stop, and so is its end.
pub fn with_caller_heeded<R>(socket: BorrowedFd<'_>, f: impl FnOnce() -> R) -> R {
    CALLER.set(Some(socket.as_raw_fd()));
    let _unset = Unheeded;
    f()
}

struct Unheeded;

impl Drop for Unheeded {
    fn drop(&mut self) {
        CALLER.set(None);
    }
}

fn is_stopped_by_caller() -> bool {
    let Some(socket) = CALLER.get() else {
        return STOPPED.load(Ordering::Relaxed);
    };
    // SAFETY: `with_caller_heeded` borrows the socket for as long as its number stands here.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    let now = Timespec::default();
    let polled = poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&now));
    STOPPED.load(Ordering::Relaxed) || !matches!(polled, Ok(0) | Err(Errno::INTR))
}

/// Whether the program for which this thread runs a login is gone. What it has said before it went
/// does not matter any more.
#[must_use]
pub fn is_caller_gone() -> bool {
    let Some(socket) = CALLER.get() else {
        return false;
    };
    // SAFETY: as above.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    let mut polled = [PollFd::new(&socket, PollFlags::IN)];
    let asked = poll(&mut polled, Some(&Timespec::default()));
    asked.is_ok() && polled.iter().any(|polled| polled.revents().contains(PollFlags::HUP))
}

/// Ends every login of this process, as a Ctrl-C would.
pub fn stop_all() {
    STOPPED.store(true, Ordering::Relaxed);
}

/// Whether [`stop_all`] was called.
#[must_use]
pub fn is_stopping() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// From now on SIGTERM does not end this process: [`wants_end`] sees it, and waits end early. For a
/// program of our own.
pub fn note_end() {
    extern "C" fn note(_: c_int) {
        ENDING.store(true, Ordering::Relaxed);
    }
    // SAFETY: the handler does nothing but store into an atomic; a sigaction is plain data.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = note as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGTERM, &action, ptr::null_mut());
    }
}

/// Whether the system has asked this process to end, after [`note_end`].
#[must_use]
pub fn wants_end() -> bool {
    ENDING.load(Ordering::Relaxed)
}

fn is_pending(signals: &[c_int]) -> bool {
    // SAFETY: a sigset_t is plain data, initialised by sigpending before it is read.
    unsafe {
        let mut pending = mem::zeroed();
        libc::sigpending(&mut pending) == 0
            && signals.iter().any(|signal| libc::sigismember(&pending, *signal) == 1)
    }
}

/// Takes away what [`interrupted`] has seen: for a program of our own, which has ended its wait
/// because of it.
pub fn take_interruption() {
    while take(STOPPING) {}
}

/// Takes away a signal that is pending, if one of these is.
fn take(signals: impl IntoIterator<Item = c_int>) -> bool {
    // SAFETY: the set is a whole one, the time is plain data, and nothing is written.
    unsafe {
        let at_once: libc::timespec = mem::zeroed();
        libc::sigtimedwait(&set_of(signals), ptr::null_mut(), &at_once) > 0
    }
}

/// Runs `f` with every signal blocked in this thread, and so in the threads that `f` starts.
///
/// The handlers of the host (sshd, sudo) must never run on a thread that is ours.
pub fn with_signals_blocked<R>(f: impl FnOnce() -> R) -> R {
    let _restored = SignalMask::of(1..=libc::SIGRTMAX());
    f()
}

/// Runs `f` with Ctrl-C and Ctrl-\\ held back, as sudo does it around a stack: [`interrupted`] sees
/// them, and what they do is done when this returns.
pub fn with_interrupts_held<R>(f: impl FnOnce() -> R) -> R {
    let _restored = SignalMask::of([libc::SIGINT, libc::SIGQUIT]);
    f()
}

/// Runs `f` with everything held back that asks to stop, unless it is ignored anyway:
/// [`interrupted`] sees it, and what it does is done when this returns. Programs that `f` starts
/// hold it back as well.
pub fn with_stops_held<R>(f: impl FnOnce() -> R) -> R {
    let heeded = STOPPING.into_iter().filter(|signal| !is_ignored(*signal));
    let _restored = SignalMask::of(heeded);
    f()
}

/// Sees whether this process was stopped and continued, however it was done: a SIGCONT that is
/// blocked stays pending, also where nothing would be done about it. Dropping this lets it through,
/// and it does what it would have done before.
#[derive(Debug)]
pub struct Continuations {
    _restored: SignalMask,
    /// One was pending before, so that nothing can be seen.
    blind: bool,
}

impl Continuations {
    /// Looks from now on.
    #[must_use]
    pub fn watch() -> Continuations {
        let restored = SignalMask::of([libc::SIGCONT]);
        Continuations { _restored: restored, blind: is_pending(&[libc::SIGCONT]) }
    }

    /// Whether this process was continued since, or that can't be told.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.blind || is_pending(&[libc::SIGCONT])
    }
}

/// Runs `f`, which writes so many bytes to a new file: what is beyond `RLIMIT_FSIZE` fails with
/// EFBIG, as it does where SIGXFSZ is ignored. The limit is its user's, and the signal would end
/// the host.
pub fn with_growth_refused<R>(bytes: usize, f: impl FnOnce() -> R) -> R {
    if may_write(bytes) {
        return f();
    }
    let grows = [libc::SIGXFSZ];
    let _restored = SignalMask::of(grows);
    let result = f();
    take(grows);
    result
}

fn may_write(bytes: usize) -> bool {
    getrlimit(Resource::Fsize).current.is_none_or(|most| most >= bytes as u64)
}

/// Whether the program that started this one (nohup) wants it to go on.
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: a sigaction is plain data that sigaction fills; nothing is changed.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Ends what a program of our own was started with: its parent may have held back what asks to
/// stop.
pub fn let_stops_through() {
    let _ = mask(libc::SIG_UNBLOCK, &set_of(STOPPING));
}

fn set_of(signals: impl IntoIterator<Item = c_int>) -> libc::sigset_t {
    // SAFETY: a sigset_t is plain data that sigemptyset initialises.
    unsafe {
        let mut set = mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, signal);
        }
        set
    }
}

/// What a process is sent that is continued, to this thread alone.
#[cfg(test)]
pub fn continue_this_thread() {
    // SAFETY: the signal is ignored, or stays pending where it is blocked.
    unsafe { libc::raise(libc::SIGCONT) };
}

/// Changes the mask of this thread: the one that was there before, if it could be changed.
fn mask(how: c_int, signals: &libc::sigset_t) -> Option<libc::sigset_t> {
    // SAFETY: a sigset_t is plain data; both pointers outlive the call.
    unsafe {
        let mut before = mem::zeroed();
        (libc::pthread_sigmask(how, signals, &mut before) == 0).then_some(before)
    }
}

/// The mask that was there before; dropping it puts it back, also when `f` panics.
#[derive(Debug)]
struct SignalMask(Option<libc::sigset_t>);

impl SignalMask {
    /// These too.
    fn of(signals: impl IntoIterator<Item = c_int>) -> SignalMask {
        SignalMask(mask(libc::SIG_BLOCK, &set_of(signals)))
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = mask(libc::SIG_SETMASK, before);
        }
    }
}
