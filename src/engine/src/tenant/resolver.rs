//! From a host name to addresses: one lookup per host and login, never longer than the time that is
//! left.
#![forbid(unsafe_code)]

use std::ffi::{CStr, CString, c_int};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::{Failure, Local, Outage};
use super::nameservers::{Inquiry, Names, PATIENCE, Servers};
use super::watch::{SLICE, Watch};
use crate::os::{self, LookupError};
use crate::policy::IpFamily;

/// As many addresses are tried for one host.
pub(super) const ADDRESSES: usize = 16;

/// Enough for the lookup modules of the C library, which like large buffers on the stack.
pub(super) const STACK: usize = 256 * 1024;

type Answer = Result<Vec<IpAddr>, LookupError>;

/// What the C library is asked: a host and a family.
type Ask = fn(&CStr, c_int) -> Answer;

/// The types of the records with an address (RFC 1035, section 3.2.2, and RFC 3596, section 2.1).
const A: u16 = 1;
const AAAA: u16 = 28;

/// The names that this login has looked up so far.
#[derive(Debug)]
pub(super) struct Lookups {
    family: IpFamily,
    ask: Ask,
    servers: fn() -> Servers,
    watch: Watch,
    names: Names,
    known: Vec<(String, Vec<IpAddr>)>,
}

impl Lookups {
    pub(super) fn new(family: IpFamily, watch: Watch) -> Lookups {
        Lookups {
            family,
            ask: os::host_addresses,
            servers: Servers::of_system,
            watch,
            names: Names::Unknown,
            known: Vec::new(),
        }
    }

    /// The addresses of `host`, the families in turn so that a dead one does not cost the whole
    /// budget.
    pub(super) fn addresses(
        &mut self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let with_port =
            |found: &[IpAddr]| found.iter().map(|&ip| SocketAddr::new(ip, port)).collect();
        if let Some((_, found)) = self.known.iter().find(|(name, _)| name == host) {
            return Ok(with_port(found));
        }
        let found = self.look_up(host, deadline)?;
        let addresses = with_port(&found);
        self.known.push((host.to_owned(), found));
        Ok(addresses)
    }

    /// What the name servers of the network said where the last lookup gave nothing.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    fn look_up(&mut self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, Failure> {
        let mut question = Question {
            host,
            family: self.family,
            deadline,
            stack: STACK,
            ask: self.ask,
            servers: self.servers,
            watch: &self.watch,
            inquiry: None,
        };
        let found = match numeric(host) {
            Some(ip) => vec![ip],
            None => match question.answer() {
                Ok(found) => found,
                Err(failure) => {
                    self.names = question.names(&failure);
                    return Err(failure);
                }
            },
        };
        let usable = self.usable(found);
        if usable.is_empty() {
            let why = format!("{host} has no address of the configured family");
            return Err(Failure::local(Local::Request, why));
        }
        Ok(usable)
    }

    fn usable(&self, found: Vec<IpAddr>) -> Vec<IpAddr> {
        let wanted = found.into_iter().filter(|ip| self.family.allows(ip));
        let mut usable = alternating(wanted);
        usable.truncate(ADDRESSES);
        usable
    }
}

impl IpFamily {
    fn allows(self, ip: &IpAddr) -> bool {
        match self {
            IpFamily::Any => true,
            IpFamily::Ipv4 => ip.is_ipv4(),
            IpFamily::Ipv6 => ip.is_ipv6(),
        }
    }

    fn code(self) -> c_int {
        match self {
            IpFamily::Any => libc::AF_UNSPEC,
            IpFamily::Ipv4 => libc::AF_INET,
            IpFamily::Ipv6 => libc::AF_INET6,
        }
    }
}

/// An address that is written as such, an IPv6 one in brackets or not.
fn numeric(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// The families in turn, beginning with that of the first address (RFC 8305, section 4), without
/// repetitions.
fn alternating(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut unique: Vec<IpAddr> = Vec::new();
    for ip in found {
        if !unique.contains(&ip) {
            unique.push(ip);
        }
    }
    let first_is_v6 = unique.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        unique.into_iter().partition(|ip| ip.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

/// A lookup by the C library, and what it may use.
struct Question<'a> {
    host: &'a str,
    family: IpFamily,
    deadline: Instant,
    stack: usize,
    ask: Ask,
    servers: fn() -> Servers,
    watch: &'a Watch,
    /// Our own question to the name servers, once the C library takes its time.
    inquiry: Option<Inquiry>,
}

impl Question<'_> {
    /// Asks in a thread of its own, because a lookup can't be stopped; without one where none can
    /// be had.
    fn answer(&mut self) -> Result<Vec<IpAddr>, Failure> {
        let name = CString::new(self.host);
        let name = name.map_err(|_| Failure::local(Local::Request, "the host name holds a NUL"))?;
        let (ask, family) = (self.ask, self.family.code());
        let (answer, answered) = mpsc::sync_channel(1);
        let asked = name.clone();
        let thread = os::with_signals_blocked(|| {
            let builder = thread::Builder::new().stack_size(self.stack);
            builder.spawn(move || answer.send(ask(&asked, family)))
        });
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) => return self.answer_here(&name, &error),
        };
        match self.awaited(&answered) {
            Ok(answer) => {
                let _ = thread.join();
                self.sorted(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                Err(self.outage(Outage::NameService, "no answer in time"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::local(Local::Resolver, "the lookup died"))
            }
        }
    }

    /// Without a thread, what fails says something about this process alone.
    fn answer_here(&self, name: &CStr, threadless: &io::Error) -> Result<Vec<IpAddr>, Failure> {
        let answer = self.sorted((self.ask)(name, self.family.code()));
        answer.map_err(|failure| {
            let detail = format_args!("no thread for a lookup: {threadless}; {failure}");
            Failure::local(Local::Resources, detail)
        })
    }

    /// Waits in slices, so that time in which this process did not run is seen.
    fn awaited(&mut self, answered: &Receiver<Answer>) -> Result<Answer, RecvTimeoutError> {
        loop {
            let begun = Instant::now();
            let slice = self.deadline.saturating_duration_since(begun).min(SLICE);
            let answer = answered.recv_timeout(slice);
            self.watch.waited(begun, slice);
            match answer {
                Err(RecvTimeoutError::Timeout) if slice == SLICE => self.inquire(Duration::ZERO),
                answer => return answer,
            }
        }
    }

    /// Asks the name servers that have not answered, and listens for so long.
    fn inquire(&mut self, time: Duration) {
        let kind = if self.family == IpFamily::Ipv6 { AAAA } else { A };
        let (host, servers) = (self.host, self.servers);
        let inquiry = self.inquiry.get_or_insert_with(|| Inquiry::begin(&servers(), host, kind));
        let waited = inquiry.listen(time);
        self.watch.waited_so_long(waited, time);
    }

    /// What the name servers of the network say, for a lookup that failed so. They get as much time
    /// as is left, and not long.
    fn names(&mut self, failure: &Failure) -> Names {
        if !matches!(failure, Failure::Outage(..)) {
            return Names::Unknown;
        }
        for _ in 0..2 {
            let left = self.deadline.saturating_duration_since(Instant::now());
            self.inquire(left.min(PATIENCE / 2));
        }
        self.inquiry.as_ref().map_or(Names::Unknown, Inquiry::names)
    }

    /// Sorts the codes of getaddrinfo(3).
    fn sorted(&self, answer: Answer) -> Result<Vec<IpAddr>, Failure> {
        let error = match answer {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let host = self.host;
        Err(match error.code {
            libc::EAI_NONAME | libc::EAI_NODATA => {
                self.outage(Outage::NameNotFound, "no such name")
            }
            libc::EAI_AGAIN => self.outage(Outage::NameService, "temporary failure"),
            libc::EAI_MEMORY => Failure::local(Local::Resources, "no memory for a lookup"),
            libc::EAI_SYSTEM if error.system.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                Failure::local(Local::Sandbox, format_args!("{host}: {}", error.system))
            }
            libc::EAI_SYSTEM => {
                Failure::local(Local::Resources, format_args!("{host}: {}", error.system))
            }
            code => {
                Failure::local(Local::Resolver, format_args!("{host}: getaddrinfo error {code}"))
            }
        })
    }

    fn outage(&self, kind: Outage, detail: &str) -> Failure {
        Failure::outage(kind, format_args!("{}: {detail}", self.host))
    }
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
