//! A step-up: this machine asks, in its own name, for the challenges of a policy; the rest is as in
//! any login.
#![forbid(unsafe_code)]

use super::read::{busy_or_broken, read};
use super::{Expected, Keep, Login, Notice, Step, Told, tell};
use crate::echo::Echoes;
use crate::policy::{Flow, OnDemand};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Malformed, Started};
use crate::tenant::request::{Below, Request};
use crate::tenant::text::shown;
use crate::tenant::token::{Answer, Grant, answer};

impl Login {
    /// The first request: by a password, or by a token of this machine's.
    pub(super) fn begin(self: Box<Self>, token: Option<Secret>) -> Step {
        match (self.terms.flow.clone(), token) {
            (Flow::Login, _) => self.open(1),
            (Flow::OnDemand(policy), Some(token)) => self.challenge(&policy, &token, false),
            (Flow::OnDemand(policy), None) => self.ask_token(&policy, Below::Root),
        }
    }

    fn ask_token(mut self: Box<Self>, policy: &OnDemand, below: Below) -> Step {
        let Some(secret) = self.secret.clone() else {
            return self.end(Refusal::new(Reason::Misconfigured, "no client secret"));
        };
        let grant = Grant { client: &policy.client, secret: &secret };
        let request = Request::Token { app: policy.client.app.clone(), below, form: grant.body() };
        self.authorization = grant.authorization().map(|header| Secret::new(&header).into());
        self.send(request, Expected::Token { below })
    }

    pub(super) fn token_answered(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        below: Below,
    ) -> Step {
        let response = match busy_or_broken(reply) {
            Ok(response) => response,
            Err(trouble) => return self.unreached(trouble),
        };
        // A page that is not there has not looked at the secret.
        if let (404, Below::Root, Flow::OnDemand(policy)) =
            (response.status, below, self.terms.flow.clone())
        {
            return self.ask_token(&policy, Below::Api);
        }
        match (answer(response.status, &response.body), self.terms.flow.clone()) {
            (Ok(Answer::Granted(granted)), Flow::OnDemand(policy)) => {
                let token: Shared = granted.token.into();
                let next = self.challenge(&policy, &token, true);
                Step::Keep(Keep::Token(token, granted.lifetime), Told(Box::new(next)))
            }
            (Ok(Answer::Refused(why)), _) => {
                let mut echoes = Echoes::default();
                self.secret.iter().for_each(|secret| echoes.know(secret.expose()));
                let detail = format!("token: {}", why.without(&echoes).shown(150));
                self.end(Refusal::new(Reason::ClientRefused, detail))
            }
            (Err(Malformed(what)), _) => self.end(Refusal::new(Reason::Misbehaved, what)),
            (Ok(Answer::Granted(_)), Flow::Login) => {
                self.end(Refusal::new(Reason::Misbehaved, "a token that nobody asked for"))
            }
        }
    }

    fn challenge(mut self: Box<Self>, policy: &OnDemand, token: &Secret, fresh: bool) -> Step {
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
        self.authorization = Some(Secret::new(&bearer).into());
        let request = Request::Challenge {
            user: self.terms.tenant_user.clone(),
            policy: policy.policy.clone(),
        };
        self.send(request, Expected::Challenge { fresh })
    }

    pub(super) fn challenged(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        fresh: bool,
    ) -> Step {
        if let Ok(Response { status: status @ (401 | 403), .. }) = reply {
            return self.token_refused(status, fresh);
        }
        match read(reply, reply::started) {
            Ok(Started::Package(package)) => self.opened(package),
            Ok(Started::Unasked) => self.end(Reason::SuccessUnasked),
            Ok(Started::Failed) => self.end(Reason::StartRefused),
            Ok(Started::Redirect(_) | Started::Federated(_) | Started::Elsewhere) => {
                let detail = "a challenge that leads elsewhere";
                self.end(Refusal::new(Reason::Misbehaved, detail))
            }
            Err(trouble) => self.unreached(trouble),
        }
    }

    /// A token that is no longer good, or no longer good enough, is dropped, and fetched once more:
    /// it may live for a year, and what the administrator has mended since is not in it.
    fn token_refused(self: Box<Self>, status: u16, fresh: bool) -> Step {
        let next = match (fresh, self.terms.flow.clone()) {
            (false, Flow::OnDemand(policy)) => self.ask_token(&policy, Below::Root),
            (true, _) | (false, Flow::Login) => {
                let refusal = self.outside_scope("OnDemandChallenge", status);
                self.end(refusal)
            }
        };
        Step::Keep(Keep::NoToken, Told(Box::new(next)))
    }

    /// 401 or 403 to an operation of a step-up: the token of this machine's client is not taken,
    /// and the operation was not looked at.
    pub(super) fn refuses_bearer(
        &self,
        expected: &Expected,
        reply: &Result<Response, Failure>,
    ) -> Option<u16> {
        let advances = matches!(expected, Expected::Advance(_) | Expected::Poll { .. });
        let is_step_up = matches!(self.terms.flow, Flow::OnDemand(_));
        match reply {
            Ok(Response { status: status @ (401 | 403), .. }) if advances && is_step_up => {
                Some(*status)
            }
            Ok(_) | Err(_) => None,
        }
    }

    /// The documents do not say whether a tenant wants the token here, and a scope may leave the
    /// call out. An ordinary login has none, so the operation is sent once more without it.
    pub(super) fn without_bearer(mut self: Box<Self>, status: u16, expected: Expected) -> Step {
        if self.authorization.take().is_none() {
            let refusal = self.outside_scope("AdvanceAuthentication", status);
            return self.abandon(refusal);
        }
        let line = format!(
            "AdvanceAuthentication: HTTP status {status} to this machine's token: once more without it"
        );
        let step = match expected {
            Expected::Advance(sent) => {
                self.queue.splice(0..0, sent);
                self.flush()
            }
            Expected::Poll { planned, outages } => self.poll(planned, outages),
            Expected::Start { .. }
            | Expected::Token { .. }
            | Expected::Challenge { .. }
            | Expected::Whoami { .. }
            | Expected::Status { .. }
            | Expected::Pin(_)
            | Expected::Last(..)
            | Expected::Cleanup(_) => self.end(Reason::ClientRefused),
        };
        tell(Notice::Log(line), step)
    }

    fn outside_scope(&self, call: &str, status: u16) -> Refusal {
        let scope = match &self.terms.flow {
            Flow::OnDemand(policy) => policy.client.scope.as_str(),
            Flow::Login => "",
        };
        let scope = shown(scope, 60);
        let detail =
            format!("{call}: HTTP status {status}: does the scope {scope} take Security/{call}?");
        Refusal::new(Reason::ClientRefused, detail)
    }
}
