//! The rule for offline codes: only a login in which the tenant has not answered may ask for one.
//!
//! "The network is down" can be arranged by a person who wants in. So the administrator must allow
//! offline codes, the stack must have verified a password of this user, and only an outage counts,
//! which `tenant::silence` decides.
#![forbid(unsafe_code)]

use std::rc::Rc;

use super::carried::{Before, Machine, Start};
use super::known::Known;
use super::response::{Reply, refusal};
use crate::refusal::Refusal;
use crate::tenant::failure::Failure;

/// A login whose first request is on its way: nothing was heard from the tenant.
pub(super) struct Unanswered(Box<Known>);

/// An outage in a login that has the right to an offline code. Nothing else leads to one.
pub(super) struct Outage {
    known: Box<Known>,
    refusal: Refusal,
}

/// What the end of the first request makes of a login.
pub(super) enum First {
    /// A login that has heard something, for good.
    Heard(Box<Known>, Reply),
    /// No one has answered.
    Unreached(Result<Outage, Refusal>),
}

impl Unanswered {
    /// The beginning of a login. What speaks for this machine is for its first request alone.
    pub(super) fn new(start: Start) -> (Self, Option<Machine>) {
        let Start { terms, password, machine, allowance, before } = start;
        let password = password.map(Rc::new);
        (Self(Box::new(Known { terms, password, allowance, before })), machine)
    }

    pub(super) fn known(&self) -> &Known {
        &self.0
    }

    /// Only an outage is no answer.
    pub(super) fn first(self, reply: Reply) -> First {
        match reply {
            Err(failure @ Failure::Outage(..)) => {
                First::Unreached(Outage::new(self, refusal(failure)))
            }
            Ok(_) | Err(Failure::Misbehaved(..) | Failure::Local(..)) => {
                First::Heard(self.0, reply)
            }
        }
    }
}

impl Outage {
    /// The outage of a login in which the tenant has not answered, or why it ends there.
    fn new(login: Unanswered, refusal: Refusal) -> Result<Self, Refusal> {
        let known = login.0;
        let may = known.terms.offline.is_some() && known.before == Before::Password;
        if may { Ok(Self { known, refusal }) } else { Err(refusal) }
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The detail of the outage, for the log.
    pub(super) fn into_detail(self) -> String {
        self.refusal.detail
    }
}
