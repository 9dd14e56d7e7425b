//! A step-up: this machine asks, in its own name, for the challenges of a policy; the rest is as in any login.
#![forbid(unsafe_code)]

use super::read::{busy_or_broken, read};
use super::{Expected, Keep, Login, Step, Told};
use crate::policy::{ClientAuth, Flow, OnDemand};
use crate::secret::{Secret, Shared};
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Malformed, Started};
use crate::tenant::request::Request;
use crate::tenant::token::{Answer, Grant, Place, answer};
use crate::verdict::{Reason, Refusal};

impl Login {
    /// The first request: by a password, or by a token of this machine's.
    pub(super) fn begin(self: Box<Self>, token: Option<Secret>) -> Step {
        match (self.terms.flow.clone(), token) {
            (Flow::Login, _) => self.open(1),
            (Flow::OnDemand(policy), Some(token)) => self.challenge(&policy, &token, false),
            (Flow::OnDemand(policy), None) => self.ask_token(&policy),
        }
    }

    fn ask_token(mut self: Box<Self>, policy: &OnDemand) -> Step {
        let Some(secret) = self.secret.clone() else {
            return self.end(Refusal::new(Reason::Misconfigured, "no client secret"));
        };
        let grant = Grant {
            id: &policy.client_id,
            secret: &secret,
            scope: &policy.scope,
            place: match policy.client_auth {
                ClientAuth::Basic => Place::Basic,
                ClientAuth::Body => Place::Body,
            },
        };
        let request = Request::Token {
            app: policy.app.clone(),
            form: grant.body(),
        };
        self.authorization = grant
            .authorization()
            .map(|header| Secret::new(&header).into());
        self.send(request, Expected::Token)
    }

    pub(super) fn token_answered(self: Box<Self>, reply: Result<Response, Failure>) -> Step {
        let response = match busy_or_broken(reply) {
            Ok(response) => response,
            Err(trouble) => return self.unreached(trouble),
        };
        match (
            answer(response.status, &response.body),
            self.terms.flow.clone(),
        ) {
            (Ok(Answer::Granted(granted)), Flow::OnDemand(policy)) => {
                let token: Shared = granted.token.into();
                let next = self.challenge(&policy, &token, true);
                Step::Keep(Keep::Token(token, granted.lifetime), Told(Box::new(next)))
            }
            (Ok(Answer::Refused(why)), _) => {
                let detail = format!("token: {}", why.shown(150));
                self.end(Refusal::new(Reason::ClientRefused, detail))
            }
            (Err(Malformed(what)), _) => self.end(Refusal::new(Reason::Misbehaved, what)),
            (Ok(Answer::Granted(_)), Flow::Login) => self.end(Refusal::new(
                Reason::Misbehaved,
                "a token that nobody asked for",
            )),
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
        if let Ok(Response {
            status: status @ (401 | 403),
            ..
        }) = reply
        {
            return self.token_refused(status, fresh);
        }
        match read(reply, reply::started) {
            Ok(Started::Package(package)) => self.opened(package),
            Ok(Started::Unasked) => self.end(Reason::SuccessUnasked),
            Ok(Started::Failed) => self.end(Reason::StartRefused),
            Ok(Started::Redirect(_) | Started::Federated(_)) => {
                let detail = "a challenge that leads elsewhere";
                self.end(Refusal::new(Reason::Misbehaved, detail))
            }
            Err(trouble) => self.unreached(trouble),
        }
    }

    /// A token that is no longer good, or no longer good enough, is dropped, and fetched once more: it may live for
    /// a year, and what the administrator has mended since is not in it.
    fn token_refused(self: Box<Self>, status: u16, fresh: bool) -> Step {
        let next = match (fresh, self.terms.flow.clone()) {
            (false, Flow::OnDemand(policy)) => self.ask_token(&policy),
            (true, _) | (false, Flow::Login) => {
                let detail = format!("OnDemandChallenge: HTTP status {status}");
                self.end(Refusal::new(Reason::ClientRefused, detail))
            }
        };
        Step::Keep(Keep::NoToken, Told(Box::new(next)))
    }
}
