//! Keys of one-time codes (RFC 6238 over RFC 4226): their bounds, which step of time a code belongs
//! to, and the texts by which people and servers hand them on.
#![forbid(unsafe_code)]

mod text;

use std::fmt;
use std::ops::RangeInclusive;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
pub use totp_rs::Algorithm;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

pub use text::{read, read_uri, write};

/// Bytes of a key. RFC 4226, section 4, demands 128 bits; some services give 112, and NIST SP
/// 800-63B-4, section 3.1.4, accepts no fewer. SHA-512 hashes what is longer than its block of 1024
/// bits before it uses it.
const SECRET: RangeInclusive<usize> = 14..=128;
/// Digits of a code.
const DIGITS: [u8; 2] = [6, 8];
/// Seconds for which a code is shown.
const PERIOD: RangeInclusive<u64> = 15..=120;
/// Steps that a code may be early or late: clocks differ, and typing takes a while.
const WINDOW: u64 = 1;

/// A key within the bounds, that this machine or a server and the user's authenticator share.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Key(Totp);

/// What a code of a key looks like, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The hash function of the HMAC (RFC 6238, section 1.2). Nearly every authenticator expects
    /// SHA-1, and not every one can do another.
    pub algorithm: Algorithm,
    /// Its length, 6 or 8.
    pub digits: u8,
    /// Seconds of one step, 15 to 120.
    pub period: u64,
}

/// Why a text or some bytes are no key. Never repeats the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl Default for Shape {
    /// What every authenticator can do.
    fn default() -> Self {
        Self { algorithm: Algorithm::SHA1, digits: 6, period: 30 }
    }
}

impl Key {
    /// A key, if it is strong enough and its codes are of a kind that we know.
    ///
    /// # Errors
    ///
    /// What is out of bounds.
    pub fn new(secret: Zeroizing<Vec<u8>>, shape: Shape) -> Result<Self, Invalid> {
        let Shape { algorithm, digits, period } = shape;
        if !SECRET.contains(&secret.len()) {
            let (bits, least, most) = (secret.len() * 8, SECRET.start() * 8, SECRET.end() * 8);
            return no(format!("the secret has {bits} bits: only {least} to {most} are accepted"));
        }
        if !DIGITS.contains(&digits) {
            let [short, long] = DIGITS;
            return no(format!("codes of {digits} digits: only {short} or {long} are accepted"));
        }
        if !PERIOD.contains(&period) {
            let (least, most) = (PERIOD.start(), PERIOD.end());
            return no(format!("a period of {period} s: only {least} to {most} are accepted"));
        }
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(digits)
            .with_step_duration(period)
            .with_skew(0)
            .with_secret(Secret::new(secret.as_slice().into()));
        // The crate's own bounds leave out 112 bits. Those above are within all others of its.
        Ok(Self(totp.build_noncompliant()))
    }

    /// What its codes look like.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let Self(totp) = self;
        Shape { algorithm: totp.algorithm(), digits: totp.digits(), period: totp.step() }
    }

    /// The key itself, for the one place that hands it to its owner.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.secret()))
    }

    /// Whether a text in base32 holds the secret of this key.
    #[must_use]
    pub fn has_secret(&self, base32: &str) -> bool {
        text::secret(base32).is_ok_and(|secret| *secret == self.secret())
    }

    fn secret(&self) -> &[u8] {
        self.0.secret().as_bytes()
    }

    /// The step that this code belongs to, of those around `time` in seconds since 1970.
    ///
    /// All of them are computed, whichever it is, and compared in constant time (totp-rs compares
    /// numbers). Of two steps with the same code it is the later one, so that it is used up with
    /// both.
    #[must_use]
    pub fn step_of(&self, code: &str, time: u64) -> Option<u64> {
        let period = self.0.step();
        let now = time / period;
        let mut found = None;
        for step in now.saturating_sub(WINDOW)..=now + WINDOW {
            found = self.0.check(code, step * period).or(found);
        }
        found
    }

    /// The code at a time, as an authenticator shows it.
    #[must_use]
    pub fn code_at(&self, time: u64) -> Zeroizing<String> {
        Zeroizing::new(self.0.generate(time).to_string())
    }
}

/// A key as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    secret: Zeroizing<String>,
    shape: Shape,
}

impl TryFrom<Stored> for Key {
    type Error = Invalid;

    fn try_from(stored: Stored) -> Result<Self, Invalid> {
        Key::new(text::secret(&stored.secret)?, stored.shape)
    }
}

impl From<Key> for Stored {
    fn from(key: Key) -> Self {
        Self { secret: key.base32(), shape: key.shape() }
    }
}

fn no<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(bad(why))
}

fn bad(why: impl Into<String>) -> Invalid {
    Invalid(why.into())
}

#[cfg(test)]
mod tests;
