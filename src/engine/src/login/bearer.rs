//! The token by which this machine speaks in a step-up, and what it means that the tenant does not
//! take it.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use super::response::Reply;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::http::Response;
use crate::tenant::text::shown;

/// What speaks for this machine in a session.
pub(super) struct Bearer {
    /// `Authorization`, as long as the tenant has not refused it for an operation of the session.
    pub(super) authorization: Option<Shared>,
    pub(super) scope: String,
}

impl Bearer {
    /// Goes on without the token after 401 or 403 to an operation of the session, or refuses the
    /// login that had gone on without it. The line is for the log.
    ///
    /// The documents do not say whether a tenant wants the token here, and a scope may leave the
    /// call out. An ordinary login has none.
    pub(super) fn drop_after(&mut self, status: u16) -> Result<String, Refusal> {
        if self.authorization.take().is_none() {
            return Err(outside_scope(&self.scope, "AdvanceAuthentication", status));
        }
        Ok(format!(
            "AdvanceAuthentication: HTTP status {status} to this machine's token: once more without it"
        ))
    }
}

/// `Authorization` by a token.
pub(super) fn by_token(token: &str) -> Shared {
    let header = Zeroizing::new(format!("Bearer {token}"));
    Secret::new(&header).into()
}

/// 401 or 403: the token is not taken, and the request was not looked at.
pub(super) fn refused(reply: &Reply) -> Option<u16> {
    match reply {
        Ok(Response { status: status @ (401 | 403), .. }) => Some(*status),
        Ok(_) | Err(_) => None,
    }
}

/// Refuses the login: the scope of the token may leave this call out.
pub(super) fn outside_scope(scope: &str, call: &str, status: u16) -> Refusal {
    let scope = shown(scope, 60);
    let detail =
        format!("{call}: HTTP status {status}: does the scope {scope} take Security/{call}?");
    Refusal::new(Reason::ClientRefused, detail)
}
