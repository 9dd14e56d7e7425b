//! Who calls, for whom, and what is known of them for certain.
#![forbid(unsafe_code)]

use super::{Attempt, accounts, ssh};
use crate::audit::escape;
use crate::policy::{Account, DirectoryFailed, Whom};
use crate::refusal::{Reason, Refusal};

/// Who calls, and for whom.
pub struct Caller {
    /// `PAM_USER`.
    pub user: Result<String, Nameless>,
    /// `PAM_SERVICE`.
    pub service: String,
    /// `PAM_RHOST`.
    pub rhost: Option<String>,
    /// `PAM_TTY`.
    pub tty: Option<String>,
    /// `PAM_RUSER`.
    pub ruser: Option<String>,
    /// Who runs the program: its real uid.
    pub real_uid: u32,
    /// `SSH_AUTH_INFO_0` in the PAM environment.
    pub ssh_auth_info: Option<String>,
    /// The arguments of the module's line.
    pub arguments: Vec<String>,
}

/// Why there is no `PAM_USER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nameless {
    /// Nobody has told it: the conversation ended instead.
    Untold,
    /// It is not text. The system may know it all the same.
    NotText,
}

impl From<Nameless> for Refusal {
    fn from(nameless: Nameless) -> Self {
        match nameless {
            Nameless::Untold => Refusal::new(Reason::Conversation, "nobody told the user's name"),
            Nameless::NotText => Refusal::new(Reason::NameNotMapped, "PAM_USER is not text"),
        }
    }
}

impl Caller {
    /// sshd says so, and no other program does.
    pub(crate) fn is_ssh(&self) -> bool {
        self.tty.as_deref() == Some("ssh")
    }

    /// The person at the keyboard, as far as the policy asks about one.
    ///
    /// Where it asks about the account alone, a program that names another caller than the kernel
    /// decides nothing, and is not refused: the helper of polkit 127 and later is no child of its
    /// caller.
    pub(super) fn person_for(
        &self,
        whom: Whom,
        account: &Account,
    ) -> Result<Option<Account>, Refusal> {
        match self.person() {
            Err(refusal) if refusal.reason == Reason::CallerMismatch => {
                if self.is_about(whom, account)? { Ok(None) } else { Err(refusal) }
            }
            person => person,
        }
    }

    /// Whether the account is asked about, whether or not the caller is who the program says.
    fn is_about(&self, whom: Whom, asked: &Account) -> Result<bool, Refusal> {
        match whom {
            Whom::User => Ok(true),
            Whom::Auto => {
                let named = account(self.ruser.as_deref().unwrap_or_default())?;
                Ok(named.is_some_and(|named| named.uid == asked.uid))
            }
            Whom::Caller | Whom::Both => Ok(false),
        }
    }

    /// The person at the keyboard, where the program says so and the kernel agrees.
    ///
    /// For somebody who comes over the network `PAM_RUSER` is a name on another machine, and no
    /// matter of ours.
    pub(super) fn person(&self) -> Result<Option<Account>, Refusal> {
        let named = self.ruser.as_ref().filter(|name| !name.is_empty());
        let Some(name) = named.filter(|_| self.rhost.is_none()) else {
            return Ok(None);
        };
        match account(name)? {
            Some(account) if account.uid == self.real_uid => Ok(Some(account)),
            Some(_) | None => {
                let detail =
                    format!("PAM_RUSER is {}, the real uid {}", escape(name), self.real_uid);
                Err(Refusal::new(Reason::CallerMismatch, detail))
            }
        }
    }
}

/// The account that a name leads to.
pub(super) fn account(name: &str) -> Result<Option<Account>, Refusal> {
    let failed = |failure: DirectoryFailed| Refusal::new(Reason::DirectoryFailed, failure.problem);
    accounts::account(name).map_err(failed)
}

impl Attempt<'_> {
    /// The key that sshd has verified. Nobody else's word counts for that.
    pub(super) fn public_key(&self) -> Option<String> {
        let auth_info = self.caller.ssh_auth_info.as_deref();
        ssh::public_key(auth_info.filter(|_| self.is_ssh())?)
    }

    pub(super) fn is_ssh(&self) -> bool {
        self.caller.is_ssh()
    }
}
