//! Opening a session by a user's name: what the tenant may answer, and where it may send us.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::carried::{Notice, Outgoing};
use super::known::Known;
use super::outage::Unanswered;
use super::response::{Reply, Trouble, read};
use super::steps::{OnReply, OnTime, Phase, Step};
use super::{federated, offline, open};
use crate::policy::{TenantUrl, Terms};
use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::{self, Started};
use crate::tenant::request::Request;
use crate::tenant::text::shown;

/// A tenant's own host, its vanity host and the pod: more redirects than that are a loop.
const MAX_HOPS: u8 = 3;
/// How often a tenant that is busy is asked again. Opening a session is no attempt, so this costs
/// the user nothing.
const MAX_TRIES: u8 = 3;

/// How long is waited for a tenant that is busy and does not say for how long.
const BUSY: Duration = Duration::from_secs(1);

/// The first request of a login is on its way.
struct First(Unanswered);

/// The tenant has answered, and there is no session yet.
struct Opening {
    known: Box<Known>,
    to: TenantUrl,
    hops: u8,
    /// How often this host was asked.
    tries: u8,
}

/// Asks for the user's challenges.
pub(super) fn open(login: Unanswered) -> Step {
    let terms = &login.known().terms;
    Step::send(start(&terms.tenant.url, terms), First(login))
}

fn start(to: &TenantUrl, terms: &Terms) -> Outgoing {
    let (tenant_id, user) = (terms.tenant.id.clone(), terms.tenant_user.clone());
    Outgoing::plain(to, Request::Start { tenant_id, user })
}

impl Opening {
    fn ask(self) -> Step {
        Step::send(start(&self.to, &self.known.terms), self)
    }

    fn started(self, reply: Reply) -> Step {
        match read(reply, reply::started) {
            Ok(Started::Package(package)) => open::begin(self.known, self.to, None, package),
            Ok(Started::Redirect(host)) => self.redirected(&host),
            Ok(Started::Federated(page)) => federated::begin(self.known, self.to, page),
            Ok(Started::Elsewhere) => {
                let detail = "the tenant names no page to wait for";
                Step::refuse(Refusal::new(Reason::Federated, detail))
            }
            Ok(Started::Failed) => Step::refuse(Reason::StartRefused),
            Ok(Started::Unasked) => Step::refuse(Reason::SuccessUnasked),
            Err(Trouble::Busy(_, asked)) if self.tries < MAX_TRIES => Step::wait(asked, BUSY, self),
            Err(trouble) => Step::refuse(trouble),
        }
    }

    fn redirected(self, host: &str) -> Step {
        let (hops, shown) = (self.hops + 1, shown(host, 100));
        if hops > MAX_HOPS {
            let detail = format!("to {shown}, after {MAX_HOPS} others");
            return Step::refuse(Refusal::new(Reason::RedirectRefused, detail));
        }
        let Some(to) = self.known.terms.tenant.redirect_target(host).cloned() else {
            let detail = format!("to {shown}, which is not in redirect_hosts");
            return Step::refuse(Refusal::new(Reason::RedirectRefused, detail));
        };
        let next = Self { to, hops, tries: 1, ..self };
        Step::tell(Notice::Debug(format!("redirected to {shown}")), next.ask())
    }
}

impl Phase for First {}

impl OnReply for First {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        offline::after_first(self.0, reply, |known, reply| {
            let to = known.terms.tenant.url.clone();
            Opening { known, to, hops: 0, tries: 1 }.started(reply)
        })
    }
}

impl Phase for Opening {}

impl OnReply for Opening {
    fn reply(self: Box<Self>, reply: Reply) -> Step {
        self.started(reply)
    }
}

impl OnTime for Opening {
    fn elapsed(self: Box<Self>, _: Duration, _: Duration) -> Step {
        Self { tries: self.tries + 1, ..*self }.ask()
    }

    fn too_long(self: Box<Self>, refusal: Refusal) -> Step {
        Step::refuse(refusal)
    }
}
