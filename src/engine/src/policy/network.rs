//! Networks of a rule, and where a login comes from: numbers only, because the owner of an address
//! chooses its name.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::quoted;

/// A network in CIDR form; a bare address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
    ///
    /// # Errors
    /// What is wrong with it, and the form that was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = split(text).ok_or_else(|| {
            let found = quoted(text);
            format!(
                "expected a numeric network such as \"10.0.0.0/8\" or \"fd00::/8\", found {found}"
            )
        })?;
        let network = Network { address, length }.masked();
        if network.address != address {
            let found = quoted(text);
            return Err(format!(
                "{found} has bits set behind the prefix, did you mean \"{network}\""
            ));
        }
        if let Some(mapped) = network.unmapped() {
            return Err(format!("IPv4 addresses are written as such, did you mean \"{mapped}\""));
        }
        Ok(network)
    }

    fn masked(self) -> Self {
        let Network { address, length } = self;
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Network { address, length }
    }

    /// The IPv4 form of a network below `::ffff:0:0/96`.
    fn unmapped(self) -> Option<Self> {
        let IpAddr::V6(v6) = self.address else {
            return None;
        };
        let address = IpAddr::V4(v6.to_ipv4_mapped()?);
        let length = self.length.checked_sub(96)?;
        Some(Network { address, length })
    }

    /// The network as bytes: its family, the length of its prefix, its address.
    pub(super) fn packed(&self) -> Vec<u8> {
        let length = u8::try_from(self.length).unwrap_or(u8::MAX);
        match self.address {
            IpAddr::V4(v4) => [&[4, length], v4.octets().as_slice()].concat(),
            IpAddr::V6(v6) => [&[6, length], v6.octets().as_slice()].concat(),
        }
    }

    /// Takes a network off the front.
    #[inline]
    pub(super) fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let ([family, length], rest) = bytes.split_first_chunk()?;
        let (address, rest) = match family {
            4 => {
                let (octets, rest) = rest.split_first_chunk::<4>()?;
                (IpAddr::from(*octets), rest)
            }
            6 => {
                let (octets, rest) = rest.split_first_chunk::<16>()?;
                (IpAddr::from(*octets), rest)
            }
            _ => return None,
        };
        *bytes = rest;
        let length = u32::from(*length);
        (length <= longest(address)).then_some(Network { address, length })
    }

    /// It is one of IPv4.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// How much of its family it is, from 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        (0..self.length).fold(1.0, |share, _| share / 2.0)
    }

    /// No host has an address in it: of groups, of the broadcast, unspecified.
    #[must_use]
    pub fn is_of_no_host(self) -> bool {
        let is_whole = self.length == 0;
        let unspecified = self.address.is_unspecified() && self.length >= 8;
        let broadcast = IpAddr::V4(Ipv4Addr::BROADCAST);
        !is_whole && (self.address.is_multicast() || unspecified || self.address == broadcast)
    }

    /// The address is inside.
    #[must_use]
    #[inline]
    pub fn contains(self, address: IpAddr) -> bool {
        let other_bits = |longest: u32| longest.saturating_sub(self.length);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(other_bits(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(other_bits(128)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

fn split(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = longest(address);
    let length = match length {
        Some(digits) => prefix_length(digits).filter(|length| *length <= whole)?,
        None => whole,
    };
    Some((address, length))
}

/// The length of the prefix of a network of one.
fn longest(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Digits without a sign and without zeros in front.
fn prefix_length(digits: &str) -> Option<u32> {
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Where a login or a session comes from, as far as the `PAM_RHOST` of its program can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No remote host: this machine.
    Local,
    /// A literal address; IPv4 in IPv6 is unwrapped, and a zone is left out.
    Address(IpAddr),
    /// Something else, which says nothing: a name, rubbish.
    Unclear,
}

impl Origin {
    /// Judges a `PAM_RHOST`.
    #[must_use]
    pub fn of(rhost: Option<&str>) -> Self {
        match rhost {
            None | Some("") => Origin::Local,
            Some(text) => match address(text) {
                Some(address) => Origin::Address(address),
                None => Origin::Unclear,
            },
        }
    }

    /// It may be inside of one of the networks.
    pub(super) fn may_be_in(self, networks: impl Iterator<Item = Network>) -> bool {
        self == Origin::Unclear || self.is_in(networks)
    }

    /// It certainly is.
    #[inline]
    pub(super) fn is_in(self, mut networks: impl Iterator<Item = Network>) -> bool {
        match self {
            Origin::Address(address) => networks.any(|network| network.contains(address)),
            Origin::Local | Origin::Unclear => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Local => f.write_str("this machine"),
            Origin::Address(address) => write!(f, "{address}"),
            Origin::Unclear => f.write_str("a place that is not known"),
        }
    }
}

/// A literal address. One of a link can have the zone that it is in behind it (RFC 4007): an
/// interface of this machine.
fn address(text: &str) -> Option<IpAddr> {
    let Some((address, zone)) = text.split_once('%') else {
        return text.parse().ok().map(|address: IpAddr| address.to_canonical());
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let is_zone = (1..=15).contains(&zone.len()) && zone.chars().all(allowed);
    let address: Ipv6Addr = address.parse().ok()?;
    (is_zone && address.is_unicast_link_local()).then_some(IpAddr::V6(address))
}
