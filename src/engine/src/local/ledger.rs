//! Numbers of one person that several logins change at once: each is counted before anything is
//! decided by it.
//!
//! A number has 48 bits, and 16 more that say whether it is what was written: a flipped bit is
//! never taken for a zero. It is changed by compare-and-exchange alone, so that no login waits for
//! another one.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{SHA256, digest};

use crate::os::{self, Cells, Folder};

/// The numbers of one file.
pub(super) struct Ledger {
    cells: Cells,
    place: PathBuf,
    /// It is on a disk, which may have no room for a change.
    is_on_disk: bool,
}

/// Why the state can't be used: which part of it, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(pub String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a login could not be marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmarked {
    /// What it is kept in is damaged, or this process may not change it. Nothing counts by it, so
    /// there is nothing to mark.
    NoMatter(Unusable),
    /// This login could not do it, and its caller may have seen to that: nothing may be sent.
    Refused(Unusable),
}

impl From<Trouble> for Unmarked {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Closed(unusable) => Self::NoMatter(unusable),
            Trouble::Refused(unusable) => Self::Refused(unusable),
        }
    }
}

/// Why a file is of no use to this login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is damaged, or this process may not change it: no login that is like this one can use it.
    Closed(Unusable),
    /// It may be sound, but this login could not use it: it lacks memory, descriptors or room, and
    /// a caller can see to that.
    Refused(Unusable),
}

impl Trouble {
    pub(super) fn of(place: impl fmt::Display, error: &io::Error) -> Self {
        let unusable = Unusable(format!("{place}: {error}"));
        if os::is_lasting(error) { Self::Closed(unusable) } else { Self::Refused(unusable) }
    }

    pub(super) fn unusable(self) -> Unusable {
        match self {
            Self::Closed(unusable) | Self::Refused(unusable) => unusable,
        }
    }
}

impl From<Trouble> for Unusable {
    fn from(trouble: Trouble) -> Self {
        trouble.unusable()
    }
}

impl Ledger {
    /// Opens the file; `None` if it is missing.
    pub(super) fn open(
        folder: &Folder,
        name: &str,
        head: usize,
        words: usize,
    ) -> Result<Option<Self>, Trouble> {
        let place = folder.place().join(name);
        let cells = folder.map(name, head, words);
        let cells = cells.map_err(|error| Trouble::of(place.display(), &error))?;
        Ok(cells.map(|cells| Self { cells, place, is_on_disk: false }))
    }

    /// Makes the file, which a boot may forget, and opens it; `None` if there is one.
    pub(super) fn make(
        folder: &Folder,
        name: &str,
        bytes: &[u8],
        head: usize,
        words: usize,
    ) -> Result<Option<Self>, Trouble> {
        let place = folder.place().join(name);
        let cells = folder.make_mapped(name, bytes, head, words);
        let cells = cells.map_err(|error| Trouble::of(place.display(), &error))?;
        Ok(cells.map(|cells| Self { cells, place, is_on_disk: false }))
    }

    /// Has a file on a disk ready for being changed, now and before each change.
    pub(super) fn on_disk(self) -> Result<Self, Trouble> {
        let ledger = Self { is_on_disk: true, ..self };
        ledger.prepare().map(|()| ledger)
    }

    /// A disk may have no room for a change, and again once the last one is on it.
    fn prepare(&self) -> Result<(), Trouble> {
        if self.is_on_disk { self.tried(self.cells.populate()) } else { Ok(()) }
    }

    /// The bytes before the numbers.
    pub(super) fn head(&self) -> Result<Vec<u8>, Trouble> {
        self.tried(self.cells.head())
    }

    /// A number.
    pub(super) fn get(&self, index: usize) -> Result<u64, Trouble> {
        unseal(index, self.word(index)?.load(Ordering::SeqCst)).ok_or_else(|| self.damaged())
    }

    /// Changes a number to what `change` makes of it, if it makes anything of it: what it was
    /// before, and now is.
    pub(super) fn change(
        &self,
        index: usize,
        mut change: impl FnMut(u64) -> Option<u64>,
    ) -> Result<Option<(u64, u64)>, Trouble> {
        loop {
            let before = self.get(index)?;
            let Some(after) = change(before) else {
                return Ok(None);
            };
            if self.exchange(index, before, after)? {
                return Ok(Some((before, after)));
            }
        }
    }

    /// Changes a number if it is still `before`: whether it was.
    pub(super) fn exchange(&self, index: usize, before: u64, after: u64) -> Result<bool, Trouble> {
        self.prepare()?;
        let (before, after) = (seal(index, before), seal(index, after));
        let order = Ordering::SeqCst;
        let exchanged = self.word(index)?.compare_exchange(before, after, order, order);
        Ok(exchanged.is_ok())
    }

    /// Makes a number at least `least`.
    pub(super) fn raise(&self, index: usize, least: u64) -> Result<(), Trouble> {
        self.change(index, |now| (now < least).then_some(least)).map(drop)
    }

    /// Makes a number `value`, whatever it was.
    pub(super) fn set(&self, index: usize, value: u64) -> Result<(), Trouble> {
        self.change(index, |now| (now != value).then_some(value)).map(drop)
    }

    /// Waits until all of it is on the disk.
    pub(super) fn sync(&self) -> Result<(), Trouble> {
        self.tried(self.cells.sync())
    }

    /// The file is still the one that its name leads to.
    pub(super) fn check_current(&self) -> Result<(), Trouble> {
        if self.tried(self.cells.is_current())? {
            return Ok(());
        }
        let place = self.place.display();
        let problem = format!("{place}: was replaced or removed during this login");
        Err(Trouble::Refused(Unusable(problem)))
    }

    /// Marks a number as this login's, until it ends in any way.
    pub(super) fn hold(&self, at: u64) -> Result<(), Trouble> {
        self.tried(self.cells.hold(at))
    }

    /// Whether the login lives that has marked this number, which is another one than this.
    pub(super) fn is_held(&self, at: u64) -> Result<bool, Trouble> {
        self.tried(self.cells.is_held(at))
    }

    fn word(&self, index: usize) -> Result<&AtomicU64, Trouble> {
        let word = self.cells.words().get(index);
        word.ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> Trouble {
        let place = self.place.display();
        Trouble::Closed(Unusable(format!("{place}: is damaged: remove it")))
    }

    fn tried<T>(&self, result: io::Result<T>) -> Result<T, Trouble> {
        result.map_err(|error| Trouble::of(self.place.display(), &error))
    }
}

/// The bytes of a file with this head, filled up with spaces, and these numbers.
pub(super) fn bytes_of(head: &[u8], length: usize, numbers: &[u64]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.resize(length, b' ');
    let sealed = numbers.iter().enumerate();
    bytes.extend(sealed.flat_map(|(index, value)| seal(index, *value).to_ne_bytes()));
    bytes
}

/// The number and its check, which differs from place to place: neither a hole of zeros nor a
/// neighbour is taken for it.
fn seal(index: usize, value: u64) -> u64 {
    value << 16 | u64::from(check(index, value))
}

fn unseal(index: usize, word: u64) -> Option<u64> {
    let value = word >> 16;
    (seal(index, value) == word).then_some(value)
}

/// CRC-16/CCITT of the place and the 48 bits of the number.
///
/// A CRC of two parts is the exclusive or of what each part adds. Most numbers are 0 and add
/// nothing.
fn check(index: usize, value: u64) -> u16 {
    let place = PLACES.get(index).copied().unwrap_or_else(|| place(index));
    let bytes = value.to_be_bytes();
    place ^ if value == 0 { 0 } else { bytes.into_iter().fold(0, crc) }
}

/// What a place adds to the CRC.
#[expect(clippy::indexing_slicing, reason = "each place is below the length")]
const fn place(index: usize) -> u16 {
    let bytes = (index as u128) << 64;
    let bytes = bytes.to_be_bytes();
    let (mut sum, mut at) = (0x1d0f, 0);
    while at < bytes.len() {
        sum = crc(sum, bytes[at]);
        at += 1;
    }
    sum
}

/// The CRC with one more byte.
#[expect(clippy::indexing_slicing, reason = "there is a row for each byte")]
const fn crc(sum: u16, byte: u8) -> u16 {
    let [first, second] = sum.to_be_bytes();
    ((second as u16) << 8) ^ CRC[(first ^ byte) as usize]
}

/// What the first places add, as far as files have places.
#[expect(clippy::indexing_slicing, reason = "made by the compiler, which checks each place")]
const PLACES: [u16; 128] = {
    let mut places = [0; 128];
    let mut index = 0;
    while index < places.len() {
        places[index] = place(index);
        index += 1;
    }
    places
};

/// What each byte does to the CRC: a login seals hundreds of numbers.
#[expect(clippy::indexing_slicing, reason = "made by the compiler, which checks each place")]
const CRC: [u16; 256] = {
    let mut rows = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        rows[byte] = crc;
        byte += 1;
    }
    rows
};

/// A moment, as 48 bits hold it: the boot, the seconds since then, and 7 bits for its owner. 0 is
/// no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// A few bits that tell one boot from the next.
    boot: u64,
    /// Seconds since that boot, for 17 years.
    at: u64,
    /// A count, or what tells one login from another.
    pub(super) extra: u64,
}

const EXTRA_BITS: u32 = 7;
const AT_BITS: u32 = 29;
const BOOT_BITS: u32 = 12;

impl Stamp {
    /// A time on the clock that begins with each boot.
    pub(super) fn new(boot: &str, seconds: u64, extra: u64) -> Self {
        let hash = digest(&SHA256, boot.as_bytes());
        let bits = hash.as_ref().iter().take(2);
        let bits = bits.fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self {
            boot: (bits >> (16 - BOOT_BITS)).max(1),
            at: seconds.min((1 << AT_BITS) - 1),
            extra: extra.min((1 << EXTRA_BITS) - 1),
        }
    }

    /// With something else for its owner.
    pub(super) fn with(self, extra: u64) -> Self {
        Self { extra: extra.min((1 << EXTRA_BITS) - 1), ..self }
    }

    pub(super) fn pack(self) -> u64 {
        self.boot << (AT_BITS + EXTRA_BITS) | self.at << EXTRA_BITS | self.extra
    }

    pub(super) fn unpack(number: u64) -> Option<Self> {
        let stamp = Self {
            boot: number >> (AT_BITS + EXTRA_BITS),
            at: number >> EXTRA_BITS & ((1 << AT_BITS) - 1),
            extra: number & ((1 << EXTRA_BITS) - 1),
        };
        (stamp.boot != 0).then_some(stamp)
    }

    /// Seconds since then. Of another boot it is known that it was before this one.
    pub(super) fn age(self, now: Self) -> u64 {
        if self.boot == now.boot { now.at.saturating_sub(self.at) } else { now.at }
    }

    /// Whether it was in another boot.
    pub(super) fn boot_differs(self, other: Self) -> bool {
        self.boot != other.boot
    }

    /// Whether it was later than `other`.
    pub(super) fn is_after(self, other: Self) -> bool {
        self.boot == other.boot && self.at > other.at
    }

    /// Seconds since this boot, if it was in this one.
    pub(super) fn seconds(self, now: Self) -> Option<u64> {
        (self.boot == now.boot).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written_and_in_its_place_only() {
        for value in [0, 1, 0xffff, (1 << 48) - 1] {
            for index in 0..128 {
                let word = seal(index, value);
                assert_eq!(unseal(index, word), Some(value));
                assert_eq!(unseal(index + 1, word), None, "a neighbour");
                for bit in 0..64 {
                    assert_eq!(unseal(index, word ^ 1 << bit), None, "{index} {bit}");
                }
            }
        }
    }

    #[test]
    fn a_hole_is_no_number() {
        for index in 0..1000 {
            assert_eq!(unseal(index, 0), None);
            assert_eq!(unseal(index, u64::MAX), None);
        }
    }

    #[test]
    fn a_moment_is_older_by_the_seconds_since_or_since_the_boot_after_it() {
        let stamp = Stamp::new("this-boot", 1000, 5);
        assert_eq!(Stamp::unpack(stamp.pack()), Some(stamp));
        assert_eq!(Stamp::unpack(0), None);
        assert_eq!(stamp.age(Stamp::new("this-boot", 1030, 0)), 30);
        assert_eq!(stamp.age(Stamp::new("this-boot", 900, 0)), 0);
        assert_eq!(stamp.age(Stamp::new("next-boot", 20, 0)), 20);
    }
}
