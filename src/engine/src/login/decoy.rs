//! A question that changes nothing: the tenant has refused the user, who is not to know it yet.
#![forbid(unsafe_code)]

use super::codes::code;
use super::known::{Known, UnusableAnswers, check_blind};
use super::steps::{OnAnswer, Phase, Step};
use crate::refusal::Refusal;
use crate::secret::{Secret, Shared};
use crate::words;

/// A login that asks for the code of an authenticator, although it is refused already.
pub(super) struct Decoy {
    pub(super) known: Box<Known>,
    pub(super) password: Option<Shared>,
    pub(super) unusable: UnusableAnswers,
    /// The question, without a word on the last answer.
    pub(super) question: String,
    pub(super) refusal: Refusal,
}

impl Decoy {
    pub(super) fn ask(self, word: &str) -> Step {
        let question = self.known.question(words::joined(word, "", &self.question));
        Step::ask(question, self)
    }
}

impl Phase for Decoy {}

impl OnAnswer for Decoy {
    fn answer(self: Box<Self>, typed: &Secret) -> Step {
        if let Err(refusal) = check_blind(self.password.as_ref(), typed) {
            return self.abandon(refusal);
        }
        match code(typed) {
            Some(_) => Step::refuse(self.refusal),
            None => self.again(words::NO_CODE),
        }
    }

    fn empty(self: Box<Self>) -> Step {
        self.again(words::NOTHING_TYPED)
    }

    fn again(mut self: Box<Self>, word: &'static str) -> Step {
        match self.unusable.count(&self.known.terms) {
            Ok(()) => self.ask(word),
            Err(refusal) => self.abandon(refusal),
        }
    }

    fn is_decoy(&self) -> bool {
        true
    }
}
