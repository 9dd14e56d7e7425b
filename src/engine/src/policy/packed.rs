//! Bytes that are walked where they lie: numbers, and pieces with their length in front. What does
//! not fit reads as `None`.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::rc::Rc;

/// Bytes that several lists share.
#[derive(Clone)]
pub struct Bytes(Rc<dyn AsRef<[u8]>>);

impl<B: AsRef<[u8]> + 'static> From<B> for Bytes {
    fn from(bytes: B) -> Self {
        Self(Rc::new(bytes))
    }
}

impl Bytes {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[u8] {
        (*self.0).as_ref()
    }

    /// A part of them, if they are so many.
    pub(super) fn part(&self, part: Range<usize>) -> Option<Packed> {
        let is_empty = self.all().get(part.clone())?.is_empty();
        Some(Packed { whole: (!is_empty).then(|| self.clone()), part })
    }
}

/// The bytes of one list; none at first.
#[derive(Clone, Default)]
pub(super) struct Packed {
    whole: Option<Bytes>,
    part: Range<usize>,
}

impl Packed {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let part = 0..bytes.len();
        Bytes::from(bytes).part(part).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        let part = self.whole.as_ref().and_then(|whole| whole.all().get(self.part.clone()));
        part.unwrap_or_default()
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Packed {}

/// Takes a number off the front.
#[inline]
pub(super) fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

/// Takes so many bytes off the front.
#[inline]
pub(super) fn some<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (some, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(some)
}

/// Takes a piece off the front.
#[inline]
pub(super) fn piece<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = number(bytes)?;
    some(bytes, length)
}

/// The text of a piece.
pub(super) fn text(piece: &[u8]) -> &str {
    std::str::from_utf8(piece).unwrap_or_default()
}

/// Appends a number. No configuration is so long that a number of it has more than 32 bits.
pub(super) fn put_number(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// Appends a piece.
pub(super) fn put_piece(bytes: &mut Vec<u8>, piece: &[u8]) {
    put_number(bytes, piece.len());
    bytes.extend_from_slice(piece);
}
