//! Random ids and codes, and the few encodings that replies need.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::ring::default_provider;

const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 44 URL-safe characters, as session and mechanism ids are.
pub fn id() -> String {
    bytes::<44>().iter().map(|byte| char::from(URL_SAFE[usize::from(byte % 64)])).collect()
}

/// So many decimal digits.
pub fn digits(count: usize) -> String {
    bytes::<16>().iter().take(count).map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// Two digits, the first not zero, as a number to match is.
pub fn number() -> String {
    let [byte] = bytes::<1>();
    (10 + byte % 90).to_string()
}

/// A secret of 160 bits, in base32.
pub fn base32() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    bytes::<32>().iter().map(letter).collect()
}

/// So many upper-case hexadecimal digits (at most 64).
pub fn hex(count: usize) -> String {
    let mut all: String = bytes::<32>().iter().map(|byte| format!("{byte:02X}")).collect();
    all.truncate(count);
    all
}

pub fn guid() -> String {
    as_guid(&hex(32).to_lowercase())
}

/// A GUID that is always the same for the same text.
pub fn guid_of(text: &str) -> String {
    let halves = [0xcbf2_9ce4_8422_2325, 0x9ae1_6a3b_2f90_404f].map(|seed| fnv(seed, text));
    as_guid(&format!("{:016x}{:016x}", halves[0], halves[1]))
}

/// What support asks for: GUID, colon, 32 hexadecimal digits.
pub fn error_id() -> String {
    format!("{}:{}", guid(), hex(32).to_lowercase())
}

/// A JSON web token about `subject` for so many seconds, whose signature is worth nothing.
pub fn token(subject: &str, lifetime: u64) -> String {
    let now = unix_time();
    let header = serde_json::json!({"alg": "RS256", "kid": guid(), "typ": "JWT"});
    let claims = serde_json::json!({
        "sub": guid_of(subject), "unique_name": subject, "iss": "https://simulated.test/", "aud": "simulated",
        "iat": now, "nbf": now, "exp": now + lifetime, "jti": guid(), "scope": "api",
    });
    let part = |value: serde_json::Value| url_safe_base64(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), id())
}

/// Base64 for URLs, without the padding (RFC 4648, section 5).
fn url_safe_base64(bytes: &[u8]) -> String {
    let text = base64(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

/// This moment in UTC, in base64.
pub fn date_in_base64() -> String {
    base64(iso_date(unix_time()).as_bytes())
}

/// Seconds since 1970.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= chunk.len() { char::from(BASE64[index]) } else { '=' });
        }
    }
    text
}

pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = BASE64.iter().position(|known| *known == byte)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    default_provider().secure_random.fill(&mut bytes).expect("the system has random bytes");
    bytes
}

fn as_guid(hex: &str) -> String {
    let cuts = [0..8, 8..12, 12..16, 16..20, 20..32];
    cuts.map(|cut| &hex[cut]).join("-")
}

fn fnv(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The days-to-date arithmetic of the proleptic Gregorian calendar, counted from March.
fn iso_date(unix: u64) -> String {
    let (days, seconds) = (unix / 86_400 + 719_468, unix % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
