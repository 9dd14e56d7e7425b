//! Accounts of this system.
#![forbid(unsafe_code)]

/// An account of this system. The uid says which one it is: several names, and several spellings of
/// a name, can lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The uid.
    pub uid: u32,
    /// Its canonical name: what the system calls this uid (getpwuid(3)).
    pub name: String,
    /// The name that led to it, as the application has it.
    pub typed: String,
}

impl Account {
    /// The name that led to the account, where that is not its canonical name.
    #[must_use]
    pub fn other_name(&self) -> Option<&str> {
        (self.typed != self.name).then_some(self.typed.as_str())
    }

    /// Whether this is its canonical name, or the one that led to it.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.typed == name
    }
}
