//! A table from local names, or from fingerprints of keys, to names in the tenant: one run of
//! bytes, sorted by key.
#![forbid(unsafe_code)]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::packed::{Packed, number, put_number, some, text};

/// `users.names` or `users.keys` of one service: its own table over that of the whole file.
#[derive(Clone, Default)]
pub struct NameTable {
    own: Entries,
    above: Entries,
}

/// A table of the file: how many entries there are, where the key and the name of each begin in the
/// texts, and the texts.
#[derive(Clone, Default)]
struct Entries(Packed);

impl NameTable {
    /// The table of a service over this one, which is the whole file's.
    pub(super) fn with(&self, own: Packed) -> Self {
        Self { own: Entries(own), above: self.own.clone() }
    }

    /// The table without that of the whole file over which it is.
    pub(super) fn own(&self) -> &Packed {
        &self.own.0
    }

    /// The name beside this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.own.get(key).or_else(|| self.above.get(key))
    }

    /// The keys and the names beside them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.above.iter().chain(self.own.iter());
        all.collect::<BTreeMap<_, _>>().into_iter()
    }

    /// Returns whether the table has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.above.is_empty()
    }
}

impl PartialEq for NameTable {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for NameTable {}

impl fmt::Debug for NameTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Packs a table of the file.
pub(super) fn pack(entries: &BTreeMap<&str, String>) -> Packed {
    let (mut packed, mut at) = (Vec::new(), 0);
    if !entries.is_empty() {
        put_number(&mut packed, entries.len());
        for text in entries.iter().flat_map(|(key, name)| [*key, name.as_str()]) {
            put_number(&mut packed, at);
            at += text.len();
        }
        for (key, name) in entries {
            packed.extend_from_slice(key.as_bytes());
            packed.extend_from_slice(name.as_bytes());
        }
    }
    Packed::new(packed)
}

impl Entries {
    fn is_empty(&self) -> bool {
        self.0.bytes().is_empty()
    }

    fn get(&self, key: &str) -> Option<&str> {
        let (starts, texts) = self.parts()?;
        let (mut from, mut to) = (0, starts.len() / PAIR);
        while from < to {
            let middle = from + (to - from) / 2;
            let (found, name) = entry(starts, texts, middle)?;
            match found.cmp(key.as_bytes()) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(text(name)),
                Ordering::Greater => to = middle,
            }
        }
        None
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let parts = self.parts();
        let count = parts.map_or(0, |(starts, _)| starts.len() / PAIR);
        let pairs = (0..count).map_while(move |at| {
            let (starts, texts) = parts?;
            entry(starts, texts, at)
        });
        pairs.map(|(key, name)| (text(key), text(name)))
    }

    /// Where the texts begin, and the texts.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        let mut rest = self.0.bytes();
        let count = number(&mut rest)?;
        let starts = some(&mut rest, count.checked_mul(PAIR)?)?;
        Some((starts, rest))
    }
}

/// Bytes of the two numbers that say where a key and its name begin.
const PAIR: usize = 8;

/// An entry's key and name. A text ends where the next one begins.
fn entry<'t>(starts: &[u8], texts: &'t [u8], at: usize) -> Option<(&'t [u8], &'t [u8])> {
    let mut starts = starts.get(at * PAIR..)?;
    let (key, name) = (number(&mut starts)?, number(&mut starts)?);
    let end = number(&mut starts).unwrap_or(texts.len());
    Some((texts.get(key..name)?, texts.get(name..end)?))
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    type Names = BTreeMap<String, String>;

    fn borrowed(names: &Names) -> BTreeMap<&str, String> {
        names.iter().map(|(key, name)| (key.as_str(), name.clone())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_table_says_what_a_map_would_and_what_is_own_comes_first(
            above in btree_map("[a-dé]{0,3}", "[a-z]{1,9}", 0..40),
            own in btree_map("[a-dé]{0,3}", "[A-Z]{1,9}", 0..9),
            other in "[a-eé]{0,3}",
        ) {
            let table = NameTable::default().with(pack(&borrowed(&above))).with(pack(&borrowed(&own)));
            let mut both = above.clone();
            both.extend(own.clone());
            for key in both.keys().chain([&other]) {
                prop_assert_eq!(table.get(key), both.get(key).map(String::as_str), "{:?}", key);
            }
            let all = both.iter().map(|(key, name)| (key.as_str(), name.as_str()));
            prop_assert!(table.iter().eq(all));
            prop_assert_eq!(table.is_empty(), both.is_empty());
            prop_assert_eq!(&table, &NameTable::default().with(pack(&borrowed(&both))));
        }
    }
}
