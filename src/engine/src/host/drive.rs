//! The loop: each step of a login is done here, as long as there is time.
//!
//! It decides nothing but whether there is time left.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::conversation::{Answer, is_junk};
use super::effects::Effects;
use crate::echo::Echoes;
use crate::login::{
    self, AwaitAnswer, AwaitReply, AwaitTime, Ended, Notice, Outgoing, Question, Start, Step,
};
use crate::os::{self, Paused};
use crate::refusal::{Reason, Refusal};
use crate::secret::Unfit;
use crate::tenant::failure::Failure;
use crate::tenant::http::{Client, Response};
use crate::tenant::request::Request;

/// The end of a login may take this long, whatever is left of the deadline: the last question about
/// an approval, and the word to the tenant that the login is over.
const CLEANUP: Duration = Duration::from_secs(2);
/// Polls of many hosts should not fall into step.
const JITTER_MS: u64 = 100;

/// Goes from step to step to the end.
///
/// Whatever the other side says is looked at before it is shown, logged or told as a detail: what
/// repeats a secret of this login is left out.
pub fn drive(effects: &mut dyn Effects, client: Client, deadline: Instant, start: Start) -> Ended {
    let echoes = secrets(&start);
    let mut drive = Drive { effects, client, deadline, begun: Instant::now(), end: None, echoes };
    let ended = drive.run(login::start(start));
    ended.map_err(|refusal| drive.without_echoes(refusal))
}

/// The secrets that are known before the first step.
fn secrets(start: &Start) -> Echoes {
    let mut echoes = Echoes::default();
    if let Some(password) = &start.password {
        echoes.know(password.expose());
    }
    if let Some(machine) = &start.machine {
        echoes.know(machine.secret.expose());
        machine.token.iter().for_each(|token| echoes.know(token.expose()));
    }
    echoes
}

struct Drive<'a> {
    effects: &'a mut dyn Effects,
    client: Client,
    deadline: Instant,
    begun: Instant,
    /// Until when the last requests of a login that is over may take.
    end: Option<Instant>,
    echoes: Echoes,
}

impl Drive<'_> {
    fn run(&mut self, first: Step) -> Ended {
        let mut step = first;
        loop {
            step = match step {
                Step::Done(ended) => return ended,
                Step::Tell(notice, told) => {
                    self.effects.tell(&self.without_repeats(notice));
                    told.told()
                }
                Step::Keep(keep, told) => {
                    self.effects.keep(&keep);
                    told.told()
                }
                Step::Redeem(code, awaited) => awaited.redeemed(self.effects.redeem(&code)),
                Step::Spend(awaited) => awaited.answer(self.effects.spend()),
                Step::Send(outgoing, awaited) => self.send(&outgoing, awaited),
                Step::Ask(question, awaited) => self.ask(&question, awaited),
                Step::Wait(time, awaited) => self.wait(time, awaited),
            };
        }
    }

    fn send(&mut self, outgoing: &Outgoing, awaited: AwaitReply) -> Step {
        let is_cleanup = matches!(outgoing.request, Request::Cleanup { .. });
        if !is_cleanup && let Err(refusal) = self.effects.may_send(&outgoing.request) {
            return awaited.abandon(refusal);
        }
        let budget = if awaited.is_of_the_end() { self.left_at_the_end() } else { self.left() };
        let begun = Instant::now();
        self.know(outgoing);
        let reply = exchange(&mut self.client, outgoing, budget);
        let reply = self.looked_at(reply);
        self.effects.heard(outgoing, &reply, begun.elapsed());
        // The reply is read before the login ends: a refusal is kept, and an approval after the
        // deadline has come too late.
        match self.stop() {
            Some(refusal) if reply.is_err() => awaited.abandon(refusal),
            Some(refusal) => self.abandon(awaited.reply(reply), refusal),
            None => awaited.reply(reply),
        }
    }

    /// Ends the login behind a reply. A refusal that the user is not to know of yet leaves its
    /// traces all the same.
    fn abandon(&mut self, step: Step, refusal: Refusal) -> Step {
        if matches!(&step, Step::Ask(_, awaited) if awaited.is_decoy()) {
            self.effects.secretly_refused();
        }
        step.abandon(refusal)
    }

    fn ask(&mut self, question: &Question, awaited: AwaitAnswer) -> Step {
        let question =
            Question { text: self.echoes.kept_out_of_quotes(&question.text), echo: question.echo };
        if awaited.is_decoy() {
            self.effects.secretly_refused();
        }
        let answer = self.effects.ask(&question);
        if let Answer::Typed(typed) = &answer {
            self.echoes.know(typed.expose());
        }
        match (self.stop(), answer) {
            (Some(refusal), _) => awaited.abandon(refusal),
            (None, Answer::Typed(typed)) if is_junk(&typed) => {
                awaited.abandon(Reason::PasswordJunk.into())
            }
            (None, Answer::Typed(typed)) => awaited.answer(typed),
            (None, Answer::Unfit(Unfit::Empty)) => awaited.empty(),
            (None, Answer::Unfit(Unfit::TooLong | Unfit::NotUtf8)) => awaited.unfit(),
            (None, Answer::Failed) => awaited.abandon(self.effects.unasked()),
        }
    }

    /// The secrets of a request: those of this machine, and the session.
    fn know(&mut self, outgoing: &Outgoing) {
        if let Some(authorization) = &outgoing.authorization {
            let value = authorization.expose();
            self.echoes.know(value.split_once(' ').map_or(value, |(_, secret)| secret));
        }
        if let Some(session) = outgoing.request.session() {
            self.echoes.know(session);
        }
    }

    /// What a reply says beside its body.
    fn looked_at(&self, reply: Result<Response, Failure>) -> Result<Response, Failure> {
        let reply = reply.map_err(|failure| failure.without(&self.echoes))?;
        Ok(Response {
            transaction: reply.transaction.filter(|id| !self.echoes.are_in(id)),
            ..reply
        })
    }

    fn without_repeats(&self, notice: Notice) -> Notice {
        match notice {
            Notice::Waiting(text) => Notice::Waiting(self.echoes.kept_out_of_quotes(&text)),
            Notice::Note(line) => Notice::Note(self.echoes.kept_out_of_quotes(&line)),
            Notice::Log(line) => Notice::Log(self.echoes.kept_out_of(line)),
            Notice::Debug(line) => Notice::Debug(self.echoes.kept_out_of(line)),
            Notice::Page(url) => Notice::Page(url),
        }
    }

    fn without_echoes(&self, refusal: Refusal) -> Refusal {
        Refusal { detail: self.echoes.kept_out_of(refusal.detail), ..refusal }
    }

    fn wait(&self, time: Duration, awaited: AwaitTime) -> Step {
        if time > self.left() && awaited.is_the_tenants() {
            return awaited.too_long();
        }
        if !self.effects.may_wait() {
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

    /// What is left for the last requests of a login that is over, all together.
    fn left_at_the_end(&mut self) -> Duration {
        let now = Instant::now();
        let end = *self.end.get_or_insert_with(|| now + CLEANUP);
        end.saturating_duration_since(now)
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
