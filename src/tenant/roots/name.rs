//! The names in a certificate, and the hash under which OpenSSL files them.
//!
//! OpenSSL looks for the certificates of an issuer in files called `HASH.N`. The hash is the beginning of the SHA-1 of
//! the name in a canonical form (X509_NAME_hash(3), openssl-rehash(1)); it is a way to a file and protects nothing.
#![forbid(unsafe_code)]

use ring::digest;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8: u8 = 0x0c;
/// The version of a certificate, where it has one.
const VERSION: u8 = 0xa0;

/// Issuer and subject of a certificate: what is inside their outer SEQUENCE, as rustls compares them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
}

impl<'a> Names<'a> {
    /// Reads the names out of a DER certificate (RFC 5280, section 4.1), and trusts nothing of it.
    pub(super) fn of(certificate: &'a [u8]) -> Option<Names<'a>> {
        let mut signed = Der(Der(certificate).content(SEQUENCE)?);
        let mut fields = Der(signed.content(SEQUENCE)?);
        let first = fields.next()?;
        if first.tag == VERSION {
            fields.next()?;
        }
        fields.content(SEQUENCE)?;
        let issuer = fields.content(SEQUENCE)?;
        fields.content(SEQUENCE)?;
        let subject = fields.content(SEQUENCE)?;
        Some(Names { issuer, subject })
    }
}

/// The hash of a name, given without its outer SEQUENCE.
pub(super) fn hash(name: &[u8]) -> Option<u32> {
    let canonical = canonical(name)?;
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical);
    let beginning = digest.as_ref().first_chunk()?;
    Some(u32::from_le_bytes(*beginning))
}

/// The sets of the name one after the other, each with its attributes in canonical form and in the order of DER.
fn canonical(name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len());
    let mut sets = Der(name);
    while !sets.0.is_empty() {
        let mut attributes = Der(sets.content(SET)?);
        let mut members = Vec::new();
        while !attributes.0.is_empty() {
            members.push(attribute(attributes.content(SEQUENCE)?)?);
        }
        members.sort();
        put(&mut out, SET, &members.concat());
    }
    Some(out)
}

fn attribute(content: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Der(content);
    let kind = fields.next()?;
    let value = fields.next()?;
    if !fields.0.is_empty() {
        return None;
    }
    let mut inside = kind.whole.to_vec();
    match text(&value)? {
        Some(text) => put(&mut inside, UTF8, folded(&text).as_bytes()),
        None => inside.extend_from_slice(value.whole),
    }
    let mut out = Vec::with_capacity(inside.len() + 4);
    put(&mut out, SEQUENCE, &inside);
    Some(out)
}

/// The text of a string type; `Some(None)` for what is none, `None` for what is broken.
fn text(value: &Element) -> Option<Option<String>> {
    let bytes = value.content;
    let wide = |unit: usize| -> Option<String> {
        let units = bytes.chunks(unit);
        let code = |unit: &[u8]| {
            unit.iter()
                .fold(0, |code, &byte| code << 8 | u32::from(byte))
        };
        bytes
            .len()
            .is_multiple_of(unit)
            .then(|| units.map(|unit| char::from_u32(code(unit))).collect())?
    };
    match value.tag {
        UTF8 => Some(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
        // PrintableString, TeletexString, IA5String and VisibleString: OpenSSL takes them all for Latin-1.
        0x13 | 0x14 | 0x16 | 0x1a => Some(Some(bytes.iter().copied().map(char::from).collect())),
        // UniversalString and BMPString.
        0x1c => wide(4).map(Some),
        0x1e => wide(2).map(Some),
        _ => Some(None),
    }
}

/// ASCII in lower case, without spaces at the ends, with single ones between.
fn folded(text: &str) -> String {
    let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r');
    let words = text.split(space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// Appends an element in DER.
fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|&&byte| byte == 0).count();
    let digits = length.get(zeros..).unwrap_or_default();
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        _ => {
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
}

/// DER that is still to be read (X.690).
struct Der<'a>(&'a [u8]);

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Der<'a> {
    /// The content of the next element, which must have this tag.
    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let element = self.next()?;
        (element.tag == tag).then_some(element.content)
    }

    /// The next element; none with a tag or a length of more bytes than a certificate needs.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let digits = match first {
            0..=0x7f => 0,
            0x81..=0x83 => usize::from(first & 0x7f),
            _ => return None,
        };
        let (long, rest) = rest.split_at_checked(digits)?;
        let long = long
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte));
        let length = if digits == 0 {
            usize::from(first)
        } else {
            long
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(2 + digits + length)?;
        self.0 = rest;
        (tag & 0x1f != 0x1f).then_some(Element {
            tag,
            content,
            whole,
        })
    }
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
