//! Bytes that are walked where they lie: numbers, and pieces with their length in front. What does
//! not fit reads as `None`.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

/// A part of bytes that several lists share; empty at first.
#[derive(Clone, Default)]
pub(super) struct Packed {
    whole: Option<Arc<Vec<u8>>>,
    part: Range<usize>,
}

impl Packed {
    /// Takes the bytes of one list.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self { part: 0..bytes.len(), whole: Some(Arc::new(bytes)) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        let part = self.whole.as_ref().and_then(|whole| whole.get(self.part.clone()));
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
pub(super) fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

/// Takes so many bytes off the front.
pub(super) fn some<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (some, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(some)
}

/// Takes a piece off the front.
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
