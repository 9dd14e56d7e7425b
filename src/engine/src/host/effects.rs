//! What a login does beside its requests: the way to the user, and what is kept between logins.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::conversation::Answer;
use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::login::{Keep, Notice, Outgoing, Question};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::request::Request;

/// What a login does, as far as it is not the same for each.
///
/// The defaults are those of a login that tells the user nothing, keeps nothing for the next one
/// and counts nothing.
pub trait Effects {
    /// Asks the user.
    fn ask(&mut self, question: &Question) -> Answer;

    /// Returns why the login ends where the user can't be asked.
    fn unasked(&self) -> Refusal {
        Reason::Conversation.into()
    }

    /// Says something to the user, or writes it to the log.
    fn tell(&mut self, _: &Notice) {}

    /// Checks whether this may still go out. What may not ends the login, and the tenant is told
    /// so.
    ///
    /// # Errors
    ///
    /// Why it may not.
    fn may_send(&mut self, _: &Request) -> Result<(), Refusal> {
        Ok(())
    }

    /// Takes note of what became of a request, and in which time.
    fn heard(&mut self, _: &Outgoing, _: &Result<Response, Failure>, _: Duration) {}

    /// Takes note that the tenant has refused the user, who is not to know it yet.
    fn secretly_refused(&mut self) {}

    /// Returns whether to let time pass.
    fn may_wait(&self) -> bool {
        true
    }

    /// Keeps what the tenant gave for the next login.
    fn keep(&mut self, _: &Keep) {}

    /// Tries an offline code. If it counts, that is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// Why it does not count.
    fn redeem(&mut self, _: &Secret) -> Result<Receipt, CodeRefusal> {
        Err(CodeRefusal::NotEnrolled)
    }

    /// Returns whether the user's phone may ring, and counts it if it may.
    fn spend(&mut self) -> Allowance {
        Allowance::Free
    }
}
