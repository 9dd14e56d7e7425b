//! The addresses that a configuration can name: the tenant, the hosts it may send us to, a proxy.
//!
//! What is refused here is never repeated in the error: an address can have a password in it.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// Base of every call to a tenant: https, a host, a port and a path prefix.
///
/// Shown without the default port and without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantUrl {
    host: String,
    port: u16,
    prefix: String,
}

impl TenantUrl {
    /// Reads `https://host[:port][/prefix]`.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(url: &str) -> Result<Self, String> {
        match scheme(url) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Self::parse_rest(rest),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {
                Err("expected an https URL, found http".into())
            }
            Some(_) | None => Err(EXAMPLE.into()),
        }
    }

    /// Reads `host[:port][/prefix]`, with or without `https://`.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse_host(host: &str) -> Result<Self, String> {
        match scheme(host) {
            Some(_) => Self::parse(host),
            None => Self::parse_rest(host),
        }
    }

    fn parse_rest(rest: &str) -> Result<Self, String> {
        refuse_extras(rest)?;
        let (authority, prefix) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path_prefix(path)?),
            None => (rest, String::new()),
        };
        let (host, port) = host_and_port(authority)?;
        let port = port.unwrap_or(443);
        Ok(TenantUrl { host, port, prefix })
    }

    /// Stands where no tenant is named; RFC 6761 promises that it never resolves.
    pub(super) fn unset() -> Self {
        TenantUrl { host: "tenant.invalid".into(), port: 443, prefix: String::new() }
    }

    /// Name or address in lower case; IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 443 if none is given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Empty, or `/` and segments: `/identity`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What a `Host` header says: `host`, `host:8443`, `[::1]:8443`.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            443 => bracketed(&self.host),
            port => format!("{}:{port}", bracketed(&self.host)),
        }
    }

    /// The same host and port; the path may differ.
    pub(super) fn same_host(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }
}

impl fmt::Display for TenantUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority(), self.prefix)
    }
}

/// An HTTP proxy that is asked to CONNECT: `http://[user@]host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Name to give to the proxy.
    pub user: Option<String>,
    /// Name or address in lower case; IPv6 without brackets.
    pub host: String,
    /// Always given.
    pub port: u16,
    /// The file that has the password in it.
    pub password_file: Option<PathBuf>,
}

impl Proxy {
    /// Reads the address; the file comes from a key of its own.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let example = "expected a proxy such as \"http://proxy.example:3128\"";
        let Some((_, rest)) = scheme(url).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
        else {
            return Err(example.into());
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, authority) = match rest.rsplit_once('@') {
            Some((user, authority)) => (Some(proxy_user(user)?), authority),
            None => (None, rest),
        };
        refuse_extras(authority)?;
        let (host, port) = host_and_port(authority)?;
        let port = port.ok_or("expected a port, as in \"http://proxy.example:3128\"")?;
        Ok(Proxy { user, host, port, password_file: None })
    }
}

impl fmt::Display for Proxy {
    /// Without the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", bracketed(&self.host), self.port)
    }
}

const EXAMPLE: &str = "expected a URL such as \"https://abc1234.id.cyberark.cloud\"";

/// What stands before `://`, in any case (RFC 3986, 3.1), and what stands behind it.
fn scheme(url: &str) -> Option<(&str, &str)> {
    url.split_once("://")
}

fn proxy_user(user: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~+-".contains(c);
    if user.contains(':') {
        return Err(
            "a password does not belong here but in the file that proxy_password_file names".into(),
        );
    }
    if user.is_empty() || user.len() > 64 || !user.chars().all(allowed) {
        return Err(
            "the user name can have letters, digits and . _ ~ + - in it, 64 of them at most".into(),
        );
    }
    Ok(user.to_owned())
}

fn refuse_extras(rest: &str) -> Result<(), String> {
    for (sign, what) in [('@', "a user name"), ('?', "a query"), ('#', "a fragment")] {
        if rest.contains(sign) {
            return Err(format!("{what} has no place in this address"));
        }
    }
    Ok(())
}

/// `identity/` to `/identity`: plain segments, none of them empty or dots.
fn path_prefix(path: &str) -> Result<String, String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(String::new());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    let plain = |segment: &str| segment.chars().any(|c| c != '.') && segment.chars().all(allowed);
    if path.len() > 200 || !path.split('/').all(plain) {
        return Err("the path can only be plain segments, such as \"/identity\"".into());
    }
    Ok(format!("/{path}"))
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
        let address: Ipv6Addr = address.parse().map_err(|_| "not an IPv6 address in brackets")?;
        return Ok((address.to_string(), port_after(after)?));
    }
    let (host, after) = match authority.find(':') {
        Some(at) => authority.split_at(at),
        None => (authority, ""),
    };
    if after.matches(':').count() > 1 {
        return Err("an IPv6 address must be in brackets".into());
    }
    Ok((host_name(host)?, port_after(after)?))
}

/// Nothing, or `:` and a number.
fn port_after(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(':').unwrap_or("");
    let number =
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None };
    match number {
        Some(0) | None => Err("the port must be a number from 1 to 65535".into()),
        Some(port) => Ok(Some(port)),
    }
}

/// A DNS name or an IPv4 address, in lower case.
fn host_name(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err(EXAMPLE.into());
    }
    if !host.is_ascii() {
        return Err(
            "the host must be in ASCII; a name in another script is written in its xn-- form"
                .into(),
        );
    }
    let numeric =
        host.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    let valid = if numeric {
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        host.len() <= 253 && host.split('.').all(is_label)
    };
    valid.then(|| host.to_ascii_lowercase()).ok_or_else(|| "not a host name".into())
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// IPv6 addresses stand in brackets.
fn bracketed(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    }
}
