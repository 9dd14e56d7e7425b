//! The machine of a login, driven from the command: to look at what is offered, or to log in without PAM.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use countersign::host::{self, Answer};
use countersign::local::offline::rules::No;
use countersign::login::{
    self, Allowance, Before, Ended, Machine, Outgoing, Question, Start, Step,
};
use countersign::os::{self, Paused};
use countersign::policy::Terms;
use countersign::secret::Secret;
use countersign::tenant::http::{Client, Response};
use countersign::tenant::request::Request;
use countersign::verdict::{Reason, Refusal};

/// Telling the tenant that it is over may take this long, whatever is left of the deadline.
const CLEANUP: Duration = Duration::from_secs(2);

/// Whoever drives: what may be done, and what becomes of it.
pub trait Driver {
    /// Whether this may still go out. What may not ends the login, and the tenant is told so.
    fn sends(&self, request: &Request) -> bool;
    /// What the tenant answered to what did.
    fn heard(&mut self, request: &Request, response: &Response);
    /// Asks the person; what can't be asked ends the login.
    fn ask(&mut self, question: &Question) -> Answer;
    /// Something for the person, of which the log keeps nothing.
    fn tell(&mut self, notice: &login::Notice);
    /// Whether to go on waiting.
    fn waits(&self) -> bool;
}

/// Drives one login from its first request to its end.
///
/// # Errors
///
/// Why there was no login to drive, or how it ended.
pub fn drive(terms: Terms, password: Option<Secret>, driver: &mut dyn Driver) -> Ended {
    let connection = host::connection(&terms.tenant)?;
    let secret = host::client_secret(&terms.flow)?;
    let client = Client::new(&connection);
    let client = client.map_err(|e| Refusal::new(Reason::Misconfigured, e.to_string()))?;
    let mut road = Road {
        client,
        deadline: Instant::now() + terms.login.deadline,
        driver,
    };
    let start = Start {
        terms: Terms {
            offline: None,
            ..terms
        },
        password,
        machine: secret.map(|secret| Machine {
            secret,
            token: None,
        }),
        allowance: Allowance::Free,
        before: Before::Nothing,
    };
    road.go(login::start(start))
}

struct Road<'a> {
    client: Client,
    deadline: Instant,
    driver: &'a mut dyn Driver,
}

impl Road<'_> {
    fn go(&mut self, first: Step) -> Ended {
        let mut step = first;
        loop {
            step = match step {
                Step::Done(ended) => return ended,
                Step::Tell(notice, told) => {
                    self.driver.tell(&notice);
                    told.told()
                }
                Step::Keep(_, told) => told.told(),
                Step::Redeem(_, awaited) => awaited.redeemed(Err(No::NotEnrolled)),
                Step::Spend(awaited) => awaited.answer(Allowance::Free),
                Step::Send(outgoing, awaited) => match self.send(&outgoing) {
                    Ok(reply) => awaited.reply(reply),
                    Err(refusal) => awaited.abandon(refusal),
                },
                Step::Ask(question, awaited) => match (self.driver.ask(&question), self.stop()) {
                    (_, Some(refusal)) => awaited.abandon(refusal),
                    (Answer::Typed(typed), None) => awaited.answer(typed),
                    (Answer::Unfit(countersign::secret::Unfit::Empty), None) => awaited.empty(),
                    (Answer::Unfit(_), None) => awaited.unfit(),
                    (Answer::Failed, None) => awaited.abandon(Reason::Conversation.into()),
                },
                Step::Wait(time, awaited) => match self.wait(time) {
                    Some(refusal) => awaited.abandon(refusal),
                    None => awaited.elapsed(),
                },
            };
        }
    }

    fn send(
        &mut self,
        outgoing: &Outgoing,
    ) -> Result<Result<Response, countersign::tenant::failure::Failure>, Refusal> {
        let is_cleanup = matches!(outgoing.request, Request::Cleanup { .. });
        if !is_cleanup && !self.driver.sends(&outgoing.request) {
            return Err(Reason::Interrupted.into());
        }
        let budget = if is_cleanup { CLEANUP } else { self.left() };
        let reply = host::exchange(&mut self.client, outgoing, budget);
        if let Ok(response) = &reply {
            self.driver.heard(&outgoing.request, response);
        }
        match self.stop() {
            Some(refusal) => Err(refusal),
            None => Ok(reply),
        }
    }

    fn wait(&self, time: Duration) -> Option<Refusal> {
        if !self.driver.waits() {
            return Some(Reason::Interrupted.into());
        }
        match os::pause(time.min(self.left())) {
            Paused::Interrupted => Some(Reason::Interrupted.into()),
            Paused::Over => self.stop(),
        }
    }

    fn stop(&self) -> Option<Refusal> {
        if os::interrupted() {
            return Some(Reason::Interrupted.into());
        }
        self.left().is_zero().then(|| Reason::Deadline.into())
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
