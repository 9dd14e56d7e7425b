//! The steps of a login, and the tokens that continue it.
//!
//! A token holds the phase that waits, as one of the traits below: a phase names the steps, and no
//! step names a phase.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::carried::{Keep, Notice, Outgoing, Question};
use super::proof::Proof;
use super::response::Reply;
use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::words;

/// What is to be done next. The caller does it and hands the outcome to the value that came with
/// it.
#[must_use]
pub enum Step {
    /// Ask the tenant, then [`AwaitReply::reply`].
    Send(Outgoing, AwaitReply),
    /// Show or log this, then [`Told::told`].
    Tell(Notice, Told),
    /// Ask the user, then [`AwaitAnswer::answer`].
    Ask(Question, AwaitAnswer),
    /// Ask whether this person's phone may ring, and count it if it may, then
    /// [`AwaitAllowance::answer`].
    Spend(AwaitAllowance),
    /// Keep this for the next login, then [`Told::told`].
    Keep(Keep, Told),
    /// Try an offline code, then [`AwaitRedeem::redeemed`].
    Redeem(Shared, AwaitRedeem),
    /// Let time pass, then [`AwaitTime::elapsed`].
    Wait(Duration, AwaitTime),
    /// The end.
    Done(Ended),
}

/// The end of a login as far as the tenant is concerned.
pub type Ended = Result<Proof, Refusal>;

/// A login that waits for something.
pub(super) trait Phase {
    /// Ends the login, which can't go on. A phase with a session tells the tenant.
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        Step::refuse(refusal)
    }
}

/// A login that waits for a reply.
pub(super) trait OnReply: Phase {
    /// Goes on with a reply.
    fn reply(self: Box<Self>, reply: Reply) -> Step;
    /// Whether the login is over, and this is the last question about an approval.
    fn is_of_the_end(&self) -> bool {
        false
    }
}

/// A login that waits for the user's answer.
pub(super) trait OnAnswer: Phase {
    /// Goes on with what the user typed, which is not blank.
    fn answer(self: Box<Self>, typed: &Secret) -> Step;
    /// Goes on with an empty line.
    fn empty(self: Box<Self>) -> Step;
    /// Asks the same question again, with a word on the last answer before it.
    fn again(self: Box<Self>, word: &'static str) -> Step;
    /// Whether the tenant has refused the user already.
    fn is_decoy(&self) -> bool {
        false
    }
}

/// A login that waits for the word of the budget.
pub(super) trait OnAllowance: Phase {
    /// Goes on with what the budget says.
    fn answer(self: Box<Self>, allowance: Allowance) -> Step;
}

/// A login that waits for what an offline code is worth.
pub(super) trait OnRedeemed: Phase {
    /// Goes on with what became of the code.
    fn redeemed(self: Box<Self>, result: Result<Receipt, CodeRefusal>) -> Step;
}

/// A login that lets time pass.
pub(super) trait OnTime: Phase {
    /// Goes on after `time`; `now` is the time since the login began.
    fn elapsed(self: Box<Self>, time: Duration, now: Duration) -> Step;
    /// Ends the login, because the tenant is too busy for another question.
    fn too_long(self: Box<Self>, refusal: Refusal) -> Step;
}

/// Continues after a request.
#[must_use]
pub struct AwaitReply(Awaited);

enum Awaited {
    /// A reply that the login goes on with.
    Phase(Box<dyn OnReply>),
    /// A reply that says nothing: the login is over, for this reason.
    Closing(Box<Refusal>),
}

/// Continues after a notice.
#[must_use]
pub struct Told(Box<Step>);

/// Continues after the budget was asked.
#[must_use]
pub struct AwaitAllowance(Box<dyn OnAllowance>);

/// Continues after a question.
#[must_use]
pub struct AwaitAnswer(Box<dyn OnAnswer>);

/// Continues after an offline code was tried.
#[must_use]
pub struct AwaitRedeem(Box<dyn OnRedeemed>);

/// Continues after a wait.
#[must_use]
pub struct AwaitTime {
    phase: Box<dyn OnTime>,
    time: Duration,
    /// How long the tenant has asked to wait, where it has.
    asked: Option<Duration>,
}

impl Step {
    pub(super) fn send(outgoing: Outgoing, phase: impl OnReply + 'static) -> Self {
        Self::Send(outgoing, AwaitReply(Awaited::Phase(Box::new(phase))))
    }

    /// Tells the tenant that a login is over. Whatever it replies, the login has ended.
    pub(super) fn close(outgoing: Outgoing, refusal: Refusal) -> Self {
        Self::Send(outgoing, AwaitReply(Awaited::Closing(Box::new(refusal))))
    }

    pub(super) fn tell(notice: Notice, next: Self) -> Self {
        Self::Tell(notice, Told(Box::new(next)))
    }

    pub(super) fn ask(question: Question, phase: impl OnAnswer + 'static) -> Self {
        Self::Ask(question, AwaitAnswer(Box::new(phase)))
    }

    pub(super) fn spend(phase: impl OnAllowance + 'static) -> Self {
        Self::Spend(AwaitAllowance(Box::new(phase)))
    }

    pub(super) fn keep(keep: Keep, next: Self) -> Self {
        Self::Keep(keep, Told(Box::new(next)))
    }

    pub(super) fn redeem(code: Shared, phase: impl OnRedeemed + 'static) -> Self {
        Self::Redeem(code, AwaitRedeem(Box::new(phase)))
    }

    /// Waits as long as the tenant has asked to, if it has, and at least so long.
    pub(super) fn wait(
        asked: Option<Duration>,
        least: Duration,
        phase: impl OnTime + 'static,
    ) -> Self {
        let time = asked.map_or(least, |asked| asked.max(least));
        Self::Wait(time, AwaitTime { phase: Box::new(phase), time, asked })
    }

    /// Ends the login. The session is over on the tenant's side too, or there never was one.
    pub(super) fn refuse(refusal: impl Into<Refusal>) -> Self {
        Self::Done(Err(refusal.into()))
    }

    /// The login can't go on. A refusal of the tenant's stays one; a success comes too late.
    pub fn abandon(self, refusal: Refusal) -> Step {
        match self {
            Step::Done(Err(first)) => Step::Done(Err(first.or(refusal))),
            Step::Done(Ok(_)) => Step::Done(Err(refusal)),
            Step::Send(outgoing, AwaitReply(awaited)) => match awaited {
                Awaited::Closing(first) => Step::close(outgoing, first.or(refusal)),
                Awaited::Phase(phase) => phase.abandon(refusal),
            },
            Step::Ask(_, awaited) => awaited.abandon(refusal),
            Step::Wait(_, awaited) => awaited.abandon(refusal),
            Step::Spend(AwaitAllowance(phase)) => phase.abandon(refusal),
            Step::Redeem(_, AwaitRedeem(phase)) => phase.abandon(refusal),
            Step::Tell(notice, told) => Step::tell(notice, told.told().abandon(refusal)),
            Step::Keep(keep, told) => Step::keep(keep, told.told().abandon(refusal)),
        }
    }
}

impl AwaitReply {
    /// The tenant's reply, or why it is missing.
    pub fn reply(self, reply: Reply) -> Step {
        match self.0 {
            Awaited::Phase(phase) => phase.reply(reply),
            Awaited::Closing(refusal) => Step::refuse(*refusal),
        }
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        match self.0 {
            Awaited::Phase(phase) => phase.abandon(refusal),
            Awaited::Closing(first) => Step::refuse(*first),
        }
    }

    /// Whether the login is over, and this request is one of its last two.
    #[must_use]
    pub fn is_of_the_end(&self) -> bool {
        match &self.0 {
            Awaited::Phase(phase) => phase.is_of_the_end(),
            Awaited::Closing(_) => true,
        }
    }
}

impl Told {
    /// It has been shown, or could not be: either way the login goes on.
    pub fn told(self) -> Step {
        *self.0
    }
}

impl AwaitAnswer {
    /// Whether the tenant has refused the user already, who is asked all the same.
    #[must_use]
    pub fn is_decoy(&self) -> bool {
        self.0.is_decoy()
    }

    /// What the user typed.
    pub fn answer(self, typed: Secret) -> Step {
        if typed.expose().trim().is_empty() { self.0.empty() } else { self.0.answer(&typed) }
    }

    /// Nothing that could be an answer was typed: an empty line.
    pub fn empty(self) -> Step {
        self.0.empty()
    }

    /// The answer is too long or not text.
    pub fn unfit(self) -> Step {
        self.0.again(words::UNFIT)
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        self.0.abandon(refusal)
    }
}

impl AwaitAllowance {
    /// What the budget says. `Free` means that it has been counted.
    pub fn answer(self, allowance: Allowance) -> Step {
        self.0.answer(allowance)
    }
}

impl AwaitRedeem {
    /// What became of the code.
    pub fn redeemed(self, result: Result<Receipt, CodeRefusal>) -> Step {
        self.0.redeemed(result)
    }
}

impl AwaitTime {
    /// The time has passed; `now` is the time since the login began.
    pub fn elapsed(self, now: Duration) -> Step {
        self.phase.elapsed(self.time, now)
    }

    /// Whether the tenant has asked for this wait.
    #[must_use]
    pub fn is_the_tenants(&self) -> bool {
        self.asked.is_some()
    }

    /// The wait is longer than what is left of the login: it ends at once.
    pub fn too_long(self) -> Step {
        let seconds = self.asked.unwrap_or_default().as_secs();
        let detail = format!("the tenant asks to wait {seconds} s, longer than the login may take");
        let refusal = Refusal::new(Reason::TenantThrottle, detail);
        self.phase.too_long(refusal.lasting(self.asked))
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        self.phase.abandon(refusal)
    }
}
