//! The end: what the user is told, the line in the log, and how long it takes.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Attempt, Outcome, Verdict, names};
use crate::local::memory::Remembered;
use crate::log::Level;
use crate::os;
use crate::refusal::{Reason, Refusal};

impl Attempt<'_> {
    pub(super) fn close(mut self, verdict: Verdict) -> Outcome {
        let mut failure_delay = Duration::ZERO;
        if let Verdict::Refused(Refusal { reason, .. }) = &verdict {
            if let Some(text) = reason.farewell() {
                self.conversation.complain(text);
            }
            self.pad(*reason);
            if reason.wants_delay() {
                failure_delay = self.failure_delay;
            }
        }
        let level = self.record(&verdict);
        self.log.last_line(level, &self.event.line());
        Outcome { verdict, failure_delay, event: self.event }
    }

    /// No refusal comes sooner after the password than any other, so that time tells nothing.
    fn pad(&self, reason: Reason) {
        if reason.is_guess() {
            let floor = self.begun + self.failure_delay;
            os::pause(floor.saturating_duration_since(Instant::now()));
        }
    }

    fn record(&mut self, verdict: &Verdict) -> Level {
        self.event.duration = self.begun.elapsed();
        (self.event.outcome, self.event.reason) = words_for(verdict);
        match verdict {
            Verdict::Granted(proof) if proof.offline().is_some() => {
                proof.offline().map_or(Level::Warning, |offline| self.record_offline(offline))
            }
            Verdict::Granted(proof) => {
                self.event.mechanisms = names(proof.met());
                self.event.transaction.clear();
                Level::Info
            }
            Verdict::Remembered(confirmation) => {
                self.event.detail = confirmed(confirmation);
                Level::Info
            }
            Verdict::Exempt { rule, .. } => {
                self.event.rule.clone_from(rule);
                Level::Info
            }
            Verdict::Refused(refusal) => {
                let before = std::mem::take(&mut self.event.detail);
                let parts = [refusal.detail.as_str(), &before];
                let said = parts.into_iter().filter(|part| !part.is_empty());
                self.event.detail = said.collect::<Vec<_>>().join("; ");
                refusal.reason.level()
            }
        }
    }
}

/// Outcome and reason, as the manual lists them.
fn words_for(verdict: &Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Granted(proof) if proof.offline().is_some() => ("granted", "offline"),
        Verdict::Granted(_) => ("granted", "ok"),
        Verdict::Remembered(_) => ("granted", "remembered"),
        Verdict::Exempt { .. } => ("exempt", "rule"),
        Verdict::Refused(refusal) if refusal.reason.is_error() => ("error", refusal.reason.code()),
        Verdict::Refused(refusal) => ("denied", refusal.reason.code()),
    }
}

fn confirmed(confirmation: &Remembered) -> String {
    let by = match confirmation.by_ssh() {
        true => "a login by ssh",
        false => "this session",
    };
    format!("confirmed {} s ago by {by}", confirmation.age().as_secs())
}
