//! The texts of a key: base32 and the `otpauth` URI, read and written.
//!
//! Source: the Key URI Format of Google Authenticator's wiki, RFC 4648 section 6 (base32).
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{Algorithm, Invalid, Key, Shape, bad, no};

/// The longest URI, in bytes.
const LONGEST: usize = 2048;
/// The longest label, in characters.
const LABEL: usize = 256;
/// Characters of a group of base32, and the bytes that they make.
const GROUP: usize = 8;
const BYTES: usize = 5;
/// Everything but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URI of a key, for a user (`alice`) of a machine.
#[must_use]
pub fn write(key: &Key, issuer: &str, user: &str, host: &str) -> Zeroizing<String> {
    let Shape { algorithm, digits, period } = key.shape();
    let issuer = utf8_percent_encode(issuer, &RESERVED).to_string();
    let account = format!("{user}@{host}");
    let secret = key.base32();
    let parts = [
        "otpauth://totp/",
        &issuer,
        ":",
        &utf8_percent_encode(&account, &RESERVED).to_string(),
        "?secret=",
        &secret,
        "&issuer=",
        &issuer,
        &format!("&algorithm={algorithm}&digits={digits}&period={period}"),
    ];
    // One allocation: nothing of the secret stays behind in a buffer that grew.
    let mut uri = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| uri.push_str(part));
    uri
}

/// Reads a URI, or a secret in base32 that stands alone.
///
/// # Errors
///
/// What is wrong, without the secret.
pub fn read(text: &str) -> Result<Key, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return no("nothing was given");
    }
    if text.contains("://") { read_uri(text) } else { Key::new(secret(text)?, Shape::default()) }
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
pub fn read_uri(uri: &str) -> Result<Key, Invalid> {
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
    let Some(text) = fields.one("secret")? else {
        return no("no secret in it");
    };
    check_label(label)?;
    let plain = Shape::default();
    let shape = Shape {
        algorithm: fields.one("algorithm")?.map_or(Ok(plain.algorithm), |word| algorithm(&word))?,
        digits: fields.number("digits")?.unwrap_or(plain.digits),
        period: fields.number("period")?.unwrap_or(plain.period),
    };
    Key::new(secret(&text)?, shape)
}

/// The secret as people and servers write it: any case, padded or not, in groups or not.
///
/// Bits that make no whole byte at the end are dropped, as authenticators do: zeros complete the
/// last group before it is decoded.
///
/// # Errors
///
/// [`Invalid`] for what is no base32.
pub(super) fn secret(text: &str) -> Result<Zeroizing<Vec<u8>>, Invalid> {
    let spaced = |c: char| c.is_ascii_whitespace() || c == '-';
    let text = text.trim_end_matches(|c| c == '=' || spaced(c));
    let mut digits = Zeroizing::new(String::with_capacity(text.len() + GROUP));
    digits.extend(text.chars().filter(|c| !spaced(*c)));
    let whole = digits.len() * BYTES / GROUP;
    while !digits.len().is_multiple_of(GROUP) {
        digits.push('A');
    }
    let mut bytes = Zeroizing::new(vec![0; digits.len() / GROUP * BYTES]);
    let decoded = BASE32_NOPAD_NOCASE.decode_mut(digits.as_bytes(), &mut bytes);
    decoded.map_err(|_| bad("a secret that is not base32"))?;
    bytes.truncate(whole);
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
            return no(format!("{name} is there twice"));
        }
        let Some((_, value)) = value else {
            return Ok(None);
        };
        let spaced = Zeroizing::new(value.replace('+', " "));
        decoded(&spaced).map(|text| Some(Zeroizing::new(text.into_owned())))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Invalid> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| bad(format!("{name} is no number that could be meant")))
    }
}

/// SHA1, SHA256 or SHA512, as most write it, with a hyphen, or with HMAC before it.
fn algorithm(word: &str) -> Result<Algorithm, Invalid> {
    let plain = word.to_ascii_uppercase().replacen("SHA-", "SHA", 1);
    let plain = plain.strip_prefix("HMAC").unwrap_or(&plain);
    Algorithm::from_str(plain).map_err(|_| bad("an unknown algorithm"))
}

/// Whose codes these are: mostly `issuer:account`, and another system's words.
fn check_label(label: &str) -> Result<(), Invalid> {
    let label = decoded(label)?;
    if label.chars().count() > LABEL || label.chars().any(char::is_control) {
        return no("a label that can't be shown");
    }
    Ok(())
}

fn decoded(text: &str) -> Result<Cow<'_, str>, Invalid> {
    let text = percent_decode_str(text).decode_utf8();
    text.map_err(|_| bad("not UTF-8 behind the percent signs"))
}
