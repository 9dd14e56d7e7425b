//! What the policy asks of this caller.
#![forbid(unsafe_code)]

use std::path::Path;

use super::Attempt;
use super::Caller;
use super::caller::account;
use super::{LocalUsers, Whence};
use crate::log::Level;
use crate::os;
use crate::policy::{self, Account, Date, Judgement, Policy, Subject};
use crate::refusal::{Reason, Refusal};

impl Attempt<'_> {
    pub(super) fn judge(
        &mut self,
        policy: &Policy,
        configuration: &Path,
    ) -> Result<Judgement, Refusal> {
        let subject = self.caller.subject(self.public_key(), policy)?;
        self.know(&subject.account);
        let users = LocalUsers::from(Whence::of(self.caller)).behind(configuration, policy);
        let ruling = policy::judge(policy, &subject, &users);
        for note in &ruling.notes {
            self.log.line(Level::Warning, &note.to_string());
        }
        Ok(ruling.judgement?)
    }

    /// From here on the log and what is kept are about the account, and not about how its name was
    /// typed.
    fn know(&mut self, account: &Account) {
        self.event.user.clone_from(&account.name);
        self.event.typed = account.other_name().unwrap_or_default().to_owned();
        self.account = Some(account.clone());
    }
}

impl Caller {
    /// Who is judged; `public_key` is the fingerprint of the one that sshd has verified.
    ///
    /// # Errors
    /// The user or the caller is not known, or could not be looked up.
    pub fn subject(&self, public_key: Option<String>, policy: &Policy) -> Result<Subject, Refusal> {
        let account = account(self.user.as_ref().map_err(|nameless| *nameless)?)?;
        let account = account.ok_or(Reason::UnknownUser)?;
        let whom = policy.for_service(&self.service).step_up.person;
        Ok(Subject {
            caller: self.person_for(whom, &account)?,
            account,
            public_key,
            service: self.service.clone(),
            rhost: self.rhost.clone(),
            has_terminal: self.tty.is_some(),
            today: Date::of_epoch(os::wall_clock()),
        })
    }
}
