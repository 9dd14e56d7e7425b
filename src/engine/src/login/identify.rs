//! The last question of a login: whose is the tenant's success?
#![forbid(unsafe_code)]

use super::about::check_tenant;
use super::read::read;
use super::{Ended, Expected, Login, Step, proof};
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Identity};
use crate::tenant::request::Request;

/// What the success is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The challenges of this tenant.
    Challenges,
    /// A login at another identity provider.
    Provider,
}

impl Login {
    /// Ends the login for the user that a success names. Some tenants name no user and give a
    /// token: Whoami says to whom they gave it.
    pub(super) fn identify(
        mut self: Box<Self>,
        identity: Identity,
        tenant_id: Option<String>,
        way: Way,
    ) -> Step {
        match &identity.token {
            Some(token) if identity.user.is_none() => {
                let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
                self.authorization = Some(Secret::new(&bearer).into());
                self.send(Request::Whoami, Expected::Whoami { tenant_id, way })
            }
            Some(_) | None => Step::Done(self.prove(&identity, way)),
        }
    }

    pub(super) fn identified(
        self: Box<Self>,
        reply: Result<Response, Failure>,
        tenant_id: Option<&str>,
        way: Way,
    ) -> Step {
        let who = match read(reply, reply::whoami) {
            Ok(who) => who,
            Err(trouble) => return self.end(trouble),
        };
        match check_tenant(tenant_id, who.tenant_id.as_deref()) {
            Ok(()) => Step::Done(self.prove(&who.identity, way)),
            Err(refusal) => self.end(refusal),
        }
    }

    fn prove(self: Box<Self>, identity: &Identity, way: Way) -> Ended {
        match way {
            Way::Challenges => proof::prove(&self.terms, identity, self.met),
            Way::Provider => proof::prove_federated(&self.terms, identity),
        }
    }
}
