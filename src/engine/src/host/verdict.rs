//! How a login ends.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::audit::Event;
use crate::local::memory::Remembered;
use crate::login::Proof;
use crate::policy::ExemptResult;
use crate::refusal::Refusal;

/// A verdict, and how long libpam should let a refused user wait.
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// For pam_fail_delay(3).
    pub failure_delay: Duration,
    /// What the log's line says of it.
    pub event: Event,
}

/// The end of a login.
#[must_use]
pub enum Verdict {
    /// Every factor met, identity bound.
    Granted(Proof),
    /// Confirmed a while ago, in the same session.
    Remembered(Remembered),
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
