//! A program that ptrace(2) holds at every system call.

use std::ffi::c_long;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::ptr;

/// What a stopped process is stopped at.
pub enum Stop {
    /// Begin or end of a system call.
    Call,
    /// It is gone, with this code.
    Exited(i32),
    /// A signal is about to be delivered.
    Signal(i32),
}

/// A program, held before its first instruction.
pub struct Traced {
    pub child: Child,
    pid: i32,
}

impl Traced {
    /// Starts a program with something on its standard input.
    pub fn start(command: &mut Command, input: &str) -> Self {
        command.stdin(Stdio::piped());
        // SAFETY: both calls are safe between fork and exec, and touch nothing else.
        unsafe {
            command.pre_exec(|| {
                // A runner of tests in the background may have had them ignored.
                for stop in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
                    libc::signal(stop, libc::SIG_DFL);
                }
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
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let traced = Self { child, pid };
        assert!(matches!(traced.wait(), Stop::Signal(libc::SIGTRAP)));
        traced
            .trace(libc::PTRACE_SETOPTIONS, libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL);
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
        if libc::WIFSTOPPED(status) {
            match libc::WSTOPSIG(status) {
                signal if signal == libc::SIGTRAP | 0x80 => Stop::Call,
                signal => Stop::Signal(signal),
            }
        } else if libc::WIFEXITED(status) {
            Stop::Exited(libc::WEXITSTATUS(status))
        } else {
            Stop::Exited(-1)
        }
    }

    pub fn next(&self) -> Stop {
        let mut signal = 0;
        loop {
            self.trace(libc::PTRACE_SYSCALL, signal);
            match self.wait() {
                Stop::Signal(next) => signal = next,
                stop => return stop,
            }
        }
    }

    pub fn kill(&self) {
        // SAFETY: the process is ours and has not been waited for.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        while !matches!(self.wait(), Stop::Exited(_)) {}
    }

    /// What is on standard output of a process that lives.
    pub fn said_so_far(&mut self) -> String {
        let out = self.child.stdout.as_mut().unwrap();
        let mut bytes = [0; 4096];
        let mut waiting = libc::pollfd { fd: out.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, which outlives the call.
        let is_waiting = unsafe { libc::poll(&mut waiting, 1, 0) } != 0;
        let length = if is_waiting { out.read(&mut bytes).unwrap() } else { 0 };
        String::from_utf8_lossy(bytes.get(..length).unwrap()).into_owned()
    }

    /// Standard error of a process that is gone.
    pub fn complained(mut self) -> String {
        let mut said = String::new();
        let mut err = self.child.stderr.take().unwrap();
        err.read_to_string(&mut said).unwrap();
        said
    }

    /// Standard output of a process that is gone.
    pub fn said(mut self) -> String {
        let mut said = String::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_string(&mut said).unwrap();
        said
    }
}

#[cfg(target_arch = "x86_64")]
impl Traced {
    pub fn registers(&self) -> libc::user_regs_struct {
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
        // SAFETY: the process is ours and stopped; the registers are what was read, but for the
        // number or the result.
        let done =
            unsafe { libc::ptrace(libc::PTRACE_SETREGS, self.pid, ptr::null_mut::<u8>(), place) };
        assert_eq!(done, 0);
    }

    /// The system call that has just begun does not take place, and fails.
    pub fn fail(&self, error: i32) {
        let mut registers = self.registers();
        registers.orig_rax = u64::MAX;
        self.set_registers(&registers);
        if matches!(self.next(), Stop::Call) {
            let mut registers = self.registers();
            registers.rax = i64::from(-error).cast_unsigned();
            self.set_registers(&registers);
        }
    }

    pub fn to_the_end(&self) -> i32 {
        loop {
            if let Stop::Exited(code) = self.next() {
                return code;
            }
        }
    }
}
