//! An HTTP proxy, from the configuration alone: how it is written, and how it opens a tunnel.
#![forbid(unsafe_code)]

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::failure::{Failure, Misbehaviour};
use super::socket::Socket;

/// The answer to CONNECT must fit into this.
const HEAD: usize = 16 * 1024;

/// A proxy that is asked to CONNECT us to the tenant. It sees the tenant's name, and nothing of the exchange.
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<Zeroizing<String>>,
}

impl Proxy {
    /// Reads `http://[USER@]HOST[:PORT]`; the port is 3128 if none is given. A password needs a user.
    pub fn parse(text: &str, password: Option<Zeroizing<String>>) -> Result<Proxy, String> {
        let rest = text
            .strip_prefix("http://")
            .ok_or("expected http://[user@]host[:port]")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place)?;
        let credentials = credentials(user, password)?;
        Ok(Proxy {
            host,
            port,
            credentials,
        })
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
        let mut request = Zeroizing::new(format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        ));
        request.push_str(concat!(
            "User-Agent: countersign/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        ));
        if let Some(credentials) = &self.credentials {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(credentials);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        socket
            .write_all(request.as_bytes())
            .map_err(|error| Failure::connected(&error))?;
        opened(&head(&mut socket)?)?;
        Ok(socket)
    }
}

fn host_and_port(place: &str) -> Result<(String, u16), String> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (
            host,
            port.parse()
                .map_err(|_| format!("expected a port, found {port:?}"))?,
        ),
        _ => (place, 3128),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let of_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if bare.is_empty()
        || port == 0
        || !bare.chars().all(of_host)
        || (bare.contains(':') && bare == host)
    {
        return Err("expected http://[user@]host[:port]".to_owned());
    }
    Ok((bare.to_owned(), port))
}

fn credentials(
    user: Option<&str>,
    password: Option<Zeroizing<String>>,
) -> Result<Option<Zeroizing<String>>, String> {
    let Some(user) = user else {
        return match password {
            Some(_) => Err("a password for the proxy needs a user in its address".to_owned()),
            None => Ok(None),
        };
    };
    if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
        return Err("expected a user without a password before the @".to_owned());
    }
    let password = password.unwrap_or_default();
    let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
    Ok(Some(base64(pair.as_bytes())))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| {
            bits << 8 | u32::from(group.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            let letter = ALPHABET
                .get((bits >> (18 - 6 * i) & 63) as usize)
                .copied()
                .unwrap_or(b'=');
            text.push(if i > group.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

/// Reads up to the empty line.
fn head(socket: &mut Socket) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = socket
            .read(&mut buffer)
            .map_err(|error| Failure::connected(&error))?;
        if count == 0 {
            return Err(Failure::misbehaved(
                Misbehaviour::Cut,
                "the proxy closed the connection",
            ));
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(head);
        }
        if head.len() > HEAD {
            return Err(Failure::misbehaved(
                Misbehaviour::TooLarge,
                "the answer of the proxy",
            ));
        }
    }
}

/// The tenant says nothing before our hello, so bytes after the empty line are the proxy's own and a lie.
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
        let status = String::from_utf8_lossy(&status);
        return Err(Failure::misbehaved(
            Misbehaviour::Proxy,
            format_args!("it answered CONNECT with status {status}"),
        ));
    }
    match head.ends_with(b"\r\n\r\n") {
        true => Ok(()),
        false => Err(Failure::misbehaved(
            Misbehaviour::Proxy,
            "it sent more than its answer to CONNECT",
        )),
    }
}
