//! Users who log in at another identity provider: a page to open, then a PIN from it or a wait for
//! it.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::belongs::{NOT_ASKED_FOR, check_session, check_tenant};
use super::carried::{Notice, Outgoing};
use super::codes::code;
use super::identify::{Success, Way};
use super::known::{Known, UnusableAnswers, check_blind};
use super::pace::{MAX_OUTAGES, Waited};
use super::response::{Reply, Trouble, read};
use super::steps::{OnAnswer, OnReply, OnTime, Phase, Step};
use crate::policy::TenantUrl;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::reply::{self, Identity, Outcome, Status};
use crate::tenant::request::{Action, Answer, Operation, Request, Session};
use crate::tenant::text::ServerText;
use crate::words;

/// Longer than any short URL, and short enough for a prompt.
const MAX_URL: usize = 200;
/// The name under which the tenant takes the PIN.
const PIN_MECHANISM: &str = "OOBAUTHPIN";

/// A login that goes on in a browser.
struct Federated {
    known: Box<Known>,
    to: TenantUrl,
    session: Session,
    /// The page to open.
    url: String,
    unusable: UnusableAnswers,
    waited: Waited,
}

/// It has asked the user.
struct Asking {
    login: Federated,
    asked: Asked,
}

/// For what.
#[derive(Clone, Copy)]
enum Asked {
    /// A PIN that the page shows.
    Pin,
    /// Enter, once logged in there.
    Browser,
}

/// It has sent the PIN.
struct PinSent(Federated);

/// It has asked the tenant whether the user has logged in there.
struct StatusSent {
    login: Federated,
    outages: u8,
}

/// It is over, and has asked the tenant for the last time.
struct LastSent(Refusal);

/// It waits, to ask the tenant again.
struct Pause {
    login: Federated,
    outages: u8,
}

/// Shows the page, and asks for what it leads to.
pub(super) fn begin(known: Box<Known>, to: TenantUrl, page: reply::Federated) -> Step {
    if !known.terms.login.federated {
        return Step::refuse(Reason::Federated);
    }
    let Some(url) = plain_url(&page.url) else {
        let detail = "a federated login with an odd URL";
        return Step::refuse(Refusal::new(Reason::Misbehaved, detail));
    };
    let ours = &known.terms.tenant.id;
    if let Err(refusal) = check_tenant(ours.as_deref(), page.tenant_id.as_deref()) {
        return Step::refuse(refusal);
    }
    let session = Session { id: page.session, tenant_id: page.tenant_id.or_else(|| ours.clone()) };
    let asked = if page.pin { Asked::Pin } else { Asked::Browser };
    let (unusable, waited) = (UnusableAnswers::default(), Waited::default());
    let notice = Notice::Page(url.clone());
    Step::tell(notice, Federated { known, to, session, url, unusable, waited }.ask("", asked))
}

impl Federated {
    fn ask(self, word: &str, asked: Asked) -> Step {
        let text = match asked {
            Asked::Pin => words::pin(&self.url),
            Asked::Browser => words::browser(&self.url),
        };
        let question = self.known.question(words::joined(word, "", &text));
        Step::ask(question, Asking { login: self, asked })
    }

    fn send_pin(self, pin: Shared) -> Step {
        let mechanism = PIN_MECHANISM.to_owned();
        let pin = Operation { mechanism, action: Action::Answer(Answer::Text(pin)) };
        let request = Request::Advance { session: self.session.clone(), operations: vec![pin] };
        Step::send(Outgoing::plain(&self.to, request), PinSent(self))
    }

    fn poll_first(self) -> Step {
        Self { waited: Waited::default(), ..self }.poll(0)
    }

    fn poll(self, outages: u8) -> Step {
        Step::send(self.status(), StatusSent { login: self, outages })
    }

    /// Ends the login, and asks the tenant once more: a denial leaves the same traces, whether the
    /// login has waited for it or not.
    fn leave(self, refusal: Refusal) -> Step {
        Step::send(self.status(), LastSent(refusal))
    }

    fn status(&self) -> Outgoing {
        Outgoing::plain(&self.to, Request::Status { session: self.session.id.clone() })
    }

    /// Lets time pass until the next question to the tenant, or says that the user is not logged in
    /// yet.
    fn wait_on(mut self, outages: u8) -> Step {
        let login = &self.known.terms.login;
        if !self.waited.is_enough(login.approval_wait) {
            return Step::wait(None, login.poll_interval, Pause { login: self, outages });
        }
        self.waited = Waited::default();
        self.ask(words::NOT_THERE_YET, Asked::Browser)
    }

    fn identify(self, identity: &Identity) -> Step {
        let Self { known, to, session, .. } = self;
        Success { known, to, tenant_id: session.tenant_id, way: Way::Provider }.identify(identity)
    }
}

impl Phase for Asking {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        match self.asked {
            Asked::Pin => Step::refuse(refusal),
            Asked::Browser => self.login.leave(refusal),
        }
    }
}

impl OnAnswer for Asking {
    fn answer(self: Box<Self>, typed: &Secret) -> Step {
        if let Err(refusal) = check_blind(self.login.known.password.as_ref(), typed) {
            return self.abandon(refusal);
        }
        match self.asked {
            Asked::Pin => match code(typed) {
                Some(pin) => self.login.send_pin(pin),
                None => self.again(words::NO_PIN),
            },
            Asked::Browser => self.login.poll_first(),
        }
    }

    fn empty(self: Box<Self>) -> Step {
        match self.asked {
            Asked::Pin => self.again(words::NOTHING_TYPED),
            Asked::Browser => self.login.poll_first(),
        }
    }

    fn again(mut self: Box<Self>, word: &'static str) -> Step {
        match self.login.unusable.count(&self.login.known.terms) {
            Ok(()) => self.login.ask(word, self.asked),
            Err(refusal) => self.abandon(refusal),
        }
    }
}

impl Phase for PinSent {}

impl OnReply for PinSent {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let login = self.0;
        let advanced = match read(reply, reply::advanced) {
            Ok(advanced) => advanced,
            Err(trouble) => return Step::refuse(trouble),
        };
        if let Err(refusal) = check_session(&advanced, &login.session) {
            return Step::refuse(refusal);
        }
        if advanced.applies_to.is_some_and(|id| id != PIN_MECHANISM) {
            return Step::refuse(Refusal::new(Reason::SessionMismatch, NOT_ASKED_FOR));
        }
        match advanced.outcome {
            Outcome::Success(identity) => login.identify(&identity),
            Outcome::Failed => Step::refuse(Reason::AnswerRefused),
            Outcome::NextChallenge
            | Outcome::Pending(_)
            | Outcome::Package(_)
            | Outcome::NotALogin
            | Outcome::Unknown => {
                Step::refuse(Refusal::new(Reason::Misbehaved, "a PIN that leads nowhere"))
            }
        }
    }
}

impl Phase for StatusSent {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        self.login.leave(refusal)
    }
}

impl OnReply for StatusSent {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let Self { login, outages } = *self;
        match read(reply, reply::status) {
            Ok(Status::Success(identity)) => login.identify(&identity),
            Ok(Status::Pending) => login.wait_on(0),
            Ok(Status::Failed) => Step::refuse(Reason::ApprovalRefused),
            Err(Trouble::Busy(_, None)) => login.wait_on(0),
            Err(Trouble::Busy(_, asked @ Some(_))) => {
                let interval = login.known.terms.login.poll_interval;
                Step::wait(asked, interval, Pause { login, outages: 0 })
            }
            Err(Trouble::Broken(_) | Trouble::Stumbled(_)) if outages < MAX_OUTAGES => {
                login.wait_on(outages + 1)
            }
            Err(trouble) => Step::refuse(trouble),
        }
    }
}

impl Phase for LastSent {
    fn abandon(self: Box<Self>, _: Refusal) -> Step {
        Step::refuse(self.0)
    }
}

impl OnReply for LastSent {
    /// A denial counts. Anything else, a success included, comes too late.
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        match read(reply, reply::status) {
            Ok(Status::Failed) => Step::refuse(Reason::ApprovalRefused),
            Ok(Status::Success(_) | Status::Pending) | Err(_) => Step::refuse(self.0),
        }
    }

    fn is_of_the_end(&self) -> bool {
        true
    }
}

impl Phase for Pause {
    fn abandon(self: Box<Self>, refusal: Refusal) -> Step {
        self.login.leave(refusal)
    }
}

impl OnTime for Pause {
    fn elapsed(self: Box<Self>, time: Duration, now: Duration) -> Step {
        let Self { login, outages } = *self;
        Federated { waited: login.waited.and(time, now), ..login }.poll(outages)
    }

    fn too_long(self: Box<Self>, refusal: Refusal) -> Step {
        Step::refuse(refusal)
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
