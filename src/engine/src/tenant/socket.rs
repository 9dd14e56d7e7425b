//! A TCP connection on which every call ends by a deadline.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{cmp, mem};

use super::failure::{Failure, Local, Outage};
use super::watch::{SLICE, Watch};
use crate::os;

/// The kernel is told to come back after this long at the latest, and is then asked again: one
/// setting serves a whole login, but for the last second of a deadline.
const TICK: Duration = if cfg!(test) { Duration::from_millis(5) } else { SLICE };

/// How long a signal that asks to stop may go unseen.
const MOMENT: Duration = Duration::from_millis(100);

/// The longest that the first of several addresses may keep the others waiting.
const HASTE: Duration = Duration::from_millis(500);

/// What one exchange may bring over the wire at most, TLS and chunks included.
const ALLOWANCE: usize = 1024 * 1024;

/// A connected socket. Reading and writing fail with `TimedOut` after the deadline, with
/// `FileTooLarge` after the allowance, and go on after a signal.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    deadline: Instant,
    watch: Watch,
    /// Whether a byte has come on this connection.
    heard: bool,
    allowance: usize,
    read_timeout: Duration,
    write_timeout: Duration,
    heeds_stops: bool,
}

impl Socket {
    /// Connects to the first address that answers: all of them in haste, then those that were
    /// silent with patience.
    pub(super) fn connect(
        addresses: &[SocketAddr],
        deadline: Instant,
        watch: &Watch,
    ) -> Result<Socket, Failure> {
        let mut worst = Failure::local(Local::Request, "no address to connect to");
        if left(deadline).is_zero() {
            return Err(Failure::local(Local::NoTime, "to connect"));
        }
        let mut silent = addresses.to_vec();
        let haste = cmp::min(HASTE, left(deadline) / 2 / cmp::max(silent.len(), 1) as u32);
        let rounds: &[Duration] =
            if silent.len() > 1 { &[haste, Duration::MAX] } else { &[Duration::MAX] };
        for (round, &patience) in rounds.iter().enumerate() {
            let trying = mem::take(&mut silent);
            for (tried, address) in trying.iter().enumerate() {
                let share = left(deadline) / (trying.len() - tried) as u32;
                let time = cmp::min(share, patience).max(Duration::from_millis(1));
                let error = match connect_to(address, time, watch) {
                    Ok(stream) => return Socket::new(stream, deadline, watch.clone()),
                    Err(error) => error,
                };
                if error.kind() == ErrorKind::TimedOut {
                    silent.push(*address);
                }
                let failure = refused(address, &error);
                if (round, tried) == (0, 0) || failure.weight() > worst.weight() {
                    worst = failure;
                }
            }
        }
        Err(worst)
    }

    fn new(stream: TcpStream, deadline: Instant, watch: Watch) -> Result<Socket, Failure> {
        stream.set_nodelay(true).map_err(|error| Failure::connected(&error))?;
        let (read_timeout, write_timeout) = (Duration::ZERO, Duration::ZERO);
        Ok(Socket {
            stream,
            deadline,
            watch,
            heard: false,
            allowance: ALLOWANCE,
            read_timeout,
            write_timeout,
            heeds_stops: false,
        })
    }

    /// From now on everything ends by this time.
    pub(super) fn until(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Whether reading fails as soon as a signal asks to stop.
    pub(super) fn heed_stops(&mut self, heeds: bool) {
        self.heeds_stops = heeds;
    }

    /// A new exchange: as many bytes may come once more.
    pub(super) fn renew_allowance(&mut self) {
        self.allowance = ALLOWANCE;
    }

    /// What is there already, and `WouldBlock` where nothing is.
    pub(super) fn without_waiting(&self) -> impl Read {
        Arrived(&self.stream)
    }

    /// What an error of this connection means. A network may take a connection and stay silent:
    /// that is an outage as long as not a byte has come. The kernel counts also what it had no
    /// memory for, which is none of the network's silence.
    pub(super) fn failure(&self, error: &io::Error) -> Failure {
        let is_late = error.kind() == ErrorKind::TimedOut && error.raw_os_error().is_none();
        if is_late
            && !self.heard
            && os::segments_received(&self.stream).is_ok_and(|count| count == 0)
        {
            return Failure::outage(Outage::Silent, error);
        }
        Failure::connected(error)
    }

    /// How long the kernel may wait for bytes this time. A person who wants to stop waits no longer
    /// than a moment.
    fn read_patience(&self) -> io::Result<Duration> {
        if !self.heeds_stops {
            return self.patience();
        }
        if os::interrupted() {
            return Err(io::Error::other("asked to stop"));
        }
        Ok(cmp::min(self.patience()?, MOMENT))
    }

    /// How long the kernel may wait this time.
    fn patience(&self) -> io::Result<Duration> {
        match cmp::min(left(self.deadline), TICK) {
            Duration::ZERO => {
                self.watch.passed(self.deadline);
                Err(io::Error::new(ErrorKind::TimedOut, "the time is up"))
            }
            time => Ok(time),
        }
    }
}

/// Waits in slices, so that time in which this process did not run is seen. The kernel is asked
/// once more when the time is up: an answer that came meanwhile is one.
fn connect_to(address: &SocketAddr, time: Duration, watch: &Watch) -> io::Result<TcpStream> {
    let stream = os::begin_connect(address)?;
    let begun = Instant::now();
    loop {
        let slice = cmp::min(time.saturating_sub(begun.elapsed()), SLICE);
        let slice_begun = Instant::now();
        let is_connected = os::connected(&stream, slice);
        watch.waited(slice_begun, slice);
        if is_connected? {
            stream.set_nonblocking(false)?;
            return Ok(stream);
        }
        if begun.elapsed() >= time {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

/// What a failed connect means. An IPv6 address to which a datagram could go is one that this
/// machine has an address for: then it was a port that was missing.
fn refused(to: &SocketAddr, error: &io::Error) -> Failure {
    let portless = to.is_ipv6()
        && error.raw_os_error() == Some(libc::EADDRNOTAVAIL)
        && os::datagrams_to(to).is_ok();
    if portless {
        return Failure::local(Local::Resources, format_args!("{to}: no port: {error}"));
    }
    Failure::connecting(to, error)
}

/// Reads what is there already.
struct Arrived<'a>(&'a TcpStream);

impl Read for Arrived<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        os::receive_now(self.0, into)
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn endless() -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, "endless response")
}

fn try_again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
        && error.raw_os_error() != Some(libc::ETIMEDOUT)
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let time = self.read_patience()?;
            if time != self.read_timeout {
                self.stream.set_read_timeout(Some(time))?;
                self.read_timeout = time;
            }
            let begun = Instant::now();
            let received = self.stream.read(into);
            self.watch.waited(begun, time);
            match received {
                Ok(count) => {
                    self.heard |= count > 0;
                    let rest = self.allowance.checked_sub(count);
                    self.allowance = rest.ok_or_else(endless)?;
                    return Ok(count);
                }
                Err(error) if try_again(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Write for Socket {
    /// One send(2), which never raises SIGPIPE.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let time = self.patience()?;
            if time != self.write_timeout {
                self.stream.set_write_timeout(Some(time))?;
                self.write_timeout = time;
            }
            let begun = Instant::now();
            let sent = self.stream.write(bytes);
            self.watch.waited(begun, time);
            self.watch.sent();
            match sent {
                Err(error) if try_again(&error) => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
