//! Names in certificates, and the hash under which OpenSSL files them.
//!
//! OpenSSL looks for the certificates of an issuer in files called `HASH.N`. The hash is the
//! beginning of the SHA-1 of the name in a canonical form (X509_NAME_hash(3), openssl-rehash(1));
//! it is a way to a file and protects nothing.
#![forbid(unsafe_code)]

use ring::digest;

use super::der::{Der, Element, SEQUENCE, SET, UTF8};

/// Whether two names, given without their outer SEQUENCE, are one to OpenSSL.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || canonical(one).is_some_and(|one| Some(one) == canonical(other))
}

/// The hash of a name, given without its outer SEQUENCE.
pub(super) fn hash(name: &[u8]) -> Option<u32> {
    let canonical = canonical(name)?;
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical);
    let beginning = digest.as_ref().first_chunk()?;
    Some(u32::from_le_bytes(*beginning))
}

/// The sets of the name one after the other, each with its attributes in canonical form and in the
/// order of DER.
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

/// The text of a string type; `Some(None)` for another type, `None` for what is broken.
fn text(value: &Element) -> Option<Option<String>> {
    let bytes = value.content;
    let wide = |unit: usize| -> Option<String> {
        let units = bytes.chunks(unit);
        let code = |unit: &[u8]| unit.iter().fold(0, |code, &byte| code << 8 | u32::from(byte));
        bytes
            .len()
            .is_multiple_of(unit)
            .then(|| units.map(|unit| char::from_u32(code(unit))).collect())?
    };
    match value.tag {
        UTF8 => Some(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
        // PrintableString, TeletexString, IA5String and VisibleString: OpenSSL takes them all for
        // Latin-1.
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

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
