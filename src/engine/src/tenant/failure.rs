//! What can go wrong with an exchange, sorted by whose fault it is.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::echo::Echoes;

/// Why an exchange gave no response.
///
/// Only an [`Outage`] may ever lead to an offline code, so whatever is in doubt is not one; what a
/// layer of the network calls an outage counts as one only if `silence` says so. The text is detail
/// for the log: bounded, one line, without secrets and without bytes of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No host answered.
    Outage(Outage, String),
    /// A host answered, and can't be believed.
    Misbehaved(Misbehaviour, String),
    /// This machine lacks a resource or a permission.
    Local(Local, String),
}

/// How an answer stayed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The name service says that there is no such host.
    NameNotFound,
    /// No name server answered, or not in time.
    NameService,
    /// The host, or a firewall in its place, refused the TCP connection.
    Refused,
    /// No route leads there.
    NoRoute,
    /// No answer to the TCP connect in time.
    ConnectTimeout,
    /// The TCP connection was made, and not a byte came back on it in time.
    Silent,
    /// The proxy says that it could not reach the tenant.
    BehindProxy,
}

impl Outage {
    /// Each of them.
    pub const ALL: [Outage; 7] = [
        Outage::NameNotFound,
        Outage::NameService,
        Outage::Refused,
        Outage::NoRoute,
        Outage::ConnectTimeout,
        Outage::Silent,
        Outage::BehindProxy,
    ];

    /// Whether it consists in time that passes without an answer.
    pub(super) fn takes_time(self) -> bool {
        match self {
            Outage::NameService | Outage::ConnectTimeout | Outage::Silent => true,
            Outage::NameNotFound | Outage::Refused | Outage::NoRoute | Outage::BehindProxy => false,
        }
    }
}

/// How the one that answered misbehaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// A certificate that does not prove to be the tenant's.
    Certificate,
    /// TLS failed otherwise, or it was no TLS at all.
    Tls,
    /// Not HTTP/1.1 as it must be.
    Protocol,
    /// The proxy did not open the tunnel.
    Proxy,
    /// More bytes than any honest response has.
    TooLarge,
    /// The connection ended before the response did.
    Cut,
    /// Connected, and no full response in time.
    Timeout,
}

impl Misbehaviour {
    /// Each of them.
    pub const ALL: [Misbehaviour; 7] = [
        Misbehaviour::Certificate,
        Misbehaviour::Tls,
        Misbehaviour::Protocol,
        Misbehaviour::Proxy,
        Misbehaviour::TooLarge,
        Misbehaviour::Cut,
        Misbehaviour::Timeout,
    ];
}

/// What is missing on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// The kernel or its policy (SELinux, a local firewall) forbids the connection.
    Permission,
    /// No memory, file descriptor, thread or port, or a full table in the kernel.
    Resources,
    /// The sandbox of the program that called allows no network.
    Sandbox,
    /// The login had no time left for a request.
    NoTime,
    /// The request can't be sent: its URL or one of its headers is malformed.
    Request,
    /// The resolver of this system failed in a way that says nothing about the tenant.
    Resolver,
    /// The process was stopped, or did not get the processor, or the machine was suspended.
    Stopped,
}

impl Local {
    /// Each of them.
    pub const ALL: [Local; 7] = [
        Local::Permission,
        Local::Resources,
        Local::Sandbox,
        Local::NoTime,
        Local::Request,
        Local::Resolver,
        Local::Stopped,
    ];
}

/// The longest detail that goes to the log, in bytes.
const DETAIL: usize = 200;

impl Failure {
    /// Removes a detail that repeats a secret.
    #[must_use]
    pub fn without(self, echoes: &Echoes) -> Failure {
        match self {
            Failure::Outage(kind, detail) => Failure::Outage(kind, echoes.kept_out_of(detail)),
            Failure::Misbehaved(kind, detail) => {
                Failure::Misbehaved(kind, echoes.kept_out_of(detail))
            }
            Failure::Local(kind, detail) => Failure::Local(kind, echoes.kept_out_of(detail)),
        }
    }

    pub(super) fn outage(kind: Outage, detail: impl fmt::Display) -> Failure {
        Failure::Outage(kind, line(detail))
    }

    pub(super) fn misbehaved(kind: Misbehaviour, detail: impl fmt::Display) -> Failure {
        Failure::Misbehaved(kind, line(detail))
    }

    pub(super) fn local(kind: Local, detail: impl fmt::Display) -> Failure {
        Failure::Local(kind, line(detail))
    }

    /// An error of connect(2), or of the calls that lead there.
    pub(super) fn connecting(to: &SocketAddr, error: &io::Error) -> Failure {
        let detail = format_args!("{to}: {error}");
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::TimedOut, _) => Failure::outage(Outage::ConnectTimeout, detail),
            (_, Some(libc::ECONNREFUSED | libc::ECONNRESET)) => {
                Failure::outage(Outage::Refused, detail)
            }
            (
                _,
                Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::ENETDOWN | libc::EHOSTDOWN),
            ) => Failure::outage(Outage::NoRoute, detail),
            // What a machine without IPv6 says.
            (_, Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)) if to.is_ipv6() => {
                Failure::outage(Outage::NoRoute, detail)
            }
            (_, Some(libc::EAFNOSUPPORT)) => Failure::local(Local::Sandbox, detail),
            (_, Some(libc::EACCES | libc::EPERM)) => Failure::local(Local::Permission, detail),
            _ => Failure::local(Local::Resources, detail),
        }
    }

    /// Which of several failed attempts says most: what is wrong here, before how an answer stayed
    /// out.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Failure::Local(..) => 5,
            Failure::Misbehaved(..) => 4,
            Failure::Outage(Outage::Refused, _) => 3,
            Failure::Outage(Outage::ConnectTimeout | Outage::Silent, _) => 2,
            Failure::Outage(
                Outage::NoRoute | Outage::NameNotFound | Outage::NameService | Outage::BehindProxy,
                _,
            ) => 1,
        }
    }

    /// An error of a socket that was connected before.
    pub(super) fn connected(error: &io::Error) -> Failure {
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::TimedOut, None) => Failure::misbehaved(Misbehaviour::Timeout, error),
            (io::ErrorKind::FileTooLarge, None) => {
                Failure::misbehaved(Misbehaviour::TooLarge, error)
            }
            (io::ErrorKind::UnexpectedEof, None) => {
                Failure::misbehaved(Misbehaviour::Cut, "closed before the response ended")
            }
            (_, Some(libc::ENOMEM | libc::ENOBUFS)) => Failure::local(Local::Resources, error),
            _ => Failure::misbehaved(Misbehaviour::Cut, error),
        }
    }
}

/// One printable line of at most [`DETAIL`] bytes.
fn line(detail: impl fmt::Display) -> String {
    let mut text = String::new();
    for c in detail.to_string().chars() {
        let c = if c.is_control() { ' ' } else { c };
        if text.len() + c.len_utf8() > DETAIL {
            break;
        }
        text.push(c);
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Outage(kind, detail) => write!(f, "{kind}: {detail}"),
            Failure::Misbehaved(kind, detail) => write!(f, "{kind}: {detail}"),
            Failure::Local(kind, detail) => write!(f, "{kind}: {detail}"),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outage::NameNotFound => "name not found",
            Outage::NameService => "no answer from the name service",
            Outage::Refused => "connection refused",
            Outage::NoRoute => "no route",
            Outage::ConnectTimeout => "no answer to the connect",
            Outage::Silent => "connected, and not a byte came back",
            Outage::BehindProxy => "proxy could not reach the tenant",
        })
    }
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misbehaviour::Certificate => "certificate refused",
            Misbehaviour::Tls => "TLS failed",
            Misbehaviour::Protocol => "not HTTP as it must be",
            Misbehaviour::Proxy => "proxy refused",
            Misbehaviour::TooLarge => "response too large",
            Misbehaviour::Cut => "connection cut",
            Misbehaviour::Timeout => "no response in time",
        })
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Local::Permission => "forbidden by SELinux or a firewall",
            Local::Resources => "out of resources",
            Local::Sandbox => "the caller's sandbox allows no network",
            Local::NoTime => "no time left",
            Local::Request => "request can't be sent",
            Local::Resolver => "resolver failed",
            Local::Stopped => "this process was stopped or starved",
        })
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
