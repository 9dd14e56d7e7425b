//! What every phase of a login knows from its beginning, and what is the same in each question.
#![forbid(unsafe_code)]

use super::carried::{Before, Echo, Question};
use crate::local::budget::Allowance;
use crate::policy::Terms;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};

/// What is known when a login begins. Never changes.
pub(super) struct Known {
    /// What is demanded.
    pub(super) terms: Terms,
    /// The password that the stack has, if it is this person's.
    pub(super) password: Option<Shared>,
    /// Whether the phone may ring, as far as was known.
    pub(super) allowance: Allowance,
    /// What the stack has shown before.
    pub(super) before: Before,
}

impl Known {
    /// A question for something that is worth nothing afterwards, such as a code.
    pub(super) fn question(&self, text: String) -> Question {
        let echo = if self.terms.login.echo_codes { Echo::On } else { Echo::Off };
        Question { text, echo }
    }
}

/// Answers that could not be used.
#[derive(Default)]
pub(super) struct UnusableAnswers(u8);

impl UnusableAnswers {
    /// Counts one more, which is one too many if the policy says so.
    pub(super) fn count(&mut self, terms: &Terms) -> Result<(), Refusal> {
        self.0 = self.0.saturating_add(1);
        if self.0 >= terms.login.attempts { Err(Reason::Tries.into()) } else { Ok(()) }
    }
}

/// Refuses the password as an answer to a question for something else: sshd's password method, and
/// robots, give it to whatever asks.
pub(super) fn check_blind(password: Option<&Shared>, typed: &Secret) -> Result<(), Refusal> {
    if password.is_some_and(|password| password.expose() == typed.expose()) {
        let detail = "the password was given as the answer to another question";
        return Err(Refusal::new(Reason::Blind, detail));
    }
    Ok(())
}
