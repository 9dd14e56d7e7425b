//! One person in a login: asked by the tenant, and what that leaves behind.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::conversation::{Answer, Talk};
use super::drive::drive;
use super::effects::Effects;
use super::enroll;
use super::report::Report;
use super::settings;
use super::state::Kept;
use crate::local::Unmarked;
use crate::local::budget::{Allowance, Ringing};
use crate::local::memory::Suspended;
use crate::local::offline::rules::CodeRefusal;
use crate::local::offline::{Asked, Receipt};
use crate::log::{Level, Log};
use crate::login::{
    Before, Keep, Machine, Notice, Outgoing, Proof, Question, Start, is_of_the_api,
};
use crate::os::{self, Trusted};
use crate::policy::{Flow, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::request::{Action, Request};
use crate::words;

/// One person in a login, and what the login uses.
pub(super) struct Person<'a, 'b> {
    pub(super) terms: &'a Terms,
    pub(super) log: &'a Log,
    pub(super) trusted: &'a Trusted,
    pub(super) talk: &'a mut Talk<'b>,
    pub(super) report: &'a mut Report<'b>,
    pub(super) kept: &'a mut Kept<'b>,
    pub(super) traces: Traces,
}

/// What is on the disk until it is known how the login of this person ends.
#[derive(Default)]
pub(super) struct Traces {
    /// What has made this person's phone ring.
    rang: Vec<Ringing>,
    /// That what this person has confirmed does not count.
    suspended: Option<Suspended>,
    /// That the tenant was asked about this person, who is enrolled for offline codes.
    asked: Option<Asked>,
    /// Whether the tenant may have refused this person, and the login does not end with that
    /// reason: the last reply to something that could be refused was lost, or was a refusal that
    /// the user is not to know of yet; or a front of the tenant has answered the last question
    /// about an approval.
    in_doubt: bool,
}

impl Person<'_, '_> {
    /// Lets the tenant decide, and keeps what follows from that.
    pub(super) fn log_in(&mut self) -> Result<Proof, Refusal> {
        let proof = self.ask_tenant();
        let proof = proof.and_then(|proof| self.talk.check_user().map(|()| proof));
        self.settle(proof.as_ref());
        proof
    }

    /// Offers a key for offline codes to a user who has just been let in. A login that ends there
    /// has not succeeded.
    pub(super) fn offer_key(&mut self, proof: &Proof) -> Result<(), Refusal> {
        let records = &self.kept.records;
        let offered = enroll::offer_key(self.terms, proof, self.talk, records, self.log);
        offered.inspect_err(|refusal| self.settle(Err(refusal)))
    }

    fn ask_tenant(&mut self) -> Result<Proof, Refusal> {
        let terms = self.terms;
        let (client, secret) = settings::equip(terms, self.trusted)?;
        let before = match terms.offline {
            Some(_) => self.talk.before(),
            None => Before::Nothing,
        };
        let password = self.password()?;
        let machine = secret.map(|secret| Machine { secret, token: self.kept.token(terms) });
        let allowance = self.kept.allowance(&terms.tenant_user);
        let start = Start { terms: terms.clone(), password, machine, allowance, before };
        let deadline = Instant::now() + terms.login.deadline;
        drive(self, client, deadline, start)
    }

    /// A login needs the password; a step-up uses it where it is there. It belongs to the PAM user
    /// alone.
    fn password(&mut self) -> Result<Option<Secret>, Refusal> {
        match (&self.terms.flow, self.terms.is_pam_user) {
            (_, false) => Ok(None),
            (Flow::Login, true) => {
                let password = self.talk.password();
                self.report.restart();
                password.map(Some)
            }
            (Flow::OnDemand(_), true) => self.talk.stacked_password(),
        }
    }

    /// Marks the login before the tenant is told anything that it could refuse. Nothing is sent
    /// where that can't be kept.
    fn mark_asked(&mut self) -> Result<(), Refusal> {
        self.suspend()?;
        if self.traces.asked.is_none() {
            let asked = self.kept.records.mark(self.terms.person.uid);
            self.traces.asked = self.marked("offline", asked)?;
        }
        Ok(())
    }

    /// From now on nothing counts that this person has confirmed, until it is known that nothing
    /// was refused.
    fn suspend(&mut self) -> Result<(), Refusal> {
        if self.traces.suspended.is_none() {
            let suspended = self.kept.suspend(self.terms.person.uid);
            self.traces.suspended = self.marked("state", suspended)?;
        }
        Ok(())
    }

    fn marked<T>(
        &self,
        what: &str,
        marked: Result<Option<T>, Unmarked>,
    ) -> Result<Option<T>, Refusal> {
        match marked {
            Ok(mark) => Ok(mark),
            Err(Unmarked::NoMatter(problem)) => {
                self.log.line(Level::Warning, &format!("{what}: {problem}"));
                Ok(None)
            }
            Err(Unmarked::Refused(problem)) => {
                let detail = format!("a refusal could not be kept: {what}: {problem}");
                Err(Refusal::new(Reason::Local, detail))
            }
        }
    }

    /// Draws the consequences: a success refills the budget and is remembered, a refusal ends both.
    ///
    /// An offline code does neither: the tenant has not been asked, and is to be asked again.
    fn settle(&mut self, end: Result<&Proof, &Refusal>) {
        let Traces { rang, suspended, asked, in_doubt } = std::mem::take(&mut self.traces);
        // A program that is gone, and not just stopped, would have left these marks in its own
        // process: a denial that comes later is told to no login.
        let is_marked = !rang.is_empty() || suspended.is_some() || asked.is_some();
        let in_doubt = in_doubt || is_marked && end.is_err() && os::is_caller_gone();
        let (terms, suspended) = (self.terms, suspended.as_ref());
        let uid = terms.person.uid;
        match end {
            Ok(proof) if proof.offline().is_some() => {
                self.kept.records.note_no_answer(asked);
                self.kept.take_back(&rang, suspended);
            }
            Ok(_) => {
                self.kept.records.note_online(uid, asked);
                self.kept.approved(terms, &rang, suspended);
                self.kept.remember(terms);
            }
            Err(Refusal { reason, .. }) => {
                self.kept.records.note_refused(uid, asked, *reason, in_doubt);
                if (*reason == Reason::ApprovalRefused || in_doubt) && !rang.is_empty() {
                    self.kept.denied(terms, &rang);
                } else {
                    self.kept.take_back(&rang, None);
                }
                if reason.is_denial() || in_doubt {
                    self.kept.refused(terms, suspended);
                } else {
                    self.kept.take_back(&[], suspended);
                }
            }
        }
    }
}

impl Effects for Person<'_, '_> {
    fn ask(&mut self, question: &Question) -> Answer {
        self.log.line(Level::Debug, "asking the user");
        self.talk.ask(question)
    }

    fn unasked(&self) -> Refusal {
        self.talk.unasked()
    }

    fn tell(&mut self, notice: &Notice) {
        match notice {
            Notice::Waiting(text) => self.talk.tell_waiting(text),
            Notice::Page(url) => self.talk.show_picture(url, words::PAGE_ROWS),
            Notice::Log(line) => self.log.line(Level::Warning, line),
            Notice::Debug(line) => self.log.line(Level::Debug, line),
            Notice::Note(line) => self.report.note(line),
        }
    }

    fn may_send(&mut self, request: &Request) -> Result<(), Refusal> {
        if could_be_refused(request) { self.mark_asked() } else { Ok(()) }
    }

    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, time: Duration) {
        self.report.note_exchange(outgoing, reply, time);
        if could_be_refused(&outgoing.request) {
            let leaves_doubt = |reply: &Response| {
                reply.status >= 500 || is_poll(&outgoing.request) && !is_of_the_api(reply)
            };
            self.traces.in_doubt = reply.as_ref().map_or(true, leaves_doubt);
        }
    }

    fn secretly_refused(&mut self) {
        self.traces.in_doubt = true;
    }

    fn keep(&mut self, keep: &Keep) {
        self.kept.keep(self.terms, keep);
    }

    fn redeem(&mut self, code: &Secret) -> Result<Receipt, CodeRefusal> {
        let tried = match self.suspend() {
            Ok(()) => self.kept.records.redeem(self.terms, code),
            Err(refusal) => Err(CodeRefusal::Unusable(refusal.detail)),
        };
        tried.inspect_err(|refusal| {
            self.log.line(Level::Warning, &format!("offline: {refusal}"));
        })
    }

    fn spend(&mut self) -> Allowance {
        match self.kept.spend(&self.terms.tenant_user) {
            Ok(ringing) => {
                self.traces.rang.push(ringing);
                Allowance::Free
            }
            Err(allowance) => allowance,
        }
    }
}

/// Whether the tenant may answer it with a refusal of the user.
fn could_be_refused(request: &Request) -> bool {
    match request {
        Request::Advance { .. } | Request::Status { .. } => true,
        Request::Start { .. }
        | Request::Whoami
        | Request::Token { .. }
        | Request::Challenge { .. }
        | Request::Cleanup { .. } => false,
    }
}

/// Whether it only asks about an approval, which was or may be refused meanwhile.
fn is_poll(request: &Request) -> bool {
    match request {
        Request::Advance { operations, .. } => {
            operations.iter().any(|operation| matches!(operation.action, Action::Poll))
        }
        Request::Start { .. }
        | Request::Status { .. }
        | Request::Whoami
        | Request::Token { .. }
        | Request::Challenge { .. }
        | Request::Cleanup { .. } => false,
    }
}
