//! Puts our own sockets, TLS and lookups below the HTTP crate.
//!
//! Its own would do most of it, but send the head and the body of a request apart, ask the name service for each
//! request, and take the roots of the TLS connection as one parsed list.
#![forbid(unsafe_code)]

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use zeroize::Zeroize;

use super::Settings;
use super::memory::{Memory, RECORD};
use crate::tenant::failure::{Failure, Local, Misbehaviour};
use crate::tenant::line::Line;
use crate::tenant::proxy::Proxy;
use crate::tenant::resolver::Lookups;
use crate::tenant::socket::Socket;

/// With less room than this left, the output is sent instead of being held back any longer.
const ROOM: usize = 4 * 1024;

/// The lookup: of the proxy where there is one, else of the tenant.
pub(super) struct Resolve {
    lookups: Lookups,
    proxy: Option<Proxy>,
}

impl Resolve {
    pub(super) fn new(settings: &Settings) -> Resolve {
        Resolve {
            lookups: Lookups::new(settings.ip_family),
            proxy: settings.proxy.clone(),
        }
    }
}

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => place(uri)?,
        };
        let mut addresses = self.empty();
        for address in self
            .lookups
            .addresses(host, port, deadline(timeout))
            .map_err(wrapped)?
        {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

/// TCP, the tunnel of a proxy, TLS: always all of it.
pub(super) struct Connect {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    timeout: Duration,
    made: Arc<AtomicU32>,
}

impl Connect {
    pub(super) fn new(
        tls: Arc<ClientConfig>,
        settings: &Settings,
        made: Arc<AtomicU32>,
    ) -> Connect {
        Connect {
            tls,
            proxy: settings.proxy.clone(),
            timeout: settings.connect_timeout,
            made,
        }
    }

    fn open(&self, host: &str, port: u16, details: &ConnectionDetails) -> Result<Line, Failure> {
        let name = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let name = ServerName::try_from(name)
            .map_err(|error| Failure::local(Local::Request, error))?
            .to_owned();
        let deadline = deadline(details.timeout);
        let soon = Instant::now()
            .checked_add(self.timeout)
            .map_or(deadline, |soon| soon.min(deadline));
        let mut socket = Socket::connect(&details.addrs, soon)?;
        self.made.fetch_add(1, Ordering::Relaxed);
        if let Some(proxy) = &self.proxy {
            socket = proxy.tunnel(socket, host, port)?;
        }
        socket.until(deadline);
        Line::open(socket, self.tls.clone(), name)
    }
}

impl Connector for Connect {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, Error> {
        let (host, port) = place(details.uri)?;
        let line = self.open(host, port, details).map_err(wrapped)?;
        Ok(Some(Wire {
            line,
            memory: Memory::default(),
            fresh: false,
        }))
    }
}

/// A connection as the HTTP crate sees it.
pub(super) struct Wire {
    line: Line,
    memory: Memory,
    /// A response has just been read.
    fresh: bool,
}

impl Wire {
    /// Sends what was held back, and leaves nothing of it here: it may hold a password.
    fn send(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let held = self
            .memory
            .output
            .get_mut(..self.memory.held)
            .unwrap_or_default();
        let sent = self.line.send(held, deadline(timeout));
        held.zeroize();
        self.memory.held = 0;
        sent.map_err(wrapped)
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.memory
    }

    /// Holds the output back, so that the head and the body of a request leave together.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.memory.held += amount;
        match self.memory.held + ROOM > RECORD {
            true => self.send(timeout),
            false => Ok(()),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if self.memory.held > 0 {
            self.send(timeout)?;
        }
        let room = self.memory.input_append_buf();
        if room.is_empty() {
            return Err(wrapped(Failure::misbehaved(
                Misbehaviour::TooLarge,
                "headers",
            )));
        }
        let count = self
            .line
            .receive(room, deadline(timeout))
            .map_err(wrapped)?;
        self.memory.input_appended(count);
        self.fresh = true;
        Ok(count > 0)
    }

    /// The pool asks twice: when it gets the connection back, and before it gives it out again. The network is asked
    /// the second time, when it matters.
    fn is_open(&mut self) -> bool {
        match mem::take(&mut self.fresh) {
            true => self.line.is_quiet(),
            false => self.line.is_idle(),
        }
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// The failure inside an error of the HTTP crate, or the sorting of one that is its own.
pub(super) fn sorted(error: Error) -> Failure {
    match error {
        Error::Other(inner) => match inner.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(inner) => Failure::misbehaved(Misbehaviour::Protocol, inner),
        },
        Error::Http(_) | Error::BadUri(_) | Error::RequireHttpsOnly(_) => {
            Failure::local(Local::Request, "not a URL or header that can be sent")
        }
        Error::Timeout(_) => Failure::misbehaved(Misbehaviour::Timeout, "the time is up"),
        Error::LargeResponseHeader(..) => Failure::misbehaved(Misbehaviour::TooLarge, "headers"),
        Error::BodyExceedsLimit(_) => Failure::misbehaved(Misbehaviour::TooLarge, "body"),
        Error::Io(error) => Failure::connected(&error),
        error => Failure::misbehaved(Misbehaviour::Protocol, error),
    }
}

pub(super) fn wrapped(failure: Failure) -> Error {
    Error::Other(Box::new(failure))
}

/// Host and port of a URL, which has no user in it; a host in brackets keeps them.
fn place(uri: &Uri) -> Result<(&str, u16), Error> {
    let host = uri.host().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = match authority.strip_prefix(host) {
        Some("") => Some(443),
        Some(rest) => rest
            .strip_prefix(":")
            .filter(|port| !port.contains('+'))
            .and_then(|port| port.parse().ok()),
        None => None,
    };
    let place = port
        .filter(|&port| port != 0 && !host.is_empty())
        .map(|port| (host, port));
    place.ok_or_else(|| wrapped(Failure::local(Local::Request, "not the URL of a tenant")))
}

/// Timeouts count from the call they are given to.
fn deadline(timeout: NextTimeout) -> Instant {
    let now = Instant::now();
    now.checked_add(*timeout.after).unwrap_or(now)
}

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
