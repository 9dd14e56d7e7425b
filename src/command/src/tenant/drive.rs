//! One login by the command, without PAM and what the module keeps: to look at what is offered, or
//! to log in.
#![forbid(unsafe_code)]

use std::time::Instant;

use countersign::host::{self, Effects};
use countersign::local::budget::Allowance;
use countersign::login::{Before, Ended, Machine, Start};
use countersign::os::Trusted;
use countersign::policy::Terms;
use countersign::secret::Secret;

/// Drives one login from its first request to its end.
///
/// # Errors
///
/// Why there was no login to drive, or how it ended.
pub fn drive(terms: Terms, password: Option<Secret>, effects: &mut dyn Effects) -> Ended {
    let (client, secret) = host::equip(&terms, &Trusted::default())?;
    let deadline = Instant::now() + terms.login.deadline;
    let start = Start {
        terms: Terms { offline: None, ..terms },
        password,
        machine: secret.map(|secret| Machine { secret, token: None }),
        allowance: Allowance::Free,
        before: Before::Nothing,
    };
    host::drive(effects, client, deadline, start)
}
