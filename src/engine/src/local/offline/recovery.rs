//! Recovery codes: ten of them, each good once, for a user who has no authenticator at hand. Only
//! their hashes are kept.
//!
//! A code has 80 random bits, so that a plain hash with a salt is enough: no attacker tries that
//! many.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::os;

/// How many there are of them.
pub const COUNT: usize = 10;
/// Random bytes in one.
const BYTES: usize = 10;
/// Characters in one, without its gaps.
const LENGTH: usize = 16;

/// The hashes of the codes that have not been used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    salt: String,
    hashes: Vec<String>,
}

impl Hashes {
    /// Ten new codes, to be shown once, and what is kept of them.
    ///
    /// # Errors
    ///
    /// What getrandom(2) fails with.
    pub fn new() -> io::Result<(Self, Vec<Zeroizing<String>>)> {
        let mut salt = [0; 16];
        os::fill_with_random(&mut salt)?;
        let salt = BASE32_NOPAD.encode(&salt);
        let (mut codes, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..COUNT {
            let mut bytes = Zeroizing::new([0; BYTES]);
            os::fill_with_random(bytes.as_mut_slice())?;
            let code = Zeroizing::new(BASE32_NOPAD.encode(bytes.as_slice()));
            hashes.push(hash(&salt, &code));
            codes.push(grouped(&code));
        }
        Ok((Self { salt, hashes }, codes))
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.hashes.len()
    }

    /// The place of a code, if it is one of them. All of them are looked at, each in constant time.
    #[must_use]
    pub fn place_of(&self, typed: &str) -> Option<usize> {
        let code = dense(typed)?;
        let hash = hash(&self.salt, &code);
        let places = self.hashes.iter().enumerate();
        places.fold(
            None,
            |found, (place, known)| {
                if same(known, &hash) { Some(place) } else { found }
            },
        )
    }

    /// Those that are left where `is_used` says of each place whether its code was used.
    #[must_use]
    pub fn without(&self, is_used: impl Fn(usize) -> bool) -> Self {
        let places = self.hashes.iter().enumerate();
        let left = places.filter(|(place, _)| !is_used(*place));
        Self { salt: self.salt.clone(), hashes: left.map(|(_, hash)| hash.clone()).collect() }
    }
}

/// `abcd-efgh-ijkl-mnop`
fn grouped(code: &str) -> Zeroizing<String> {
    let mut grouped = Zeroizing::new(String::with_capacity(LENGTH + 3));
    for (at, c) in code.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(c.to_ascii_lowercase());
    }
    grouped
}

/// Without gaps and in capitals; `None` if it can't be a code.
fn dense(typed: &str) -> Option<Zeroizing<String>> {
    let mut dense = Zeroizing::new(String::with_capacity(LENGTH));
    for c in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
        if !c.is_ascii_alphanumeric() || dense.len() == LENGTH {
            return None;
        }
        dense.push(c.to_ascii_uppercase());
    }
    (dense.len() == LENGTH).then_some(dense)
}

fn hash(salt: &str, code: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(salt.as_bytes());
    context.update(b":");
    context.update(code.as_bytes());
    HEXLOWER.encode(context.finish().as_ref())
}

fn same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    let difference = pairs.fold(0, |all, (one, other)| black_box(all | one ^ other));
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_ten_is_known_however_it_is_typed() {
        let (hashes, codes) = Hashes::new().unwrap();
        assert_eq!((codes.len(), hashes.left()), (10, 10));
        assert_eq!(codes[0].len(), "abcd-efgh-ijkl-mnop".len());
        let typed = [
            codes[0].to_string(),
            codes[1].to_uppercase(),
            codes[2].replace('-', ""),
            format!(" {} ", codes[3].replace('-', " ")),
        ];
        for (place, code) in typed.iter().enumerate() {
            assert_eq!(hashes.place_of(code), Some(place), "{code}");
        }
        let left = hashes.without(|place| place < 4);
        assert_eq!(left.left(), 6);
        assert_eq!(left.place_of(&codes[3]), None);
        assert_eq!(left.place_of(&codes[4]), Some(0));
    }

    #[test]
    fn nothing_else_works() {
        let (hashes, codes) = Hashes::new().unwrap();
        let code = codes[0].as_str();
        let other = if code.ends_with('a') { "b" } else { "a" };
        for wrong in [
            String::new(),
            "287082".into(),
            code[1..].into(),
            format!("{code}a"),
            format!("{}{other}", &code[..18]),
            code.replace('-', "\u{2010}"),
            "-".repeat(600),
        ] {
            assert_eq!(hashes.place_of(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_kept_says_nothing_about_the_codes() {
        let (hashes, codes) = Hashes::new().unwrap();
        let kept = serde_json::to_string(&hashes).unwrap();
        for code in &codes {
            assert!(!kept.contains(code.as_str()));
            assert!(!kept.contains(dense(code).unwrap().as_str()));
        }
        assert_ne!(Hashes::new().unwrap().0.salt, hashes.salt, "a salt for each user");
    }

    #[test]
    fn two_texts_are_the_same_only_if_all_of_them_is() {
        assert!(same("", "") && same("ab", "ab"));
        for (one, other) in [("ab", "ac"), ("ab", "cb"), ("ab", "a"), ("", "a")] {
            assert!(!same(one, other) && !same(other, one));
        }
    }
}
