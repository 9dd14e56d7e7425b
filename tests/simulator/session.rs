//! One login attempt as the tenant sees it: where it stands, and what an operation makes of it.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::dice;
use super::mechanism::{Delivery, Mechanism, Verdict};
use super::scenario::{Challenges, User};
use super::world::State;

pub struct Session {
    pub id: String,
    /// The user; for unknown names a made-up one.
    pub user: User,
    pub purpose: Purpose,
    /// Whether the client asked for tokens of the platform.
    pub wants_tokens: bool,
    pub challenges: Vec<Vec<Mechanism>>,
    known: bool,
    began: Instant,
    position: usize,
    polled: Option<Instant>,
    /// Something went wrong that is not said before the end.
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Login,
    OnDemand,
}

/// One operation of AdvanceAuthentication. Unknown keys are ignored, as the service does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Operation {
    pub mechanism_id: String,
    pub action: String,
    pub answer: Value,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Pending(Option<String>),
    NextChallenge,
    NewPackage,
    Success,
    Failure,
    /// A failure after which the session goes on.
    Retry,
    /// A failure with the word that the tenant has for a denied approval.
    Denied,
    /// A failure with the word that the tenant has for one that ran out.
    Expired,
    /// Of a forgotten password: not a login.
    Noncommittal,
}

impl Outcome {
    /// After these the session no longer exists.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Outcome::Success
                | Outcome::Failure
                | Outcome::Denied
                | Outcome::Expired
                | Outcome::Noncommittal
        )
    }
}

impl Session {
    /// For a name that may belong to no user: then it is a decoy, and doomed.
    pub fn start(name: &str, purpose: Purpose, state: &State) -> Session {
        let known = state.user(name);
        let user = known.cloned().unwrap_or_else(|| decoy(name, state));
        let mut session = Session {
            id: dice::id(),
            purpose,
            wants_tokens: false,
            challenges: Vec::new(),
            known: known.is_some(),
            began: state.clock.now(),
            position: 0,
            polled: None,
            failed: known.is_none_or(|user| user.locked),
            user,
        };
        session.offer(&session.user.package());
        session
    }

    pub fn advance(&mut self, operation: &Operation, state: &mut State) -> Outcome {
        if self.is_expired(state) {
            return Outcome::Failure;
        }
        if operation.action == "ForgotPassword" {
            return Outcome::Noncommittal;
        }
        match self.judge(operation, state) {
            Verdict::Met => self.step_on(operation, state),
            Verdict::Missed if self.takes_another(operation, state) => Outcome::Retry,
            Verdict::Missed => {
                self.failed = true;
                self.step_on(operation, state)
            }
            Verdict::Refused => Outcome::Failure,
            Verdict::Denied => Outcome::Denied,
            Verdict::Expired => Outcome::Expired,
            Verdict::Pending(number) => Outcome::Pending(number),
        }
    }

    fn judge(&mut self, operation: &Operation, state: &mut State) -> Verdict {
        let (user, id, delivery) = (self.user.clone(), self.id.clone(), self.delivery(state));
        let throttled = self.is_throttled(state);
        let Some(mechanism) = self.mechanism(&operation.mechanism_id) else {
            return Verdict::Refused;
        };
        match operation.action.as_str() {
            "Answer" if throttled => Verdict::Refused,
            "Answer" => mechanism.answer(&operation.answer, &user, &id, delivery, state),
            "StartOOB" => mechanism.start(&user, &id, delivery, state),
            "Poll" => mechanism.polled(&user, &id, delivery, state),
            _ => Verdict::Refused,
        }
    }

    /// Whether a wrong code may be followed by another: not a password, of which the next challenge
    /// says nothing.
    fn takes_another(&mut self, operation: &Operation, state: &State) -> bool {
        let is_code = |met: &mut Mechanism| met.name != "UP";
        let open = state.tenant.wrong_code_leaves_open;
        open && self.mechanism(&operation.mechanism_id).is_some_and(is_code)
    }

    /// Notes a Poll; how long it should have waited where it came too soon.
    pub fn poll_too_soon(&mut self, state: &State) -> Option<Duration> {
        let least = Duration::from_millis(state.tenant.poll_every);
        let now = state.clock.now();
        let next = self.polled.map(|polled| polled + least);
        match next.map(|next| next.saturating_duration_since(now)) {
            Some(wait) if !wait.is_zero() => Some(wait),
            Some(_) | None => {
                self.polled = Some(now);
                None
            }
        }
    }

    /// One challenge is behind us, truly or not.
    fn step_on(&mut self, operation: &Operation, state: &State) -> Outcome {
        if self.failed && !state.tenant.continue_failed_sessions {
            return Outcome::Failure;
        }
        let was_password =
            self.mechanism(&operation.mechanism_id).is_some_and(|met| met.name == "UP");
        if was_password && let Some(package) = self.package_after_password() {
            self.offer(&package);
            return Outcome::NewPackage;
        }
        self.position += 1;
        match (self.position < self.challenges.len(), self.failed) {
            (true, _) => Outcome::NextChallenge,
            (false, true) => Outcome::Failure,
            (false, false) => Outcome::Success,
        }
    }

    fn package_after_password(&mut self) -> Option<Challenges> {
        let change = std::mem::take(&mut self.user.password_change);
        let other = std::mem::take(&mut self.user.new_package_after_password);
        if !change && other.is_empty() {
            return None;
        }
        let rest = self.user.package().split_off(self.position + 1);
        let rest = if other.is_empty() { rest } else { other };
        let reset = change.then(|| vec!["RESET".to_string()]);
        Some(reset.into_iter().chain(rest).collect())
    }

    /// Replaces what is to be met; begins at its first challenge.
    pub fn offer(&mut self, package: &Challenges) {
        let challenge =
            |names: &Vec<String>| names.iter().map(|name| Mechanism::new(name)).collect();
        self.challenges = package.iter().map(challenge).collect();
        self.position = 0;
    }

    /// A mechanism of the challenge that is now to be met.
    fn mechanism(&mut self, id: &str) -> Option<&mut Mechanism> {
        self.challenges.get_mut(self.position)?.iter_mut().find(|mechanism| mechanism.id == id)
    }

    fn delivery(&self, state: &State) -> Delivery {
        let silenced = self.failed && state.tenant.skip_mechs_in_false_advance;
        if self.known && !silenced { Delivery::Real } else { Delivery::Pretended }
    }

    fn is_throttled(&self, state: &State) -> bool {
        let until = state.throttles.get(&self.user.name.to_lowercase());
        until.is_some_and(|until| state.clock.now() < *until)
    }

    fn is_expired(&self, state: &State) -> bool {
        let lifetime = Duration::from_secs(state.tenant.session_lifetime);
        state.clock.now() >= self.began + lifetime
    }
}

/// A user who does not exist; a name gets the same one each time.
fn decoy(name: &str, state: &State) -> User {
    let guid = dice::guid_of(&name.to_lowercase());
    let digits = guid.bytes().map(|byte| char::from(b'0' + byte % 10)).take(4);
    let decoy = serde_json::json!({
        "name": name,
        "password": dice::id(),
        "challenges": state.tenant.decoy,
        "phone": digits.collect::<String>(),
    });
    serde_json::from_value(decoy).expect("a decoy has the keys of a user")
}
