//! An HTTP proxy, from the configuration alone: how it opens a tunnel.
#![forbid(unsafe_code)]

use std::io::{Read, Write};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::failure::{Failure, Misbehaviour, Outage};
use super::socket::Socket;

/// The answer to CONNECT must fit into this.
const HEAD: usize = 16 * 1024;

/// A proxy that is asked to CONNECT us to the tenant. It sees the tenant's name, and nothing of the
/// exchange.
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<Zeroizing<String>>,
}

impl Proxy {
    /// At a host, IPv6 without brackets. The credentials are those of RFC 7617; without a user
    /// there are none.
    #[must_use]
    pub fn new(host: &str, port: u16, user: Option<&str>, password: &str) -> Proxy {
        Proxy {
            host: host.to_owned(),
            port,
            credentials: user.map(|user| {
                let pair = Zeroizing::new(format!("{user}:{password}"));
                Zeroizing::new(BASE64.encode(pair.as_bytes()))
            }),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Asks for a tunnel to `host`; the bytes after that belong to the tenant.
    pub(super) fn tunnel(
        &self,
        mut socket: Socket,
        host: &str,
        port: u16,
    ) -> Result<Socket, Failure> {
        let mut request =
            Zeroizing::new(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
        request.push_str(concat!("User-Agent: countersign/", env!("CARGO_PKG_VERSION"), "\r\n"));
        if let Some(credentials) = &self.credentials {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(credentials);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        socket.write_all(request.as_bytes()).map_err(|error| Failure::connected(&error))?;
        opened(&head(&mut socket)?)?;
        Ok(socket)
    }
}

/// Reads up to the empty line.
fn head(socket: &mut Socket) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = match socket.read(&mut buffer) {
            Ok(count) => count,
            Err(error) => return Err(socket.failure(&error)),
        };
        if count == 0 {
            return Err(Failure::misbehaved(Misbehaviour::Cut, "the proxy closed the connection"));
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(head);
        }
        if head.len() > HEAD {
            return Err(Failure::misbehaved(Misbehaviour::TooLarge, "the answer of the proxy"));
        }
    }
}

/// The tenant says nothing before our hello, so bytes after the empty line are the proxy's own and
/// a lie.
fn opened(head: &[u8]) -> Result<(), Failure> {
    let status = match head {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0' | b'1',
            b' ',
            a @ b'0'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            ..,
        ] => [*a, *b, *c],
        _ => {
            return Err(Failure::misbehaved(
                Misbehaviour::Proxy,
                "its answer to CONNECT is not HTTP",
            ));
        }
    };
    if status != *b"200" {
        let code = String::from_utf8_lossy(&status);
        let detail = format_args!("it answered CONNECT with status {code}");
        return Err(if lacks_the_tenant(status, head) {
            Failure::outage(Outage::BehindProxy, detail)
        } else {
            Failure::misbehaved(Misbehaviour::Proxy, detail)
        });
    }
    if head.ends_with(b"\r\n\r\n") {
        Ok(())
    } else {
        Err(Failure::misbehaved(Misbehaviour::Proxy, "it sent more than its answer to CONNECT"))
    }
}

/// Whether the proxy says that it did not reach the tenant: 502 or 504 (RFC 9110, section 15.6).
/// 503 says that the proxy itself is busy, which a user of this machine can see to; but for Squid,
/// which has 503 for both and another word for each.
fn lacks_the_tenant(status: [u8; 3], head: &[u8]) -> bool {
    match &status {
        b"502" | b"504" => true,
        b"503" => squid_error(head).is_some_and(|error| UNREACHED.contains(&error.as_str())),
        _ => false,
    }
}

/// What Squid says where the network or the tenant is to blame: with the error of its connect, but
/// for those of its own machine, or without where the name servers failed.
const UNREACHED: [&str; 5] = [
    "ERR_CONNECT_FAIL 101",
    "ERR_CONNECT_FAIL 110",
    "ERR_CONNECT_FAIL 111",
    "ERR_CONNECT_FAIL 113",
    "ERR_DNS_FAIL 0",
];

fn squid_error(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("X-Squid-Error"))?;
    Some(value.trim().to_owned())
}
