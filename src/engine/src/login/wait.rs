//! Waiting for an approval: poll, pause, poll, and after a while ask the user whether to go on.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::ask::{Asked, Wanted};
use super::federated::Waiting;
use super::read::{Trouble, read};
use super::{AwaitTime, Expected, Login, Notice, Planned, Step, pace, tell};
use crate::refusal::Refusal;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply;
use crate::tenant::request::{Action, Operation, Request};
use crate::tenant::text::ServerText;
use crate::words;

/// A poll changes nothing, so it may be repeated after a broken connection. So many times in a row.
pub(super) const MAX_OUTAGES: u8 = 2;

/// What to do when the time has passed.
pub(super) enum Next {
    Open { tries: u8 },
    Poll { planned: Planned, outages: u8 },
    Status { waiting: Waiting, outages: u8 },
}

/// An approval that is on its way, by the question that tells what became of it.
pub(super) enum Approval {
    Poll(Planned),
    Status(Waiting),
}

/// A wait for an approval, in times since the login began.
#[derive(Clone, Copy)]
pub(super) struct Waited {
    since: Duration,
    until: Duration,
}

impl Login {
    pub(super) fn wait(self: Box<Self>, time: Duration, next: Next) -> Step {
        let (login, asked) = (self, None);
        Step::Wait(time, AwaitTime { login, time, next, asked })
    }

    /// Waits as long as the tenant has asked to, and at least so long.
    pub(super) fn wait_as_asked(
        self: Box<Self>,
        asked: Option<Duration>,
        least: Duration,
        next: Next,
    ) -> Step {
        let Some(time) = asked.map(|asked| asked.max(least)) else {
            return self.wait_on(least, next);
        };
        let login = self;
        Step::Wait(time, AwaitTime { login, time, next, asked })
    }

    pub(super) fn elapsed(mut self: Box<Self>, time: Duration, now: Duration, next: Next) -> Step {
        let began = now.saturating_sub(time);
        let since = self.waited.map_or(began, |waited| waited.since);
        self.waited = Some(Waited { since, until: now });
        match next {
            Next::Open { tries } => self.open(tries),
            Next::Poll { planned, outages } => self.poll(planned, outages),
            Next::Status { waiting, outages } => self.ask_status(waiting, outages),
        }
    }

    /// Whether the user has waited so long that there must be a word from us.
    fn has_waited_enough(&self) -> bool {
        let patience = self.terms.login.approval_wait;
        self.waited.is_some_and(|waited| waited.until.saturating_sub(waited.since) >= patience)
    }

    /// Lets time pass until the next question, or says that there is no approval yet. Many callers
    /// show what they are told late or never: the user learns that it still waits from a prompt,
    /// and nothing is asked for while the prompt stands.
    pub(super) fn wait_on(mut self: Box<Self>, time: Duration, next: Next) -> Step {
        if !self.has_waited_enough() {
            return self.wait(time, next);
        }
        self.waited = None;
        self.polls = self.polls.max(pace::PATIENT);
        match next {
            Next::Poll { planned, .. } => self.ask_for_patience(planned),
            Next::Status { waiting, .. } => {
                self.ask_after(words::NOT_THERE_YET, Asked::Browser(waiting))
            }
            Next::Open { .. } => self.wait(time, next),
        }
    }

    /// The login may end at this question, where the caller can end the process: so the log is told
    /// first.
    fn ask_for_patience(mut self: Box<Self>, planned: Planned) -> Step {
        self.queue.clear();
        let has_code = self.offer(&planned).is_some_and(|o| o.takes_text());
        let line = format!("{} is not approved yet", planned.mechanism.name());
        let asked = Asked::Started(planned, Wanted::Patience { has_code });
        tell(Notice::Note(line), self.ask(asked))
    }

    /// The user waits on. What rang has been counted, and rings no more.
    pub(super) fn poll_on(mut self: Box<Self>, planned: Planned) -> Step {
        self.waited = None;
        self.poll(planned, 0)
    }

    /// The first poll comes at once: the approval may have been there before us.
    pub(super) fn poll_first(mut self: Box<Self>, planned: Planned) -> Step {
        self.polls = 0;
        self.poll_on(planned.polled())
    }

    pub(super) fn poll(mut self: Box<Self>, planned: Planned, outages: u8) -> Step {
        let Some(session) = self.session.clone() else {
            return self.elsewhere();
        };
        self.polls = self.polls.saturating_add(1);
        let operations = vec![planned.operation.clone()];
        self.send(Request::Advance { session, operations }, Expected::Poll { planned, outages })
    }

    /// Ends the login. Where an approval is on its way, the tenant is asked about it once more: a
    /// denial leaves the same traces, whether the login has waited for it or not.
    pub(super) fn leave(
        mut self: Box<Self>,
        approval: Option<Approval>,
        refusal: impl Into<Refusal>,
    ) -> Step {
        let refusal = refusal.into();
        if std::mem::replace(&mut self.is_over, true) {
            return self.abandon(refusal);
        }
        let (approval, request) = match (approval, self.session.clone()) {
            (Some(Approval::Poll(planned)), Some(session)) => {
                let operations = vec![planned.operation.clone()];
                (Approval::Poll(planned), Request::Advance { session, operations })
            }
            (Some(Approval::Status(waiting)), _) => {
                let request = waiting.question();
                (Approval::Status(waiting), request)
            }
            (Some(Approval::Poll(_)), None) | (None, _) => return self.abandon(refusal),
        };
        self.send(request, Expected::Last(approval, Box::new(refusal)))
    }

    /// A denial counts. Anything else, an approval included, comes too late.
    pub(super) fn last_asked(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        approval: Approval,
        refusal: Refusal,
    ) -> Step {
        let step = match approval {
            Approval::Poll(planned) => self.polled(reply, planned, MAX_OUTAGES),
            Approval::Status(waiting) => self.status(reply, waiting, MAX_OUTAGES),
        };
        step.abandon(refusal)
    }

    pub(super) fn polled(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        planned: Planned,
        outages: u8,
    ) -> Step {
        let (interval, pause) = (self.terms.login.poll_interval, self.pause());
        match read(reply, reply::advanced) {
            Ok(advanced) => self.follow(advanced, vec![planned]),
            Err(Trouble::Busy(_, asked)) => {
                self.wait_as_asked(asked, pause.max(interval), Next::poll(planned))
            }
            Err(Trouble::Broken(_) | Trouble::Stumbled(_)) if outages < MAX_OUTAGES => {
                let outages = outages + 1;
                self.wait_on(pause, Next::Poll { planned, outages })
            }
            Err(trouble) => self.give_up(trouble),
        }
    }

    /// Some tenants name the number to match only in the first poll.
    pub(super) fn still_pending(
        mut self: Box<Self>,
        planned: Planned,
        number: Option<ServerText>,
    ) -> Step {
        // The code that was typed in place of the approval.
        if !self.queue.is_empty() {
            return self.flush();
        }
        match number {
            Some(number) if self.number.is_none() => {
                self.number = Some(number.clone());
                self.ask_with_number(planned, number)
            }
            _ => {
                let pause = self.pause();
                self.wait_on(pause, Next::poll(planned))
            }
        }
    }

    fn pause(&self) -> Duration {
        pace::pause(self.terms.login.poll_interval, self.polls)
    }

    fn elsewhere(self: Box<Self>) -> Step {
        let detail = "a poll without a session";
        self.end(Refusal::new(crate::refusal::Reason::Misbehaved, detail))
    }
}

impl Approval {
    /// What is on its way once `started` was, if this is wanted of the user.
    pub(super) fn of(started: Planned, wanted: &Wanted) -> Option<Self> {
        match wanted {
            // Nobody is asked to approve an authenticator's code.
            Wanted::Code => None,
            Wanted::CodeOrEnter | Wanted::Match { .. } | Wanted::Patience { .. } => {
                Some(Self::Poll(started.polled()))
            }
        }
    }
}

impl Planned {
    /// The question whether it was approved.
    fn polled(self) -> Self {
        let mechanism = self.operation.mechanism;
        Self { operation: Operation { mechanism, action: Action::Poll }, ..self }
    }
}

impl Next {
    pub(super) fn approval(self) -> Option<Approval> {
        match self {
            Self::Open { .. } => None,
            Self::Poll { planned, .. } => Some(Approval::Poll(planned)),
            Self::Status { waiting, .. } => Some(Approval::Status(waiting)),
        }
    }

    fn poll(planned: Planned) -> Self {
        let outages = 0;
        Self::Poll { planned, outages }
    }
}
