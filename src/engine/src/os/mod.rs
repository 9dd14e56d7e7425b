//! The few things of the operating system that the standard library has no safe word for.
//!
//! Unsafe code lives here and in `pam`, nowhere else. Each function does one thing and decides
//! nothing.

mod allocator;
mod cells;
mod files;
mod folder;
mod login;
mod network;
mod session;
mod signals;
mod terminal;
mod users;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use allocator::Wiping;
pub use cells::Cells;
pub use files::{Secrecy, Trusted, Unsafe, read, whole};
pub use folder::{Folder, Locked};
pub use login::{Login, LoginSession};
pub use network::{
    LookupError, await_arrival, begin_connect, connected, datagrams_to, host_addresses, interface,
    receive_now, segments_received,
};
pub use session::{Process, Session, named_ancestors};
pub use signals::{
    Continuations, Paused, await_input, interrupted, let_stops_through, pause, take_interruption,
    with_growth_refused, with_interrupts_held, with_signals_blocked, with_stops_held,
};
pub use terminal::{own_size, shows_unicode, size_of, tell_terminal, with_keys_unseen};
pub use users::{User, gid_of, gids_of, local_names_of, name_of, uid_of, user};

/// Seconds since 1970 by the wall clock. For dates in rules and logs, never for a deadline.
#[must_use]
#[allow(clippy::disallowed_methods)] // the one place
pub fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// When this program was built, in seconds since 1970: a wall clock that shows an earlier time is
/// wrong.
#[must_use]
pub fn built() -> u64 {
    env!("COUNTERSIGN_BUILT").parse().unwrap_or(0)
}

/// When a file or folder was last written, in seconds since 1970; 0 where that can't be told.
#[must_use]
pub fn written(path: &std::path::Path) -> u64 {
    let status = std::fs::symlink_metadata(path);
    status.map_or(0, |status| u64::try_from(status.mtime()).unwrap_or(0))
}

/// The time since boot, sleep included. Nobody can set it.
#[must_use]
pub fn boot_clock() -> Duration {
    Duration::from_secs(since_boot().as_secs())
}

/// The same in ticks, as [`Process::start`] counts.
#[must_use]
pub fn boot_ticks() -> u64 {
    // SAFETY: sysconf looks up a number.
    let second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let ticks = since_boot().as_nanos() * u128::try_from(second).unwrap_or(0) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn since_boot() -> Duration {
    // Exists since Linux 2.6.39.
    clock(libc::CLOCK_BOOTTIME)
}

/// How long this machine has been suspended since it was started: [`std::time::Instant`] does not
/// count that time.
#[must_use]
pub fn time_suspended() -> Duration {
    let awake = clock(libc::CLOCK_MONOTONIC);
    since_boot().saturating_sub(awake)
}

fn clock(which: libc::clockid_t) -> Duration {
    // SAFETY: the kernel fills the buffer.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(which, &mut time);
        time
    };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Whether an error is about what is there, and not about what this process has left: its caller
/// has no say in it.
#[must_use]
pub fn is_lasting(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
        || error.raw_os_error().is_some_and(files::is_lasting)
}

/// Which boot this is (random(4)).
///
/// # Errors
///
/// Where /proc can't be read.
pub fn boot_id() -> std::io::Result<String> {
    kernel_file("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// A small file of /proc. The kernel makes the whole of it at the first read.
///
/// # Errors
///
/// What open(2) and read(2) say, and what is not text or longer than a few hundred bytes.
pub fn kernel_file(path: &str) -> std::io::Result<String> {
    let mut bytes = vec![0; 1024];
    let length = std::fs::File::open(path)?.read(&mut bytes)?;
    if length == bytes.len() {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    bytes.truncate(length);
    String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

/// The name of the thread that calls, which is the program's, unless the program has said otherwise
/// (prctl(2)).
#[must_use]
pub fn program() -> String {
    let mut name = [0_u8; 16];
    // SAFETY: the kernel fills 16 bytes, the last of them with NUL.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// Who has logged in, by pam_loginuid(8), whatever rights were taken since; else who runs this
/// program.
#[must_use]
pub fn login_uid() -> u32 {
    let known = kernel_file("/proc/self/loginuid").ok();
    let known = known.and_then(|uid| uid.trim().parse().ok());
    known.filter(|uid| *uid != u32::MAX).unwrap_or_else(real_uid)
}

/// The name of this machine.
#[must_use]
pub fn host_name() -> String {
    let name = kernel_file("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

/// Who runs this program, whatever rights it has.
#[must_use]
pub fn real_uid() -> u32 {
    // SAFETY: getuid can't fail and touches nothing.
    unsafe { libc::getuid() }
}

/// Whoever's rights this program has.
#[must_use]
pub fn effective_uid() -> u32 {
    // SAFETY: geteuid can't fail and touches nothing.
    unsafe { libc::geteuid() }
}

/// Makes somebody else the one who runs this program, as far as the kernel says; whose rights it
/// has stays.
///
/// # Errors
///
/// What setreuid(2) says: only root can.
pub fn run_for(uid: u32) -> std::io::Result<()> {
    // SAFETY: setreuid touches no memory; the second value leaves the rights as they are.
    match unsafe { libc::setreuid(uid, libc::uid_t::MAX) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(test)]
pub use signals::continue_this_thread;

/// The session that the tests were started in may have lost its leader; one of their own has one.
#[cfg(test)]
fn lead_a_session() {
    // SAFETY: setsid touches no memory. It fails where this process leads its group already; then a
    // shell leads the session.
    unsafe { libc::setsid() };
}

/// Eight random bytes of the kernel's.
///
/// # Errors
///
/// Whatever getrandom(2) fails with.
pub fn random() -> std::io::Result<u64> {
    let mut bytes = [0_u8; 8];
    fill_with_random(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Random bytes of the kernel's, good enough for keys; at most 256 of them, which come at once or
/// not at all.
///
/// # Errors
///
/// Whatever getrandom(2) fails with.
pub fn fill_with_random(bytes: &mut [u8]) -> std::io::Result<()> {
    // SAFETY: the buffer is as long as is said; the kernel fills it.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    match usize::try_from(got) == Ok(bytes.len()) {
        true => Ok(()),
        false => Err(std::io::Error::last_os_error()),
    }
}
