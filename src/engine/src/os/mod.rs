//! The few things of the operating system that the standard library has no safe word for.
//!
//! Unsafe code lives here and in `pam`, nowhere else. Each function does one thing and decides
//! nothing.

mod allocator;
mod cells;
mod files;
mod folder;
mod login;
mod mapped;
mod network;
mod packets;
mod session;
mod signals;
mod terminal;
mod users;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};
use time::{Date, UtcDateTime};

pub use allocator::Wiping;
pub use cells::Cells;
pub use files::{BROKER, Opened, Secrecy, Trusted, Unsafe, read, whole};
pub use folder::{Folder, Locked};
pub use login::{Login, LoginSession};
pub use mapped::Mapped;
pub use network::{
    LookupError, await_arrival, begin_connect, connected, datagrams_to, host_addresses, interface,
    receive_now, segments_received,
};
pub use packets::{
    Peer, Waiting, accept_packets, connect_packets, listens_for_packets, peek_length, peek_packet,
    peer, send_packet, socket_from_system, take_packet,
};
pub use session::{Process, Session, named_ancestors};
pub use signals::{
    Continuations, Paused, await_input, interrupted, is_caller_gone, is_stopping,
    let_stops_through, note_end, pause, stop_all, take_interruption, wants_end, with_caller_heeded,
    with_growth_refused, with_interrupts_held, with_signals_blocked, with_stops_held,
};
pub use terminal::{own_size, shows_unicode, size_of, tell_terminal, with_keys_unseen};
pub use users::{User, gid_of, gids_of, local_names_of, name_of, uid_of, user};

/// Seconds since 1970 by the wall clock. For dates in rules and logs, never for a deadline.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// The day that holds a time in seconds since 1970, in UTC: the caller could choose the local time
/// zone. A time that no calendar has falls on the last day.
#[must_use]
pub fn day(seconds: u64) -> Date {
    let at = i64::try_from(seconds).ok();
    let at = at.and_then(|seconds| UtcDateTime::from_unix_timestamp(seconds).ok());
    at.map_or(Date::MAX, UtcDateTime::date)
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

/// The time since boot, sleep included. No process can set it.
#[must_use]
pub fn boot_clock() -> Duration {
    Duration::from_secs(since_boot().as_secs())
}

/// The same in ticks, as [`Process::start`] counts.
#[must_use]
pub fn boot_ticks() -> u64 {
    let second = u128::from(rustix::param::clock_ticks_per_second());
    let ticks = since_boot().as_nanos() * second / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn since_boot() -> Duration {
    // Exists since Linux 2.6.39.
    clock(ClockId::Boottime)
}

/// How long this machine has been suspended since it was started: [`std::time::Instant`] does not
/// count that time.
#[must_use]
pub fn time_suspended() -> Duration {
    let awake = clock(ClockId::Monotonic);
    since_boot().saturating_sub(awake)
}

fn clock(which: ClockId) -> Duration {
    Duration::try_from(clock_gettime(which)).unwrap_or_default()
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
    rustix::thread::name().map_or_else(|_| String::new(), |name| name.to_string_lossy().into())
}

/// Who has logged in, by pam_loginuid(8), whatever rights were taken since; else who runs this
/// program.
#[must_use]
pub fn login_uid() -> u32 {
    let known = kernel_file("/proc/self/loginuid").ok();
    let known = known.and_then(|uid| uid.trim().parse().ok());
    known.filter(|uid| *uid != u32::MAX).unwrap_or_else(real_uid)
}

/// Who runs another process of this machine, whatever rights it has; `None` where that can't be
/// told.
#[must_use]
pub fn real_uid_of(pid: u32) -> Option<u32> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(path).ok()?;
    let uids = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    uids.split_ascii_whitespace().next()?.parse().ok()
}

/// Has all threads share few arenas of memory (mallopt(3)): a process of many threads then stays
/// small.
pub fn share_memory() {
    // SAFETY: mallopt touches nothing but the allocator's own settings.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}

/// Gives memory that is free back to the system (malloc_trim(3)).
pub fn return_memory() {
    // SAFETY: only memory that is free is given back.
    unsafe { libc::malloc_trim(0) };
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
    rustix::process::getuid().as_raw()
}

/// The user whose rights this program has.
#[must_use]
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes another user the one who runs this program, as far as the kernel says; whose rights it
/// has stays.
///
/// # Errors
///
/// What setreuid(2) says: only root can.
pub fn run_for(uid: u32) -> std::io::Result<()> {
    // SAFETY: setreuid touches no memory; the second value leaves the rights as they are. The C
    // library changes every thread of the process, a system call changes one.
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
    // It fails where this process leads its group already; then a shell leads the session.
    let _ = rustix::process::setsid();
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
    let length = bytes.len();
    if getrandom(bytes, GetRandomFlags::empty())? == length {
        Ok(())
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn a_time_falls_on_its_day() {
        for (seconds, written) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_675_200, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(seconds).to_string(), written);
        }
    }

    #[test]
    fn a_clock_out_of_its_mind_is_far_in_the_future() {
        assert!(day(u64::MAX) > day(4_107_542_400));
    }
}
