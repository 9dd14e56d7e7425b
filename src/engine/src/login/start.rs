//! Opening a session, and what the tenant may answer to that.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::about::check_tenant;
use super::read::{Trouble, read};
use super::{Expected, Login, Notice, Step, tell, wait};
use crate::policy::Labels;
use crate::refusal::{Reason, Refusal};
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::reply::{self, Challenge, Name, Package, Started};
use crate::tenant::request::{Request, Session};
use crate::tenant::text::{ServerText, shown};

/// A tenant's own host, its vanity host and the pod: more redirects than that are a loop.
const MAX_HOPS: u8 = 3;
/// How often a tenant that is busy is asked again. Opening a session is no attempt, so this costs
/// the user nothing.
const MAX_TRIES: u8 = 3;

/// How long is waited for a tenant that is busy and does not say for how long.
const BUSY: Duration = Duration::from_secs(1);

impl Login {
    /// Asks for the user's challenges.
    pub(super) fn open(self: Box<Self>, tries: u8) -> Step {
        let request = Request::Start {
            tenant_id: self.terms.tenant.id.clone(),
            user: self.terms.tenant_user.clone(),
        };
        self.send(request, Expected::Start { tries })
    }

    pub(super) fn started(self: Box<Self>, reply: Result<Response, Failure>, tries: u8) -> Step {
        match read(reply, reply::started) {
            Ok(Started::Package(package)) => self.opened(package),
            Ok(Started::Redirect(host)) => self.redirected(&host),
            Ok(Started::Federated(federated)) => self.federated(federated),
            Ok(Started::Elsewhere) => {
                self.end(Refusal::new(Reason::Federated, "the tenant names no page to wait for"))
            }
            Ok(Started::Failed) => self.end(Reason::StartRefused),
            Ok(Started::Unasked) => self.end(Reason::SuccessUnasked),
            Err(Trouble::Busy(_, asked)) if tries < MAX_TRIES => {
                let next = wait::Next::Open { tries: tries + 1 };
                self.wait_as_asked(asked, BUSY, next)
            }
            Err(trouble) => self.unreached(trouble),
        }
    }

    pub(super) fn opened(mut self: Box<Self>, package: Package) -> Step {
        let Some(id) = package.session.clone().filter(|id| !id.is_empty()) else {
            return self.end(Refusal::new(Reason::Misbehaved, "a package without a session"));
        };
        if let Err(refusal) =
            check_tenant(self.terms.tenant.id.as_deref(), package.tenant_id.as_deref())
        {
            return self.end(refusal);
        }
        let tenant_id = package.tenant_id.clone().or_else(|| self.terms.tenant.id.clone());
        self.session = Some(Session { id, tenant_id });
        self.accept(package)
    }

    /// Begins with the first challenge of a package, whether it is the first one or replaces
    /// another.
    pub(super) fn accept(mut self: Box<Self>, package: Package) -> Step {
        if let Err(refusal) = self.round() {
            return self.abandon(refusal);
        }
        // Until then even the right answers fail, and count as tries.
        if package.retry_after > 0 {
            let detail = format!("the tenant asks to wait {} s", package.retry_after);
            return self.abandon(Refusal::new(Reason::TenantThrottle, detail));
        }
        if package.challenges.is_empty() {
            return self.abandon(Reason::NothingOffered);
        }
        self.challenges = package.challenges;
        if self.terms.stranger && self.terms.login.labels == Labels::Known {
            self.challenges.iter_mut().for_each(hide_labels);
        }
        self.index = 0;
        self.queue.clear();
        let offered = format!("offered: {}", self.offered());
        tell(Notice::Debug(offered), self.plan())
    }

    fn redirected(mut self: Box<Self>, host: &str) -> Step {
        self.hops += 1;
        let shown = shown(host, 100);
        if self.hops > MAX_HOPS {
            let detail = format!("to {shown}, after {MAX_HOPS} others");
            return self.end(Refusal::new(Reason::RedirectRefused, detail));
        }
        let Some(target) = self.terms.tenant.redirect_target(host).cloned() else {
            let detail = format!("to {shown}, which is not in redirect_hosts");
            return self.end(Refusal::new(Reason::RedirectRefused, detail));
        };
        self.target = target;
        tell(Notice::Debug(format!("redirected to {shown}")), self.open(1))
    }
}

/// Takes away what the tenant calls phones and addresses. Those of one kind are numbered, in the
/// tenant's order.
fn hide_labels(challenge: &mut Challenge) {
    let names: Vec<_> = challenge.offers.iter().map(|o| o.name.clone()).collect();
    let count = |name: &Name, upto: usize| names.iter().take(upto).filter(|n| *n == name).count();
    for (at, offer) in challenge.offers.iter_mut().enumerate() {
        let number = (count(&offer.name, names.len()) > 1)
            .then(|| format!("no. {}", count(&offer.name, at) + 1));
        offer.label = number.map(ServerText::new);
        offer.prompt = None;
    }
}
