//! What a module can return.
#![forbid(unsafe_code)]

use std::fmt;

/// A return code of a module, by its number in `<security/_pam_types.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u8);

/// How many codes there are.
pub const CODES: usize = 32;

/// The words for them in a control, in the order of their numbers.
pub(crate) const WORDS: [&str; CODES] = [
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
    /// The module has done its part.
    pub const SUCCESS: Self = Self(0);
    /// What libpam itself says where a line is broken.
    pub const PERM_DENIED: Self = Self(6);
    /// The user did not show who they are.
    pub const AUTH_ERR: Self = Self(7);
    /// The module could not reach what it asks.
    pub const AUTHINFO_UNAVAIL: Self = Self(9);
    /// The module does not know the user.
    pub const USER_UNKNOWN: Self = Self(10);
    /// A session can't be opened or closed.
    pub const SESSION_ERR: Self = Self(14);
    /// The module does not want to count.
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

    /// The code of a number.
    #[must_use]
    pub fn numbered(number: u8) -> Self {
        Self(number)
    }

    /// The word for it in a control.
    pub fn word(self) -> &'static str {
        WORDS.get(self.number()).copied().unwrap_or_default()
    }

    /// The number of it.
    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
