//! One-time codes of a shared key (RFC 6238 over RFC 4226): which step of time a code belongs to.
#![forbid(unsafe_code)]

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::os;
use crate::otpauth;
pub use crate::otpauth::Algorithm;

/// NIST SP 800-63B-4, section 3.1.4: at least 112 bits.
const MIN_SECRET: usize = 14;
/// Longer than any key that a service hands out, in bytes.
const MAX_SECRET: usize = 1024;
/// Steps that a code may be early or late: clocks differ, and typing takes a while.
const WINDOW: u64 = 1;

/// A key that this machine and the user's authenticator share.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Key {
    secret: Zeroizing<Vec<u8>>,
    shape: Shape,
}

/// What a code of a key looks like, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The hash.
    pub algorithm: Algorithm,
    /// 6 or 8.
    pub digits: u8,
    /// Seconds of one step, 15 to 120.
    pub period: u64,
}

impl Default for Shape {
    /// What every authenticator can do.
    fn default() -> Self {
        Self { algorithm: Algorithm::Sha1, digits: 6, period: 30 }
    }
}

impl Key {
    /// A new key of 160 bits (RFC 4226, section 4), for codes that every authenticator knows.
    ///
    /// # Errors
    ///
    /// What getrandom(2) fails with.
    pub fn random() -> Result<Self, String> {
        let mut bytes = Zeroizing::new(vec![0; 20]);
        os::fill_with_random(&mut bytes).map_err(|error| error.to_string())?;
        Key::new(bytes, Shape::default())
    }

    /// A key, if it is strong enough and its codes are of a kind that we know.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without the key.
    pub fn new(secret: Zeroizing<Vec<u8>>, shape: Shape) -> Result<Self, String> {
        let bits = secret.len() * 8;
        if secret.len() < MIN_SECRET {
            let least = MIN_SECRET * 8;
            return Err(format!("the secret has {bits} bits: at least {least} are needed"));
        }
        if secret.len() > MAX_SECRET {
            return Err(format!("the secret has {bits} bits, which is no key"));
        }
        if ![6, 8].contains(&shape.digits) {
            let digits = shape.digits;
            return Err(format!("codes of {digits} digits: only 6 or 8 are known"));
        }
        if !(15..=120).contains(&shape.period) {
            let period = shape.period;
            return Err(format!("a period of {period} s: only 15 to 120 are accepted"));
        }
        Ok(Self { secret, shape })
    }

    /// What its codes look like.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The key itself, for the one place that hands it to its owner.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.secret))
    }

    /// The step that this code belongs to, of those around `time` in seconds since 1970.
    ///
    /// All of them are computed, whichever it is, and compared in constant time (totp-rs compares
    /// numbers). Of two steps with the same code it is the later one, so that it is used up with
    /// both.
    #[must_use]
    pub fn step_of(&self, code: &str, time: u64) -> Option<u64> {
        let totp = self.totp();
        let period = self.shape.period;
        let now = time / period;
        let mut found = None;
        for step in now.saturating_sub(WINDOW)..=now + WINDOW {
            let matched = totp.check(code, step * period);
            found = matched.map(|_| step).or(found);
        }
        found
    }

    /// The code at a time, as an authenticator shows it.
    #[must_use]
    pub fn code_at(&self, time: u64) -> Zeroizing<String> {
        Zeroizing::new(self.totp().generate(time).to_string())
    }

    /// Its bounds were checked: nothing is left of which the crate would complain later.
    fn totp(&self) -> totp_rs::Totp {
        let algorithm = match self.shape.algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        totp_rs::Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.shape.digits)
            .with_step_duration(self.shape.period)
            .with_skew(0)
            .with_secret(totp_rs::Secret::new(self.secret.as_slice().into()))
            .build_noncompliant()
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
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let secret = otpauth::base32(&stored.secret).map_err(|problem| problem.to_string())?;
        Key::new(secret, stored.shape)
    }
}

impl From<Key> for Stored {
    fn from(key: Key) -> Self {
        Self { secret: key.base32(), shape: key.shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &[u8], algorithm: Algorithm, digits: u8) -> Key {
        let shape = Shape { algorithm, digits, ..Shape::default() };
        Key::new(Zeroizing::new(secret.to_vec()), shape).unwrap()
    }

    /// RFC 6238, appendix B. The seeds of the longer hashes are as long as these (errata 2866).
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let seed = b"1234567890".repeat(7);
        let rows = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (time, sha1, sha256, sha512) in rows {
            for (algorithm, length, code) in [
                (Algorithm::Sha1, 20, sha1),
                (Algorithm::Sha256, 32, sha256),
                (Algorithm::Sha512, 64, sha512),
            ] {
                let key = key(&seed[..length], algorithm, 8);
                assert_eq!(*key.code_at(time), code, "{algorithm:?} at {time}");
                assert_eq!(key.step_of(code, time), Some(time / 30));
            }
        }
    }

    /// RFC 4226, appendix D: counters 0 to 9 are the steps of the first five minutes.
    #[test]
    fn codes_are_those_of_rfc_4226() {
        let key = key(b"12345678901234567890", Algorithm::Sha1, 6);
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(*key.code_at(step * 30), code);
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_before_and_after_its_own() {
        let key = key(b"12345678901234567890", Algorithm::Sha1, 6);
        let (time, own) = (1_111_111_109_u64, 1_111_111_109 / 30);
        for distance in -3_i64..=3 {
            let at = time.checked_add_signed(distance * 30).unwrap();
            let expected = (-1..=1).contains(&distance).then_some(at / 30);
            assert_eq!(key.step_of(&key.code_at(at), time), expected, "{distance}");
        }
        // To the second: a code lives from 30 s before its step to the end of the one behind it.
        let code = key.code_at(own * 30);
        for (at, good) in [(-31, false), (-30, true), (59, true), (60, false)] {
            let at = (own * 30).checked_add_signed(at).unwrap();
            assert_eq!(key.step_of(&code, at).is_some(), good, "{at}");
        }
        assert_eq!(key.step_of("755224", 0), Some(0), "there is nothing before 1970");
    }

    #[test]
    fn only_plain_digits_of_the_right_length_are_a_code() {
        let key = key(b"12345678901234567890", Algorithm::Sha1, 6);
        assert_eq!(key.step_of("287082", 59), Some(1));
        for odd in [
            "",
            "28708",
            "2870820",
            "+28708",
            "-28708",
            " 28708",
            "28708\0",
            "287O82",
            "\u{ff12}\u{ff18}\u{ff17}\u{ff10}\u{ff18}\u{ff12}",
            "0x4611",
        ] {
            assert_eq!(key.step_of(odd, 59), None, "{odd:?}");
        }
        assert_eq!(key.step_of(&"2".repeat(600), 59), None);
    }

    #[test]
    fn a_key_is_as_strong_as_it_must_be() {
        let new = |bytes, shape| Key::new(Zeroizing::new(vec![7; bytes]), shape).err();
        let plain = Shape::default();
        for (bytes, problem) in [
            (5, Some("the secret has 40 bits: at least 112 are needed")),
            (10, Some("the secret has 80 bits: at least 112 are needed")),
            (13, Some("the secret has 104 bits: at least 112 are needed")),
            (14, None),
            (20, None),
            (512, None),
            (1025, Some("the secret has 8200 bits, which is no key")),
        ] {
            assert_eq!(new(bytes, plain).as_deref(), problem, "{bytes}");
        }
        for digits in [0, 5, 7, 9, 255] {
            assert!(new(20, Shape { digits, ..plain }).is_some());
        }
        for (period, good) in [(14, false), (15, true), (120, true), (121, false)] {
            assert_eq!(new(20, Shape { period, ..plain }).is_none(), good);
        }
        for period in [0, u64::MAX] {
            assert!(new(20, Shape { period, ..plain }).is_some());
        }
    }
}
