//! The command killed at every system call, and with every system call failing: ptrace(2) holds it.

use std::collections::BTreeSet;
use std::ffi::c_long;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::ptr;

use countersign::local::offline::rules::No;

use super::machine::{Machine, code_of_secret};

/// What a stopped process is stopped at.
enum Stop {
    /// Begin or end of a system call.
    Call,
    /// It is gone, with this code.
    Exited(i32),
    /// A signal is about to be delivered.
    Signal(i32),
}

/// `countersign totp verify`, held before its first instruction.
struct Traced {
    child: Child,
    pid: i32,
}

impl Traced {
    fn verify(machine: &Machine, code: &str) -> Self {
        let mut command = machine.command(&["totp", "verify", "root"]);
        command.stderr(Stdio::null());
        // SAFETY: ptrace is safe between fork and exec, and touches nothing else.
        unsafe {
            command.pre_exec(|| {
                match libc::ptrace(
                    libc::PTRACE_TRACEME,
                    0,
                    ptr::null_mut::<u8>(),
                    ptr::null_mut::<u8>(),
                ) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(code.as_bytes()).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let traced = Self { child, pid };
        assert!(matches!(traced.wait(), Stop::Signal(libc::SIGTRAP)));
        traced.trace(
            libc::PTRACE_SETOPTIONS,
            libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL,
        );
        traced
    }

    fn trace(&self, request: u32, data: i32) {
        // SAFETY: the process is ours and stopped; no memory of ours is named.
        let done =
            unsafe { libc::ptrace(request, self.pid, ptr::null_mut::<u8>(), c_long::from(data)) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    fn wait(&self) -> Stop {
        let mut status = 0;
        // SAFETY: the process is ours, and the status is where waitpid may write.
        let waited = unsafe { libc::waitpid(self.pid, &mut status, 0) };
        assert_eq!(waited, self.pid);
        match libc::WIFSTOPPED(status) {
            true if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 => Stop::Call,
            true => Stop::Signal(libc::WSTOPSIG(status)),
            false if libc::WIFEXITED(status) => Stop::Exited(libc::WEXITSTATUS(status)),
            false => Stop::Exited(-1),
        }
    }

    fn next(&self) -> Stop {
        let mut signal = 0;
        loop {
            self.trace(libc::PTRACE_SYSCALL, signal);
            match self.wait() {
                Stop::Signal(next) => signal = next,
                stop => return stop,
            }
        }
    }

    fn kill(&self) {
        // SAFETY: the process is ours and has not been waited for.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        while !matches!(self.wait(), Stop::Exited(_)) {}
    }

    /// Standard output of a process that is gone.
    fn said(mut self) -> String {
        let mut said = String::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_string(&mut said).unwrap();
        said
    }
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
        let traced = Traced::verify(&bench.machine, &bench.code);
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

#[cfg(target_arch = "x86_64")]
impl Traced {
    fn registers(&self) -> libc::user_regs_struct {
        // SAFETY: the process is ours and stopped; the kernel fills the registers.
        unsafe {
            let mut registers = std::mem::zeroed();
            let place = ptr::from_mut(&mut registers);
            let done = libc::ptrace(libc::PTRACE_GETREGS, self.pid, ptr::null_mut::<u8>(), place);
            assert_eq!(done, 0);
            registers
        }
    }

    fn set_registers(&self, registers: &libc::user_regs_struct) {
        let place = ptr::from_ref(registers);
        // SAFETY: the process is ours and stopped; the registers are what was read, but for the number or the result.
        let done =
            unsafe { libc::ptrace(libc::PTRACE_SETREGS, self.pid, ptr::null_mut::<u8>(), place) };
        assert_eq!(done, 0);
    }

    /// The system call that has just begun does not take place, and fails.
    fn fail(&self, error: i32) {
        let mut registers = self.registers();
        registers.orig_rax = u64::MAX;
        self.set_registers(&registers);
        if matches!(self.next(), Stop::Call) {
            let mut registers = self.registers();
            registers.rax = i64::from(-error).cast_unsigned();
            self.set_registers(&registers);
        }
    }

    fn to_the_end(&self) -> i32 {
        loop {
            if let Stop::Exited(code) = self.next() {
                return code;
            }
        }
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
            let traced = Traced::verify(&bench.machine, &bench.code);
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
    let traced = Traced::verify(&bench.machine, &bench.code);
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
