//! Waiting for an approval: poll, pause, poll, and after a while ask the user whether to go on.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::super::carried::Notice;
use super::super::pace::{self, Waited};
use super::choice::Choice;
use super::state::{Asked, Expects, Next, Open, Poll};
use crate::secret::Shared;
use crate::tenant::text::ServerText;

impl Open {
    /// Begins to wait. The first poll comes at once: the approval may have been there before us.
    pub(super) fn poll_first(&mut self, choice: Choice) -> Next {
        self.polls = 0;
        self.poll_on(choice)
    }

    /// The user waits on. What rang has been counted, and rings no more.
    pub(super) fn poll_on(&mut self, choice: Choice) -> Next {
        self.waited = Waited::default();
        Next::Poll(Poll::new(choice))
    }

    /// The user has typed a code in place of an approval.
    pub(super) fn poll_then_answer(&mut self, choice: Choice, code: Shared) -> Next {
        (self.polls, self.waited) = (0, Waited::default());
        Next::Poll(Poll { typed: Some(code), ..Poll::new(choice) })
    }

    /// Goes on once a pause is over.
    pub(super) fn elapsed(&mut self, time: Duration, now: Duration, then: Poll) -> Next {
        self.waited = self.waited.and(time, now);
        Next::Poll(then)
    }

    /// The tenant has not decided. Some tenants name the number to match only in the first poll.
    pub(super) fn still_pending(&mut self, choice: Choice, number: Option<ServerText>) -> Next {
        // The code that was typed in place of the approval.
        if !self.queue.is_empty() {
            return self.flush();
        }
        match number {
            Some(number) if self.number.is_none() => {
                self.number = Some(number.clone());
                Next::ask(Asked::Started(choice, Expects::Match(number)))
            }
            Some(_) | None => self.wait_on(Poll::new(choice)),
        }
    }

    /// The tenant is too busy to look at a poll.
    pub(super) fn wait_as_asked(&mut self, asked: Option<Duration>, poll: Poll) -> Next {
        let least = self.pause().max(self.known.terms.login.poll_interval);
        let then = Poll { outages: 0, ..poll };
        match asked {
            Some(_) => Next::Wait { asked, least, then },
            None => self.wait_for(least, then),
        }
    }

    /// Lets time pass until the next poll.
    pub(super) fn wait_on(&mut self, then: Poll) -> Next {
        self.wait_for(self.pause(), then)
    }

    /// Lets time pass, or says that there is no approval yet. Many callers show what they are told
    /// late or never: the user learns that it still waits from a prompt, and nothing is asked for
    /// while the prompt stands.
    ///
    /// The login may end at this question, where the caller can end the process: so the log is told
    /// first.
    fn wait_for(&mut self, least: Duration, then: Poll) -> Next {
        if !self.waited.is_enough(self.known.terms.login.approval_wait) {
            return Next::Wait { asked: None, least, then };
        }
        self.waited = Waited::default();
        self.polls = self.polls.max(pace::PATIENT);
        let line = format!("{} is not approved yet", then.choice.mechanism.name());
        self.notices.push(Notice::Note(line));
        Next::ask(Asked::Started(then.choice, Expects::Patience))
    }

    fn pause(&self) -> Duration {
        pace::pause(self.known.terms.login.poll_interval, self.polls)
    }
}
