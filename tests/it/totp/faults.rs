//! The command killed at every system call, and with every system call failing: ptrace(2) holds it.
//! What it calls to try a code is what a login calls.

use std::collections::BTreeSet;
use std::ffi::c_long;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use countersign::local::offline::rules::CodeRefusal;

use super::machine::{Machine, code_of_secret, wrong};
use crate::support::traced::{Stop, Traced};

fn verify(machine: &Machine, code: &str) -> Traced {
    let mut command = machine.command(&["totp", "verify", "root"]);
    command.stderr(Stdio::null());
    Traced::start(&mut command, code)
}

/// A machine on which a code can be tried again and again, as if never before.
struct Bench {
    machine: Machine,
    fresh: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let machine = Machine::enrolled();
        let fresh = fs::read(machine.numbers()).unwrap();
        Self { machine, fresh }
    }

    fn refresh(&self) {
        fs::write(self.machine.numbers(), &self.fresh).unwrap();
        fs::set_permissions(self.machine.numbers(), Permissions::from_mode(0o600)).unwrap();
    }

    /// How many failures there are after a wrong code, of which something was said or not.
    #[track_caller]
    fn counted(&self, judged: bool, what: &str) -> u32 {
        let record = self.machine.store().load(0).unwrap().expect(what);
        assert_eq!((record.last_step, record.recovery.left()), (0, 10), "{what}");
        assert!(record.failures == 1 || !judged, "{what}: judged before it was counted");
        record.failures
    }

    /// After a right code: a success that was told is kept, and a code is good once.
    #[track_caller]
    fn is_used(&self, said: &str, code: &str, what: &str) -> bool {
        let store = self.machine.store();
        let record = store.load(0).unwrap().expect(what);
        let used = record.last_step > 0;
        assert!(used || said.is_empty(), "{what}: told before it was kept: {said}");
        assert!(record.failures <= 1, "{what}");
        match (used, store.check(0, code)) {
            (true, Err(CodeRefusal::Replayed)) | (false, Ok(_)) => {}
            (_, other) => panic!("{what}: {other:?}"),
        }
        used
    }
}

/// Whether the process was killed at this stop, or ended before it.
fn kill_at(traced: &Traced, stop: usize) -> bool {
    if (0..stop).any(|_| matches!(traced.next(), Stop::Exited(_))) {
        return false;
    }
    traced.kill();
    true
}

#[test]
fn a_right_code_of_a_process_that_is_killed_at_any_system_call_is_good_once() {
    let bench = Bench::new();
    let (mut fresh, mut used) = (0, 0);
    for stop in 0.. {
        bench.refresh();
        let code = code_of_secret(0);
        let traced = verify(&bench.machine, &code);
        if !kill_at(&traced, stop) {
            assert!(fresh > 50 && used > 5, "{fresh}, {used}");
            return;
        }
        let what = format!("killed at stop {stop}");
        if bench.is_used(&traced.said(), &code, &what) {
            used += 1;
        } else {
            fresh += 1;
            assert_eq!(used, 0, "what was used is good again");
        }
    }
}

#[test]
fn a_guess_of_a_process_that_is_killed_at_any_system_call_is_counted_or_was_not_judged() {
    let bench = Bench::new();
    let mut counted = Vec::new();
    for stop in 0.. {
        bench.refresh();
        let traced = Traced::start(
            bench.machine.command(&["totp", "verify", "root"]).stdout(Stdio::null()),
            wrong(),
        );
        if !kill_at(&traced, stop) {
            break;
        }
        let judged = !traced.complained().is_empty();
        counted.push(bench.counted(judged, &format!("killed at stop {stop}")));
    }
    assert!(counted.is_sorted(), "what was counted is so for good: {counted:?}");
    let after = counted.iter().filter(|count| **count == 1).count();
    // The count is on the disk, and only then the code is looked at.
    assert!(after > 10 && after < counted.len() - 50, "{counted:?}");
}

/// What a full disk, a limit on descriptors and one on memory say.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_system_call_that_fails_lets_nobody_in_uncounted() {
    let bench = Bench::new();
    let mut refused = BTreeSet::new();
    for error in [libc::ENOSPC, libc::EMFILE, libc::ENOMEM] {
        for calls in 0.. {
            bench.refresh();
            let code = code_of_secret(0);
            let traced = verify(&bench.machine, &code);
            let Some(call) = begun(&traced, calls) else {
                break;
            };
            traced.fail(error);
            let status = traced.to_the_end();
            let said = traced.said();
            let what = format!("call {call} ({calls}) failed with {error}: {status}");
            if status != 0 {
                refused.insert(call);
            }
            let is_output = call == libc::SYS_write;
            assert!(status != 0 || is_output || !said.is_empty(), "{what}");
            bench.is_used(&said, &code, &what);
        }
    }
    for call in [libc::SYS_openat, libc::SYS_mmap, libc::SYS_fdatasync, libc::SYS_statx] {
        assert!(refused.contains(&call), "{call} never mattered: {refused:?}");
    }
}

/// The system call that begins after so many others, unless it is the last one.
#[cfg(target_arch = "x86_64")]
fn begun(traced: &Traced, calls: usize) -> Option<c_long> {
    // Two stops for each call.
    if (0..2 * calls + 1).any(|_| matches!(traced.next(), Stop::Exited(_))) {
        return None;
    }
    let call = c_long::try_from(traced.registers().orig_rax).unwrap();
    if call == libc::SYS_exit_group {
        traced.kill();
        return None;
    }
    Some(call)
}

/// Power may go at any time: the count is on the disk before the code is judged, and the use of the
/// code before a caller hears of it. Nothing is locked meanwhile, and nothing grows.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_code_is_judged_and_a_success_told_when_the_count_has_reached_the_disk() {
    let bench = Bench::new();
    let traced = verify(&bench.machine, &code_of_secret(0));
    let mut calls = Vec::new();
    let mut begins = true;
    while let Stop::Call = traced.next() {
        let registers = traced.registers();
        let is_output = registers.rdi == 1;
        let name = match c_long::try_from(registers.orig_rax).unwrap_or(-1) {
            libc::SYS_fsync | libc::SYS_fdatasync => "sync",
            libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => "name",
            libc::SYS_write if is_output => "tell",
            libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_ftruncate => "write",
            libc::SYS_flock => "lock",
            _ => "",
        };
        if begins && !name.is_empty() {
            calls.push(name);
        }
        begins = !begins;
    }
    assert_eq!(calls, ["sync", "sync", "tell"]);
}
