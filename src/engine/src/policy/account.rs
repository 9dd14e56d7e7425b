//! Accounts of this system, and which of them the tenant is asked about: the user's, the caller's,
//! or one after the other.
#![forbid(unsafe_code)]

use super::{Refusal, Subject, Whom};

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

/// One of those who are asked about.
pub struct Asked<'s> {
    /// The account.
    pub account: &'s Account,
    /// It is the account of `PAM_USER`, and not the caller's.
    pub is_pam_user: bool,
    /// Fingerprint of the key that sshd has verified: it says something about the user alone.
    pub(super) public_key: Option<&'s str>,
}

impl Subject {
    /// Those who are asked about, in order.
    ///
    /// A caller with the uid of the user is the user: nothing about a caller makes rules or names
    /// count that would not count for the user.
    ///
    /// # Errors
    /// The policy asks about the caller, and the caller is not known.
    pub fn asked(&self, whom: Whom) -> Result<(Asked<'_>, Option<Asked<'_>>), Refusal> {
        let caller = self.caller.as_ref();
        let other = caller.filter(|caller| caller.uid != self.account.uid);
        match (whom, caller, other) {
            (Whom::Caller | Whom::Both, None, _) => Err(Refusal::NoCaller),
            (Whom::Auto | Whom::Caller, _, Some(caller)) => Ok((as_caller(caller), None)),
            (Whom::Both, _, Some(caller)) => Ok((as_caller(caller), Some(self.as_user()))),
            (Whom::User, _, _) | (Whom::Auto | Whom::Caller | Whom::Both, _, None) => {
                Ok((self.as_user(), None))
            }
        }
    }

    /// The account that PAM has.
    #[must_use]
    pub fn as_user(&self) -> Asked<'_> {
        Asked { account: &self.account, is_pam_user: true, public_key: self.public_key.as_deref() }
    }
}

fn as_caller(caller: &Account) -> Asked<'_> {
    Asked { account: caller, is_pam_user: false, public_key: None }
}
