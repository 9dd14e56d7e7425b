//! How a login ends.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audit::Event;
use crate::local::memory::Remembered;
use crate::login::Proof;
use crate::policy::{ExemptResult, ShownKey};
use crate::refusal::{Reason, Refusal};

/// A verdict, and how long libpam should let a refused user wait.
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// For pam_fail_delay(3).
    pub failure_delay: Duration,
    /// What the log's line says of it.
    pub event: Event,
}

/// What libpam is told of a verdict: of one of this process, or by the word of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub enum Decision {
    /// Every factor met, identity bound.
    Granted,
    /// Confirmed a while ago, in the same session.
    Remembered,
    /// A security key is enough.
    SecurityKey,
    /// An exemption, with the result that its rule names.
    Exempt(ExemptResult),
    /// Anything else, by the code of the reason.
    Refused(Reason),
}

impl From<&Verdict> for Decision {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Granted(_proof) => Self::Granted,
            Verdict::Remembered(_confirmation) => Self::Remembered,
            Verdict::SecurityKey(_key) => Self::SecurityKey,
            Verdict::Exempt { result, .. } => Self::Exempt(*result),
            Verdict::Refused(refusal) => Self::Refused(refusal.reason),
        }
    }
}

/// The end of a login.
#[must_use]
pub enum Verdict {
    /// Every factor met, identity bound.
    Granted(Proof),
    /// Confirmed a while ago, in the same session.
    Remembered(Remembered),
    /// sshd has verified a security key, and the administrator lets that be enough.
    SecurityKey(ShownKey),
    /// The administrator's rules leave this login alone.
    Exempt {
        /// The rule's name, for the log.
        rule: String,
        /// What the rule answers libpam with.
        result: ExemptResult,
    },
    /// Anything else.
    Refused(Refusal),
}
