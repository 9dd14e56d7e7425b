//! Users who log in at another identity provider: a page to open, then a PIN from it or a wait for
//! it.
#![forbid(unsafe_code)]

use super::about::{NOT_ASKED_FOR, check_session, check_tenant};
use super::ask::Asked;
use super::identify::Way;
use super::read::{Trouble, read};
use super::{Expected, Login, Notice, Step, tell, wait};
use crate::refusal::{Reason, Refusal};
use crate::secret::Shared;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Federated, Outcome, Status};
use crate::tenant::request::{Action, Answer, Operation, Request, Session};
use crate::tenant::text::ServerText;

/// Longer than any short URL, and short enough for a prompt.
const MAX_URL: usize = 200;
/// The name under which the tenant takes the PIN.
const PIN_MECHANISM: &str = "OOBAUTHPIN";

/// A login that goes on in a browser.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) url: String,
    session: Session,
}

impl Waiting {
    /// The question whether the user has logged in there.
    pub(super) fn question(&self) -> Request {
        Request::Status { session: self.session.id.clone() }
    }
}

impl Login {
    pub(super) fn federated(self: Box<Self>, federated: Federated) -> Step {
        if !self.terms.login.federated {
            return self.end(Reason::Federated);
        }
        let Some(url) = plain_url(&federated.url) else {
            return self.end(Refusal::new(Reason::Misbehaved, "a federated login with an odd URL"));
        };
        let ours = self.terms.tenant.id.as_deref();
        if let Err(refusal) = check_tenant(ours, federated.tenant_id.as_deref()) {
            return self.end(refusal);
        }
        let session = Session {
            id: federated.session,
            tenant_id: federated.tenant_id.or(self.terms.tenant.id.clone()),
        };
        let waiting = Waiting { url: url.clone(), session };
        let asked = match federated.pin {
            true => Asked::Pin(waiting),
            false => Asked::Browser(waiting),
        };
        tell(Notice::Page(url), self.ask(asked))
    }

    pub(super) fn poll_status(mut self: Box<Self>, waiting: Waiting) -> Step {
        self.waited = None;
        self.ask_status(waiting, 0)
    }

    pub(super) fn ask_status(self: Box<Self>, waiting: Waiting, outages: u8) -> Step {
        self.send(waiting.question(), Expected::Status { waiting, outages })
    }

    pub(super) fn status(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        waiting: Waiting,
        outages: u8,
    ) -> Step {
        let interval = self.terms.login.poll_interval;
        let tenant_id = waiting.session.tenant_id.clone();
        let again = |outages| wait::Next::Status { waiting, outages };
        match read(reply, reply::status) {
            Ok(Status::Success(identity)) => self.identify(identity, tenant_id, Way::Provider),
            Ok(Status::Pending) => self.wait_on(interval, again(0)),
            Ok(Status::Failed) => self.end(Reason::ApprovalRefused),
            Err(Trouble::Busy(_, asked)) => self.wait_as_asked(asked, interval, again(0)),
            Err(Trouble::Broken(_) | Trouble::Stumbled(_)) if outages < wait::MAX_OUTAGES => {
                self.wait_on(interval, again(outages + 1))
            }
            Err(trouble) => self.end(trouble),
        }
    }

    pub(super) fn send_pin(self: Box<Self>, waiting: Waiting, pin: Shared) -> Step {
        let operation = Operation {
            mechanism: PIN_MECHANISM.to_owned(),
            action: Action::Answer(Answer::Text(pin)),
        };
        let request =
            Request::Advance { session: waiting.session.clone(), operations: vec![operation] };
        self.send(request, Expected::Pin(waiting))
    }

    pub(super) fn pin_answered(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        waiting: &Waiting,
    ) -> Step {
        let advanced = match read(reply, reply::advanced) {
            Ok(advanced) => advanced,
            Err(trouble) => return self.end(trouble),
        };
        if let Err(refusal) = check_session(&advanced, Some(&waiting.session)) {
            return self.end(refusal);
        }
        if advanced.applies_to.is_some_and(|id| id != PIN_MECHANISM) {
            return self.end(Refusal::new(Reason::SessionMismatch, NOT_ASKED_FOR));
        }
        match advanced.outcome {
            Outcome::Success(identity) => {
                self.identify(identity, waiting.session.tenant_id.clone(), Way::Provider)
            }
            Outcome::Failed => self.end(Reason::AnswerRefused),
            Outcome::NextChallenge
            | Outcome::Pending(_)
            | Outcome::Package(_)
            | Outcome::NotALogin
            | Outcome::Unknown => {
                self.end(Refusal::new(Reason::Misbehaved, "a PIN that leads nowhere"))
            }
        }
    }
}

/// A URL that can be shown as it is: https, a host, and nothing but the characters of a URL (RFC
/// 3986). No `@`, in front of which another host could be pretended.
fn plain_url(url: &ServerText) -> Option<String> {
    let raw = url.raw();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]!$&'()*+,;=%".contains(&b);
    let host = raw.strip_prefix("https://")?.bytes().next()?;
    let fine = host.is_ascii_alphanumeric() && raw.len() <= MAX_URL && raw.bytes().all(plain);
    fine.then(|| raw.to_owned())
}
