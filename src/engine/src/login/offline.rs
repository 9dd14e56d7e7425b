//! Nobody answers: a code that this machine can check itself, where the administrator allows it.
#![forbid(unsafe_code)]

use super::ask::Asked;
use super::read::Trouble;
use super::{AwaitRedeem, Before, Login, Step, proof};
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::policy::Terms;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;

/// The right to an offline code. Only a login in which nothing was heard has it: the first reply,
/// and the first failure that is no outage, takes it away for good.
///
/// "The network is down" can be arranged by a person who wants in. So the administrator must allow
/// offline codes, the stack must have verified a password of this user, and only an outage counts,
/// which `tenant::silence` decides.
pub(super) struct Standby(());

/// An outage in a login that still has the right to an offline code. Nothing else leads to one.
pub(super) struct Unheard {
    outage: Refusal,
    _standby: Standby,
}

impl Standby {
    /// At the beginning of a login.
    pub(super) fn new(terms: &Terms, before: Before) -> Option<Standby> {
        let may = terms.offline.is_some() && before == Before::Password;
        may.then_some(Standby(()))
    }

    /// What is left of it after a request.
    pub(super) fn after(self, reply: &Result<Response, Failure>) -> Option<Standby> {
        matches!(reply, Err(Failure::Outage(..))).then_some(self)
    }
}

impl Unheard {
    /// The detail of the outage, for the log.
    pub(super) fn detail(self) -> String {
        self.outage.detail
    }
}

impl Login {
    /// The end of a login that never began, or the question for an offline code.
    pub(super) fn unreached(mut self: Box<Self>, trouble: Trouble) -> Step {
        let outage = Refusal::from(trouble);
        match self.standby.take() {
            Some(_standby) => self.ask(Asked::Offline(Unheard { outage, _standby })),
            None => self.end(outage),
        }
    }

    pub(super) fn offline_answered(self: Box<Self>, unheard: Unheard, typed: &Secret) -> Step {
        let code = Secret::new(typed.expose().trim()).into();
        let login = self;
        Step::Redeem(code, AwaitRedeem { login, unheard })
    }

    /// A wrong code is asked for again, also of a user who is not enrolled, and so sees the same.
    /// Where no code counts, or can be checked, the user is told so instead of being asked again in
    /// vain.
    pub(super) fn redeemed(
        mut self: Box<Self>,
        unheard: Unheard,
        result: Result<Receipt, CodeRefusal>,
    ) -> Step {
        let refusal = match result {
            Ok(receipt) => return Step::Done(Ok(proof::prove_offline(receipt, unheard))),
            Err(refusal) => refusal,
        };
        let reason = reason(&refusal);
        if matches!(reason, Reason::OfflineRefused | Reason::OfflineNotEnrolled) {
            self.useless = self.useless.saturating_add(1);
            if self.useless < self.terms.login.attempts {
                return self.ask(Asked::Offline(unheard));
            }
        }
        self.end(Refusal::new(reason, format!("{refusal}; {}", unheard.detail())))
    }
}

fn reason(refusal: &CodeRefusal) -> Reason {
    match refusal {
        CodeRefusal::Wrong | CodeRefusal::Replayed => Reason::OfflineRefused,
        CodeRefusal::NotEnrolled => Reason::OfflineNotEnrolled,
        CodeRefusal::Locked(_) | CodeRefusal::Disabled => Reason::OfflineLocked,
        CodeRefusal::ClockWentBack
        | CodeRefusal::RefusedOnline(_)
        | CodeRefusal::TooLongAgo(_)
        | CodeRefusal::TooMany(_) => Reason::OfflineBlocked,
        CodeRefusal::Unusable(_) => Reason::OfflineUnusable,
    }
}
