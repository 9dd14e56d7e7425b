//! Turning the crank: each step of the login is done here, as long as there is time.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::conversation::is_junk;
use super::{Answer, Attempt, names};
use crate::log::Level;
use crate::login::{
    AwaitAnswer, AwaitReply, AwaitTime, Echo, Notice, Outgoing, Proof, Question, Step,
};
use crate::os::{self, Paused};
use crate::policy::{Mechanism, Terms};
use crate::secret::Unfit;
use crate::tenant::failure::Failure;
use crate::tenant::http::{Client, Response};
use crate::tenant::request::Request;
use crate::verdict::{Reason, Refusal};
use crate::words;

/// Telling the tenant that a login is over may take this long, whatever is left of the deadline.
const CLEANUP: Duration = Duration::from_secs(2);
/// Polls of many hosts should not fall into step.
const JITTER_MS: u64 = 100;

impl Attempt<'_> {
    /// Goes from step to step to the end.
    pub(super) fn turn(
        &mut self,
        mut client: Client,
        deadline: Instant,
        terms: &Terms,
        first: Step,
    ) -> Result<Proof, Refusal> {
        let mut step = first;
        loop {
            step = match step {
                Step::Done(ended) => return ended,
                Step::Tell(notice, told) => {
                    self.notice(&notice);
                    told.told()
                }
                Step::Keep(keep, told) => {
                    self.keep(terms, &keep);
                    told.told()
                }
                Step::Redeem(code, awaited) => awaited.redeemed(self.redeem(terms, &code)),
                Step::Spend(awaited) => awaited.answer(self.spend(&terms.tenant_user)),
                Step::Send(outgoing, awaited) => {
                    self.send(&mut client, deadline, &outgoing, awaited)
                }
                Step::Ask(question, awaited) => self.put(deadline, &question, awaited),
                Step::Wait(time, awaited) => self.wait(deadline, time, awaited),
            };
        }
    }

    fn send(
        &mut self,
        client: &mut Client,
        deadline: Instant,
        outgoing: &Outgoing,
        awaited: AwaitReply,
    ) -> Step {
        let is_cleanup = matches!(outgoing.request, Request::Cleanup { .. });
        let budget = if is_cleanup { CLEANUP } else { left(deadline) };
        let reply = self.exchange(client, outgoing, budget);
        // What comes after the deadline, an approval too, has come too late.
        match self.stop(deadline) {
            Some(refusal) => awaited.abandon(refusal),
            None => awaited.reply(reply),
        }
    }

    fn put(&mut self, deadline: Instant, question: &Question, awaited: AwaitAnswer) -> Step {
        let answer = self.ask(question);
        self.has_answered |= question.echo == Echo::On && !matches!(answer, Answer::Failed);
        match (self.stop(deadline), answer) {
            (Some(refusal), _) => awaited.abandon(refusal),
            (None, Answer::Typed(typed)) if is_junk(&typed) => {
                awaited.abandon(Reason::PasswordJunk.into())
            }
            (None, Answer::Typed(typed)) => awaited.answer(typed),
            (None, Answer::Unfit(Unfit::Empty)) => awaited.empty(),
            (None, Answer::Unfit(Unfit::TooLong | Unfit::NotUtf8)) => awaited.unfit(),
            (None, Answer::Failed) => awaited.abandon(self.unheard()),
        }
    }

    fn wait(&mut self, deadline: Instant, time: Duration, awaited: AwaitTime) -> Step {
        let paused = os::pause((time + jitter()).min(left(deadline)));
        match (paused, self.stop(deadline)) {
            (Paused::Interrupted, _) => awaited.abandon(Reason::Interrupted.into()),
            (Paused::Over, Some(refusal)) => awaited.abandon(refusal),
            (Paused::Over, None) => awaited.elapsed(),
        }
    }

    fn stop(&self, deadline: Instant) -> Option<Refusal> {
        if os::interrupted() {
            return Some(Reason::Interrupted.into());
        }
        left(deadline).is_zero().then(|| Reason::Deadline.into())
    }

    fn exchange(
        &mut self,
        client: &mut Client,
        outgoing: &Outgoing,
        budget: Duration,
    ) -> Result<Response, Failure> {
        self.event.requests += 1;
        let begun = Instant::now();
        let reply = exchange(client, outgoing, budget);
        self.note_exchange(outgoing, &reply, begun.elapsed());
        reply
    }

    fn note_exchange(
        &mut self,
        outgoing: &Outgoing,
        reply: &Result<Response, Failure>,
        time: Duration,
    ) {
        self.note_mechanisms(&outgoing.about);
        let outcome = match reply {
            Ok(response) => response.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        if let Ok(Response {
            transaction: Some(transaction),
            ..
        }) = reply
        {
            self.event.transaction.clone_from(transaction);
        }
        let (what, about) = (outgoing.request.summary(), names(&outgoing.about));
        let line = format!("{what} {about}: {outcome} in {} ms", time.as_millis());
        self.log.line(Level::Debug, &line);
    }

    /// What was tried is what a refusal's line tells; a success names what was met.
    fn note_mechanisms(&mut self, mechanisms: &[Mechanism]) {
        for name in mechanisms.iter().map(|m| m.name()) {
            let tried = &mut self.event.mechanisms;
            if !tried.split(',').any(|earlier| earlier == name) {
                let comma = if tried.is_empty() { "" } else { "," };
                tried.push_str(&format!("{comma}{name}"));
            }
        }
    }

    fn ask(&mut self, question: &Question) -> Answer {
        self.log.line(Level::Debug, "asking the user");
        self.conversation.ask(question)
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::User(text) => self.conversation.tell(text),
            Notice::Page(url) => {
                let tty = self.caller.tty.as_deref();
                if let Some(picture) = words::picture(url, tty, &self.caller.service) {
                    self.conversation.tell(&picture);
                }
            }
            Notice::Log(line) => self.log.line(Level::Info, line),
            Notice::Debug(line) => self.log.line(Level::Debug, line),
        }
    }
}

/// Sends what a step asks for, and waits for the reply.
///
/// # Errors
///
/// Why there is none.
pub fn exchange(
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
    client.post(&url, &headers, &body, budget)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn jitter() -> Duration {
    Duration::from_millis(os::random().map_or(0, |random| random % JITTER_MS))
}
