//! A strict reader of DER (X.690), as far as the outside of a certificate needs it.
//!
//! webpki reads what it checks itself. What it leaves to the maker of trust anchors is read here:
//! its own reader is private, and a general parser of X.509 would cost the module more than the
//! twenty lines below.
#![forbid(unsafe_code)]

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The bit of a tag that says that its content is elements again.
const CONSTRUCTED: u8 = 0x20;

/// Elements may contain elements this deep. A certificate needs six levels.
const DEEPEST: usize = 16;

/// DER that is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub &'a [u8]);

pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

impl<'a> Der<'a> {
    /// The content of an element with this tag that is all there is.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Option<&'a [u8]> {
        let mut der = Der(bytes);
        der.content(tag).filter(|_| der.0.is_empty())
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let element = self.next()?;
        (element.tag == tag).then_some(element.content)
    }

    /// The content of the next element if it has this tag; `Some(None)` leaves everything as it is.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        match self.0.first() {
            Some(next) if *next == tag => self.content(tag).map(Some),
            _ => Some(None),
        }
    }

    /// The next element; none with a tag or a length of more bytes than a certificate needs.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let digits = match first {
            0..=0x7f => 0,
            0x81..=0x83 => usize::from(first & 0x7f),
            _ => return None,
        };
        let (long, rest) = rest.split_at_checked(digits)?;
        let long = long.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let length = if digits == 0 { usize::from(first) } else { long };
        let (content, rest) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(2 + digits + length)?;
        self.0 = rest;
        (tag & 0x1f != 0x1f).then_some(Element { tag, content, whole })
    }
}

/// Whether these bytes are elements, and so is all that they contain.
pub(super) fn is_well_formed(bytes: &[u8]) -> bool {
    is_well_formed_within(bytes, DEEPEST)
}

fn is_well_formed_within(bytes: &[u8], depth: usize) -> bool {
    let mut der = Der(bytes);
    while !der.0.is_empty() {
        let Some(element) = der.next() else {
            return false;
        };
        let is_whole = element.tag & CONSTRUCTED == 0
            || depth > 0 && is_well_formed_within(element.content, depth - 1);
        if !is_whole {
            return false;
        }
    }
    true
}
