//! Signals of the host program: looked at, held back for our threads, never handled; taken away by our own program alone.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use std::{mem, ptr};

/// How long a pause goes on before it looks for a Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// What asks to stop.
const STOPPING: [libc::c_int; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// The time has passed.
    Over,
    /// The user pressed Ctrl-C, or the terminal is gone.
    Interrupted,
}

/// Waits for `time`, unless a signal asks to stop.
#[allow(clippy::disallowed_methods)] // the one place
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

/// Whether a signal that asks to stop is waiting behind the host's mask: sudo blocks Ctrl-C while a module runs.
#[must_use]
pub fn interrupted() -> bool {
    // SAFETY: a sigset_t is plain data, initialised by sigpending before it is read.
    unsafe {
        let mut pending = mem::zeroed();
        libc::sigpending(&mut pending) == 0
            && STOPPING
                .into_iter()
                .any(|signal| libc::sigismember(&pending, signal) == 1)
    }
}

/// Takes away what [`interrupted`] has seen: for a program of our own, which has ended its wait because of it.
pub fn take_interruption() {
    // SAFETY: both sets are plain data, initialised before they are read; nothing is written but the first.
    unsafe {
        let mut stopping = mem::zeroed();
        libc::sigemptyset(&mut stopping);
        for signal in STOPPING {
            libc::sigaddset(&mut stopping, signal);
        }
        let at_once: libc::timespec = mem::zeroed();
        while libc::sigtimedwait(&stopping, ptr::null_mut(), &at_once) > 0 {}
    }
}

/// Waits until there is something to read, unless a signal asks to stop.
///
/// # Errors
///
/// [`io::ErrorKind::Interrupted`] for such a signal, else what poll(2) says.
pub fn readable(file: &File) -> io::Result<()> {
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    while !interrupted() {
        // SAFETY: one valid pollfd, whose descriptor the file keeps open.
        match unsafe { libc::poll(&mut poll, 1, SLICE.as_millis() as libc::c_int) } {
            0 => {}
            1 => return Ok(()),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// Runs `f` with every signal blocked in this thread, and so in the threads that `f` starts.
///
/// The handlers of the host (sshd, sudo) must never run on a thread that is ours.
pub fn with_signals_blocked<R>(f: impl FnOnce() -> R) -> R {
    let _restored = SignalMask::full();
    f()
}

/// The mask that was there before; dropping it puts it back, also when `f` panics.
struct SignalMask(Option<libc::sigset_t>);

impl SignalMask {
    fn full() -> SignalMask {
        // SAFETY: a sigset_t is plain data that sigfillset initialises; both pointers outlive the calls.
        unsafe {
            let mut all = mem::zeroed();
            let mut before = mem::zeroed();
            libc::sigfillset(&mut all);
            let set = libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            SignalMask((set == 0).then_some(before))
        }
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: `before` was written by pthread_sigmask.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
        }
    }
}
