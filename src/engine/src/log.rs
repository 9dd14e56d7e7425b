//! Where lines go: the system's log, facility authpriv, without touching the host program's own use
//! of it.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};
use time::UtcDateTime;

use crate::audit::escape;
use crate::os;
pub use crate::refusal::Level;

/// Where syslogd and journald listen.
const SOCKET: &str = "/dev/log";
/// All lines of a login but the last wait no longer than this for the log, together. Every user of
/// the machine can write to the socket and fill its queue, and a login must not hang on it.
const PATIENCE: Duration = Duration::from_millis(100);
/// The line that tells how the login ended may wait so much longer.
const RESERVE: Duration = Duration::from_millis(200);

/// A line that took longer than this has waited.
const AT_ONCE: Duration = Duration::from_millis(5);

/// The log of one call of the module. All parts of a login write to it.
pub struct Log(RefCell<Lines>);

impl Log {
    /// A log for `service`. Nothing is opened before the first line.
    #[must_use]
    pub fn new(service: &str) -> Self {
        Self(RefCell::new(Lines {
            prefix: format!("pam_countersign({}:auth): ", escape(service)),
            socket: PathBuf::from(SOCKET),
            debug: false,
            is_silent: false,
            logger: None,
            sender: None,
            patience: PATIENCE,
            lost: 0,
        }))
    }

    /// A log that writes nothing.
    #[must_use]
    pub fn silent() -> Self {
        let log = Self::new("");
        log.0.borrow_mut().is_silent = true;
        log
    }

    /// Writes in the name of another program, with its number.
    pub fn for_program(&self, (name, pid): (String, u32)) {
        self.0.borrow_mut().sender = Some((name, pid));
    }

    /// Writes lines of [`Level::Debug`] too.
    pub fn with_debug(&self) {
        self.0.borrow_mut().debug = true;
    }

    /// Writes to another socket than `/dev/log` from now on.
    pub fn move_to(&self, socket: &Path) {
        let mut lines = self.0.borrow_mut();
        socket.clone_into(&mut lines.socket);
        lines.logger = None;
    }

    /// Writes one line. Whatever is not printable in it is escaped. A log that can't be written to
    /// changes nothing.
    pub fn line(&self, level: Level, text: &str) {
        self.0.borrow_mut().line(level, text);
    }

    /// Writes the line that tells how a login ended, for which some time is kept.
    pub fn last_line(&self, level: Level, text: &str) {
        let mut lines = self.0.borrow_mut();
        lines.patience = lines.patience.saturating_add(RESERVE);
        lines.line(level, text);
    }
}

/// Where the lines go, and how it went so far.
struct Lines {
    prefix: String,
    socket: PathBuf,
    debug: bool,
    is_silent: bool,
    logger: Option<Logger<LoggerBackend, Head>>,
    /// The program that the lines are of, where it is not this one.
    sender: Option<(String, u32)>,
    /// How long lines may still wait.
    patience: Duration,
    /// How many lines the log did not take since the last one that it took.
    lost: u32,
}

impl Lines {
    fn line(&mut self, level: Level, text: &str) {
        if self.is_silent || level == Level::Debug && !self.debug {
            return;
        }
        if self.lost > 0 {
            let note = format!("lines that the log did not take before this one: {}", self.lost);
            if self.deliver(Level::Warning, &note) {
                self.lost = 0;
            }
        }
        if !self.deliver(level, text) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Whether the log has taken the line. It is tried again where the daemon may have been
    /// restarted since the last one, and not where it takes nothing.
    fn deliver(&mut self, level: Level, text: &str) -> bool {
        let line = format!("{}{}", self.prefix, one_line(text));
        let begun = Instant::now();
        let written = self.write(level, &line).or_else(|error| {
            self.logger = None;
            if error.kind() == io::ErrorKind::WouldBlock {
                return Err(error);
            }
            self.write(level, &line)
        });
        let time = begun.elapsed();
        if time > AT_ONCE {
            // The next line gets a socket that waits no longer than what is left.
            self.patience = self.patience.saturating_sub(time);
            self.logger = None;
        }
        written.is_ok()
    }

    fn write(&mut self, level: Level, line: &str) -> io::Result<()> {
        let logger = match &mut self.logger {
            Some(logger) => logger,
            None => {
                let head = Head::of(self.sender.as_ref());
                self.logger.insert(connect(&self.socket, self.patience, head)?)
            }
        };
        let written = match level {
            Level::Alert => logger.alert(line),
            Level::Error => logger.err(line),
            Level::Warning => logger.warning(line),
            Level::Notice => logger.notice(line),
            Level::Info => logger.info(line),
            Level::Debug => logger.debug(line),
        };
        written.map_err(|error| match error {
            syslog::Error::Write(error) | syslog::Error::Io(error) => error,
            syslog::Error::Initialization(_) => io::ErrorKind::Other.into(),
        })
    }
}

/// A socket that waits so long for room in the queue of the log, and not at all without patience.
fn connect(
    socket: &Path,
    patience: Duration,
    head: Head,
) -> io::Result<Logger<LoggerBackend, Head>> {
    let datagram = UnixDatagram::unbound()?;
    if patience.is_zero() {
        datagram.set_nonblocking(true)?;
    } else {
        datagram.set_write_timeout(Some(patience))?;
    }
    datagram.connect(socket)?;
    Ok(Logger::new(LoggerBackend::Unix(datagram), head))
}

/// What stands in front of a line: RFC 3164, section 4.1, without the name of the host, as
/// syslog(3) writes it; the formatter of the crate writes `Nov 02` for `Nov  2`. The time is UTC;
/// those who read the socket have their own.
struct Head {
    program: String,
    pid: u32,
}

impl Head {
    fn of(sender: Option<&(String, u32)>) -> Self {
        match sender {
            Some((name, pid)) => Self { program: graphic(name), pid: *pid },
            None => Self { program: graphic(&os::program()), pid: std::process::id() },
        }
    }
}

impl LogFormat<&str> for Head {
    fn format<W: Write>(
        &self,
        to: &mut W,
        severity: Severity,
        line: &str,
    ) -> Result<(), syslog::Error> {
        let priority = Facility::LOG_AUTHPRIV as u8 | severity as u8;
        let (program, pid) = (&self.program, self.pid);
        let now = moment(os::wall_clock());
        write!(to, "<{priority}>{now} {program}[{pid}]: {line}").map_err(syslog::Error::Write)
    }
}

/// `Nov  2 03:04:05`.
fn moment(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok();
    let at = at.and_then(|seconds| UtcDateTime::from_unix_timestamp(seconds).ok());
    let at = at.unwrap_or(UtcDateTime::UNIX_EPOCH);
    let (hour, minute, second) = at.as_hms();
    format!("{:.3} {:2} {hour:02}:{minute:02}:{second:02}", at.month(), at.day())
}

/// The host program, as pam_syslog(3) would name it.
fn graphic(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_graphic).collect();
    if name.is_empty() { "pam".to_owned() } else { name }
}

/// The code that puts a value into a line escapes it. This is the net below.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => line.push(c),
            _ => line.extend(c.escape_default()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_the_socket_with_facility_and_prefix_and_nothing_raw() {
        let path = PathBuf::from(format!("/tmp/countersign-log-{}", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        let log = Log::new("ss\nhd");
        log.move_to(&path);
        log.line(Level::Debug, "unseen");
        log.line(Level::Notice, "a\nb\u{1b}[2J");
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        std::fs::remove_file(&path).unwrap();
        let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
        // authpriv is 10, notice 5: 10 * 8 + 5.
        assert!(line.starts_with("<85>"), "{line}");
        let end =
            format!("[{}]: pam_countersign(ss\\nhd:auth): a\\nb\\u{{1b}}[2J", std::process::id());
        assert!(line.ends_with(&end), "{line}");
    }

    #[test]
    fn the_time_is_written_as_syslog_does_it() {
        for (seconds, written) in [
            (0, "Jan  1 00:00:00"),
            (951_782_399, "Feb 28 23:59:59"),
            (951_827_696, "Feb 29 12:34:56"),
            (1_798_761_599, "Dec 31 23:59:59"),
        ] {
            assert_eq!(moment(seconds), written);
        }
    }

    #[test]
    fn a_log_that_is_not_there_or_of_another_kind_does_not_stop_a_login() {
        let path = PathBuf::from(format!("/tmp/countersign-stream-{}", std::process::id()));
        let _stream = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for socket in [Path::new("/nonexistent/log"), &path] {
            let log = Log::new("sshd");
            log.move_to(socket);
            log.line(Level::Alert, "lost");
            assert_eq!(log.0.borrow().lost, 1);
        }
        std::fs::remove_file(&path).unwrap();
    }

    fn text(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let (_, text) = line.split_once("auth): ").unwrap();
        text.to_owned()
    }

    /// How long lines may still wait, and how many are lost.
    fn waits(log: &Log) -> (Duration, u32) {
        let lines = log.0.borrow();
        (lines.patience, lines.lost)
    }

    /// Every user of a machine can fill the queue.
    #[test]
    fn a_log_that_is_full_costs_a_login_one_patience_and_what_is_missing_is_told() {
        let path = PathBuf::from(format!("/tmp/countersign-full-{}", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        let flood = UnixDatagram::unbound().unwrap();
        flood.set_nonblocking(true).unwrap();
        let flooded = std::iter::repeat_with(|| flood.send_to(b"x", &path));
        let flooded = flooded.take_while(Result::is_ok).count();
        let log = Log::new("sudo");
        log.move_to(&path);
        for _ in 0..50 {
            log.line(Level::Warning, "lost");
        }
        assert_eq!(waits(&log), (Duration::ZERO, 50));
        log.last_line(Level::Notice, "lost too");
        assert_eq!(waits(&log), (Duration::ZERO, 51));
        let mut buffer = [0; 16];
        (0..flooded).for_each(|_| assert_eq!(socket.recv(&mut buffer).unwrap(), 1));
        log.line(Level::Info, "heard");
        let missing = "lines that the log did not take before this one: 51";
        assert_eq!([text(&socket), text(&socket)], [missing, "heard"]);
        std::fs::remove_file(&path).unwrap();
    }
}
