//! Whom the tenant is asked about: the user, the caller, or one after the other.
#![forbid(unsafe_code)]

use super::{Refusal, Subject, Whom};

/// An account of this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The local name.
    pub user: String,
    /// The uid that the system has for this name.
    pub uid: u32,
}

/// One of those who are asked about.
pub(super) struct Asked<'s> {
    pub(super) person: Person,
    pub(super) is_pam_user: bool,
    /// Fingerprint of the key that sshd has verified: it says something about the user alone.
    pub(super) public_key: Option<&'s str>,
}

impl Subject {
    /// Those who are asked about, in order.
    ///
    /// A caller with the uid of the user is the user, under the name that PAM has: nothing about a caller makes
    /// rules or names count that would not count for the user.
    pub(super) fn asked(&self, whom: Whom) -> Result<(Asked<'_>, Option<Asked<'_>>), Refusal> {
        let caller = self.caller.as_ref();
        let other = caller.filter(|caller| caller.uid != self.uid);
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
    pub(super) fn as_user(&self) -> Asked<'_> {
        Asked {
            person: Person {
                user: self.user.clone(),
                uid: self.uid,
            },
            is_pam_user: true,
            public_key: self.public_key.as_deref(),
        }
    }
}

fn as_caller(caller: &Person) -> Asked<'_> {
    Asked {
        person: caller.clone(),
        is_pam_user: false,
        public_key: None,
    }
}
