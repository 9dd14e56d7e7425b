//! What the user typed, as a code.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use crate::secret::{Secret, Shared};

/// Shorter than that, a number typed at a menu is a choice.
pub(super) const MIN_CODE: usize = 4;
/// Longer than any code.
const MAX_CODE: usize = 64;

/// A code as it is sent: without the gaps that apps show it with. Codes are printable ASCII, of any
/// length.
pub(super) fn code(typed: &Secret) -> Option<Shared> {
    let text = typed.expose().trim();
    let printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if !printable || text.len() > MAX_CODE {
        return None;
    }
    let mut dense = Zeroizing::new(String::with_capacity(text.len()));
    dense.extend(text.chars().filter(|c| *c != ' '));
    let code = if is_digits(&dense) { &dense } else { text };
    Some(Secret::new(code).into())
}

pub(super) fn trimmed(typed: &Secret) -> Shared {
    Secret::new(typed.expose().trim()).into()
}

/// Whether this may be a code that a user has typed: enough digits, with gaps between them.
#[must_use]
pub fn looks_like_code(typed: &Secret) -> bool {
    code(typed).is_some_and(|code| is_number(&code))
}

/// What is certainly a code: a number that is too long for a choice.
pub(super) fn is_number(text: &Secret) -> bool {
    text.expose().len() >= MIN_CODE && is_digits(text.expose())
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
