//! The end: what the user is told, the line in the log, and how long it takes.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{Attempt, Outcome, Verdict, names};
use crate::local::memory::Remembered;
use crate::log::Level;
use crate::os;
use crate::refusal::Reason;
use crate::words;

impl Attempt<'_> {
    pub(super) fn close(mut self, verdict: Verdict) -> Outcome {
        if let Verdict::Refused(refusal) = &verdict {
            if let Some(text) = words::farewell(refusal.reason) {
                self.conversation.complain(text);
            }
            self.pad(refusal.reason);
        }
        let level = self.record(&verdict);
        self.log.last_line(level, &self.event.line());
        let failure_delay = if wants_delay(&verdict) { self.failure_delay } else { Duration::ZERO };
        Outcome { verdict, failure_delay, event: self.event }
    }

    /// No refusal comes sooner after the password than any other, so that time tells nothing.
    fn pad(&self, reason: Reason) {
        if is_guess(reason) {
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
                level(refusal.reason)
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

/// Refusals that somebody who guesses could cause, and measure.
fn is_guess(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Conversation
            | Reason::Interrupted
            | Reason::Deadline
            | Reason::Misconfigured
            | Reason::BadArgument
            | Reason::Panic
    )
}

/// Every refusal but those that leave no user who would wait. A configuration that can't be read
/// refuses after the default delay: sshd 9.8 and later cut an address off after a few refusals
/// without one.
fn wants_delay(verdict: &Verdict) -> bool {
    let has_left =
        |reason| matches!(reason, Reason::Conversation | Reason::Interrupted | Reason::Deadline);
    matches!(verdict, Verdict::Refused(refusal) if !has_left(refusal.reason))
}

fn level(reason: Reason) -> Level {
    match reason {
        Reason::Misconfigured => Level::Alert,
        Reason::BadArgument
        | Reason::Panic
        | Reason::DirectoryFailed
        | Reason::Local
        | Reason::OfflineUnusable => Level::Error,
        Reason::Outage
        | Reason::Misbehaved
        | Reason::ClientRefused
        | Reason::RedirectRefused
        | Reason::OfflineRefused
        | Reason::OfflineLocked
        | Reason::OfflineBlocked => Level::Warning,
        Reason::PasswordEmpty
        | Reason::PasswordTooLong
        | Reason::PasswordNotUtf8
        | Reason::PasswordJunk
        | Reason::Blind
        | Reason::AnswerRefused
        | Reason::ApprovalRefused
        | Reason::MechanismRefused
        | Reason::StartRefused
        | Reason::TenantThrottle
        | Reason::PushBudget
        | Reason::Tries
        | Reason::Deadline
        | Reason::Interrupted
        | Reason::Conversation
        | Reason::PasswordChange
        | Reason::NothingOffered
        | Reason::NothingUsable
        | Reason::Federated
        | Reason::TooFewFactors
        | Reason::NumberMissing
        | Reason::IdentityMismatch
        | Reason::SessionMismatch
        | Reason::SuccessUnasked
        | Reason::UnknownUser
        | Reason::NameNotMapped
        | Reason::RootNotMapped
        | Reason::NoCaller
        | Reason::UserChanged
        | Reason::CallerMismatch
        | Reason::OfflineNotEnrolled => Level::Notice,
    }
}
