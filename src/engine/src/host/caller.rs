//! Who calls, for which user, and what is known of them for certain.
#![forbid(unsafe_code)]

use super::origin::Whence;
use super::program::Program;
use super::{accounts, credentials};
use crate::audit::escape;
use crate::os;
use crate::policy::{Account, DirectoryFailed, Policy, PublicKey, Subject, Whom};
use crate::refusal::{Reason, Refusal};

/// Who calls, and for which user.
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
    /// The program itself.
    pub program: Program,
}

/// Why there is no `PAM_USER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nameless {
    /// The user has not told it: the conversation ended instead.
    Untold,
    /// It is not text. The system may know it all the same.
    NotText,
}

impl From<Nameless> for Refusal {
    fn from(nameless: Nameless) -> Self {
        match nameless {
            Nameless::Untold => {
                Refusal::new(Reason::Conversation, "the program that calls gave no name of a user")
            }
            Nameless::NotText => Refusal::new(Reason::NameNotMapped, "PAM_USER is not text"),
        }
    }
}

impl Caller {
    /// Who is judged; `public_keys` are those that sshd has verified.
    ///
    /// # Errors
    /// The user or the caller is not known, or could not be looked up.
    pub fn subject(
        &self,
        public_keys: Vec<PublicKey>,
        policy: &Policy,
    ) -> Result<Subject, Refusal> {
        let account = account(self.user.as_ref().map_err(|nameless| *nameless)?)?;
        let account = account.ok_or(Reason::UnknownUser)?;
        let whom = policy.for_service(&self.service).step_up.person;
        Ok(Subject {
            caller: self.person_for(whom, &account)?,
            account,
            public_keys,
            service: self.service.clone(),
            rhost: self.rhost.clone(),
            has_terminal: self.tty.is_some(),
            today: os::day(os::wall_clock()),
        })
    }

    /// Where the session came from that asks.
    pub(super) fn whence(&self) -> Whence {
        Whence::Program {
            program: self.program.clone(),
            real_uid: self.real_uid,
            tty: self.tty.clone(),
        }
    }

    /// The keys that sshd has verified. No other program's word counts for that.
    pub(super) fn public_keys(&self) -> Vec<PublicKey> {
        let auth_info = self.ssh_auth_info.as_deref().filter(|_| self.is_ssh());
        auth_info.map_or_else(Vec::new, credentials::public_keys)
    }

    /// sshd says so, and no other program does.
    pub(crate) fn is_ssh(&self) -> bool {
        self.tty.as_deref() == Some("ssh")
    }

    /// The person at the keyboard, as far as the policy asks about one.
    ///
    /// Where it asks about the account alone, a program that names another caller than the kernel
    /// decides nothing, and is not refused: the helper of polkit 127 and later is no child of its
    /// caller.
    fn person_for(&self, whom: Whom, account: &Account) -> Result<Option<Account>, Refusal> {
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
    /// For a user who comes over the network, `PAM_RUSER` is a name on another machine, and no
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
fn account(name: &str) -> Result<Option<Account>, Refusal> {
    let failed = |failure: DirectoryFailed| Refusal::new(Reason::DirectoryFailed, failure.problem);
    accounts::account(name).map_err(failed)
}
