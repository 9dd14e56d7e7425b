//! What a module can return.
#![forbid(unsafe_code)]

use std::fmt;

/// A return code of a module, by its number in `<security/_pam_types.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u8);

/// How many codes there are.
pub const CODES: usize = 32;

/// The words for them in a control, in the order of their numbers.
pub(super) const WORDS: [&str; CODES] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

impl Code {
    pub const SUCCESS: Self = Self(0);
    /// What libpam itself says where a line is broken.
    pub const PERM_DENIED: Self = Self(6);
    pub const AUTH_ERR: Self = Self(7);
    pub const AUTHINFO_UNAVAIL: Self = Self(9);
    pub const USER_UNKNOWN: Self = Self(10);
    pub const SESSION_ERR: Self = Self(14);
    pub const IGNORE: Self = Self(25);
    /// What libpam says for a module that can't be loaded, or does not have the function.
    pub const MODULE_UNKNOWN: Self = Self(28);
    const INCOMPLETE: Self = Self(31);

    /// Every code that a module gives back for good.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..32).map(Self).filter(|code| *code != Self::INCOMPLETE)
    }

    /// The code of a word, such as `auth_err`.
    pub fn named(word: &str) -> Option<Self> {
        Self::all().find(|code| code.word() == word)
    }

    pub(super) fn numbered(number: u8) -> Self {
        Self(number)
    }

    pub fn word(self) -> &'static str {
        WORDS.get(self.number()).copied().unwrap_or_default()
    }

    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
