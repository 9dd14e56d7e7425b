//! One login as a state machine: what the tenant and the user say goes in, the next [`Step`] comes
//! out.
//!
//! Nothing in here can touch the world: no I/O, no clock, no environment. Every step but the last
//! carries the only value that can continue it, so a wrong or repeated event does not compile.
//!
//! # Phases
//!
//! A phase is a type that holds what is known in it, and nothing else:
//!
//! ```text
//!                     start
//!                       │
//!          ┌────────────▼────────────┐  no answer   ┌────────────┐
//!          │       Unanswered        ├─────────────▶│   Outage   ├──▶ granted by an offline code,
//!          │  the first request is   │              │ offline.rs │    or refused
//!          │        on its way       │              └────────────┘
//!          └────────────┬────────────┘
//!                answer │
//!          ┌────────────▼────────────┐
//!          │    Opening or StepUp    ├──▶ refused
//!          │     no session yet      │
//!          └──┬───────────────────┬──┘
//!     package │                   │ the page of another provider
//!      ┌──────▼─────┐       ┌─────▼─────┐
//!      │    Open    ├──┐    │ Federated ├──▶ refused
//!      │ a session  │  │    │ a browser │
//!      └──┬──────┬──┘  │    └─────┬─────┘
//! refused │      │     │ success  │ success
//!  ┌──────▼──┐   │  ┌──▼──────────▼──┐
//!  │  Decoy  │   │  │    Success     ├──▶ granted, or refused
//!  └────┬────┘   │  │  whose is it?  │
//!       ▼        ▼  └────────────────┘
//!    refused   refused; the tenant is told that the session is over
//! ```
//!
//! - `Unanswered`: only a login in which the tenant has not answered may end in an offline code. An
//!   `Outage` can't be made of anything else, and a proof by an offline code takes an `Outage`.
//! - `Opening` sends the user's name, again where the tenant is busy, and elsewhere where it
//!   redirects to a host that the administrator allows. `StepUp` fetches a token for this machine,
//!   and asks by it for the challenges of a policy.
//! - `Open` has a session. Within it, the tenant's replies and the user's answers lead back to one
//!   of five waits: for a reply, for the user, for the push budget, for time to pass, and for the
//!   last word about an approval after which the login ends.
//! - `Decoy` asks for the code of an authenticator that was started with the password, although the
//!   tenant has refused the user: without the question, the user would know that the password was
//!   wrong.
//! - `Success` finds out which user the tenant has let in. What comes of it is a [`Proof`] or a
//!   refusal.
//!
//! # Example
//!
//! A password, then the code of an authenticator:
//!
//! ```
//! use countersign::local::budget::Allowance;
//! use countersign::login::{self, Before, Start, Step};
//! use countersign::policy::Mechanism;
//! use countersign::secret::Secret;
//! # use countersign::policy::{self, Account, Flow, Terms};
//! # use countersign::tenant::failure::Failure;
//! # use countersign::tenant::http::Response;
//! #
//! # fn json(body: &str) -> Result<Response, Failure> {
//! #     let content_type = Some("application/json".to_owned());
//! #     let (transaction, retry_after, date, body) = (None, None, None, body.into());
//! #     Ok(Response { status: 200, content_type, transaction, retry_after, date, body })
//! # }
//! # let policy = policy::parse(b"[tenant]\nurl = \"https://tenant.test\"\n").unwrap();
//! # let settings = policy.for_service("sshd");
//! # let terms = Terms {
//! #     person: Account { uid: 1000, name: "alice".into(), typed: "alice".into() },
//! #     is_pam_user: true,
//! #     tenant_user: "alice@example.com".into(),
//! #     stranger: true,
//! #     tenant: settings.tenant.clone(),
//! #     login: settings.login.clone(),
//! #     flow: Flow::Login,
//! #     security_key: None,
//! #     remember: std::time::Duration::ZERO,
//! #     ssh_counts: false,
//! #     offline: None,
//! # };
//!
//! // `terms` say what the policy demands of this user: here, two factors.
//! let password = Some(Secret::new("correct horse"));
//! let (allowance, before) = (Allowance::Free, Before::Nothing);
//! let step = login::start(Start { terms, password, machine: None, allowance, before });
//!
//! // The tenant is asked for the user's challenges, and answers with a package.
//! let Step::Send(outgoing, awaited) = step else { panic!("a request") };
//! assert_eq!(outgoing.request.path(), "/Security/StartAuthentication");
//! let step = awaited.reply(json(
//!     r#"{"success": true, "Result": {"Summary": "NewPackage", "SessionId": "S1", "Challenges": [
//!         {"Mechanisms": [{"Name": "UP", "AnswerType": "Text", "MechanismId": "M1"}]},
//!         {"Mechanisms": [{"Name": "OATH", "AnswerType": "Text", "MechanismId": "M2"}]}]}}"#,
//! ));
//!
//! // A line for the log, then one question: the password is known already.
//! let Step::Tell(_, told) = step else { panic!("a notice") };
//! let Step::Ask(question, awaited) = told.told() else { panic!("a question") };
//! assert_eq!(question.text, "Code from an authenticator.\nVerification code: ");
//! let step = awaited.answer(Secret::new("123456"));
//!
//! // The answers go out one after the other.
//! let Step::Send(outgoing, awaited) = step else { panic!("a request") };
//! assert_eq!(outgoing.about, [Mechanism::Up]);
//! let step = awaited.reply(json(
//!     r#"{"success": true, "Result": {"Summary": "StartNextChallenge"}}"#,
//! ));
//! let Step::Send(outgoing, awaited) = step else { panic!("a request") };
//! assert_eq!(outgoing.about, [Mechanism::Oath]);
//! let step = awaited.reply(json(
//!     r#"{"success": true, "Result": {"Summary": "LoginSuccess", "User": "alice@example.com"}}"#,
//! ));
//!
//! // The success counts: it is for this user, and both factors are met.
//! let Step::Done(Ok(proof)) = step else { panic!("a success") };
//! assert_eq!(proof.met(), [Mechanism::Up, Mechanism::Oath]);
//! ```
#![forbid(unsafe_code)]

mod bearer;
mod belongs;
mod carried;
mod codes;
mod decoy;
mod federated;
mod identify;
mod known;
mod offline;
mod open;
mod opening;
mod outage;
mod pace;
mod proof;
mod response;
mod step_up;
mod steps;
#[cfg(test)]
mod tests;

pub use carried::{Before, Echo, Keep, Machine, Notice, Outgoing, Question, Start};
pub use codes::looks_like_code;
pub use open::{IN_ONE_REQUEST, obstacle, offer_name};
pub use proof::{Kind, OfflineProof, Proof, enough, kind};
pub use response::is_of_the_api;
pub use steps::{
    AwaitAllowance, AwaitAnswer, AwaitRedeem, AwaitReply, AwaitTime, Ended, Step, Told,
};

use crate::policy::Flow;
use crate::refusal::{Reason, Refusal};
use outage::Unanswered;

/// Opens a login: the first step asks the tenant for the user's challenges.
pub fn start(start: Start) -> Step {
    let flow = start.terms.flow.clone();
    let (login, machine) = Unanswered::new(start);
    match (flow, machine) {
        (Flow::Login, _) => opening::open(login),
        (Flow::OnDemand(policy), Some(machine)) => step_up::begin(login, policy, machine),
        (Flow::OnDemand(_), None) => {
            Step::refuse(Refusal::new(Reason::Misconfigured, "no client secret"))
        }
    }
}
