//! A login with a session: from its first package to the tenant's last word.
//!
//! What is decided is in the files below, each of which ends in a [`Next`]. This file makes a step
//! of it, and nothing else makes one.
#![forbid(unsafe_code)]

mod answering;
mod asking;
mod choice;
mod choosing;
mod following;
mod sending;
mod state;
mod waiting;

use std::time::Duration;

use super::bearer::{Bearer, refused};
use super::belongs::check_tenant;
use super::carried::{Notice, Outgoing};
use super::decoy::Decoy;
use super::identify::{Success, Way};
use super::known::Known;
use super::response::Reply;
use super::steps::{OnAllowance, OnAnswer, OnReply, OnTime, Phase, Step};
use choice::Choice;
pub use choice::{obstacle, offer_name};
pub use following::IN_ONE_REQUEST;
use state::{Asked, Next, Open, PhoneAction, Planned, Poll};

use crate::local::budget::Allowance;
use crate::policy::{Mechanism, TenantUrl};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::tenant::http::Patience;
use crate::tenant::reply::{Identity, Package};
use crate::tenant::request::{Action, Operation, Request, Session};
use crate::words;

/// Begins with the package that opens a session.
pub(super) fn begin(
    known: Box<Known>,
    to: TenantUrl,
    bearer: Option<Bearer>,
    package: Package,
) -> Step {
    let Some(id) = package.session.clone().filter(|id| !id.is_empty()) else {
        return Step::refuse(Refusal::new(Reason::Misbehaved, "a package without a session"));
    };
    let ours = &known.terms.tenant.id;
    if let Err(refusal) = check_tenant(ours.as_deref(), package.tenant_id.as_deref()) {
        return Step::refuse(refusal);
    }
    let tenant_id = package.tenant_id.clone().or_else(|| ours.clone());
    let mut login = Box::new(Open::new(known, to, Session { id, tenant_id }, bearer));
    let next = login.accept(package);
    login.go_on(next)
}

/// It waits for a reply.
struct Sent {
    login: Box<Open>,
    what: What,
}

/// What the reply will be an answer to.
enum What {
    Operations(Vec<Planned>),
    Poll(Poll),
}

/// It is over, and waits for what the tenant says of an approval at last.
struct LastSent {
    login: Box<Open>,
    choice: Choice,
    refusal: Refusal,
}

/// It waits for the user's answer.
struct Asking {
    login: Box<Open>,
    asked: Asked,
}

/// It waits for the word of the budget.
struct Spending {
    login: Box<Open>,
    action: PhoneAction,
}

/// It waits, to poll then.
struct Pause {
    login: Box<Open>,
    then: Poll,
}

impl Open {
    fn go_on(mut self: Box<Self>, next: Next) -> Step {
        if let Next::Send(sent) = &next
            && sent.iter().any(Planned::asks_for_approval)
            && !self.known.terms.login.require_number_match
        {
            self.notices.push(Notice::Waiting(words::waiting(Mechanism::Radius)));
        }
        let notices = std::mem::take(&mut self.notices);
        let step = self.step(next);
        notices.into_iter().rev().fold(step, |step, notice| Step::tell(notice, step))
    }

    fn step(self: Box<Self>, next: Next) -> Step {
        match next {
            Next::Send(sent) => self.send(sent),
            Next::Poll(poll) => self.poll(poll),
            Next::Ask(word, asked) => {
                Step::ask(self.question(&word, &asked), Asking { login: self, asked })
            }
            Next::Spend(action) => Step::spend(Spending { login: self, action }),
            Next::Wait { asked, least, then } => {
                Step::wait(asked, least, Pause { login: self, then })
            }
            Next::Succeed(identity) => self.succeed(&identity),
            Next::Decoy(authenticator, refusal) => {
                let question = self.question_for_code(&authenticator);
                let Self { known, password, unusable, .. } = *self;
                Decoy { known, password, unusable, question, refusal }.ask("")
            }
            Next::Last(choice, refusal) => {
                Step::send(self.poll_for(&choice), LastSent { login: self, choice, refusal })
            }
            Next::Abandon(refusal) => self.close(refusal),
            Next::End(refusal) => Step::refuse(refusal),
        }
    }

    fn send(self: Box<Self>, sent: Vec<Planned>) -> Step {
        let operations = sent.iter().map(Planned::operation).collect();
        let request = Request::Advance { session: self.session.clone(), operations };
        let is_held = sent.iter().any(Planned::may_be_held);
        let outgoing = Outgoing {
            patience: if is_held { Patience::Person } else { Patience::Request },
            about: sent.iter().map(|planned| planned.choice.mechanism).collect(),
            ..self.outgoing(request)
        };
        Step::send(outgoing, Sent { login: self, what: What::Operations(sent) })
    }

    fn poll(mut self: Box<Self>, poll: Poll) -> Step {
        self.polls = self.polls.saturating_add(1);
        Step::send(self.poll_for(&poll.choice), Sent { login: self, what: What::Poll(poll) })
    }

    fn poll_for(&self, choice: &Choice) -> Outgoing {
        let operation = Operation { mechanism: choice.offer.id.clone(), action: Action::Poll };
        let (session, operations) = (self.session.clone(), vec![operation]);
        let plain = self.outgoing(Request::Advance { session, operations });
        Outgoing { about: vec![choice.mechanism], ..plain }
    }

    /// The tenant has closed the session.
    fn succeed(self: Box<Self>, identity: &Identity) -> Step {
        let Self { known, to, session, met, .. } = *self;
        let (tenant_id, way) = (session.tenant_id, Way::Challenges(met));
        Success { known, to, tenant_id, way }.identify(identity)
    }

    /// Tells the tenant to forget the session.
    fn close(self: Box<Self>, refusal: Refusal) -> Step {
        let request = Request::Cleanup { session: self.session.clone() };
        Step::close(self.outgoing(request), refusal)
    }

    fn outgoing(&self, request: Request) -> Outgoing {
        let authorization = self.bearer.as_ref().and_then(|bearer| bearer.authorization.clone());
        Outgoing { authorization, ..Outgoing::plain(&self.to, request) }
    }
}

impl Phase for Sent {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        let Self { login, what } = *self;
        let awaited = match what {
            What::Operations(_) => None,
            What::Poll(poll) => Some(poll.choice),
        };
        login.go_on(Next::leave(awaited, refusal))
    }
}

impl OnReply for Sent {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let Self { mut login, what } = *self;
        let next = match (&mut login.bearer, refused(&reply)) {
            (Some(bearer), Some(status)) => match bearer.drop_after(status) {
                Ok(line) => {
                    login.notices.push(Notice::Log(line));
                    what.again()
                }
                Err(refusal) => Next::Abandon(refusal),
            },
            (Some(_) | None, _) => match what {
                What::Operations(sent) => login.advanced(reply, sent),
                What::Poll(poll) => login.polled(reply, poll),
            },
        };
        login.go_on(next)
    }
}

impl What {
    fn again(self) -> Next {
        match self {
            What::Operations(sent) => Next::Send(sent),
            What::Poll(poll) => Next::Poll(poll),
        }
    }
}

impl Phase for LastSent {
    fn abandon(self: Box<Self>, _: Refusal) -> Step {
        let Self { login, refusal, .. } = *self;
        login.close(refusal)
    }
}

impl OnReply for LastSent {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let Self { mut login, choice, refusal } = *self;
        let next = login.last_polled(reply, choice, refusal);
        login.go_on(next)
    }

    fn is_of_the_end(&self) -> bool {
        true
    }
}

impl Phase for Asking {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        self.login.go_on(Next::leave(self.asked.awaited(), refusal))
    }
}

impl OnAnswer for Asking {
    fn answer(self: Box<Self>, typed: &Secret) -> Step {
        let Self { mut login, asked } = *self;
        let next = login.answered(asked, typed);
        login.go_on(next)
    }

    fn empty(self: Box<Self>) -> Step {
        let Self { mut login, asked } = *self;
        let next = login.answered_with_nothing(asked);
        login.go_on(next)
    }

    fn again(self: Box<Self>, word: &'static str) -> Step {
        let Self { mut login, asked } = *self;
        let next = login.ask_again(word, asked);
        login.go_on(next)
    }
}

impl Phase for Spending {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        let Self { login, action } = *self;
        let awaited = match action {
            PhoneAction::Start(..) => None,
            PhoneAction::Word(started, expects, _) => expects.approval_of(started),
        };
        login.go_on(Next::leave(awaited, refusal))
    }
}

impl OnAllowance for Spending {
    fn answer(self: Box<Self>, allowance: Allowance) -> Step {
        let Self { mut login, action } = *self;
        let next = login.allowed(action, allowance);
        login.go_on(next)
    }
}

impl Phase for Pause {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        self.login.go_on(Next::Last(self.then.choice, refusal))
    }
}

impl OnTime for Pause {
    fn elapsed(self: Box<Self>, time: Duration, now: Duration) -> Step {
        let Self { mut login, then } = *self;
        let next = login.elapsed(time, now, then);
        login.go_on(next)
    }

    fn too_long(self: Box<Self>, refusal: Refusal) -> Step {
        self.login.close(refusal)
    }
}
