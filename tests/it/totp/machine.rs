//! A machine with a configuration, the command on it, and a terminal to type at.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test equipment"
)]

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::local::offline::Store;
use countersign::local::offline::moment::Moment;
use countersign::local::offline::record::Enrolment;
use countersign::os;
use countersign::otpauth::{self, Key};

pub const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The code of now.
pub fn code(key: &Key) -> String {
    key.code_at(os::wall_clock()).to_string()
}

/// The code of the step that is so many away.
pub fn code_of_secret(distance: i64) -> String {
    let time = os::wall_clock().checked_add_signed(30 * distance).unwrap();
    otpauth::read(SECRET).unwrap().code_at(time).to_string()
}

/// No code of now.
pub fn wrong() -> &'static str {
    let key = otpauth::read(SECRET).unwrap();
    let wrong = |code: &&&str| key.step_of(code, os::wall_clock()).is_none();
    let candidates = ["000000", "000001", "000002", "000003"];
    candidates.iter().find(wrong).unwrap()
}

pub struct Machine(PathBuf);

impl Machine {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-totp-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let config = format!(
            "[tenant]\nurl = \"https://tenant.example\"\n[offline]\nenabled = true\n\
             first_factor = \"pam_unix\"\nfolder = \"{path}/kept\"\n"
        );
        let machine = Self(path.into());
        let file = machine.0.join("countersign.toml");
        fs::write(&file, config).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
        machine
    }

    /// root is enrolled, with the key of RFC 4226.
    pub fn enrolled() -> Self {
        let machine = Self::new();
        let key = otpauth::read(SECRET).unwrap();
        let now = Moment::now().unwrap();
        let enrolment = Enrolment::new(0, "root", key, &now).unwrap();
        machine.store().enroll(&enrolment.record).unwrap();
        machine
    }

    pub fn store(&self) -> Store {
        Store::open(&self.0.join("kept")).unwrap()
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("kept/totp-0")
    }

    /// The numbers that logins change.
    pub fn numbers(&self) -> PathBuf {
        let names = self.files();
        let name = names.iter().find(|name| name.starts_with("tries-0-"));
        self.0.join("kept").join(name.unwrap())
    }

    /// Whatever is in the folder of the records.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("kept")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    /// The command, without a terminal.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("--config").arg(self.0.join("countersign.toml"));
        command.args(arguments);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: setsid is safe between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            })
        };
        command
    }

    /// Standard output, standard error and exit code. The folder is written as DIR, seconds as 0.
    pub fn run(&self, arguments: &[&str], input: &str) -> (String, String, i32) {
        let mut child = self.command(arguments).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.replace(self.0.to_str().unwrap(), "DIR");
            text.replace(" 1 s ago", " 0 s ago")
        };
        let code = output.status.code().unwrap();
        (text(output.stdout), text(output.stderr), code)
    }

    #[track_caller]
    pub fn prints(&self, arguments: &[&str], input: &str, expected: &str) {
        let all = (expected.to_owned(), String::new(), 0);
        assert_eq!(self.run(arguments, input), all, "{arguments:?}");
    }

    #[track_caller]
    pub fn fails(&self, arguments: &[&str], input: &str, expected: &str) {
        let all = (String::new(), expected.to_owned(), 1);
        assert_eq!(self.run(arguments, input), all, "{arguments:?}");
    }

    pub fn spawn_verify(&self, code: &str) -> Child {
        let mut child = self.command(&["totp", "verify", "root"]).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(code.as_bytes()).unwrap();
        child
    }

    /// Whether a code was right, and what was said.
    pub fn verify(&self, code: &str) -> (bool, String) {
        let (out, err, status) = self.run(&["totp", "verify", "root"], code);
        (status == 0, out + &err)
    }

    /// The command at a terminal, with its standard output elsewhere.
    pub fn on_a_terminal(&self, arguments: &[&str]) -> Session {
        self.on_a_terminal_in("C.UTF-8", arguments)
    }

    /// On one that is said to have this locale.
    pub fn on_a_terminal_in(&self, locale: &str, arguments: &[&str]) -> Session {
        let (mut ours, mut theirs) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: openpty fills both descriptors, which are ours alone.
        let (ours, theirs) = unsafe {
            let opened = libc::openpty(&mut ours, &mut theirs, none, none.cast(), none.cast());
            assert_eq!(opened, 0);
            (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
        };
        let mut command = self.command(arguments);
        command.env_remove("LC_ALL").env_remove("LC_CTYPE");
        command.env("LANG", locale).env("TERM", "xterm");
        command.stdin(theirs.try_clone().unwrap()).stderr(theirs);
        // SAFETY: ioctl is safe between fork and exec; descriptor 0 is the terminal.
        unsafe {
            command.pre_exec(|| match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            })
        };
        let child = command.spawn().unwrap();
        Session { terminal: ours, child, unread: String::new() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command at a terminal.
pub struct Session {
    terminal: File,
    child: Child,
    unread: String,
}

impl Session {
    /// What is shown up to and with this text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.unread.find(text) {
                let rest = self.unread.split_off(at + text.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            assert!(self.read(), "no {text:?} in {:?}", self.unread);
        }
    }

    fn read(&mut self) -> bool {
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            // EIO: the other end is closed.
            let length = self.terminal.read(&mut buffer).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..length]);
            if length == 0 || std::str::from_utf8(&bytes).is_ok() {
                self.unread.push_str(&String::from_utf8(bytes).unwrap().replace('\r', ""));
                return length > 0;
            }
        }
    }

    /// The same with a prompt behind which nothing that is typed is shown.
    #[track_caller]
    pub fn until_unseen(&mut self, prompt: &str) -> String {
        let shown = self.until(prompt);
        // SAFETY: tcgetattr fills the structure or fails.
        let echoes = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.terminal.as_raw_fd(), &mut settings), 0);
            settings.c_lflag & libc::ECHO != 0
        };
        assert!(!echoes, "what is typed at {prompt:?} can be seen");
        shown
    }

    pub fn type_line(&mut self, text: &str) {
        self.terminal.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// What else is shown, standard output and exit code.
    pub fn end(mut self) -> (String, String, i32) {
        while self.read() {}
        let output = self.child.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let out = out.replace(" 1 s ago", " 0 s ago");
        (self.unread, out, output.status.code().unwrap())
    }
}
