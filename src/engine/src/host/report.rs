//! What a login leaves in the log, and how long its refusal takes.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::caller::Caller;
use super::verdict::Verdict;
use crate::audit::Event;
use crate::local::memory::Remembered;
use crate::local::offline::rules::Kind;
use crate::log::{Level, Log};
use crate::login::{OfflineProof, Outgoing, Proof};
use crate::os;
use crate::policy::{self, Account, Mechanism, Terms};
use crate::refusal::Reason;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;

/// What one login is reported as, while it goes on.
pub(super) struct Report<'a> {
    log: &'a Log,
    event: Event,
    begun: Instant,
    failure_delay: Duration,
}

impl<'a> Report<'a> {
    pub(super) fn new(caller: &Caller, log: &'a Log) -> Self {
        let event = Event {
            attempt: os::random().map_or_else(|_| String::new(), |id| format!("{id:016x}")),
            user: caller.user.clone().unwrap_or_default(),
            service: caller.service.clone(),
            rhost: caller.rhost.clone().unwrap_or_default(),
            tty: caller.tty.clone().unwrap_or_default(),
            ..Event::default()
        };
        let failure_delay = policy::Login::default().failure_delay;
        Self { log, event, begun: Instant::now(), failure_delay }
    }

    /// How long a refusal takes at least, by this configuration.
    pub(super) fn delay_failures(&mut self, delay: Duration) {
        self.failure_delay = delay;
    }

    /// From here on the line is about the account, and not about how its name was typed.
    pub(super) fn name_account(&mut self, account: &Account) {
        self.event.user.clone_from(&account.name);
        account.other_name().unwrap_or_default().clone_into(&mut self.event.typed);
    }

    pub(super) fn name_person(&mut self, terms: &Terms) {
        self.event.tenant_user.clone_from(&terms.tenant_user);
        if let Some(key) = &terms.security_key {
            self.event.detail = format!("security key {}", key.fingerprint);
        }
    }

    /// The first of two people is let in, and the second is asked next.
    pub(super) fn name_second(&mut self, first: &Terms, proof: &Proof, second: &Terms) {
        self.event.detail = format!("{} has met {}", first.tenant_user, names(proof.met()));
        self.event.tenant_user = format!("{},{}", first.tenant_user, second.tenant_user);
    }

    /// The password is there: from now on the time counts.
    pub(super) fn restart(&mut self) {
        self.begun = Instant::now();
    }

    /// Writes a line to the log that names the user.
    pub(super) fn note(&self, line: &str) {
        self.log.line(Level::Notice, &format!("{line}: {}", self.event.who()));
    }

    /// Counts a request, and notes what became of it.
    pub(super) fn note_exchange(
        &mut self,
        outgoing: &Outgoing,
        reply: &Result<Response, Failure>,
        time: Duration,
    ) {
        self.event.requests += 1;
        self.note_mechanisms(&outgoing.about);
        let outcome = match reply {
            Ok(response) => response.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        if let Ok(Response { transaction: Some(transaction), .. }) = reply {
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

    /// Lets time pass: no refusal comes sooner after the password than any other, so that time
    /// tells nothing. Returns how long libpam should let the user wait.
    pub(super) fn delay(&self, reason: Reason) -> Duration {
        if reason.is_guess() {
            let floor = self.begun + self.failure_delay;
            os::pause(floor.saturating_duration_since(Instant::now()));
        }
        if reason.wants_delay() { self.failure_delay } else { Duration::ZERO }
    }

    /// Writes the last line of the login.
    pub(super) fn finish(mut self, verdict: &Verdict) -> Event {
        self.event.duration = self.begun.elapsed();
        (self.event.outcome, self.event.reason) = words_for(verdict);
        let level = self.describe(verdict);
        self.log.last_line(level, &self.event.line());
        self.event
    }

    fn describe(&mut self, verdict: &Verdict) -> Level {
        match verdict {
            Verdict::Granted(proof) => {
                self.event.transaction.clear();
                match proof.offline() {
                    Some(offline) => self.describe_offline(offline),
                    None => {
                        self.event.mechanisms = names(proof.met());
                        Level::Info
                    }
                }
            }
            Verdict::Remembered(confirmation) => {
                self.event.detail = confirmed(confirmation);
                Level::Info
            }
            // The detail names the key already.
            Verdict::SecurityKey(_) => Level::Info,
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

    /// What the audit line says of an offline login.
    fn describe_offline(&mut self, proof: &OfflineProof) -> Level {
        let accepted = proof.receipt.accepted();
        let (name, rest) = match accepted.kind {
            Kind::Code => ("OFFLINE", String::new()),
            Kind::Recovery(left) => ("OFFLINE_RECOVERY", format!(", {left} recovery codes left")),
        };
        self.event.mechanisms = name.into();
        self.event.detail = format!(
            "login {} since the last online one {} s ago{rest}; {}",
            accepted.login, accepted.age, proof.outage
        );
        Level::Warning
    }
}

/// Outcome and reason, as the manual lists them.
fn words_for(verdict: &Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Granted(proof) if proof.offline().is_some() => ("granted", "offline"),
        Verdict::Granted(_) => ("granted", "ok"),
        Verdict::Remembered(_) => ("granted", "remembered"),
        Verdict::SecurityKey(_) => ("granted", "security_key"),
        Verdict::Exempt { .. } => ("exempt", "rule"),
        Verdict::Refused(refusal) if refusal.reason.is_error() => ("error", refusal.reason.code()),
        Verdict::Refused(refusal) => ("denied", refusal.reason.code()),
    }
}

fn confirmed(confirmation: &Remembered) -> String {
    let by = if confirmation.by_ssh() { "a login by ssh" } else { "this session" };
    format!("confirmed {} s ago by {by}", confirmation.age().as_secs())
}

/// The tenant's names of mechanisms, for the log.
fn names(mechanisms: &[Mechanism]) -> String {
    let names: Vec<_> = mechanisms.iter().map(|m| m.name()).collect();
    names.join(",")
}
