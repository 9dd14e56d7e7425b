//! PEM (RFC 7468) by its marks: no mark is passed over in silence, and each knows its line.
//!
//! The parser of rustls skips labels that it does not know, among them OpenSSL's own for
//! certificates with trust settings, and knows no lines.
#![forbid(unsafe_code)]

use data_encoding::BASE64;
use memchr::{memchr, memchr_iter};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// What may stand beside the digits of a line.
const SPACE: &[u8] = b" \t\r";
/// UTF-8's mark, which Windows puts at the beginning of a file.
const BYTE_ORDER: &[u8] = b"\xef\xbb\xbf";

/// What stands between two marks.
pub(super) struct Block<'a> {
    /// The line of its BEGIN mark, counted from 1.
    pub line: usize,
    /// Whether the mark begins its line. OpenSSL sees no other.
    pub begins_line: bool,
    /// Everything behind the word BEGIN, up to the next such mark.
    rest: &'a [u8],
}

/// What is wrong with the text of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The BEGIN mark has no end of its own, or something behind it.
    Mark,
    /// No END mark follows at the beginning of a line, or one of another label.
    End,
    /// A line between the marks is empty.
    Gap,
    /// What is between the marks is no base64.
    Base64,
    /// An END mark without a BEGIN.
    Stray,
}

/// All BEGIN marks, wherever in a line they stand.
pub(super) fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let (mut rest, mut line) = (text.strip_prefix(BYTE_ORDER).unwrap_or(text), 1);
    while let Some((before, mark)) = find(rest, BEGIN).and_then(|at| rest.split_at_checked(at)) {
        line += lines(before);
        let body = mark.get(BEGIN.len()..).unwrap_or_default();
        let length = find(body, BEGIN).unwrap_or(body.len());
        let ends_line = before.last().map(|byte| *byte == b'\n');
        blocks.push(Block {
            line,
            begins_line: ends_line.unwrap_or(blocks.is_empty()),
            rest: body.get(..length).unwrap_or_default(),
        });
        rest = body;
    }
    blocks
}

/// The line of an END mark before any BEGIN.
pub(super) fn stray(text: &[u8]) -> Option<usize> {
    let before = find(text, BEGIN).and_then(|at| text.get(..at)).unwrap_or(text);
    let at = find(before, END)?;
    Some(1 + lines(before.get(..at)?))
}

impl<'a> Block<'a> {
    /// What the mark says that it begins.
    pub(super) fn label(&self) -> Option<&'a str> {
        let end = find(self.rest, DASHES)?;
        let label = std::str::from_utf8(self.rest.get(..end)?).ok()?;
        let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
        label.chars().all(is_label).then_some(label)
    }

    /// The bytes that are between the marks, each of which has a line of its own.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Broken> {
        let label = self.label().ok_or(Broken::Mark)?;
        let body = self.rest.get(label.len() + DASHES.len()..).unwrap_or_default();
        let mut lines = body.split(|byte| *byte == b'\n');
        if !lines.next().is_some_and(is_empty) {
            return Err(Broken::Mark);
        }
        let mut digits = Vec::with_capacity(body.len());
        let closing = loop {
            let line = lines.next().ok_or(Broken::End)?;
            match line.strip_prefix(END) {
                Some(closing) => break closing,
                // OpenSSL takes what is above such a line for something else.
                None if is_empty(line) && find(body, END).is_some() => return Err(Broken::Gap),
                None => digits.extend(line.iter().filter(|byte| !SPACE.contains(byte))),
            }
        };
        let behind = closing.strip_prefix(label.as_bytes());
        let behind = behind.and_then(|behind| behind.strip_prefix(DASHES));
        if !behind.is_some_and(is_empty) {
            return Err(Broken::End);
        }
        if lines.any(|line| find(line, END).is_some()) {
            return Err(Broken::Stray);
        }
        // The decoder takes several padded texts in a row. OpenSSL takes one.
        let padding = memchr(b'=', &digits).and_then(|at| digits.get(at..)).unwrap_or_default();
        if padding.iter().any(|byte| *byte != b'=') {
            return Err(Broken::Base64);
        }
        BASE64.decode(&digits).map_err(|_| Broken::Base64)
    }
}

/// Whether nothing is in a line but space.
fn is_empty(line: &[u8]) -> bool {
    line.iter().all(|byte| SPACE.contains(byte))
}

fn lines(text: &[u8]) -> usize {
    memchr_iter(b'\n', text).count()
}

/// Where a mark begins. All of them begin with a dash, which base64 does not have.
fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let mut dashes = memchr_iter(b'-', text);
    dashes.find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
}
