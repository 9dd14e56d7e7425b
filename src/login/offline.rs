//! Nobody answers: a code that this machine can check itself, where the administrator allows it.
#![forbid(unsafe_code)]

use super::ask::Asked;
use super::read::Trouble;
use super::{AwaitRedeem, Before, Heard, Login, Step, proof};
use crate::local::offline::Receipt;
use crate::local::offline::rules::No;
use crate::secret::Secret;
use crate::verdict::{Reason, Refusal};

impl Login {
    /// The end of a login that never began, or the question for an offline code.
    ///
    /// "The network is down" can be arranged by whoever wants in. So nobody must have answered anything in this login,
    /// the stack must have a password of this person's, and only an outage counts, which is decided where failures are
    /// sorted.
    pub(super) fn unreached(self: Box<Self>, trouble: Trouble) -> Step {
        let refusal = Refusal::from(trouble);
        let may = self.terms.offline.is_some()
            && self.before == Before::Password
            && self.heard == Heard::Nothing
            && self.session.is_none()
            && refusal.reason == Reason::Outage;
        match may {
            true => self.ask(Asked::Offline(refusal)),
            false => self.end(refusal),
        }
    }

    pub(super) fn offline_answered(self: Box<Self>, outage: Refusal, typed: &Secret) -> Step {
        let code = Secret::new(typed.expose().trim()).into();
        let login = self;
        Step::Redeem(code, AwaitRedeem { login, outage })
    }

    /// A code that does not count is asked for again, whatever the reason: the user sees the same.
    pub(super) fn redeemed(
        mut self: Box<Self>,
        outage: Refusal,
        result: Result<Receipt, No>,
    ) -> Step {
        let no = match result {
            Ok(receipt) => return Step::Done(proof::prove_offline(&self.terms, receipt, outage)),
            Err(no) => no,
        };
        self.useless = self.useless.saturating_add(1);
        if self.useless < self.terms.login.attempts {
            return self.ask(Asked::Offline(outage));
        }
        let reason = match no {
            No::NotEnrolled => Reason::OfflineNotEnrolled,
            No::Locked(_) | No::Disabled => Reason::OfflineLocked,
            No::Wrong
            | No::Replayed
            | No::ClockWentBack
            | No::RefusedOnline(_)
            | No::TooLongAgo(_)
            | No::TooMany(_)
            | No::Unusable(_) => Reason::OfflineRefused,
        };
        self.end(Refusal::new(reason, format!("{no}; {}", outage.detail)))
    }
}
