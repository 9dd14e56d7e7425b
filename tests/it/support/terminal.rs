//! A person at a pseudo-terminal, with a program that was started from it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with one program. The program's standard output and error go elsewhere.
pub struct Terminal {
    master: File,
    /// Held, because a terminal without a holder is gone; the program opens it when it wants to.
    _slave: OwnedFd,
    child: Child,
    screen: Vec<u8>,
    /// How much of it stood there when a line was typed last.
    before: usize,
}

/// What there was to see, on the terminal and elsewhere, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub screen: String,
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Terminal {
    pub fn start(command: &mut Command) -> Terminal {
        Terminal::start_with(command, Stdio::null())
    }

    /// Starts a program whose standard input is not the terminal.
    pub fn start_with(command: &mut Command, input: Stdio) -> Terminal {
        let (master, slave) = pair();
        let terminal = slave.as_raw_fd();
        command
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: all calls are safe between fork and exec (signal-safety(7)); the slave is open
        // until then.
        unsafe {
            command.pre_exec(move || {
                // A runner of tests in the background may have had them ignored.
                for stop in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
                    libc::signal(stop, libc::SIG_DFL);
                }
                if libc::setsid() == -1 || libc::ioctl(terminal, libc::TIOCSCTTY, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        Terminal { master: File::from(master), _slave: slave, child, screen: Vec::new(), before: 0 }
    }

    /// Everything that has been shown, without the carriage returns that a terminal needs.
    pub fn screen(&self) -> String {
        plain(&self.screen)
    }

    /// Reads until `text` stands at the end of what has come since a line was typed; panics if that
    /// does not happen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !plain(&self.screen[self.before..]).ends_with(text) {
            let ended = Instant::now() > end || self.child.try_wait().unwrap().is_some();
            let more = self.read(100);
            assert!(more || !ended, "expected {text:?} at the end of:\n{}", self.screen());
        }
    }

    /// The same with a prompt behind which nothing that is typed is shown.
    #[track_caller]
    pub fn wait_for_unseen(&mut self, prompt: &str) {
        self.wait_for(prompt);
        assert!(!self.echoes(), "what is typed at {prompt:?} can be seen");
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Presses keys, such as Ctrl-C (`\u{3}`).
    pub fn press(&mut self, keys: &str) {
        self.before = self.screen.len();
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Takes the terminal away, as a connection does that is lost.
    pub fn hang_up(&self) {
        let child = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: the child has not been waited for.
        assert_eq!(unsafe { libc::kill(child, libc::SIGHUP) }, 0);
    }

    /// Waits for the end of the program, which must leave the terminal as it was.
    pub fn end(mut self) -> Seen {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            self.read(20);
            assert!(Instant::now() < end, "no end after:\n{}", self.screen());
        }
        while self.read(0) {}
        assert!(self.echoes(), "nothing that is typed can be seen any more");
        let screen = self.screen();
        let output = self.child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Seen {
            screen,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code(),
        }
    }

    /// Whatever comes within some time, if anything does.
    fn read(&mut self, millis: i32) -> bool {
        let mut poll =
            libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        if unsafe { libc::poll(&mut poll, 1, millis) } != 1 {
            return false;
        }
        let mut some = [0; 4096];
        let count = self.master.read(&mut some).unwrap();
        self.screen.extend_from_slice(&some[..count]);
        count > 0
    }

    fn echoes(&self) -> bool {
        // SAFETY: tcgetattr fills the structure or fails.
        unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.master.as_raw_fd(), &mut settings), 0);
            settings.c_lflag & libc::ECHO != 0
        }
    }
}

fn plain(screen: &[u8]) -> String {
    String::from_utf8_lossy(screen).replace('\r', "")
}

fn pair() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: openpty writes two descriptors, which are ours alone, and is asked for nothing
    // more.
    unsafe {
        let done = libc::openpty(&mut master, &mut slave, null.cast(), null.cast(), null.cast());
        assert_eq!(done, 0);
        for fd in [master, slave] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}
