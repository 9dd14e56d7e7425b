//! One login as a state machine: what the tenant and the user say goes in, the next [`Step`] comes
//! out.
//!
//! Nothing in here can touch the world: no I/O, no clock, no environment. Every step but the last
//! carries the only value that can continue it, so a wrong or repeated event does not compile.
#![forbid(unsafe_code)]

mod about;
mod advance;
mod answer;
mod ask;
mod choose;
mod federated;
mod identify;
mod offline;
mod on_demand;
mod pace;
mod proof;
mod read;
mod start;
mod step;
#[cfg(test)]
mod tests;
mod wait;

use std::rc::Rc;
use std::time::Duration;

pub use advance::IN_ONE_REQUEST;
use choose::{Choice, Ringing};
pub use choose::{obstacle, offer_name};
use offline::{Standby, Unheard};
pub use proof::{Kind, OfflineProof, Proof, enough, kind};
pub use step::{Before, Echo, Ended, Keep, Machine, Notice, Outgoing, Question, Start, Step};

use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::policy::{Mechanism, TenantUrl, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::failure::Failure;
use crate::tenant::http::{Patience, Response};
use crate::tenant::reply::Challenge;
use crate::tenant::request::{Action, Below, Operation, Request, Session};
use crate::tenant::text::ServerText;
use crate::words;

/// More packages and challenges than any honest tenant puts into one login.
const MAX_ROUNDS: u8 = 8;

/// Everything that is known in the middle of a login.
struct Login {
    terms: Terms,
    password: Option<Shared>,
    /// This machine's own secret, for a step-up.
    secret: Option<Shared>,
    /// Whether the phone may ring.
    allowance: Allowance,
    /// The right to an offline code, as long as nothing was heard.
    standby: Option<Standby>,
    /// `Authorization` of every request, for a step-up.
    authorization: Option<Shared>,
    target: TenantUrl,
    hops: u8,
    session: Option<Session>,
    challenges: Vec<Challenge>,
    /// The challenge to be met next.
    index: usize,
    rounds: u8,
    /// Operations that are decided and not sent yet.
    queue: Vec<Planned>,
    /// Mechanisms that the tenant has taken an answer or an approval for. Worth something at
    /// `LoginSuccess` only.
    met: Vec<Mechanism>,
    /// What the user chose, for a package that replaces the one it was chosen from.
    chosen: Option<Chosen>,
    /// Whether that has happened.
    reused: bool,
    /// The authenticator that was started with the password, as long as its code has not been asked
    /// for.
    ahead: Option<Choice>,
    /// How often the password has gone out.
    passwords: u8,
    /// Answers that could not be used.
    useless: u8,
    /// The number to match of the push that is on its way, once it was shown.
    number: Option<ServerText>,
    /// How often the approval that is waited for has been asked for.
    polls: u16,
    /// Since when an approval is waited for, and until when it has been: times since the login
    /// began.
    waited: Option<wait::Waited>,
    /// Whether the login is over, and has asked for the last time about what was on its way.
    is_over: bool,
}

/// A choice of the user's.
struct Chosen {
    mechanism: Mechanism,
    /// The tenant's line for it: there may be two phones.
    label: Option<ServerText>,
    /// The code that came with it.
    typed: Option<Shared>,
}

/// An operation with what it is part of.
#[derive(Clone)]
struct Planned {
    challenge: usize,
    mechanism: Mechanism,
    operation: Operation,
}

impl Planned {
    /// Whether the tenant may answer it only once a person has approved something elsewhere.
    fn may_be_held(&self) -> bool {
        let is_answer = matches!(self.operation.action, Action::Answer(_));
        is_answer && self.mechanism == Mechanism::Radius
    }
}

/// Continues after a request.
#[must_use]
pub struct AwaitReply {
    login: Box<Login>,
    expected: Expected,
}

/// What a reply will be an answer to.
enum Expected {
    Start {
        tries: u8,
    },
    Token {
        below: Below,
    },
    Challenge {
        /// Whether the token was asked for in this login.
        fresh: bool,
    },
    Whoami {
        /// The tenant that the success came from.
        tenant_id: Option<String>,
        way: identify::Way,
    },
    Advance(Vec<Planned>),
    Poll {
        planned: Planned,
        outages: u8,
    },
    Status {
        waiting: federated::Waiting,
        outages: u8,
    },
    Pin(federated::Waiting),
    /// The last question about an approval: the login is over.
    Last(wait::Approval, Box<Refusal>),
    Cleanup(Box<Refusal>),
}

/// Continues after a notice.
#[must_use]
pub struct Told(Box<Step>);

/// Continues after the budget was asked.
#[must_use]
pub struct AwaitAllowance {
    login: Box<Login>,
    ringing: Ringing,
}

/// Continues after a question.
#[must_use]
pub struct AwaitAnswer {
    login: Box<Login>,
    asked: ask::Asked,
}

/// Continues after an offline code was tried.
#[must_use]
pub struct AwaitRedeem {
    login: Box<Login>,
    unheard: Unheard,
}

/// Continues after a wait.
#[must_use]
pub struct AwaitTime {
    login: Box<Login>,
    time: Duration,
    next: wait::Next,
    /// How long the tenant has asked to wait, where it has.
    asked: Option<Duration>,
}

/// Opens a login: the first step asks the tenant for the user's challenges.
pub fn start(start: Start) -> Step {
    let Start { terms, password, machine, allowance, before } = start;
    let target = terms.tenant.url.clone();
    let (secret, token) = machine.map_or((None, None), |m| (Some(Rc::new(m.secret)), m.token));
    let login = Login {
        standby: Standby::new(&terms, before),
        terms,
        password: password.map(Rc::new),
        secret,
        allowance,
        authorization: None,
        target,
        hops: 0,
        session: None,
        challenges: Vec::new(),
        index: 0,
        rounds: 0,
        queue: Vec::new(),
        met: Vec::new(),
        chosen: None,
        reused: false,
        ahead: None,
        passwords: 0,
        useless: 0,
        number: None,
        polls: 0,
        waited: None,
        is_over: false,
    };
    Box::new(login).begin(token)
}

impl AwaitReply {
    /// The tenant's reply, or why there is none.
    pub fn reply(self, reply: Result<Response, Failure>) -> Step {
        let mut login = self.login;
        let standby = login.standby.take();
        login.standby = standby.and_then(|standby| standby.after(&reply));
        if let Some(status) = login.refuses_bearer(&self.expected, &reply) {
            return login.without_bearer(status, self.expected);
        }
        match self.expected {
            Expected::Start { tries } => login.started(reply, tries),
            Expected::Token { below } => login.token_answered(reply, below),
            Expected::Challenge { fresh } => login.challenged(reply, fresh),
            Expected::Whoami { tenant_id, way } => {
                login.identified(reply, tenant_id.as_deref(), way)
            }
            Expected::Advance(sent) => login.advanced(reply, sent),
            Expected::Poll { planned, outages } => login.polled(reply, planned, outages),
            Expected::Status { waiting, outages } => login.status(reply, waiting, outages),
            Expected::Pin(waiting) => login.pin_answered(reply, &waiting),
            Expected::Last(approval, refusal) => login.last_asked(reply, approval, *refusal),
            Expected::Cleanup(refusal) => Step::Done(Err(*refusal)),
        }
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        let approval = match self.expected {
            Expected::Cleanup(first) => return Step::Done(Err(*first)),
            Expected::Last(_, first) => return self.login.abandon(*first),
            Expected::Poll { planned, .. } => Some(wait::Approval::Poll(planned)),
            Expected::Status { waiting, .. } => Some(wait::Approval::Status(waiting)),
            Expected::Start { .. }
            | Expected::Token { .. }
            | Expected::Challenge { .. }
            | Expected::Whoami { .. }
            | Expected::Advance(_)
            | Expected::Pin(_) => None,
        };
        self.login.leave(approval, refusal)
    }

    /// Whether the login is over, and this request is one of its last two.
    #[must_use]
    pub fn is_of_the_end(&self) -> bool {
        matches!(self.expected, Expected::Last(..) | Expected::Cleanup(_))
    }
}

impl Expected {
    /// A RADIUS server may hold its answer until a person has approved: some ask for an approval by
    /// themselves.
    fn patience(&self) -> Patience {
        match self {
            Expected::Advance(sent) if sent.iter().any(Planned::may_be_held) => Patience::Person,
            Expected::Advance(_)
            | Expected::Poll { .. }
            | Expected::Start { .. }
            | Expected::Token { .. }
            | Expected::Challenge { .. }
            | Expected::Whoami { .. }
            | Expected::Status { .. }
            | Expected::Pin(_)
            | Expected::Last(..)
            | Expected::Cleanup(_) => Patience::Request,
        }
    }

    fn about(&self) -> Vec<Mechanism> {
        match self {
            Expected::Advance(sent) => sent.iter().map(|planned| planned.mechanism).collect(),
            Expected::Poll { planned, .. } | Expected::Last(wait::Approval::Poll(planned), _) => {
                vec![planned.mechanism]
            }
            Expected::Start { .. }
            | Expected::Token { .. }
            | Expected::Challenge { .. }
            | Expected::Whoami { .. }
            | Expected::Status { .. }
            | Expected::Pin(_)
            | Expected::Last(wait::Approval::Status(_), _)
            | Expected::Cleanup(_) => Vec::new(),
        }
    }
}

impl Step {
    /// The login can't go on. A refusal of the tenant's stays one; a success comes too late.
    pub fn abandon(self, refusal: Refusal) -> Step {
        match self {
            Step::Done(Err(first)) => Step::Done(Err(first.or(refusal))),
            Step::Done(Ok(_)) => Step::Done(Err(refusal)),
            Step::Send(outgoing, awaited) => match awaited.expected {
                Expected::Cleanup(first) => {
                    let expected = Expected::Cleanup(Box::new(first.or(refusal)));
                    Step::Send(outgoing, AwaitReply { expected, ..awaited })
                }
                Expected::Start { .. }
                | Expected::Token { .. }
                | Expected::Challenge { .. }
                | Expected::Whoami { .. }
                | Expected::Advance(_)
                | Expected::Poll { .. }
                | Expected::Status { .. }
                | Expected::Pin(_)
                | Expected::Last(..) => awaited.abandon(refusal),
            },
            Step::Ask(_, awaited) => awaited.abandon(refusal),
            Step::Wait(_, awaited) => awaited.abandon(refusal),
            Step::Spend(awaited) => awaited.abandon(refusal),
            Step::Redeem(_, awaited) => awaited.login.abandon(refusal),
            Step::Tell(notice, told) => {
                Step::Tell(notice, Told(Box::new(told.told().abandon(refusal))))
            }
            Step::Keep(keep, told) => {
                Step::Keep(keep, Told(Box::new(told.told().abandon(refusal))))
            }
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
    pub fn is_in_vain(&self) -> bool {
        matches!(self.asked, ask::Asked::InVain(..))
    }

    /// What the user typed.
    pub fn answer(self, typed: Secret) -> Step {
        self.login.answered(self.asked, &typed)
    }

    /// Nothing that could be an answer was typed: an empty line.
    pub fn empty(self) -> Step {
        self.login.answered_with_nothing(self.asked)
    }

    /// The answer is too long or not text.
    pub fn unfit(self) -> Step {
        self.login.ask_again(words::UNFIT, self.asked)
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        self.login.leave(self.asked.approval(), refusal)
    }
}

impl AwaitAllowance {
    fn abandon(self, refusal: Refusal) -> Step {
        let approval = match self.ringing {
            Ringing::Start(..) => None,
            Ringing::Word(started, wanted, _) => wait::Approval::of(started, &wanted),
        };
        self.login.leave(approval, refusal)
    }

    /// What the budget says. `Free` means that it has been counted.
    pub fn answer(self, allowance: Allowance) -> Step {
        match (allowance, self.ringing) {
            (Allowance::Free, Ringing::Start(choice, typed)) => {
                self.login.send_choice(choice, typed)
            }
            (Allowance::Free, Ringing::Word(started, _, word)) => {
                self.login.send_answer(started, word)
            }
            (Allowance::Over(_) | Allowance::Paused(_) | Allowance::Never, ringing) => {
                self.login.go_on_quietly(ringing, allowance)
            }
        }
    }
}

impl AwaitRedeem {
    /// What became of the code.
    pub fn redeemed(self, result: Result<Receipt, CodeRefusal>) -> Step {
        self.login.redeemed(self.unheard, result)
    }
}

impl AwaitTime {
    /// The time has passed; `now` is the time since the login began.
    pub fn elapsed(self, now: Duration) -> Step {
        self.login.elapsed(self.time, now, self.next)
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
        self.login.abandon(Refusal::new(Reason::TenantThrottle, detail))
    }

    /// The login can't go on.
    pub fn abandon(self, refusal: Refusal) -> Step {
        self.login.leave(self.next.approval(), refusal)
    }
}

impl Login {
    fn send(self: Box<Self>, request: Request, expected: Expected) -> Step {
        let to = self.target.clone();
        let (about, patience) = (expected.about(), expected.patience());
        let authorization = self.authorization.clone();
        Step::Send(
            Outgoing { to, request, authorization, patience, about },
            AwaitReply { login: self, expected },
        )
    }

    /// Ends the login and tells the tenant to forget the session, if there is one.
    fn abandon(mut self: Box<Self>, refusal: impl Into<Refusal>) -> Step {
        let refusal = refusal.into();
        match self.session.take() {
            Some(session) => {
                self.send(Request::Cleanup { session }, Expected::Cleanup(Box::new(refusal)))
            }
            None => Step::Done(Err(refusal)),
        }
    }

    /// Ends the login. The session is over on the tenant's side too, or there never was one.
    #[allow(clippy::unused_self)] // takes the login away with it
    fn end(self: Box<Self>, refusal: impl Into<Refusal>) -> Step {
        Step::Done(Err(refusal.into()))
    }

    /// Counts packages and challenges, so that a tenant can't keep a login turning.
    fn round(&mut self) -> Result<(), Refusal> {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(Refusal::new(Reason::Misbehaved, "too many challenges in one login"));
        }
        Ok(())
    }
}

fn tell(notice: Notice, next: Step) -> Step {
    Step::Tell(notice, Told(Box::new(next)))
}

/// Logs each of `lines`, then goes on.
fn log_first(lines: Vec<Notice>, next: Step) -> Step {
    lines.into_iter().rev().fold(next, |next, line| tell(line, next))
}
