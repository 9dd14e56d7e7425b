//! What a login would meet, as far as this machine alone decides. Asks no host, tells no user,
//! changes nothing.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::host::{self, Caller, LocalUsers, Whence};
use countersign::os::Trusted;
use countersign::policy::{self, Judgement, Note, Policy, PublicKey, Terms};
use countersign::refusal::Refusal;

use super::examine::{Examined, examine};

/// The judge's word, and how it came to that.
pub struct Foresight {
    /// Exempt, required or refused: what a login of this caller would meet.
    pub judged: Result<Judgement, Refusal>,
    /// What the log would say besides.
    pub notes: Vec<Note>,
    /// The rules, in the order in which they are looked at.
    pub examined: Vec<Examined>,
}

/// Judges a caller as [`host::authenticate`] does; `public_keys` are those that sshd
/// would have verified, `whence` where the session came from that asks without a remote host.
#[must_use]
pub fn foresee(
    caller: &Caller,
    public_keys: Vec<PublicKey>,
    whence: Whence,
    (configuration, policy): (&Path, &Policy),
) -> Foresight {
    let users = LocalUsers::from(whence).behind(configuration, policy);
    let subject = match caller.subject(public_keys, policy) {
        Ok(subject) => subject,
        Err(refusal) => {
            return Foresight { judged: Err(refusal), notes: Vec::new(), examined: Vec::new() };
        }
    };
    let ruling = policy::judge(policy, &subject, &users);
    Foresight {
        judged: ruling.judgement.map_err(Refusal::from),
        notes: ruling.notes,
        examined: examine(policy, &subject, &users),
    }
}

/// Whether the files that these terms need are there and safe, in the order of a login.
///
/// # Errors
///
/// What a login would be refused with.
pub fn fit(terms: &Terms) -> Result<(), Refusal> {
    host::equip(terms, &Trusted::default()).map(drop)
}
