//! What a certificate says of itself (RFC 5280, section 4), as far as it decides whose word it is.
#![forbid(unsafe_code)]

use rustls::pki_types::CertificateDer;
use time::{Date, Month, PrimitiveDateTime, Time};

use super::der::{BIT_STRING, BOOLEAN, Der, INTEGER, OCTET_STRING, OID, SEQUENCE, is_well_formed};

/// The version of a certificate, where it has one; and its extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `id-ce`, the arc of the extensions of RFC 5280, and those below it.
const ID_CE: &[u8] = &[0x55, 0x1d];
const SUBJECT_KEY_ID: u8 = 14;
const KEY_USAGE: u8 = 15;
const SUBJECT_ALT_NAME: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const NAME_CONSTRAINTS: u8 = 30;
const CRL_POINTS: u8 = 31;
const POLICIES: u8 = 32;
const POLICY_MAPPINGS: u8 = 33;
const AUTHORITY_KEY_ID: u8 = 35;
const POLICY_CONSTRAINTS: u8 = 36;
const EXTENDED_KEY_USAGE: u8 = 37;
const INHIBIT_ANY_POLICY: u8 = 54;

/// Netscape's kinds of certificates, which OpenSSL still looks at.
const NETSCAPE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01];
const OCSP_NO_CHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];

/// Extensions that limit a chain in ways that are not judged here: addresses, numbers of networks,
/// proxy certificates.
const LIMITING: [&[u8]; 3] = [
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x07],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x08],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x0e],
];

/// The purposes of an extended key usage that matter.
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// A certificate that this machine has.
#[derive(Debug)]
pub(super) struct Held {
    pub der: CertificateDer<'static>,
    /// Whether trust settings beside it forbid it.
    pub is_distrusted: bool,
}

/// The outside of a certificate. Nothing of it has been checked.
pub(super) struct Certificate<'a> {
    /// 0 for version 1.
    pub version: u8,
    pub serial: &'a [u8],
    /// Issuer and subject: what is inside their outer SEQUENCE, as rustls compares them.
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
    /// The algorithms of the signature and of the certificate's own key.
    signature: &'a [u8],
    key: &'a [u8],
    validity: &'a [u8],
    extensions: Option<&'a [u8]>,
}

impl<'a> Certificate<'a> {
    /// Takes a DER certificate apart, and trusts nothing of it.
    pub(super) fn of(certificate: &'a [u8]) -> Option<Certificate<'a>> {
        let mut signed = Der(Der::only(certificate, SEQUENCE)?);
        let mut fields = Der(signed.content(SEQUENCE)?);
        let version = match fields.optional(VERSION)? {
            Some(version) => *Der::only(version, INTEGER)?.first()?,
            None => 0,
        };
        let serial = fields.content(INTEGER)?;
        let signature = algorithm(fields.content(SEQUENCE)?)?;
        let issuer = fields.content(SEQUENCE)?;
        let validity = fields.content(SEQUENCE)?;
        let subject = fields.content(SEQUENCE)?;
        let key = algorithm(Der(fields.content(SEQUENCE)?).content(SEQUENCE)?)?;
        let extensions = fields.optional(EXTENSIONS)?;
        // The unique identifiers of version 2 would stand before the extensions: webpki takes none
        // either.
        fields.0.is_empty().then_some(Certificate {
            version,
            serial,
            issuer,
            subject,
            signature,
            key,
            validity,
            extensions,
        })
    }

    /// Whether the key of the certificate is of a kind that could have made its signature.
    pub(super) fn could_have_signed_itself(&self) -> bool {
        kind(self.key).is_some_and(|of_key| Some(of_key) == kind(self.signature))
    }

    /// The first and the last second in which it is valid, counted from 1970.
    pub(super) fn validity(&self) -> Option<(i64, i64)> {
        let mut fields = Der(self.validity);
        let times = (seconds(&mut fields)?, seconds(&mut fields)?);
        fields.0.is_empty().then_some(times)
    }

    /// What its extensions say; `None` if one of those that count can't be read, or is there twice.
    pub(super) fn extensions(&self) -> Option<Extensions<'a>> {
        let mut found = Extensions::default();
        let Some(wrapped) = self.extensions else {
            return Some(found);
        };
        let mut all = Der(Der::only(wrapped, SEQUENCE)?);
        while !all.0.is_empty() {
            found.take(all.content(SEQUENCE)?)?;
        }
        Some(found)
    }
}

/// The identifier of an algorithm.
fn algorithm(content: &[u8]) -> Option<&[u8]> {
    Der(content).content(OID)
}

/// What RSA, ECDSA and Ed25519 have in common in the identifiers of keys and of signatures; ring
/// knows no others.
fn kind(algorithm: &[u8]) -> Option<&'static [u8]> {
    const KINDS: [&[u8]; 3] = [
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d],
        &[0x2b, 0x65, 0x70],
    ];
    KINDS.into_iter().find(|kind| algorithm.starts_with(kind))
}

/// A time in the one form that RFC 5280 allows for each of the two types (section 4.1.2.5).
fn seconds(fields: &mut Der<'_>) -> Option<i64> {
    let element = fields.next()?;
    let (last, digits) = element.content.split_last()?;
    let digits = std::str::from_utf8(digits).ok()?;
    let is_time = *last == b'Z' && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = match (element.tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<u8>().ok();
    let month = Month::try_from(part(0)?).ok()?;
    let date = Date::from_calendar_date(year, month, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    is_time.then(|| PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}

/// The extensions of one certificate.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    pub basic: Option<Basic>,
    /// The first eight bits of the key usage, the first of them highest.
    pub key_usage: Option<u8>,
    /// Whether an extended key usage names TLS servers.
    pub serves: Option<bool>,
    /// The bits of Netscape's type.
    pub netscape: Option<u8>,
    pub key_id: Option<&'a [u8]>,
    pub authority: Option<AuthorityKey<'a>>,
    /// A critical one that OpenSSL does not know, or one that limits what is not judged here.
    pub is_beyond_us: bool,
    /// Those that are read no further.
    others: Vec<u8>,
}

pub(super) struct Basic {
    pub is_authority: bool,
    pub path_length: Option<u32>,
}

/// Which certificate of the issuer its key is in.
#[derive(Default)]
pub(super) struct AuthorityKey<'a> {
    pub key_id: Option<&'a [u8]>,
    /// The issuer of the issuer, without its outer SEQUENCE.
    pub issuer: Option<&'a [u8]>,
    pub serial: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn take(&mut self, extension: &'a [u8]) -> Option<()> {
        let mut fields = Der(extension);
        let name = fields.content(OID)?;
        let is_critical = fields.optional(BOOLEAN)?.map_or(Some(false), boolean)?;
        let value = fields.content(OCTET_STRING)?;
        if !fields.0.is_empty() {
            return None;
        }
        if LIMITING.contains(&name) {
            self.is_beyond_us = true;
            return Some(());
        }
        match name.strip_prefix(ID_CE) {
            // OpenSSL 3.0 takes no critical ones, and no authority issues any.
            Some([SUBJECT_KEY_ID | AUTHORITY_KEY_ID]) if is_critical => {
                self.is_beyond_us = true;
                Some(())
            }
            Some([number]) => self.take_standard(*number, value, is_critical),
            _ if name == NETSCAPE_TYPE => once(&mut self.netscape, bits(value)?),
            _ => {
                self.is_beyond_us |= is_critical && name != OCSP_NO_CHECK;
                Some(())
            }
        }
    }

    fn take_standard(&mut self, number: u8, value: &'a [u8], is_critical: bool) -> Option<()> {
        match number {
            BASIC_CONSTRAINTS => once(&mut self.basic, basic(value)?),
            // One without a bit allows nothing, and is invalid to OpenSSL.
            KEY_USAGE => once(&mut self.key_usage, bits(value).filter(|bits| *bits != 0)?),
            EXTENDED_KEY_USAGE => {
                once(&mut self.serves, names(Der::only(value, SEQUENCE)?, &[SERVER_AUTH])?)
            }
            SUBJECT_KEY_ID => once(&mut self.key_id, Der::only(value, OCTET_STRING)?),
            AUTHORITY_KEY_ID => once(&mut self.authority, authority_key(value)?),
            SUBJECT_ALT_NAME | NAME_CONSTRAINTS | CRL_POINTS => self.pass(number, value),
            POLICIES | POLICY_MAPPINGS | POLICY_CONSTRAINTS | INHIBIT_ANY_POLICY => Some(()),
            _ => {
                self.is_beyond_us |= is_critical;
                Some(())
            }
        }
    }

    /// One whose content is webpki's to judge; a certificate where it is no sequence, or is there
    /// twice, is none.
    fn pass(&mut self, number: u8, value: &[u8]) -> Option<()> {
        let is_first = !self.others.contains(&number);
        self.others.push(number);
        let content = Der::only(value, SEQUENCE).filter(|content| !content.is_empty())?;
        (is_first && is_well_formed(content)).then_some(())
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn boolean(content: &[u8]) -> Option<bool> {
    match content {
        [0] => Some(false),
        [0xff] => Some(true),
        _ => None,
    }
}

/// The first eight bits of a BIT STRING.
fn bits(value: &[u8]) -> Option<u8> {
    match Der::only(value, BIT_STRING)? {
        [0] => Some(0),
        [unused @ 0..=7, only] => Some(only & 0xff << unused),
        [0..=7, first, _, ..] => Some(*first),
        _ => None,
    }
}

fn basic(value: &[u8]) -> Option<Basic> {
    let mut fields = Der(Der::only(value, SEQUENCE)?);
    let is_authority = fields.optional(BOOLEAN)?.map_or(Some(false), boolean)?;
    let path_length = match fields.optional(INTEGER)? {
        Some(number) => Some(unsigned(number)?),
        None => None,
    };
    fields.0.is_empty().then_some(Basic { is_authority, path_length })
}

/// A number that is not negative, and small enough to mean something.
fn unsigned(content: &[u8]) -> Option<u32> {
    match content {
        [0..=0x7f, ..] if content.len() <= 4 => {
            Some(content.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
        }
        _ => None,
    }
}

/// Whether one of these object identifiers is wanted.
fn names(purposes: &[u8], wanted: &[&[u8]]) -> Option<bool> {
    let mut purposes = Der(purposes);
    let mut found = false;
    while !purposes.0.is_empty() {
        found |= wanted.contains(&purposes.content(OID)?);
    }
    Some(found)
}

fn authority_key(value: &[u8]) -> Option<AuthorityKey<'_>> {
    let mut fields = Der(Der::only(value, SEQUENCE)?);
    let key_id = fields.optional(0x80)?;
    let names = fields.optional(0xa1)?;
    let serial = fields.optional(0x82)?;
    let issuer = names.map_or(Some(None), directory_name)?;
    fields.0.is_empty().then_some(AuthorityKey { key_id, issuer, serial })
}

/// The first name of a directory among these general names, which is the one that OpenSSL looks at.
fn directory_name(names: &[u8]) -> Option<Option<&[u8]>> {
    let mut names = Der(names);
    while !names.0.is_empty() {
        let name = names.next()?;
        if name.tag == 0xa4 {
            return Der::only(name.content, SEQUENCE).map(Some);
        }
    }
    Some(None)
}

/// Takes a certificate with OpenSSL's trust settings apart (PEM label "TRUSTED CERTIFICATE"): the
/// certificate, and whether the settings forbid it for TLS servers, as X509_check_trust(3) would.
pub(super) fn with_trust(bytes: &[u8]) -> Option<(&[u8], bool)> {
    let mut parts = Der(bytes);
    let certificate = parts.next()?.whole;
    if parts.0.is_empty() {
        return Some((certificate, false));
    }
    let mut settings = Der(Der::only(parts.0, SEQUENCE)?);
    let (trusted, rejected) = (settings.optional(SEQUENCE)?, settings.optional(0xa0)?);
    let names = |purposes| names(purposes, &[SERVER_AUTH, ANY_PURPOSE]);
    let is_rejected = rejected.map_or(Some(false), names)?;
    let is_passed_over = !trusted.map_or(Some(true), names)?;
    Some((certificate, is_rejected || is_passed_over))
}
