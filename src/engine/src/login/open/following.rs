//! Following what the tenant makes of what it was sent.
#![forbid(unsafe_code)]

use super::super::belongs::{NOT_ASKED_FOR, check_session};
use super::super::carried::Notice;
use super::super::pace::MAX_OUTAGES;
use super::super::response::{Reply, Trouble, read};
use super::choice::Choice;
use super::state::{Asked, Expects, Next, Open, Planned, Poll};
use crate::policy::Mechanism;
use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::{self, Advanced, AnswerType, Identity, Outcome, Package};
use crate::tenant::request::{Action, Answer};
use crate::tenant::text::ServerText;
use crate::words;

/// How the detail of a refusal begins where the tenant refused several operations as one: it may be
/// that it takes none together.
pub const IN_ONE_REQUEST: &str = "in one request: ";

/// What a reply is about.
struct About {
    /// The operations that it has gone past.
    earlier: Vec<Planned>,
    /// The operation that it speaks of.
    last: Planned,
    /// Those that it has not looked at.
    unsent: Vec<Planned>,
}

impl Open {
    pub(super) fn advanced(&mut self, reply: Reply, sent: Vec<Planned>) -> Next {
        match read(reply, reply::advanced) {
            Ok(advanced) => self.follow(advanced, sent),
            Err(trouble) => give_up(trouble),
        }
    }

    pub(super) fn polled(&mut self, reply: Reply, poll: Poll) -> Next {
        match read(reply, reply::advanced) {
            Ok(advanced) => {
                let is_undecided =
                    matches!(advanced.outcome, Outcome::Pending(_) | Outcome::Unknown);
                let Poll { choice, typed, .. } = poll;
                if let Some(code) = typed.filter(|_| is_undecided) {
                    let action = Action::Answer(Answer::Text(code));
                    self.queue.push(Planned { choice: choice.clone(), action });
                }
                self.follow(advanced, vec![Planned { choice, action: Action::Poll }])
            }
            Err(Trouble::Busy(_, asked)) => self.wait_as_asked(asked, poll),
            Err(Trouble::Broken(_) | Trouble::Stumbled(_)) if poll.outages < MAX_OUTAGES => {
                self.wait_on(Poll { outages: poll.outages + 1, ..poll })
            }
            Err(trouble) => give_up(trouble),
        }
    }

    /// Follows the reply to the last question about an approval: a denial counts. Anything else, an
    /// approval included, comes too late.
    pub(super) fn last_polled(&mut self, reply: Reply, choice: Choice, refusal: Refusal) -> Next {
        match self.polled(reply, Poll { outages: MAX_OUTAGES, ..Poll::new(choice) }) {
            Next::End(first) => Next::End(first.or(refusal)),
            Next::Abandon(first) => Next::Abandon(first.or(refusal)),
            Next::Succeed(_) | Next::Decoy(..) => Next::End(refusal),
            Next::Send(_)
            | Next::Poll(_)
            | Next::Ask(..)
            | Next::Spend(_)
            | Next::Wait { .. }
            | Next::Last(..) => Next::Abandon(refusal),
        }
    }

    /// What the tenant says counts, whatever had been planned.
    fn follow(&mut self, advanced: Advanced, sent: Vec<Planned>) -> Next {
        if let Err(refusal) = check_session(&advanced, &self.session) {
            return Next::Abandon(refusal);
        }
        let named = advanced.applies_to.as_deref();
        let About { earlier, last, unsent } = match split(sent, named, &advanced.outcome) {
            Ok(about) => about,
            Err(refusal) => return Next::Abandon(refusal),
        };
        self.queue.splice(0..0, unsent);
        if self.lacks_number(&last, &advanced.outcome) {
            return numberless(&advanced.outcome);
        }
        match advanced.outcome {
            Outcome::Failed => self.failed(refused(&earlier, &last)),
            Outcome::NotALogin => Next::abandon(Reason::PasswordChange),
            Outcome::Success(identity) => self.succeeded(&earlier, &last, identity),
            Outcome::Package(package) => self.replaced(&earlier, &last, package),
            Outcome::NextChallenge => self.next_challenge(&earlier, &last),
            Outcome::Pending(number) => self.pending(&earlier, last, number),
            Outcome::Unknown => self.unknown(last),
        }
    }

    /// The code of an authenticator that was started early is asked for all the same. Without the
    /// question, the user would know that the password was wrong.
    fn failed(&mut self, refusal: Refusal) -> Next {
        match self.started_early.take() {
            Some(authenticator) => Next::Decoy(authenticator, refusal),
            None => Next::End(refusal),
        }
    }

    fn succeeded(&mut self, earlier: &[Planned], last: &Planned, identity: Identity) -> Next {
        self.count(earlier.iter().chain([last]));
        Next::Succeed(identity)
    }

    /// A word that the API does not document. A poll changes nothing, so the approval may still
    /// come.
    fn unknown(&mut self, last: Planned) -> Next {
        if matches!(last.action, Action::Poll) {
            return self.still_pending(last.choice, None);
        }
        let detail = "an advance reply with an unknown summary";
        Next::abandon(Refusal::new(Reason::Misbehaved, detail))
    }

    /// An answer was taken before the package was replaced; an approval that was awaited need not
    /// have come.
    fn replaced(&mut self, earlier: &[Planned], last: &Planned, package: Package) -> Next {
        self.count(earlier.iter().chain([last]).filter(|planned| planned.is_answer()));
        self.started_early = None;
        self.accept(package)
    }

    fn next_challenge(&mut self, earlier: &[Planned], last: &Planned) -> Next {
        if matches!(last.action, Action::StartOob) {
            let detail = "the tenant goes on where nothing was answered";
            return Next::abandon(Refusal::new(Reason::Misbehaved, detail));
        }
        self.count(earlier.iter().chain([last]));
        let next = last.choice.challenge + 1;
        if next >= self.challenges.len() {
            let detail = "the tenant goes on to a challenge that it never named";
            return Next::abandon(Refusal::new(Reason::Misbehaved, detail));
        }
        match self.round() {
            Ok(()) if self.queue.is_empty() => self.plan(next),
            Ok(()) => self.flush(),
            Err(refusal) => Next::Abandon(refusal),
        }
    }

    fn pending(&mut self, earlier: &[Planned], last: Planned, number: Option<ServerText>) -> Next {
        self.count(earlier);
        match last.action {
            Action::StartOob => self.begun(last.choice, number),
            Action::Answer(_) if only_started(earlier, &last) => {
                self.queue.insert(0, last);
                self.flush()
            }
            // Some RADIUS servers take a word for an answer, such as "push".
            Action::Answer(_) if last.choice.mechanism == Mechanism::Radius => {
                // The user has been told before the answer went out.
                let is_told = last.asks_for_approval();
                self.approve(last.choice, number, is_told)
            }
            Action::Answer(_) => Next::Abandon(refused(earlier, &last)),
            Action::Poll => self.still_pending(last.choice, number),
        }
    }

    /// A mechanism was started: send its code, ask for it, or wait.
    fn begun(&mut self, started: Choice, number: Option<ServerText>) -> Next {
        // The code that was typed before.
        if !self.queue.is_empty() {
            return self.flush();
        }
        let has_code = started.offer.answer == AnswerType::StartTextOob && !started.is_push();
        if number.is_some() || !has_code {
            return self.approve(started, number, false);
        }
        self.started_early = None;
        // Nothing is sent for an authenticator's code, so there is nothing to approve.
        let expects =
            if started.mechanism == Mechanism::Oath { Expects::Code } else { Expects::CodeOrEnter };
        Next::ask(Asked::Started(started, expects))
    }

    /// The user has to approve it elsewhere, if need be with this number.
    fn approve(&mut self, started: Choice, number: Option<ServerText>, is_told: bool) -> Next {
        self.number.clone_from(&number);
        if let Some(number) = number {
            return Next::ask(Asked::Started(started, Expects::Match(number)));
        }
        // The number may still come with the first poll.
        if !is_told && !self.demands_number(&started) {
            self.notices.push(Notice::Waiting(words::waiting(started.mechanism)));
        }
        self.poll_first(started)
    }

    fn demands_number(&self, choice: &Choice) -> bool {
        let approved = choice.is_push() || choice.mechanism == Mechanism::Radius;
        approved && self.known.terms.login.require_number_match
    }

    /// Whether a push goes on without the number that the policy demands. Its first poll is the
    /// last chance for it.
    fn lacks_number(&self, last: &Planned, outcome: &Outcome) -> bool {
        let is_over = match last.action {
            Action::Poll => !matches!(outcome, Outcome::Pending(Some(_)) | Outcome::Failed),
            // The tenant has waited for the approval by itself, and there was no number.
            Action::Answer(_) if last.is_word() => {
                !matches!(outcome, Outcome::Pending(_) | Outcome::Failed)
            }
            Action::Answer(_) | Action::StartOob => false,
        };
        is_over && self.number.is_none() && self.demands_number(&last.choice)
    }

    /// Every one of these operations that answers something has been taken by the tenant, for what
    /// it is worth: a wrong answer is not revealed before the end, and only `LoginSuccess` makes
    /// any of them count.
    fn count<'a>(&mut self, done: impl IntoIterator<Item = &'a Planned>) {
        let done = done.into_iter();
        let answered = done.filter(|planned| !matches!(planned.action, Action::StartOob));
        self.met.extend(answered.map(|planned| planned.choice.mechanism));
        let met = &self.met;
        self.chosen.take_if(|chosen| met.contains(&chosen.mechanism));
    }
}

/// Where the tenant does not answer, it can't be told that the login is over.
fn give_up(trouble: Trouble) -> Next {
    match trouble {
        Trouble::Broken(refusal) => Next::End(refusal),
        Trouble::Busy(..) | Trouble::Stumbled(_) | Trouble::Final(_) => Next::abandon(trouble),
    }
}

fn numberless(outcome: &Outcome) -> Next {
    let refusal = Reason::NumberMissing.into();
    match outcome {
        Outcome::Success(_) | Outcome::Failed => Next::End(refusal),
        Outcome::Pending(_)
        | Outcome::NextChallenge
        | Outcome::Package(_)
        | Outcome::NotALogin
        | Outcome::Unknown => Next::Abandon(refusal),
    }
}

/// Which operations a reply is about, and which it leaves.
///
/// It is about all up to the mechanism that it names. If it names none, nothing but the first
/// mechanism was surely looked at, unless what it says can only be said of the last.
fn split(mut sent: Vec<Planned>, named: Option<&str>, outcome: &Outcome) -> Result<About, Refusal> {
    let edge = match outcome {
        Outcome::Success(_) | Outcome::NextChallenge | Outcome::Package(_) => sent.first(),
        Outcome::Pending(_) | Outcome::NotALogin | Outcome::Failed | Outcome::Unknown => {
            sent.last()
        }
    };
    let id = named.or(edge.map(|planned| planned.choice.offer.id.as_str())).map(str::to_owned);
    let mut unsent = Vec::new();
    while let Some(last) = sent.pop() {
        if id.as_deref().is_some_and(|id| last.is_of(id)) {
            return Ok(About { earlier: sent, last, unsent });
        }
        unsent.insert(0, last);
    }
    Err(Refusal::new(Reason::SessionMismatch, NOT_ASKED_FOR))
}

/// Start and code went out together, and the tenant stopped after the start.
fn only_started(earlier: &[Planned], last: &Planned) -> bool {
    let same = |planned: &&Planned| planned.is_of(&last.choice.offer.id);
    let mut before = earlier.iter().rev().take_while(same);
    before.any(|planned| matches!(planned.action, Action::StartOob))
}

/// The tenant gives no reasons, so the reason is what was being done when it said no. Where several
/// things were, an answer is the likeliest to have been wrong.
fn refused(earlier: &[Planned], last: &Planned) -> Refusal {
    let all = || earlier.iter().chain([last]);
    let reason = match () {
        // The tenant has waited for the approval by itself.
        () if all().any(Planned::is_word) => Reason::ApprovalRefused,
        () if all().any(Planned::is_answer) => Reason::AnswerRefused,
        () if all().any(|planned| matches!(planned.action, Action::Poll)) => {
            Reason::ApprovalRefused
        }
        () => Reason::MechanismRefused,
    };
    let what = |p: &Planned| format!("{} {}", p.action.name(), p.choice.mechanism.name());
    let together = if earlier.is_empty() { "" } else { IN_ONE_REQUEST };
    let what: Vec<_> = all().map(what).collect();
    Refusal::new(reason, format!("{together}{}", what.join(", ")))
}
