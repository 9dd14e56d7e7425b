//! The URI by which a server gives away the secret of one-time codes: parsed, bounded, and never
//! assumed.
//!
//! Source: the Key URI Format of Google Authenticator's wiki, RFC 6238 (TOTP), RFC 4648 section 6
//! (base32).
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE32_NOPAD_NOCASE;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest URI, in bytes.
const LONGEST: usize = 2048;
/// The longest label, in characters.
const LABEL: usize = 256;
/// RFC 4226, section 4, demands 128 bits; some services give 112, and fewer are not accepted. In
/// bytes.
const SHORTEST_SECRET: usize = 14;
/// The block of SHA-512: a longer key is hashed before it is used.
const LONGEST_SECRET: usize = 128;
/// Digits of a group of base32, and the bytes that they make.
const DIGITS: usize = 8;
const BYTES: usize = 5;

/// What an authenticator needs to know.
pub struct Otpauth {
    /// Whose codes these are: mostly `issuer:account`. The words of the service that issued it.
    pub label: String,
    /// The shared secret, 112 to 1024 bits.
    pub secret: Zeroizing<Vec<u8>>,
    /// The hash function.
    pub algorithm: Algorithm,
    /// Length of a code: 6 or 8.
    pub digits: u8,
    /// Seconds for which a code is shown, 15 to 120.
    pub period: u8,
}

/// The hash function of the HMAC (RFC 6238, section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// What nearly every authenticator expects.
    Sha1,
    /// Not every authenticator can.
    Sha256,
    /// Not every authenticator can.
    Sha512,
}

/// Why a text is not a URI whose codes could be used. Never repeats the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl Algorithm {
    /// The word of the URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        }
    }

    fn parse(word: &str) -> Option<Algorithm> {
        let all = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
        let plain = word.to_ascii_uppercase().replacen("SHA-", "SHA", 1);
        let plain = plain.strip_prefix("HMAC").unwrap_or(&plain);
        all.into_iter().find(|one| one.name() == plain)
    }
}

/// Reads `otpauth://totp/LABEL?secret=...`, with or without `issuer`, `algorithm`, `digits` and
/// `period`.
///
/// White space is ignored: such URIs are copied from mails and pages. Parameters that are not known
/// are passed over.
///
/// # Errors
///
/// [`Invalid`] for what is no such URI, for one that gives a parameter twice, and for codes that
/// are out of bounds.
pub fn parse(uri: &str) -> Result<Otpauth, Invalid> {
    if uri.len() > LONGEST {
        return no("longer than any such URI");
    }
    let uri: Zeroizing<String> = Zeroizing::new(uri.split_ascii_whitespace().collect());
    if uri.chars().any(char::is_control) {
        return no("a control character in it");
    }
    let Some((scheme, rest)) = uri.split_once("://") else {
        return no("expected otpauth://totp/...");
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    if !scheme.eq_ignore_ascii_case("otpauth") {
        return no("expected otpauth://totp/...");
    }
    if !kind.eq_ignore_ascii_case("totp") {
        return no("codes that do not follow the time (only totp is known)");
    }
    let query = query.split('#').next().unwrap_or_default();
    let fields = Fields(query);
    let Some(secret) = fields.one("secret")? else {
        return no("no secret in it");
    };
    Ok(Otpauth {
        label: readable(label)?,
        secret: base32(&secret)?,
        algorithm: match fields.one("algorithm")? {
            Some(word) => Algorithm::parse(&word).ok_or_else(|| bad("an unknown algorithm"))?,
            None => Algorithm::Sha1,
        },
        digits: match fields.number("digits")?.unwrap_or(6) {
            digits @ (6 | 8) => digits,
            _ => return no("codes of other than 6 or 8 digits"),
        },
        period: match fields.number("period")?.unwrap_or(30) {
            period @ 15..=120 => period,
            _ => return no("codes for other than 15 to 120 seconds"),
        },
    })
}

/// The secret as people and servers write it: any case, padded or not, in groups or not.
///
/// Bits that make no whole byte at the end are dropped, as authenticators do: zeros complete the
/// last group before it is decoded.
///
/// # Errors
///
/// [`Invalid`] for what is no base32, for fewer than 112 bits and for more than 1024.
pub fn base32(text: &str) -> Result<Zeroizing<Vec<u8>>, Invalid> {
    let spaced = |c: char| c.is_ascii_whitespace() || c == '-';
    let text = text.trim_end_matches(|c| c == '=' || spaced(c));
    let mut digits = Zeroizing::new(String::with_capacity(text.len() + DIGITS));
    digits.extend(text.chars().filter(|c| !spaced(*c)));
    let whole = digits.len() * BYTES / DIGITS;
    while !digits.len().is_multiple_of(DIGITS) {
        digits.push('A');
    }
    let mut bytes = Zeroizing::new(vec![0; digits.len() / DIGITS * BYTES]);
    let decoded = BASE32_NOPAD_NOCASE.decode_mut(digits.as_bytes(), &mut bytes);
    decoded.map_err(|_| bad("a secret that is not base32"))?;
    bytes.truncate(whole);
    if bytes.len() > LONGEST_SECRET {
        return no("a secret of more than 1024 bits");
    }
    if bytes.len() < SHORTEST_SECRET {
        return no("a secret of fewer than 112 bits");
    }
    Ok(bytes)
}

/// The query of a URI.
struct Fields<'a>(&'a str);

impl Fields<'_> {
    /// The value of a field that may be there once.
    fn one(&self, name: &str) -> Result<Option<Zeroizing<String>>, Invalid> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let (value, another) = (values.next(), values.next());
        if another.is_some() {
            return no(&format!("{name} is there twice"));
        }
        let Some((_, value)) = value else {
            return Ok(None);
        };
        let spaced = value.replace('+', " ");
        decoded(&spaced).map(|text| Some(Zeroizing::new(text.into_owned())))
    }

    fn number(&self, name: &str) -> Result<Option<u8>, Invalid> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| bad(&format!("{name} is no number that could be meant")))
    }
}

fn readable(label: &str) -> Result<String, Invalid> {
    let label = decoded(label)?;
    if label.chars().count() > LABEL || label.chars().any(char::is_control) {
        return no("a label that nobody could read");
    }
    Ok(label.into_owned())
}

fn decoded(text: &str) -> Result<Cow<'_, str>, Invalid> {
    let text = percent_decode_str(text).decode_utf8();
    text.map_err(|_| bad("not UTF-8 behind the percent signs"))
}

fn no<T>(why: &str) -> Result<T, Invalid> {
    Err(bad(why))
}

fn bad(why: &str) -> Invalid {
    Invalid(why.to_owned())
}

#[cfg(test)]
mod tests;
