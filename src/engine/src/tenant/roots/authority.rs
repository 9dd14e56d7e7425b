//! Who may issue a certificate for a server: the rules that OpenSSL has, and that webpki leaves to
//! the maker of the trust anchors, or does not have.
//!
//! webpki checks signatures, times, names, name constraints and extended key usages below the root,
//! and the basic constraints of those between. It looks at no key usage, at no key identifier, and
//! of a root at nothing but its name, its key and its name constraints. What follows is
//! X509_verify_cert(3) of OpenSSL 3.0 for the purpose `sslserver`, as far as that is the stricter
//! one.
#![forbid(unsafe_code)]

use std::fmt;

use super::certificate::{Basic, Certificate, Extensions};
use super::name;

/// Bits of the key usage: what lets a key sign certificates, and what lets it serve TLS.
const CERTIFICATE_SIGN: u8 = 0x04;
const TLS: u8 = 0x80 | 0x20 | 0x08;
/// Bits of Netscape's type: a TLS server, an authority for them.
const NETSCAPE_SERVER: u8 = 0x40;
const NETSCAPE_AUTHORITY: u8 = 0x04;

/// Why a certificate does not vouch for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Unreadable,
    BeyondUs,
    NotForSigning,
    NoAuthority,
    Unmarked,
    OtherPurpose,
    SignedByAnother,
    NotYetValid,
    Expired,
    Distrusted,
    TooLong,
    OtherIssuer,
    NotForServers,
    AuthorityItself,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::Unreadable => "it is no certificate, or an extension of it can't be read",
            Flaw::BeyondUs => "it has a critical extension that is not known here",
            Flaw::NotForSigning => "it may not sign certificates (no keyCertSign in its keyUsage)",
            Flaw::NoAuthority => "it is no authority (CA:FALSE)",
            Flaw::Unmarked => "it is no authority (it has no basicConstraints)",
            Flaw::OtherPurpose => "it is not for TLS servers (extendedKeyUsage)",
            Flaw::SignedByAnother => "it is no root: another authority has signed it",
            Flaw::NotYetValid => "it is not valid yet",
            Flaw::Expired => "it has expired",
            Flaw::Distrusted => "its trust settings (TRUSTED CERTIFICATE) forbid it",
            Flaw::TooLong => "more authorities are below it than it allows (pathlen)",
            Flaw::OtherIssuer => "what it signed names another key or certificate of its issuer",
            Flaw::AuthorityItself => "it is an authority's own certificate, and no server's",
            Flaw::NotForServers => "it is not for a TLS server (keyUsage or nsCertType)",
        })
    }
}

/// A certificate of this machine that may end a chain.
pub(super) struct Root<'a> {
    certificate: Certificate<'a>,
    extensions: Extensions<'a>,
}

impl<'a> Root<'a> {
    /// An authority. What depends on time or chain is not checked yet.
    pub(super) fn of(certificate: Certificate<'a>) -> Result<Root<'a>, Flaw> {
        let root = Root::self_signed(certificate)?;
        root.may_sign()?;
        if root.extensions.serves == Some(false) {
            return Err(Flaw::OtherPurpose);
        }
        Ok(root)
    }

    /// The server's own certificate: it needs to be no authority to vouch for itself, and may be
    /// none, for webpki takes no authority for a server.
    pub(super) fn pinned(certificate: Certificate<'a>) -> Result<Root<'a>, Flaw> {
        let root = Root::self_signed(certificate)?;
        serves(&root.extensions)?;
        match &root.extensions {
            found if found.basic.as_ref().is_some_and(|basic| basic.is_authority) => {
                Err(Flaw::AuthorityItself)
            }
            found if found.serves == Some(false) => Err(Flaw::OtherPurpose),
            _ => Ok(root),
        }
    }

    fn self_signed(certificate: Certificate<'a>) -> Result<Root<'a>, Flaw> {
        let extensions = certificate.extensions().ok_or(Flaw::Unreadable)?;
        let root = Root { certificate, extensions };
        if !root.is_self_signed() {
            return Err(Flaw::SignedByAnother);
        }
        Ok(root)
    }

    /// As OpenSSL sees it: the signature itself would prove nothing.
    fn is_self_signed(&self) -> bool {
        let (certificate, extensions) = (&self.certificate, &self.extensions);
        certificate.issuer == certificate.subject
            && is_named(certificate, extensions, extensions)
            && certificate.could_have_signed_itself()
    }

    /// `X509_check_ca(3)`.
    fn may_sign(&self) -> Result<(), Flaw> {
        signs(&self.extensions)?;
        match (&self.extensions.basic, self.extensions.netscape) {
            (Some(basic), _) if basic.is_authority => Ok(()),
            (Some(_), _) => Err(Flaw::NoAuthority),
            // The roots of the nineties are of version 1, which has no extensions.
            (None, _) if self.certificate.version == 0 => Ok(()),
            (None, _) if self.extensions.key_usage.is_some() => Ok(()),
            (None, Some(kind)) if kind & NETSCAPE_AUTHORITY != 0 => Ok(()),
            (None, _) => Err(Flaw::Unmarked),
        }
    }

    /// Whether the time, in seconds since 1970, is within its validity.
    pub(super) fn is_valid_at(&self, now: i64) -> Result<(), Flaw> {
        let (first, last) = self.certificate.validity().ok_or(Flaw::Unreadable)?;
        if now < first {
            return Err(Flaw::NotYetValid);
        }
        if now > last {
            return Err(Flaw::Expired);
        }
        Ok(())
    }

    /// Whether this chain may end here: `below` are its certificates, the one of the server first.
    pub(super) fn ends(&self, below: &[&[u8]]) -> Result<(), Flaw> {
        let mut chain = Vec::with_capacity(below.len());
        for der in below {
            let certificate = Certificate::of(der).ok_or(Flaw::Unreadable)?;
            let extensions = certificate.extensions().ok_or(Flaw::Unreadable)?;
            chain.push((certificate, extensions));
        }
        let (server, between) = chain.split_first().ok_or(Flaw::Unreadable)?;
        serves(&server.1)?;
        between.iter().try_for_each(|(_, found)| signs(found))?;
        let issued =
            |(certificate, _): &&(Certificate<'_>, _)| certificate.issuer != certificate.subject;
        if let Some(Basic { path_length: Some(most), .. }) = self.extensions.basic
            && between.iter().filter(issued).count() > most as usize
        {
            return Err(Flaw::TooLong);
        }
        let issuers = between.iter().map(|(certificate, found)| (certificate, found));
        let issuers = issuers.chain([(&self.certificate, &self.extensions)]);
        let names_them =
            chain.iter().zip(issuers).all(|((_, of), (issuer, found))| is_named(issuer, found, of));
        if !names_them {
            return Err(Flaw::OtherIssuer);
        }
        Ok(())
    }
}

/// Rules for each certificate that has signed another one.
fn signs(extensions: &Extensions<'_>) -> Result<(), Flaw> {
    if extensions.is_beyond_us {
        return Err(Flaw::BeyondUs);
    }
    match extensions.key_usage {
        Some(usage) if usage & CERTIFICATE_SIGN == 0 => Err(Flaw::NotForSigning),
        Some(_) | None => Ok(()),
    }
}

/// Rules for the server's own.
fn serves(extensions: &Extensions<'_>) -> Result<(), Flaw> {
    let allows = |bits: Option<u8>, wanted| bits.is_none_or(|bits| bits & wanted != 0);
    if extensions.is_beyond_us {
        return Err(Flaw::BeyondUs);
    }
    if !allows(extensions.key_usage, TLS) || !allows(extensions.netscape, NETSCAPE_SERVER) {
        return Err(Flaw::NotForServers);
    }
    Ok(())
}

/// Whether this is the issuer that `of` means with its authority key identifier, if it has one:
/// `X509_check_akid`.
fn is_named(issuer: &Certificate<'_>, found: &Extensions<'_>, of: &Extensions<'_>) -> bool {
    let Some(meant) = &of.authority else {
        return true;
    };
    let is_key = match (meant.key_id, found.key_id) {
        (Some(meant), Some(found)) => meant == found,
        _ => true,
    };
    is_key
        && meant.serial.is_none_or(|serial| serial == issuer.serial)
        && meant.issuer.is_none_or(|name| name::is_same(name, issuer.issuer))
}
