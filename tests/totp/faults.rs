//! The command killed at every system call, and with every system call failing: ptrace(2) holds it.

use std::collections::BTreeSet;
use std::ffi::c_long;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use countersign::local::offline::rules::No;

use super::machine::{Machine, code_of_secret};
use super::traced::{Stop, Traced};

fn verify(machine: &Machine, code: &str) -> Traced {
    let mut command = machine.command(&["totp", "verify", "root"]);
    command.stderr(Stdio::null());
    Traced::start(&mut command, code)
}

/// A machine on which the same code can be tried again and again.
struct Bench {
    machine: Machine,
    code: String,
    fresh: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let machine = Machine::enrolled();
        let fresh = fs::read(machine.file()).unwrap();
        let code = code_of_secret(0);
        Self {
            machine,
            code,
            fresh,
        }
    }

    fn refresh(&mut self) {
        fs::write(self.machine.file(), &self.fresh).unwrap();
        fs::set_permissions(self.machine.file(), Permissions::from_mode(0o600)).unwrap();
        self.code = code_of_secret(0);
    }

    /// What must hold whatever has happened: the record can be read, a success that was told is in it, and the next try
    /// is judged by it.
    #[track_caller]
    fn check(&self, said: &str, what: &str) {
        let store = self.machine.store();
        let record = store.load(0).unwrap().expect(what);
        let used = record.last_step > 0;
        assert!(
            used || said.is_empty(),
            "{what}: told before it was kept: {said}"
        );
        assert_eq!(record.recovery.left(), 10, "{what}");
        assert_eq!(record.failures, 0, "{what}");
        match (used, store.check(0, &self.code)) {
            (true, Err(No::Replayed)) | (false, Ok(_)) => {}
            (_, other) => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_process_that_is_killed_at_any_system_call_leaves_the_old_or_the_new() {
    let mut bench = Bench::new();
    let (mut old, mut new) = (0, 0);
    for stops in 0.. {
        bench.refresh();
        let traced = verify(&bench.machine, &bench.code);
        let ended = (0..stops).any(|_| matches!(traced.next(), Stop::Exited(_)));
        if ended {
            assert!(old > 50 && new > 5, "{old}, {new}");
            return;
        }
        traced.kill();
        let changed = fs::read(bench.machine.file()).unwrap() != bench.fresh;
        match changed {
            true => new += 1,
            false => old += 1,
        }
        assert!(new == 0 || changed, "what was new is old again");
        bench.check(&traced.said(), &format!("killed at stop {stops}"));
    }
}

/// What a full disk, a read-only one and a broken one say.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_disk_that_fails_at_any_system_call_lets_nobody_in_unless_it_was_written() {
    let mut bench = Bench::new();
    let mut refused = BTreeSet::new();
    for error in [libc::ENOSPC, libc::EROFS, libc::EIO] {
        for calls in 0.. {
            bench.refresh();
            let traced = verify(&bench.machine, &bench.code);
            // Two stops for each call.
            let ended = (0..2 * calls + 1).any(|_| matches!(traced.next(), Stop::Exited(_)));
            if ended {
                break;
            }
            let call = traced.registers().orig_rax;
            if call == u64::try_from(libc::SYS_exit_group).unwrap() {
                traced.kill();
                break;
            }
            traced.fail(error);
            let code = traced.to_the_end();
            let said = traced.said();
            let what = format!("call {call} ({calls}) failed with {error}: code {code}");
            if code != 0 && error == libc::ENOSPC {
                refused.insert(c_long::try_from(call).unwrap());
            }
            let is_output = call == u64::try_from(libc::SYS_write).unwrap();
            assert!(code != 0 || is_output || !said.is_empty(), "{what}");
            bench.check(&said, &what);
        }
    }
    for call in [
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_fsync,
        libc::SYS_renameat,
        libc::SYS_flock,
        libc::SYS_statx,
    ] {
        assert!(
            refused.contains(&call),
            "{call} never mattered: {refused:?}"
        );
    }
}

/// Power may go at any time: bytes before their name, and both before anybody hears of it.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_success_is_told_when_file_and_folder_have_reached_the_disk() {
    let bench = Bench::new();
    let traced = verify(&bench.machine, &bench.code);
    let mut calls = Vec::new();
    let mut begins = true;
    while let Stop::Call = traced.next() {
        let registers = traced.registers();
        let is_output = registers.rdi == 1;
        let name = match c_long::try_from(registers.orig_rax).unwrap_or(-1) {
            libc::SYS_fsync => "sync",
            libc::SYS_renameat => "rename",
            libc::SYS_write if is_output => "tell",
            libc::SYS_write => "write",
            libc::SYS_flock => "lock",
            _ => "",
        };
        if begins && !name.is_empty() {
            calls.push(name);
        }
        begins = !begins;
    }
    assert_eq!(
        calls,
        ["lock", "write", "sync", "rename", "sync", "lock", "tell"]
    );
}
