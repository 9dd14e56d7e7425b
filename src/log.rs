//! Where lines go: the system's log, facility authpriv, without touching the host program's own use of it.
#![forbid(unsafe_code)]

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use crate::audit::escape;

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
    logger: Option<Logger<LoggerBackend, Formatter3164>>,
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

fn connect(socket: &Path) -> Option<Logger<LoggerBackend, Formatter3164>> {
    let datagram = UnixDatagram::unbound().ok()?;
    datagram.set_write_timeout(Some(PATIENCE)).ok()?;
    datagram.connect(socket).ok()?;
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: program(),
        pid: std::process::id(),
    };
    Some(Logger::new(LoggerBackend::Unix(datagram), formatter))
}

/// The host program, as pam_syslog(3) would name it.
fn program() -> String {
    let name: String = crate::os::program()
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
    fn a_log_that_nobody_reads_does_not_stop_a_login() {
        let mut log = Log::new("sshd");
        log.move_to(Path::new("/nonexistent/log"));
        log.line(Level::Alert, "lost");
    }
}
