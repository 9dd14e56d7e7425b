//! Where lines go: the system's log, facility authpriv, without touching the host program's own use of it.
#![forbid(unsafe_code)]

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};

use crate::audit::escape;
use crate::os;
use crate::policy::Date;

/// Where syslogd and journald listen.
const SOCKET: &str = "/dev/log";
/// A log that does not take a line in this time does not get it: a login must not hang on it.
const PATIENCE: Duration = Duration::from_millis(200);

/// How urgent a line is, in syslog's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration is broken: nobody gets in.
    Alert,
    /// Something is wrong with the module's arguments or its surroundings.
    Error,
    /// A rule or a file deserves a look.
    Warning,
    /// A login was refused.
    Notice,
    /// A login succeeded, or a mechanism was left out.
    Info,
    /// Only with the argument `debug`.
    Debug,
}

/// The log of one call of the module.
pub struct Log {
    prefix: String,
    socket: PathBuf,
    debug: bool,
    logger: Option<Logger<LoggerBackend, Head>>,
}

impl Log {
    /// A log for `service`. Nothing is opened before the first line.
    #[must_use]
    pub fn new(service: &str) -> Self {
        let prefix = format!("pam_countersign({}:auth): ", escape(service));
        Self {
            prefix,
            socket: PathBuf::from(SOCKET),
            debug: false,
            logger: None,
        }
    }

    /// Writes lines of [`Level::Debug`] too.
    pub fn with_debug(&mut self) {
        self.debug = true;
    }

    /// Writes to another socket than `/dev/log` from now on.
    pub fn move_to(&mut self, socket: &Path) {
        self.socket = socket.to_owned();
        self.logger = None;
    }

    /// Writes one line. Whatever is not printable in it is escaped. A log that can't be written to changes nothing.
    pub fn line(&mut self, level: Level, text: &str) {
        if level == Level::Debug && !self.debug {
            return;
        }
        let line = format!("{}{}", self.prefix, one_line(text));
        if !self.write(level, &line) {
            // The daemon may have been restarted since the last line.
            self.logger = None;
            self.write(level, &line);
        }
    }

    fn write(&mut self, level: Level, line: &str) -> bool {
        if self.logger.is_none() {
            self.logger = connect(&self.socket);
        }
        let Some(logger) = &mut self.logger else {
            return false;
        };
        let written = match level {
            Level::Alert => logger.alert(line),
            Level::Error => logger.err(line),
            Level::Warning => logger.warning(line),
            Level::Notice => logger.notice(line),
            Level::Info => logger.info(line),
            Level::Debug => logger.debug(line),
        };
        written.is_ok()
    }
}

fn connect(socket: &Path) -> Option<Logger<LoggerBackend, Head>> {
    let datagram = UnixDatagram::unbound().ok()?;
    datagram.set_write_timeout(Some(PATIENCE)).ok()?;
    datagram.connect(socket).ok()?;
    let head = Head {
        program: program(),
        pid: std::process::id(),
    };
    Some(Logger::new(LoggerBackend::Unix(datagram), head))
}

/// What stands in front of a line: RFC 3164, section 4.1, without the name of the host, as syslog(3) writes it. The time is
/// UTC; those who read the socket have their own.
struct Head {
    program: String,
    pid: u32,
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
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (date, time) = (Date::of_epoch(seconds), seconds % 86_400);
    let month = usize::from(date.month).saturating_sub(1);
    let month = MONTHS.get(month).copied().unwrap_or_default();
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{month} {:2} {hour:02}:{minute:02}:{second:02}", date.day)
}

/// The host program, as pam_syslog(3) would name it.
fn program() -> String {
    let name: String = os::program()
        .chars()
        .filter(char::is_ascii_graphic)
        .collect();
    if name.is_empty() {
        "pam".to_owned()
    } else {
        name
    }
}

/// Values in a line are escaped by whoever puts them there; this is the net below.
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
        let mut log = Log::new("ss\nhd");
        log.move_to(&path);
        log.line(Level::Debug, "unseen");
        log.line(Level::Notice, "a\nb\u{1b}[2J");
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        std::fs::remove_file(&path).unwrap();
        let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
        // authpriv is 10, notice 5: 10 * 8 + 5.
        assert!(line.starts_with("<85>"), "{line}");
        let end = format!(
            "[{}]: pam_countersign(ss\\nhd:auth): a\\nb\\u{{1b}}[2J",
            std::process::id()
        );
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
    fn a_log_that_nobody_reads_does_not_stop_a_login() {
        let mut log = Log::new("sshd");
        log.move_to(Path::new("/nonexistent/log"));
        log.line(Level::Alert, "lost");
    }
}
