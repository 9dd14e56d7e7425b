//! Waiting for an approval: poll, pause, poll.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::read::{Trouble, read};
use super::{AwaitTime, Expected, Login, Planned, Step, federated, pace};
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply;
use crate::tenant::request::{Action, Operation, Request};
use crate::tenant::text::ServerText;
use crate::verdict::Refusal;

/// A poll changes nothing, so it may be repeated after a broken connection. So many times in a row.
pub(super) const MAX_OUTAGES: u8 = 2;

/// What to do when the time has passed.
pub(super) enum Next {
    Open {
        tries: u8,
    },
    Poll {
        planned: Planned,
        outages: u8,
    },
    Status {
        waiting: federated::Waiting,
        outages: u8,
    },
}

impl Login {
    pub(super) fn wait(self: Box<Self>, time: Duration, next: Next) -> Step {
        Step::Wait(time, AwaitTime { login: self, next })
    }

    pub(super) fn elapsed(self: Box<Self>, next: Next) -> Step {
        match next {
            Next::Open { tries } => self.open(tries),
            Next::Poll { planned, outages } => self.poll(planned, outages),
            Next::Status { waiting, outages } => self.ask_status(waiting, outages),
        }
    }

    /// The first poll comes at once: the approval may have been there before us.
    pub(super) fn poll_first(mut self: Box<Self>, mut planned: Planned) -> Step {
        let mechanism = planned.operation.mechanism;
        planned.operation = Operation {
            mechanism,
            action: Action::Poll,
        };
        self.polls = 0;
        self.poll(planned, 0)
    }

    fn poll(mut self: Box<Self>, planned: Planned, outages: u8) -> Step {
        let Some(session) = self.session.clone() else {
            return self.elsewhere();
        };
        self.polls = self.polls.saturating_add(1);
        let operations = vec![planned.operation.clone()];
        self.send(
            Request::Advance {
                session,
                operations,
            },
            Expected::Poll { planned, outages },
        )
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
            Err(Trouble::Busy(time)) => self.wait(
                time.max(pause).max(interval),
                Next::Poll {
                    planned,
                    outages: 0,
                },
            ),
            Err(Trouble::Broken(_)) if outages < MAX_OUTAGES => self.wait(
                pause,
                Next::Poll {
                    planned,
                    outages: outages + 1,
                },
            ),
            Err(trouble) => self.give_up(trouble),
        }
    }

    /// Some tenants name the number to match only in the first poll.
    pub(super) fn still_pending(
        mut self: Box<Self>,
        planned: Planned,
        number: Option<ServerText>,
    ) -> Step {
        match number {
            Some(number) if !self.number_told => {
                self.number_told = true;
                self.ask_with_number(planned, number)
            }
            _ => {
                let pause = self.pause();
                self.wait(
                    pause,
                    Next::Poll {
                        planned,
                        outages: 0,
                    },
                )
            }
        }
    }

    fn pause(&self) -> Duration {
        pace::pause(self.terms.login.poll_interval, self.polls)
    }

    fn elsewhere(self: Box<Self>) -> Step {
        let detail = "a poll without a session";
        self.end(Refusal::new(crate::verdict::Reason::Misbehaved, detail))
    }
}
