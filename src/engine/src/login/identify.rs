//! The last question of a login: whose is the tenant's success?
#![forbid(unsafe_code)]

use super::bearer::by_token;
use super::belongs::check_tenant;
use super::carried::Outgoing;
use super::known::Known;
use super::proof;
use super::response::{Reply, read};
use super::steps::{OnReply, Phase, Step};
use crate::policy::{Mechanism, TenantUrl};
use crate::tenant::reply::{self, Identity};
use crate::tenant::request::Request;

/// A success, once the tenant has said it.
pub(super) struct Success {
    pub(super) known: Box<Known>,
    pub(super) to: TenantUrl,
    /// The tenant that it came from.
    pub(super) tenant_id: Option<String>,
    pub(super) way: Way,
}

/// What the success is for.
pub(super) enum Way {
    /// The challenges of this tenant, met by these mechanisms.
    Challenges(Vec<Mechanism>),
    /// A login at another identity provider.
    Provider,
}

impl Success {
    /// Ends the login for the user that a success names. Some tenants name no user and give a
    /// token: Whoami says whose it is.
    pub(super) fn identify(self, identity: &Identity) -> Step {
        match &identity.token {
            Some(token) if identity.user.is_none() => {
                let authorization = Some(by_token(token.expose()));
                let plain = Outgoing::plain(&self.to, Request::Whoami);
                Step::send(Outgoing { authorization, ..plain }, self)
            }
            Some(_) | None => self.prove(identity),
        }
    }

    fn prove(self, identity: &Identity) -> Step {
        let terms = &self.known.terms;
        Step::Done(match self.way {
            Way::Challenges(met) => proof::prove(terms, identity, met),
            Way::Provider => proof::prove_federated(terms, identity),
        })
    }
}

impl Phase for Success {}

impl OnReply for Success {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        let who = match read(reply, reply::whoami) {
            Ok(who) => who,
            Err(trouble) => return Step::refuse(trouble),
        };
        match check_tenant(self.tenant_id.as_deref(), who.tenant_id.as_deref()) {
            Ok(()) => self.prove(&who.identity),
            Err(refusal) => Step::refuse(refusal),
        }
    }
}
