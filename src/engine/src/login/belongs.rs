//! Whether a reply is one to our login.
#![forbid(unsafe_code)]

use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::Advanced;
use crate::tenant::request::Session;

/// Said of a reply that names another mechanism than any of ours.
pub(super) const NOT_ASKED_FOR: &str = "the reply is about a mechanism that was not asked for";

/// The session that was opened is the only one: a reply that names another, or another tenant, is
/// not ours.
pub(super) fn check_session(reply: &Advanced, ours: &Session) -> Result<(), Refusal> {
    if reply.session.as_ref().is_some_and(|theirs| *theirs != ours.id) {
        return Err(Refusal::new(Reason::SessionMismatch, "the reply names another session"));
    }
    check_tenant(ours.tenant_id.as_deref(), reply.tenant_id.as_deref())
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
