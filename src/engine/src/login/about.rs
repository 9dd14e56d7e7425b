//! Whether a reply is one to our login, and which of our operations it is about.
#![forbid(unsafe_code)]

use super::Planned;
use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::{Advanced, Outcome};
use crate::tenant::request::{Action, Session};

/// Said of a reply that names another mechanism than any of ours.
pub(super) const NOT_ASKED_FOR: &str = "the reply is about a mechanism that was not asked for";

/// The session that was opened is the only one: a reply that names another, or another tenant, is
/// not ours.
pub(super) fn check_session(reply: &Advanced, ours: Option<&Session>) -> Result<(), Refusal> {
    match reply.session.as_deref() {
        Some(theirs) if Some(theirs) != ours.map(|s| s.id.as_str()) => {
            Err(Refusal::new(Reason::SessionMismatch, "the reply names another session"))
        }
        _ => check_tenant(ours.and_then(|s| s.tenant_id.as_deref()), reply.tenant_id.as_deref()),
    }
}

/// A tenant id that was configured, or with which the session was opened, is an assertion: no other
/// tenant must answer for it.
pub(super) fn check_tenant(ours: Option<&str>, theirs: Option<&str>) -> Result<(), Refusal> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if !ours.eq_ignore_ascii_case(theirs) => {
            Err(Refusal::new(Reason::SessionMismatch, "the reply names another tenant id"))
        }
        _ => Ok(()),
    }
}

/// Which operations a reply is about, and which it leaves.
///
/// It is about all up to the mechanism that it names. If it names none, nothing but the first
/// mechanism was surely looked at, unless what it says can only be said of the last.
pub(super) fn split(
    mut sent: Vec<Planned>,
    named: Option<&str>,
    outcome: &Outcome,
) -> Result<(Vec<Planned>, Vec<Planned>), Refusal> {
    let edge = match outcome {
        Outcome::Success(_) | Outcome::NextChallenge | Outcome::Package(_) => sent.first(),
        Outcome::Pending(_) | Outcome::NotALogin | Outcome::Failed | Outcome::Unknown => {
            sent.last()
        }
    };
    let id = named.or(edge.map(|p| p.operation.mechanism.as_str()));
    let Some(at) = sent.iter().rposition(|p| Some(p.operation.mechanism.as_str()) == id) else {
        return Err(Refusal::new(Reason::SessionMismatch, NOT_ASKED_FOR));
    };
    let rest = sent.split_off(at + 1);
    Ok((sent, rest))
}

/// Start and code went out together, and the tenant stopped after the start.
pub(super) fn only_started(done: &[Planned], last: &Planned) -> bool {
    let same = |p: &&Planned| p.operation.mechanism == last.operation.mechanism;
    let mut actions = done.iter().rev().skip(1).take_while(same).map(|p| &p.operation.action);
    actions.any(|action| matches!(action, Action::StartOob))
}
