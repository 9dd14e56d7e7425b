//! An outage: a code that this machine can check itself, where the administrator allows it.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::known::{Known, UnusableAnswers, check_blind};
use super::outage::{First, Outage, Unanswered};
use super::proof::prove_offline;
use super::response::Reply;
use super::steps::{OnAnswer, OnRedeemed, Phase, Step};
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::words;

/// A login that asks for an offline code, or waits for what one is worth.
struct Offline {
    outage: Outage,
    unusable: UnusableAnswers,
}

/// Goes on with what the first request of a login came to; without an answer, with the question
/// for an offline code, if this login may ask for one.
pub(super) fn after_first(
    login: Unanswered,
    reply: Reply,
    go_on: impl FnOnce(Box<Known>, Reply) -> Step,
) -> Step {
    match login.first(reply) {
        First::Heard(known, reply) => go_on(known, reply),
        First::Unreached(Ok(outage)) => {
            Offline { outage, unusable: UnusableAnswers::default() }.ask("")
        }
        First::Unreached(Err(refusal)) => Step::refuse(refusal),
    }
}

impl Offline {
    fn ask(self, word: &str) -> Step {
        let text = words::joined(word, "", &words::offline());
        Step::ask(self.outage.known().question(text), self)
    }

    fn count(&mut self) -> Result<(), Refusal> {
        self.unusable.count(&self.outage.known().terms)
    }
}

impl Phase for Offline {}

impl OnAnswer for Offline {
    fn answer(self: Box<Self>, typed: &Secret) -> Step {
        if let Err(refusal) = check_blind(self.outage.known().password.as_ref(), typed) {
            return self.abandon(refusal);
        }
        Step::redeem(Secret::new(typed.expose().trim()).into(), *self)
    }

    fn empty(self: Box<Self>) -> Step {
        self.again(words::NOTHING_TYPED)
    }

    fn again(mut self: Box<Self>, word: &'static str) -> Step {
        match self.count() {
            Ok(()) => self.ask(word),
            Err(refusal) => self.abandon(refusal),
        }
    }
}

impl OnRedeemed for Offline {
    /// A wrong code is asked for again, also of a user who is not enrolled, and so sees the same.
    /// Where no code counts, or can be checked, the user is told so instead of being asked again in
    /// vain.
    fn redeemed(mut self: Box<Self>, result: Result<Receipt, CodeRefusal>) -> Step {
        let refusal = match result {
            Ok(receipt) => return Step::Done(Ok(prove_offline(receipt, self.outage))),
            Err(refusal) => refusal,
        };
        let reason = reason(&refusal);
        let is_wrong = matches!(reason, Reason::OfflineRefused | Reason::OfflineNotEnrolled);
        if is_wrong && self.count().is_ok() {
            let was_used = matches!(refusal, CodeRefusal::Replayed);
            return self.ask(if was_used { words::USED_BEFORE } else { "" });
        }
        let wait = match refusal {
            CodeRefusal::Locked(left) => Some(Duration::from_secs(left)),
            _ => None,
        };
        let detail = format!("{refusal}; {}", self.outage.into_detail());
        Step::refuse(Refusal::new(reason, detail).lasting(wait))
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
