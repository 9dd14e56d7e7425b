//! Turning the crank: each step of a login is done here, as long as there is time.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::Answer;
use super::conversation::is_junk;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::login::{
    Allowance, AwaitAnswer, AwaitReply, AwaitTime, Ended, Keep, Notice, Outgoing, Question, Step,
};
use crate::os::{self, Paused};
use crate::secret::{Secret, Unfit};
use crate::tenant::failure::Failure;
use crate::tenant::http::{Client, Response};
use crate::tenant::request::Request;
use crate::verdict::{Reason, Refusal};

/// Telling the tenant that a login is over may take this long, whatever is left of the deadline.
const CLEANUP: Duration = Duration::from_secs(2);
/// Polls of many hosts should not fall into step.
const JITTER_MS: u64 = 100;

/// Whoever a login is turned for: the way to the person, and what is kept between logins.
pub trait Hands {
    /// Whether this may still go out. What may not ends the login, and the tenant is told so.
    ///
    /// # Errors
    ///
    /// Why it may not.
    fn sends(&mut self, request: &Request) -> Result<(), Refusal>;
    /// What became of what did, and in which time.
    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, time: Duration);
    /// Asks the person.
    fn ask(&mut self, question: &Question) -> Answer;
    /// Why it ends where nobody could be asked.
    fn unheard(&self) -> Refusal;
    /// Something for the person, or for the log.
    fn tell(&mut self, notice: &Notice);
    /// Whether to go on waiting.
    fn waits(&self) -> bool;
    /// Keeps what the tenant gave for the next login.
    fn keep(&mut self, keep: &Keep);
    /// Tries an offline code. If it counts, that is on the disk when this returns.
    fn redeem(&mut self, code: &Secret) -> Result<Receipt, CodeRefusal>;
    /// Whether the person's phone may ring, and that it does.
    fn spend(&mut self) -> Allowance;
}

/// Goes from step to step to the end.
pub fn turn(hands: &mut dyn Hands, client: Client, deadline: Instant, first: Step) -> Ended {
    let mut crank = Crank {
        hands,
        client,
        deadline,
        begun: Instant::now(),
    };
    crank.turn(first)
}

struct Crank<'a> {
    hands: &'a mut dyn Hands,
    client: Client,
    deadline: Instant,
    begun: Instant,
}

impl Crank<'_> {
    fn turn(&mut self, first: Step) -> Ended {
        let mut step = first;
        loop {
            step = match step {
                Step::Done(ended) => return ended,
                Step::Tell(notice, told) => {
                    self.hands.tell(&notice);
                    told.told()
                }
                Step::Keep(keep, told) => {
                    self.hands.keep(&keep);
                    told.told()
                }
                Step::Redeem(code, awaited) => awaited.redeemed(self.hands.redeem(&code)),
                Step::Spend(awaited) => awaited.answer(self.hands.spend()),
                Step::Send(outgoing, awaited) => self.send(&outgoing, awaited),
                Step::Ask(question, awaited) => self.put(&question, awaited),
                Step::Wait(time, awaited) => self.wait(time, awaited),
            };
        }
    }

    fn send(&mut self, outgoing: &Outgoing, awaited: AwaitReply) -> Step {
        let is_cleanup = matches!(outgoing.request, Request::Cleanup { .. });
        if !is_cleanup && let Err(refusal) = self.hands.sends(&outgoing.request) {
            return awaited.abandon(refusal);
        }
        let budget = if is_cleanup { CLEANUP } else { self.left() };
        let begun = Instant::now();
        let reply = exchange(&mut self.client, outgoing, budget);
        self.hands.heard(outgoing, &reply, begun.elapsed());
        // What comes after the deadline, an approval too, has come too late.
        match self.stop() {
            Some(refusal) => awaited.abandon(refusal),
            None => awaited.reply(reply),
        }
    }

    fn put(&mut self, question: &Question, awaited: AwaitAnswer) -> Step {
        let answer = self.hands.ask(question);
        match (self.stop(), answer) {
            (Some(refusal), _) => awaited.abandon(refusal),
            (None, Answer::Typed(typed)) if is_junk(&typed) => {
                awaited.abandon(Reason::PasswordJunk.into())
            }
            (None, Answer::Typed(typed)) => awaited.answer(typed),
            (None, Answer::Unfit(Unfit::Empty)) => awaited.empty(),
            (None, Answer::Unfit(Unfit::TooLong | Unfit::NotUtf8)) => awaited.unfit(),
            (None, Answer::Failed) => awaited.abandon(self.hands.unheard()),
        }
    }

    fn wait(&self, time: Duration, awaited: AwaitTime) -> Step {
        if time > self.left() && awaited.is_the_tenants() {
            return awaited.too_long();
        }
        if !self.hands.waits() {
            return awaited.abandon(Reason::Interrupted.into());
        }
        let paused = os::pause(time.saturating_add(jitter()).min(self.left()));
        match (paused, self.stop()) {
            (Paused::Interrupted, _) => awaited.abandon(Reason::Interrupted.into()),
            (Paused::Over, Some(refusal)) => awaited.abandon(refusal),
            (Paused::Over, None) => awaited.elapsed(self.begun.elapsed()),
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

/// Sends what a step asks for, and waits for the reply.
fn exchange(
    client: &mut Client,
    outgoing: &Outgoing,
    budget: Duration,
) -> Result<Response, Failure> {
    let url = format!("{}{}", outgoing.to, outgoing.request.path());
    let body = outgoing.request.body();
    let mut headers = outgoing.request.headers();
    if let Some(authorization) = &outgoing.authorization {
        headers.push(("Authorization", authorization.expose()));
    }
    client.post_with(outgoing.patience, &url, &headers, &body, budget)
}

fn jitter() -> Duration {
    Duration::from_millis(os::random().map_or(0, |random| random % JITTER_MS))
}
