//! Offline codes: tried here, and what the tenant says of their owners is kept for the next outage.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use super::Attempt;
use super::conversation::{Answer, is_junk};
use crate::local::Unusable;
use crate::local::offline::rules::{CodeRefusal, Kind};
use crate::local::offline::{Asked, Receipt, Store};
use crate::log::Level;
use crate::login::{Before, OfflineProof};
use crate::policy::{Policy, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;

/// Where the records are, where any service knows offline codes.
pub(super) struct Records {
    folder: PathBuf,
    pause: Duration,
}

impl Records {
    pub(super) fn new(policy: &Policy) -> Option<Self> {
        policy
            .offline_pause()
            .map(|pause| Self { folder: policy.offline_folder().to_owned(), pause })
    }
}

impl Attempt<'_> {
    /// What the modules before this one have left. Must be asked before our own prompt, which
    /// leaves a password too.
    pub(super) fn before(&mut self, terms: &Terms) -> Before {
        if terms.offline.is_none() {
            return Before::Nothing;
        }
        match self.conversation.stacked_password() {
            Some(Answer::Typed(password)) if !is_junk(&password) => Before::Password,
            Some(Answer::Typed(_) | Answer::Unfit(_) | Answer::Failed) | None => Before::Nothing,
        }
    }

    /// Tries a code. If it counts, that is on the disk when this returns.
    pub(super) fn redeem(&mut self, terms: &Terms, code: &Secret) -> Result<Receipt, CodeRefusal> {
        let tried = match self.suspend(terms) {
            Ok(()) => self.try_code(terms, code),
            Err(refusal) => Err(CodeRefusal::Unusable(refusal.detail)),
        };
        if let Err(no) = &tried {
            self.log.line(Level::Warning, &format!("offline: {no}"));
        }
        tried
    }

    fn try_code(&self, terms: &Terms, code: &Secret) -> Result<Receipt, CodeRefusal> {
        let records = self.memory.as_ref().and_then(|memory| memory.offline.as_ref());
        let (Some(records), Some(offline)) = (records, &terms.offline) else {
            return Err(CodeRefusal::NotEnrolled);
        };
        let store = Store::open_knowing(&self.trusted, &records.folder);
        let store = store.map_err(|Unusable(problem)| CodeRefusal::Unusable(problem))?;
        store.redeem(terms.person.uid, code.expose(), offline.limits)
    }

    /// Where the user is enrolled: the tenant's no is kept before the tenant is told anything that
    /// it could refuse.
    pub(super) fn mark_offline(&mut self, terms: &Terms) -> Result<(), Refusal> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let (Some(records), None) = (&memory.offline, &memory.asked) else {
            return Ok(());
        };
        let asked = Store::find(&self.trusted, &records.folder).and_then(|store| match store {
            Some(store) => store.ask(terms.person.uid, records.pause),
            None => Ok(None),
        });
        match asked {
            Ok(asked) => memory.asked = asked,
            Err(unmarked) => self.unmarked("offline", unmarked)?,
        }
        Ok(())
    }

    fn take_asked(&mut self) -> Option<Asked> {
        self.memory.as_mut()?.asked.take()
    }

    /// The login ended with nothing that the tenant has said of the person.
    pub(super) fn note_no_answer(&mut self) {
        if let Some(asked) = self.take_asked() {
            self.said(asked.taken_back());
        }
    }

    /// The tenant let the user in: offline logins begin anew, and those that there were are told.
    pub(super) fn note_online(&mut self, terms: &Terms) {
        let uid = terms.person.uid;
        let logins = match self.take_asked() {
            Some(asked) => self.said(asked.online()),
            None => self.with_records(|store, _| store.online(uid)).flatten(),
        };
        if let Some(logins @ 1..) = logins {
            let line = format!("offline: {logins} logins of uid {uid} since the last online one");
            self.log.line(Level::Warning, &line);
        }
    }

    /// Keeps that the tenant has refused this person, or may have: an outage right after a refusal
    /// is suspicious. Once something was sent that could be refused, only an end that the tenant
    /// has nothing to do with takes the mark back.
    pub(super) fn note_refused(&mut self, terms: &Terms, reason: Reason) {
        let in_doubt = self.memory.as_ref().is_some_and(|memory| memory.in_doubt);
        match self.take_asked() {
            Some(asked) if in_doubt || reason.is_of_the_tenant() || reason.is_no_word() => {
                self.said(asked.refused());
            }
            Some(asked) => {
                self.said(asked.taken_back());
            }
            None if reason.is_of_the_tenant() => {
                self.with_records(|store, pause| store.refused(terms.person.uid, pause));
            }
            None => {}
        }
    }

    pub(super) fn with_records<T>(
        &mut self,
        f: impl FnOnce(&Store, Duration) -> Result<T, Unusable>,
    ) -> Option<T> {
        let records = self.memory.as_ref()?.offline.as_ref()?;
        let done = Store::open_knowing(&self.trusted, &records.folder)
            .and_then(|store| f(&store, records.pause));
        self.said(done)
    }

    fn said<T>(&mut self, done: Result<T, Unusable>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(problem) => {
                self.log.line(Level::Warning, &format!("offline: {problem}"));
                None
            }
        }
    }

    /// What the audit line says of an offline login.
    pub(super) fn record_offline(&mut self, proof: &OfflineProof) -> Level {
        let accepted = proof.receipt.accepted();
        let (name, rest) = match accepted.kind {
            Kind::Code => ("OFFLINE", String::new()),
            Kind::Recovery(left) => ("OFFLINE_RECOVERY", format!(", {left} recovery codes left")),
        };
        self.event.mechanisms = name.into();
        self.event.transaction.clear();
        self.event.detail = format!(
            "login {} since the last online one {} s ago{rest}; {}",
            accepted.login, accepted.age, proof.outage
        );
        Level::Warning
    }
}
