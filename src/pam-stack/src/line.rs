//! From the text of a service file to words: comments, continued lines, brackets.
#![forbid(unsafe_code)]

use std::ops::Range;

/// A line as libpam puts it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of the first line that it is made of, from 1.
    pub number: usize,
    /// Without comments, on one line.
    pub text: String,
    /// The bytes of the file that it is made of, the end of its last line among them.
    pub span: Range<usize>,
}

/// What a file says once continued lines are one, and comments are gone; and the last line if it
/// wants to go on where the file ends, for libpam then takes nothing of the file.
pub fn lines(text: &str) -> (Vec<Line>, Option<Line>) {
    let mut lines = Vec::new();
    let mut open: Option<Line> = None;
    let mut end = 0;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let start = end;
        end += raw.len();
        let Some(part) = content(raw) else { continue };
        let (part, continues) = match part.strip_suffix('\\') {
            Some(part) => (format!("{part} "), true),
            None => (part.to_owned(), false),
        };
        let line = open.get_or_insert_with(|| Line {
            number: index + 1,
            text: String::new(),
            span: start..end,
        });
        line.text.push_str(&part);
        line.span.end = end;
        if !continues {
            lines.extend(open.take());
        }
    }
    (lines, open)
}

/// Without the blanks around and without a comment; nothing where nothing is left.
fn content(raw: &str) -> Option<&str> {
    let text = raw.split('#').next().unwrap_or_default();
    let text = text.trim_matches(BLANKS);
    (!text.is_empty()).then_some(text)
}

const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// A word of a line. Brackets make one word of what is between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What libpam takes it for: without the brackets, and `\]` is a bracket there.
    pub text: String,
    /// As it stands in the line.
    pub written: &'a str,
}

/// The words of a line.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        let (text, behind) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside),
            None => plain(rest),
        };
        let length = rest.len() - behind.len();
        let written = rest.get(..length).unwrap_or_default();
        words.push(Word { text, written });
        rest = behind.trim_start_matches(BLANKS);
    }
    words
}

fn plain(text: &str) -> (String, &str) {
    let end = text.find(BLANKS).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.to_owned(), rest)
}

fn bracketed(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match (letter, letters.peek()) {
            (']', _) => return (word, text.get(at + 1..).unwrap_or_default()),
            ('\\', Some((_, ']'))) => {
                word.push(']');
                letters.next();
            }
            (letter, _) => word.push(letter),
        }
    }
    (word, "")
}
