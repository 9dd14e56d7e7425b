//! Text that is wiped when it is dropped and that can't be printed, cloned or compared by accident.
#![forbid(unsafe_code)]

use std::rc::Rc;

use zeroize::Zeroizing;

/// libpam's and sudo's limit for one answer, in bytes, its NUL included.
pub const MAX_ANSWER: usize = 512;

/// A password, a code or another answer of the user.
pub struct Secret(Zeroizing<String>);

/// A secret that several pending operations may need. One copy, one wipe.
pub type Shared = Rc<Secret>;

/// Why bytes from the conversation are not an answer that could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing was typed.
    Empty,
    /// As long as libpam's limit or longer: it may have been cut off on the way.
    TooLong,
    /// Not UTF-8, which is all that JSON can carry.
    NotUtf8,
}

impl Secret {
    /// Takes over what the user typed, whole and unchanged.
    ///
    /// # Errors
    ///
    /// [`Unfit`] for what can't be sent. Nothing is ever shortened or converted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unfit> {
        if bytes.is_empty() {
            return Err(Unfit::Empty);
        }
        if bytes.len() >= MAX_ANSWER {
            return Err(Unfit::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotUtf8)?;
        Ok(Self::new(text))
    }

    /// A copy of `text`, allocated once.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut copy = Zeroizing::new(String::with_capacity(text.len()));
        copy.push_str(text);
        Self(copy)
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let longest = "x".repeat(MAX_ANSWER - 1);
        assert_eq!(Secret::from_bytes(longest.as_bytes()).ok().unwrap().expose(), longest);
        assert_eq!(Secret::from_bytes(&[b'x'; MAX_ANSWER]).err(), Some(Unfit::TooLong));
        assert_eq!(Secret::from_bytes(b"").err(), Some(Unfit::Empty));
        assert_eq!(Secret::from_bytes(b"caf\xe9").err(), Some(Unfit::NotUtf8));
        assert_eq!(Secret::from_bytes(b"\xff\xfe").err(), Some(Unfit::NotUtf8));
    }
}
