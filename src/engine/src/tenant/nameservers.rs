//! Asks the name servers ourselves, where a lookup by the C library gave nothing.
//!
//! A lookup goes through services that every user of this machine can keep busy: the stub of
//! systemd-resolved, nscd, a forwarder on loopback. It needs ports and threads that can be used up
//! for the moment, and its thread can be starved. So the silence of a lookup says nothing. One
//! datagram from a port that this login holds to each server of the network does.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::os;

/// The servers of this system, as the C library reads them.
const CONFIGURATION: &str = "/etc/resolv.conf";
/// The servers behind the stub of systemd-resolved.
const BEHIND_RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
/// The servers behind a forwarder that NetworkManager has set up.
const BEHIND_FORWARDER: &str = "/run/NetworkManager/no-stub-resolv.conf";

/// Where systemd-resolved listens (systemd-resolved.service(8)).
const OF_RESOLVED: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 53), Ipv4Addr::new(127, 0, 0, 54)];

const PORT: u16 = 53;
/// No system has more.
const MOST: usize = 8;
/// Silence that was shorter proves nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 2 });
/// The longest answer over UDP without extensions (RFC 1035, section 2.3.4).
const ANSWER: usize = 512;
/// Where the question of a message begins (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
/// The codes of an answer (RFC 1035, section 4.1.1) that say whether there is such a name.
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// What the name servers of the network make of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// None of them resolves it: they are silent, out of reach, or say that there is no such name.
    Dead,
    /// One of them resolves it, or is there to be asked what we can't ask it.
    Alive,
    /// One of them answers that it can't tell. One that its clients keep busy says so too.
    Unsure,
    /// A server could not be asked, or there is one on this machine, which its users can keep busy.
    Unknown,
}

/// One question to every server, and what has come back.
pub(super) struct Inquiry {
    asked: Vec<Asked>,
    /// A server can't be asked by us: this machine refuses it, or its address is of no form that we
    /// know.
    is_partial: bool,
    /// A name without a dot is looked up in the domains of this system, so a server's no means
    /// nothing.
    is_plain: bool,
    question: Vec<u8>,
    begun: Instant,
}

struct Asked {
    socket: UdpSocket,
    /// On this machine, and what stands behind it is not known.
    is_here: bool,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Resolves,
    No,
    /// It failed or refused to tell.
    Unsure,
    /// No datagram gets there.
    OutOfReach,
    /// This machine does not send our datagram.
    NotSent,
}

impl Inquiry {
    /// A question to these servers. Nothing is sent before [`Inquiry::listen`].
    pub(super) fn begin(servers: &Servers, host: &str, kind: u16) -> Inquiry {
        let id = os::random().map_or(0, |random| random as u16);
        let question = question(id, host, kind);
        let mut inquiry = Inquiry {
            asked: Vec::new(),
            is_partial: servers.is_partial || question.is_none(),
            is_plain: !host.contains('.'),
            question: question.unwrap_or_default(),
            begun: Instant::now(),
        };
        servers.addresses.iter().for_each(|to| inquiry.add(to));
        inquiry
    }

    fn add(&mut self, server: &SocketAddr) {
        match Asked::open(server) {
            Ok(asked) => self.asked.push(asked),
            // No user of this machine can take a route away.
            Err(error) => self.is_partial |= !is_out_of_reach(&error),
        }
    }

    /// Sends the question to those that have not answered, then waits at most this long and takes
    /// what is there. Returns how long it waited.
    pub(super) fn listen(&mut self, time: Duration) -> Duration {
        let question = &self.question;
        let open = self.asked.iter_mut().filter(|asked| asked.answer.is_none());
        open.for_each(|asked| asked.send(question));
        let begun = Instant::now();
        while self.is_open() {
            let left = time.saturating_sub(begun.elapsed());
            let waiting = self.asked.iter().filter(|asked| asked.answer.is_none());
            let sockets: Vec<_> = waiting.map(|asked| asked.socket.as_fd()).collect();
            let arrival = os::await_arrival(&sockets, left);
            let question = &self.question;
            self.asked.iter_mut().for_each(|asked| asked.receive(question));
            if left.is_zero() || arrival.is_err() {
                break;
            }
        }
        begun.elapsed()
    }

    /// Whether a server may still answer, and no answer so far has settled it.
    pub(super) fn is_open(&self) -> bool {
        let is_settled = self.is_alive() || self.is_unsure();
        !is_settled && self.asked.iter().any(|asked| asked.answer.is_none())
    }

    fn is_unsure(&self) -> bool {
        let unsure = |asked: &Asked| asked.answer == Some(Answer::Unsure);
        self.asked.iter().any(unsure)
    }

    fn is_alive(&self) -> bool {
        let said = |answer| self.asked.iter().any(|asked| asked.answer == Some(answer));
        said(Answer::Resolves) || self.is_plain && said(Answer::No)
    }

    /// What can be said up to now.
    pub(super) fn names(&self) -> Names {
        let is_early = self.is_open() && self.begun.elapsed() < PATIENCE;
        let proves_nothing = |asked: &Asked| match asked.answer {
            Some(Answer::NotSent) => true,
            _ => asked.is_here,
        };
        if self.is_alive() {
            Names::Alive
        } else if self.is_partial || is_early || self.asked.iter().any(proves_nothing) {
            Names::Unknown
        } else if self.is_unsure() {
            Names::Unsure
        } else {
            Names::Dead
        }
    }
}

impl Asked {
    fn open(server: &SocketAddr) -> io::Result<Asked> {
        let socket = os::datagrams_to(server)?;
        socket.set_nonblocking(true)?;
        // A machine speaks to itself from the address that it speaks to.
        let is_ours = socket.local_addr()?.ip() == server.ip();
        Ok(Asked { socket, is_here: is_ours || server.ip().is_loopback(), answer: None })
    }

    fn send(&mut self, question: &[u8]) {
        match self.socket.send(question) {
            Ok(_) => {}
            Err(error) if is_out_of_reach(&error) => self.answer = Some(Answer::OutOfReach),
            Err(_) => self.answer = Some(Answer::NotSent),
        }
    }

    fn receive(&mut self, question: &[u8]) {
        let mut buffer = [0; ANSWER];
        while self.answer.is_none() {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    self.answer = answer(buffer.get(..length).unwrap_or_default(), question);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_out_of_reach(&error) => self.answer = Some(Answer::OutOfReach),
                Err(_) => self.answer = Some(Answer::NotSent),
            }
        }
    }
}

/// Whether an error tells of the network: there is no way to that address, or nothing listens
/// there.
fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::ENETDOWN
                | libc::EHOSTDOWN
                | libc::EADDRNOTAVAIL
                | libc::EAFNOSUPPORT
                | libc::ECONNREFUSED
        )
    )
}

/// The name servers that are worth a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Servers {
    addresses: Vec<SocketAddr>,
    /// There is one more, whose address is of no form that we know.
    is_partial: bool,
}

impl Servers {
    /// Of this system.
    pub(super) fn of_system() -> Servers {
        let mut servers = Servers::default();
        let configured = Servers::listed(CONFIGURATION).unwrap_or_default();
        servers.is_partial = configured.is_partial;
        if configured == Servers::default() {
            // Where none is named, the C library asks there (resolv.conf(5)).
            servers.addresses.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        for address in configured.addresses {
            let behind = Servers::behind(address.ip());
            let behind = behind.unwrap_or_else(|| Servers::from([address]));
            servers.addresses.extend(behind.addresses);
            servers.is_partial |= behind.is_partial;
        }
        servers.addresses.truncate(MOST);
        servers
    }

    /// Those that every user of this machine can keep busy.
    pub(super) fn on_this_machine(&self) -> Vec<IpAddr> {
        let here = |address: &&SocketAddr| Asked::open(address).is_ok_and(|asked| asked.is_here);
        let here = self.addresses.iter().filter(here);
        here.map(SocketAddr::ip).collect()
    }

    /// The servers of the network that one on this machine asks, where that is known.
    fn behind(server: IpAddr) -> Option<Servers> {
        if !server.is_loopback() {
            None
        } else if OF_RESOLVED.map(IpAddr::V4).contains(&server) {
            Servers::listed(BEHIND_RESOLVED)
        } else {
            Servers::listed(BEHIND_FORWARDER)
        }
    }

    /// Those of a file of the form of resolv.conf(5).
    fn listed(path: &str) -> Option<Servers> {
        fs::read_to_string(path).ok().map(|text| Servers::of(&text))
    }

    fn of(text: &str) -> Servers {
        let mut servers = Servers::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let address = match words.next() {
                Some("nameserver") => words.next().and_then(address),
                _ => continue,
            };
            servers.addresses.extend(address);
            servers.is_partial |= address.is_none();
        }
        servers
    }
}

impl<const N: usize> From<[SocketAddr; N]> for Servers {
    fn from(addresses: [SocketAddr; N]) -> Servers {
        Servers { addresses: addresses.into(), is_partial: false }
    }
}

/// As resolv.conf(5) has it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`.
fn address(text: &str) -> Option<SocketAddr> {
    let Some((ip, interface)) = text.split_once('%') else {
        return text.parse().ok().map(|ip| SocketAddr::new(ip, PORT));
    };
    let scope = os::interface(interface)?;
    let ip: Ipv6Addr = ip.parse().ok()?;
    Some(SocketAddrV6::new(ip, PORT, 0, scope).into())
}

/// A query with recursion desired (RFC 1035, section 4.1). Nothing for what is no name of a host.
fn question(id: u16, host: &str, kind: u16) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + host.len() + 6);
    message.extend_from_slice(&id.to_be_bytes());
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok();
        message.push(length.filter(|length| (1..=63).contains(length))?);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    Some(message)
}

/// What an answer to this question says, if it is one.
fn answer(message: &[u8], question: &[u8]) -> Option<Answer> {
    let id = |bytes: &[u8]| bytes.get(..2).map(<[u8]>::to_vec);
    let body = question.get(HEADER..)?;
    let echo = message.get(HEADER..HEADER + body.len());
    // A server that refuses may leave the question out.
    let is_ours = id(message) == id(question)
        && message.get(2)? & 0x80 != 0
        && echo.is_none_or(|echo| echo.eq_ignore_ascii_case(body));
    let says = match message.get(3)? & 0x0f {
        NO_ERROR => Answer::Resolves,
        NO_SUCH_NAME => Answer::No,
        _ => Answer::Unsure,
    };
    is_ours.then_some(says)
}

#[cfg(test)]
#[path = "nameservers_tests.rs"]
mod tests;
