//! A step-up: this machine asks, in its own name, for the challenges of a policy; the rest is as in
//! any login.
#![forbid(unsafe_code)]

use super::bearer::{self, Bearer, outside_scope};
use super::carried::{Keep, Machine, Outgoing};
use super::known::Known;
use super::outage::Unanswered;
use super::response::{Reply, busy_or_broken, read};
use super::steps::{OnReply, Phase, Step};
use super::{offline, open};
use crate::echo::Echoes;
use crate::policy::{OnDemand, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::reply::{self, Malformed, Started};
use crate::tenant::request::{Below, Request};
use crate::tenant::token::{Answer, Grant, answer};

/// What this machine asks with, and for.
struct ThisMachine {
    policy: OnDemand,
    secret: Secret,
}

/// The first request of a step-up is on its way.
struct First {
    login: Unanswered,
    machine: ThisMachine,
    asked: Asked,
}

/// The tenant has answered, and there is no session yet.
struct StepUp {
    known: Box<Known>,
    machine: ThisMachine,
}

/// It has sent another request.
struct Sent {
    login: StepUp,
    asked: Asked,
}

/// What was asked for.
enum Asked {
    /// A token of this machine's.
    Token(Below),
    /// The challenges, by this token.
    Challenges { authorization: Shared, age: Age },
}

/// When a token was fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    /// In an earlier login.
    Kept,
    /// In this login.
    Fresh,
}

/// Asks by the token that this machine has, or for one.
pub(super) fn begin(login: Unanswered, policy: OnDemand, machine: Machine) -> Step {
    let Machine { secret, token } = machine;
    let machine = ThisMachine { policy, secret };
    let (outgoing, asked) = match token {
        Some(token) => machine.challenges(&login.known().terms, &token, Age::Kept),
        None => machine.token(&login.known().terms, Below::Root),
    };
    Step::send(outgoing, First { login, machine, asked })
}

impl ThisMachine {
    fn token(&self, terms: &Terms, below: Below) -> (Outgoing, Asked) {
        let client = &self.policy.client;
        let grant = Grant { client, secret: &self.secret };
        let request = Request::Token { app: client.app.clone(), below, form: grant.body() };
        let authorization = grant.authorization().map(|header| Secret::new(&header).into());
        let plain = Outgoing::plain(&terms.tenant.url, request);
        (Outgoing { authorization, ..plain }, Asked::Token(below))
    }

    fn challenges(&self, terms: &Terms, token: &Secret, age: Age) -> (Outgoing, Asked) {
        let (user, policy) = (terms.tenant_user.clone(), self.policy.policy.clone());
        let plain = Outgoing::plain(&terms.tenant.url, Request::Challenge { user, policy });
        let authorization = bearer::by_token(token.expose());
        let outgoing = Outgoing { authorization: Some(authorization.clone()), ..plain };
        (outgoing, Asked::Challenges { authorization, age })
    }
}

impl StepUp {
    fn answered(self, reply: Reply, asked: Asked) -> Step {
        match asked {
            Asked::Token(below) => self.token_answered(reply, below),
            Asked::Challenges { authorization, age } => match bearer::refused(&reply) {
                Some(status) => self.token_refused(status, age),
                None => self.challenged(reply, authorization),
            },
        }
    }

    fn ask_token(self, below: Below) -> Step {
        let (outgoing, asked) = self.machine.token(&self.known.terms, below);
        Step::send(outgoing, Sent { login: self, asked })
    }

    fn token_answered(self, reply: Reply, below: Below) -> Step {
        let response = match busy_or_broken(reply) {
            Ok(response) => response,
            Err(trouble) => return Step::refuse(trouble),
        };
        // A page that is not there has not looked at the secret.
        if response.status == 404 && below == Below::Root {
            return self.ask_token(Below::Api);
        }
        match answer(response.status, &response.body) {
            Ok(Answer::Granted(granted)) => {
                let token: Shared = granted.token.into();
                let (outgoing, asked) =
                    self.machine.challenges(&self.known.terms, &token, Age::Fresh);
                let next = Step::send(outgoing, Sent { login: self, asked });
                Step::keep(Keep::Token(token, granted.lifetime), next)
            }
            Ok(Answer::Refused(why)) => {
                let mut echoes = Echoes::default();
                echoes.know(self.machine.secret.expose());
                let detail = format!("token: {}", why.without(&echoes).shown(150));
                Step::refuse(Refusal::new(Reason::ClientRefused, detail))
            }
            Err(Malformed(what)) => Step::refuse(Refusal::new(Reason::Misbehaved, what)),
        }
    }

    /// A token that is no longer good, or no longer good enough, is dropped, and fetched once more:
    /// it may live for a year, and what the administrator has mended since is not in it.
    fn token_refused(self, status: u16, age: Age) -> Step {
        let scope = &self.machine.policy.client.scope;
        let next = match age {
            Age::Kept => self.ask_token(Below::Root),
            Age::Fresh => Step::refuse(outside_scope(scope, "OnDemandChallenge", status)),
        };
        Step::keep(Keep::NoToken, next)
    }

    fn challenged(self, reply: Reply, authorization: Shared) -> Step {
        match read(reply, reply::started) {
            Ok(Started::Package(package)) => {
                let scope = self.machine.policy.client.scope;
                let bearer = Bearer { authorization: Some(authorization), scope };
                let to = self.known.terms.tenant.url.clone();
                open::begin(self.known, to, Some(bearer), package)
            }
            Ok(Started::Unasked) => Step::refuse(Reason::SuccessUnasked),
            Ok(Started::Failed) => Step::refuse(Reason::StartRefused),
            Ok(Started::Redirect(_) | Started::Federated(_) | Started::Elsewhere) => {
                let detail = "a challenge that leads elsewhere";
                Step::refuse(Refusal::new(Reason::Misbehaved, detail))
            }
            Err(trouble) => Step::refuse(trouble),
        }
    }
}

impl Phase for First {}

impl OnReply for First {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let Self { login, machine, asked } = *self;
        offline::after_first(login, reply, |known, reply| {
            StepUp { known, machine }.answered(reply, asked)
        })
    }
}

impl Phase for Sent {}

impl OnReply for Sent {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let Self { login, asked } = *self;
        login.answered(reply, asked)
    }
}
