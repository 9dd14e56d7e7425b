//! The machine of a login, turned by the command: to look at what is offered, or to log in without
//! PAM and its memory.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use countersign::host::{self, Answer, Hands};
use countersign::local::budget::Allowance;
use countersign::local::offline::Receipt;
use countersign::local::offline::rules::CodeRefusal;
use countersign::login::{Before, Ended, Keep, Machine, Notice, Outgoing, Question, Start};
use countersign::os::Trusted;
use countersign::policy::Terms;
use countersign::refusal::{Reason, Refusal};
use countersign::secret::Secret;
use countersign::tenant::failure::Failure;
use countersign::tenant::http::Response;
use countersign::tenant::request::Request;

/// What the driver of a login may do, and what becomes of it.
pub trait Driver {
    /// Whether this may still go out. What may not ends the login, and the tenant is told so.
    fn sends(&self, request: &Request) -> bool;
    /// What the tenant answered to what did.
    fn heard(&mut self, outgoing: &Outgoing, response: &Response);
    /// Asks the person; what can't be asked ends the login.
    fn ask(&mut self, question: &Question) -> Answer;
    /// Something for the person, of which the log keeps nothing.
    fn tell(&mut self, notice: &Notice);
    /// Whether to go on waiting.
    fn waits(&self) -> bool;
}

/// Drives one login from its first request to its end.
///
/// # Errors
///
/// Why there was no login to drive, or how it ended.
pub fn drive(terms: Terms, password: Option<Secret>, driver: &mut dyn Driver) -> Ended {
    let (client, secret) = host::equip(&terms, &Trusted::default())?;
    let deadline = Instant::now() + terms.login.deadline;
    let start = Start {
        terms: Terms { offline: None, ..terms },
        password,
        machine: secret.map(|secret| Machine { secret, token: None }),
        allowance: Allowance::Free,
        before: Before::Nothing,
    };
    host::turn(&mut Forgetful(driver), client, deadline, start)
}

/// Keeps nothing between logins, and counts nothing.
struct Forgetful<'a>(&'a mut dyn Driver);

impl Hands for Forgetful<'_> {
    fn refused(&mut self) {}

    fn sends(&mut self, request: &Request) -> Result<(), Refusal> {
        if self.0.sends(request) { Ok(()) } else { Err(Reason::Interrupted.into()) }
    }

    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, _: Duration) {
        if let Ok(response) = reply {
            self.0.heard(outgoing, response);
        }
    }

    fn ask(&mut self, question: &Question) -> Answer {
        self.0.ask(question)
    }

    fn unheard(&self) -> Refusal {
        Reason::Conversation.into()
    }

    fn tell(&mut self, notice: &Notice) {
        self.0.tell(notice);
    }

    fn waits(&self) -> bool {
        self.0.waits()
    }

    fn keep(&mut self, _: &Keep) {}

    fn redeem(&mut self, _: &Secret) -> Result<Receipt, CodeRefusal> {
        Err(CodeRefusal::NotEnrolled)
    }

    fn spend(&mut self) -> Allowance {
        Allowance::Free
    }
}
