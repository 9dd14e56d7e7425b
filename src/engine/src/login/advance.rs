//! Sending what was decided, and following what the tenant makes of it.
#![forbid(unsafe_code)]

use super::about::{check_session, only_started, split};
use super::choose::asks_for_push;
use super::identify::Way;
use super::read::{Trouble, read};
use super::{Chosen, Expected, Login, Notice, Planned, Step, tell};
use crate::policy::{Batch, Mechanism};
use crate::refusal::{Reason, Refusal};
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Advanced, AnswerType, Identity, Offer, Outcome, Package};
use crate::tenant::request::{Action, Answer, Request};
use crate::tenant::text::ServerText;
use crate::words;

/// How the detail of a refusal begins where the tenant refused several operations as one: it may be
/// that it takes none together.
pub const IN_ONE_REQUEST: &str = "in one request: ";

impl Login {
    /// Sends the next operation, or all that may travel together.
    pub(super) fn flush(mut self: Box<Self>) -> Step {
        let Some(session) = self.session.clone() else {
            return self.end(Refusal::new(Reason::Misbehaved, "no session to go on with"));
        };
        let rest = self.queue.split_off(self.together());
        let sent = std::mem::replace(&mut self.queue, rest);
        let operations: Vec<_> = sent.iter().map(|p| p.operation.clone()).collect();
        if operations.is_empty() {
            return self.abandon(Refusal::new(Reason::Misbehaved, "the tenant left nothing to do"));
        }
        let request = Request::Advance { session, operations };
        let waits = sent.iter().any(asks_for_approval) && !self.terms.login.require_number_match;
        let step = self.send(request, Expected::Advance(sent));
        match waits {
            true => tell_waiting(Mechanism::Radius, step),
            false => step,
        }
    }

    /// How many of the queued operations travel in the next request.
    fn together(&self) -> usize {
        let is_start = |p: &&Planned| matches!(p.operation.action, Action::StartOob);
        let count = match self.terms.tenant.multiple_operations {
            Batch::Off => 1,
            Batch::Start => 1 + self.queue.iter().skip(1).take_while(is_start).count(),
            Batch::Code => self.queue.len(),
        };
        count.min(self.queue.len())
    }

    pub(super) fn advanced(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        sent: Vec<Planned>,
    ) -> Step {
        match read(reply, reply::advanced) {
            Ok(advanced) => self.follow(advanced, sent),
            Err(trouble) => self.give_up(trouble),
        }
    }

    /// Where nobody answers, there is nobody to tell that the login is over.
    pub(super) fn give_up(self: Box<Self>, trouble: Trouble) -> Step {
        match trouble {
            Trouble::Broken(refusal) => self.end(refusal),
            Trouble::Busy(..) | Trouble::Stumbled(_) | Trouble::Final(_) => self.abandon(trouble),
        }
    }

    /// What the tenant says counts, whatever had been planned.
    pub(super) fn follow(mut self: Box<Self>, advanced: Advanced, sent: Vec<Planned>) -> Step {
        if let Err(refusal) = check_session(&advanced, self.session.as_ref()) {
            return self.abandon(refusal);
        }
        let named = advanced.applies_to.as_deref();
        let (done, unsent) = match split(sent, named, &advanced.outcome) {
            Ok(split) => split,
            Err(refusal) => return self.abandon(refusal),
        };
        let Some(last) = done.last().cloned() else {
            return self.abandon(Refusal::new(Reason::Misbehaved, "a reply to nothing"));
        };
        self.queue.splice(0..0, unsent);
        let is_settled = !matches!(advanced.outcome, Outcome::Pending(_) | Outcome::Unknown);
        if is_settled && matches!(last.operation.action, Action::Poll) {
            // A code that was typed in place of the approval is of no use any more.
            self.queue.clear();
        }
        if self.lacks_number(&last, &advanced.outcome) {
            return self.numberless(&advanced.outcome);
        }
        match advanced.outcome {
            Outcome::Failed => self.failed(refused(&done)),
            Outcome::NotALogin => self.abandon(Reason::PasswordChange),
            Outcome::Success(identity) => self.succeeded(&done, identity),
            Outcome::Package(package) => self.replaced(&done, package),
            Outcome::NextChallenge => self.next_challenge(&done, &last),
            Outcome::Pending(number) => self.pending(&done, last, number),
            Outcome::Unknown => self.unknown(last),
        }
    }

    fn failed(mut self: Box<Self>, refusal: Refusal) -> Step {
        match self.ahead.take() {
            Some(authenticator) => self.refuse_later(authenticator, refusal),
            None => self.end(refusal),
        }
    }

    fn succeeded(mut self: Box<Self>, done: &[Planned], identity: Identity) -> Step {
        self.count(done);
        // The tenant has closed it.
        let session = self.session.take();
        self.identify(identity, session.and_then(|s| s.tenant_id), Way::Challenges)
    }

    /// A word that the API does not document. A poll changes nothing, so the approval may still
    /// come.
    fn unknown(self: Box<Self>, last: Planned) -> Step {
        if matches!(last.operation.action, Action::Poll) {
            return self.still_pending(last, None);
        }
        let detail = "an advance reply with an unknown summary";
        self.abandon(Refusal::new(Reason::Misbehaved, detail))
    }

    /// An answer was taken before the package was replaced; an approval that was awaited need not
    /// have come.
    fn replaced(mut self: Box<Self>, done: &[Planned], package: Package) -> Step {
        let is_answer = |p: &&Planned| matches!(p.operation.action, Action::Answer(_));
        let answered: Vec<_> = done.iter().filter(is_answer).cloned().collect();
        self.count(&answered);
        self.ahead = None;
        self.accept(package)
    }

    fn next_challenge(mut self: Box<Self>, done: &[Planned], last: &Planned) -> Step {
        if matches!(last.operation.action, Action::StartOob) {
            let detail = "the tenant goes on where nothing was answered";
            return self.abandon(Refusal::new(Reason::Misbehaved, detail));
        }
        self.count(done);
        self.index = last.challenge + 1;
        if self.index >= self.challenges.len() {
            let detail = "the tenant goes on to a challenge that it never named";
            return self.abandon(Refusal::new(Reason::Misbehaved, detail));
        }
        match self.round() {
            Ok(()) if self.queue.is_empty() => self.plan(),
            Ok(()) => self.flush(),
            Err(refusal) => self.abandon(refusal),
        }
    }

    fn pending(
        mut self: Box<Self>,
        done: &[Planned],
        last: Planned,
        number: Option<ServerText>,
    ) -> Step {
        let earlier = done.len().saturating_sub(1);
        self.count(done.get(..earlier).unwrap_or_default());
        self.index = last.challenge;
        match last.operation.action {
            Action::StartOob => self.begun(last, number),
            Action::Answer(_) if only_started(done, &last) => {
                self.queue.insert(0, last);
                self.flush()
            }
            // Some RADIUS servers take a word for an answer, such as "push".
            Action::Answer(_) if last.mechanism == Mechanism::Radius => self.approve(last, number),
            Action::Answer(_) => self.abandon(refused(done)),
            Action::Poll => self.still_pending(last, number),
        }
    }

    /// A mechanism was started: send its code, ask for it, or wait.
    fn begun(self: Box<Self>, started: Planned, number: Option<ServerText>) -> Step {
        // The code that was typed before.
        if !self.queue.is_empty() {
            return self.flush();
        }
        let has_code = self.offer(&started).map(|o| o.answer) == Some(AnswerType::StartTextOob);
        match number {
            None if has_code && !is_push(started.mechanism) => self.ask_code(started),
            _ => self.approve(started, number),
        }
    }

    /// Somebody has to approve it elsewhere, if need be with this number.
    fn approve(mut self: Box<Self>, started: Planned, number: Option<ServerText>) -> Step {
        self.number.clone_from(&number);
        match number {
            Some(number) => self.ask_with_number(started, number),
            // The number may still come with the first poll.
            None if self.demands_number(started.mechanism) => self.poll_first(started),
            // The user has been told before the answer went out.
            None if asks_for_approval(&started) => self.poll_first(started),
            None => tell_waiting(started.mechanism, self.poll_first(started)),
        }
    }

    fn demands_number(&self, mechanism: Mechanism) -> bool {
        let approved = is_push(mechanism) || mechanism == Mechanism::Radius;
        approved && self.terms.login.require_number_match
    }

    /// Whether a push goes on without the number that the policy demands. Its first poll is the
    /// last chance for it.
    fn lacks_number(&self, last: &Planned, outcome: &Outcome) -> bool {
        let is_over = match last.operation.action {
            Action::Poll => !matches!(outcome, Outcome::Pending(Some(_)) | Outcome::Failed),
            // The tenant has waited for the approval by itself, and there was no number.
            Action::Answer(_) if is_word(last) => {
                !matches!(outcome, Outcome::Pending(_) | Outcome::Failed)
            }
            Action::Answer(_) | Action::StartOob => false,
        };
        is_over && self.number.is_none() && self.demands_number(last.mechanism)
    }

    fn numberless(self: Box<Self>, outcome: &Outcome) -> Step {
        match outcome {
            Outcome::Success(_) | Outcome::Failed => self.end(Reason::NumberMissing),
            Outcome::Pending(_)
            | Outcome::NextChallenge
            | Outcome::Package(_)
            | Outcome::NotALogin
            | Outcome::Unknown => self.abandon(Reason::NumberMissing),
        }
    }

    /// Every operation of `done` that answers something has been taken by the tenant, for what it
    /// is worth: a wrong answer is not revealed before the end, and only `LoginSuccess` makes any
    /// of them count.
    fn count(&mut self, done: &[Planned]) {
        let answered = done.iter().filter(|p| !matches!(p.operation.action, Action::StartOob));
        self.met.extend(answered.map(|p| p.mechanism));
        let met = |chosen: &mut Chosen| self.met.contains(&chosen.mechanism);
        self.chosen.take_if(met);
    }

    pub(super) fn offer(&self, planned: &Planned) -> Option<&Offer> {
        let offers = &self.challenges.get(planned.challenge)?.offers;
        offers.iter().find(|o| o.id == planned.operation.mechanism)
    }
}

fn tell_waiting(mechanism: Mechanism, next: Step) -> Step {
    tell(Notice::Waiting(words::waiting(mechanism)), next)
}

/// Whether this is an answer to a RADIUS server that is no code.
fn is_word(planned: &Planned) -> bool {
    match &planned.operation.action {
        Action::Answer(Answer::Text(text)) => asks_for_push(planned.mechanism, text),
        Action::Answer(Answer::Parts(_)) | Action::StartOob | Action::Poll => false,
    }
}

/// Whether this is one of the words by which RADIUS servers are asked for an approval, such as
/// `push`, or the number of a line in a menu of theirs. The tenant may hold its reply until the
/// user has approved.
fn asks_for_approval(planned: &Planned) -> bool {
    let Action::Answer(Answer::Text(text)) = &planned.operation.action else {
        return false;
    };
    let word = text.expose().to_ascii_lowercase();
    let known = ["push", "phone", "call"].iter().any(|known| word.starts_with(known));
    is_word(planned) && (known || word.bytes().all(|b| b.is_ascii_digit()))
}

fn is_push(mechanism: Mechanism) -> bool {
    mechanism == Mechanism::Otp
}

/// The tenant gives no reasons, so the reason is what was being done when it said no. Where several
/// things were, an answer is the likeliest to have been wrong.
fn refused(done: &[Planned]) -> Refusal {
    let answered = |p: &Planned| matches!(p.operation.action, Action::Answer(_));
    let polled = |p: &Planned| matches!(p.operation.action, Action::Poll);
    let reason = match done {
        _ if done.iter().any(answered) => Reason::AnswerRefused,
        _ if done.iter().any(polled) => Reason::ApprovalRefused,
        _ => Reason::MechanismRefused,
    };
    let what = |p: &Planned| format!("{} {}", p.operation.action.name(), p.mechanism.name());
    let all: Vec<_> = done.iter().map(what).collect();
    let together = if done.len() > 1 { IN_ONE_REQUEST } else { "" };
    Refusal::new(reason, format!("{together}{}", all.join(", ")))
}
