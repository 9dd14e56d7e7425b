//! Who wants in, and which accounts the tenant is asked about: the user's, the caller's, or one after
//! the other.
#![forbid(unsafe_code)]

use super::{Account, Date, NoTerms, Whom};

/// A public key that sshd has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// As `ssh-keygen -l` writes it: `SHA256:...`. Of a certificate, that of the key it certifies.
    pub fingerprint: String,
    /// The private key is kept in a FIDO authenticator.
    pub is_security_key: bool,
}

/// Who wants in, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The account that `PAM_USER` leads to.
    pub account: Account,
    /// Who runs the program, if that is known for certain: a `PAM_RUSER` that names the user of the
    /// real uid.
    pub caller: Option<Account>,
    /// The public keys with which sshd has let the user this far, in the order of sshd.
    pub public_keys: Vec<PublicKey>,
    /// The PAM service.
    pub service: String,
    /// `PAM_RHOST`.
    pub rhost: Option<String>,
    /// There is a `PAM_TTY`.
    pub has_terminal: bool,
    /// The day of this login, in UTC.
    pub today: Date,
}

/// One of those who are asked about.
pub struct Asked<'s> {
    /// The account.
    pub account: &'s Account,
    /// It is the account of `PAM_USER`, and not the caller's.
    pub is_pam_user: bool,
    /// The keys that sshd has verified: they say something about the user alone.
    pub(super) public_keys: &'s [PublicKey],
}

impl Subject {
    /// Those who are asked about, in order.
    ///
    /// A caller with the uid of the user is the user: nothing about a caller makes rules or names
    /// count that would not count for the user.
    ///
    /// # Errors
    /// The policy asks about the caller, and the caller is not known.
    pub fn asked(&self, whom: Whom) -> Result<(Asked<'_>, Option<Asked<'_>>), NoTerms> {
        let caller = self.caller.as_ref();
        let other = caller.filter(|caller| caller.uid != self.account.uid);
        match (whom, caller, other) {
            (Whom::Caller | Whom::Both, None, _) => Err(NoTerms::NoCaller),
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
        Asked { account: &self.account, is_pam_user: true, public_keys: &self.public_keys }
    }
}

fn as_caller(caller: &Account) -> Asked<'_> {
    Asked { account: caller, is_pam_user: false, public_keys: &[] }
}
