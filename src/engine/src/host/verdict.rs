//! How a login ends.
#![forbid(unsafe_code)]

use crate::local::memory::Remembered;
use crate::login::Proof;
use crate::policy::ExemptResult;
use crate::refusal::Refusal;

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
