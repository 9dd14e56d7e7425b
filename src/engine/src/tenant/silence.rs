//! Whether silence counts as an outage: the one place that decides it.
//!
//! An outage opens offline codes. The caller of sudo, su or doas may stop, limit and starve the
//! process, and use up what this machine has. So silence counts only where this login has proven
//! that its machine could have spoken and listened.
#![forbid(unsafe_code)]

use super::failure::{Failure, Local, Misbehaviour, Outage};
use super::nameservers::Names;

/// What this login has proven about its own machine, right after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    /// The process was neither stopped nor suspended nor starved.
    pub(super) ran: bool,
    /// The network had all the time that the configuration gives it: the login's own deadline cut
    /// nothing off.
    pub(super) had_time: bool,
    /// The wait that ended in silence had itself the time that a fair request gives.
    pub(super) listened: bool,
    /// What the process did not get from this machine, of all that a request needs.
    pub(super) lack: Option<(Local, String)>,
    /// What the name servers of the network said to a question of our own. Asked only after a
    /// lookup that gave nothing.
    pub(super) names: Names,
}

/// Whether silence of this kind counts, or what is to blame on this machine instead.
pub(super) fn counts(kind: Outage, proven: &Proven) -> Result<(), (Local, String)> {
    if !proven.ran {
        return Err((Local::Stopped, String::new()));
    }
    if let Some(lack) = &proven.lack {
        return Err(lack.clone());
    }
    if kind.takes_time() && !proven.had_time {
        return Err((Local::NoTime, String::new()));
    }
    // A look-up is proven by the question to the name servers, which has a time of its own.
    if matches!(kind, Outage::ConnectTimeout | Outage::Silent) && !proven.listened {
        let why = "too little was left for an answer";
        return Err((Local::NoTime, why.to_owned()));
    }
    match (kind, proven.names) {
        (Outage::NameNotFound | Outage::NameService, Names::Alive) => {
            let why = "a name server of the network answers, and the lookup on this machine fails";
            Err((Local::Resolver, why.to_owned()))
        }
        (Outage::NameNotFound | Outage::NameService, Names::Unsure) => {
            let why = "a name server of the network answers, and can't tell at the moment";
            Err((Local::Resolver, why.to_owned()))
        }
        (Outage::NameNotFound | Outage::NameService, Names::Unknown) => {
            let why = "the name servers of the network could not be asked";
            Err((Local::Resolver, why.to_owned()))
        }
        (Outage::NameNotFound | Outage::NameService, Names::Dead)
        | (
            Outage::Refused
            | Outage::NoRoute
            | Outage::ConnectTimeout
            | Outage::Silent
            | Outage::BehindProxy,
            _,
        ) => Ok(()),
    }
}

/// The failure as a login may see it. `prove` is asked only where a failure depends on it.
pub(super) fn judged(failure: Failure, prove: impl FnOnce() -> Proven) -> Failure {
    match failure {
        Failure::Outage(kind, detail) => match counts(kind, &prove()) {
            Ok(()) => Failure::Outage(kind, detail),
            Err((local, why)) => Failure::local(local, told(&why, &kind, &detail)),
        },
        // No outage either way. The log should not blame the tenant.
        Failure::Misbehaved(Misbehaviour::Timeout, detail) if !prove().ran => {
            Failure::local(Local::Stopped, detail)
        }
        Failure::Misbehaved(..) | Failure::Local(..) => failure,
    }
}

fn told(why: &str, kind: &Outage, detail: &str) -> String {
    if why.is_empty() { format!("{kind}: {detail}") } else { format!("{why}; {kind}: {detail}") }
}

/// Who can make a failure of a class happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The network, or a person in it.
    Network,
    /// The tenant.
    Tenant,
    /// The proxy that the configuration names.
    Proxy,
    /// A user of this machine without rights.
    User,
    /// The administrator of this machine.
    Administrator,
}

impl Cause {
    /// The word of the manual.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Cause::Network => "network",
            Cause::Tenant => "tenant",
            Cause::Proxy => "proxy",
            Cause::User => "user",
            Cause::Administrator => "administrator",
        }
    }
}

/// A class of failures: what the log calls it, who can cause it, and what it counts as.
#[derive(Clone, Debug)]
pub struct Class {
    /// A failure of this class, without detail.
    pub failure: Failure,
    /// Who can cause it.
    pub causes: &'static [Cause],
}

impl Class {
    /// The reason in the log: `outage`, `misbehaved` or `local`.
    #[must_use]
    pub fn counts_as(&self) -> &'static str {
        match self.failure {
            Failure::Outage(..) => "outage",
            Failure::Misbehaved(..) => "misbehaved",
            Failure::Local(..) => "local",
        }
    }

    /// What the log calls it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.failure {
            Failure::Outage(kind, _) => kind.to_string(),
            Failure::Misbehaved(kind, _) => kind.to_string(),
            Failure::Local(kind, _) => kind.to_string(),
        }
    }
}

/// Every class of failures. The manual, pam_countersign(8), has this table too, and a test compares
/// them.
#[must_use]
pub fn classes() -> Vec<Class> {
    let outages = Outage::ALL.map(|kind| (Failure::outage(kind, ""), outage_causes(kind)));
    let misbehaviours =
        Misbehaviour::ALL.map(|kind| (Failure::misbehaved(kind, ""), misbehaviour_causes(kind)));
    let local = Local::ALL.map(|kind| (Failure::local(kind, ""), local_causes(kind)));
    let all = outages.into_iter().chain(misbehaviours).chain(local);
    all.map(|(failure, causes)| Class { failure, causes }).collect()
}

fn outage_causes(kind: Outage) -> &'static [Cause] {
    use Cause::{Administrator, Network, Proxy, Tenant};
    match kind {
        Outage::NameNotFound | Outage::NameService | Outage::NoRoute => &[Network, Administrator],
        Outage::Refused | Outage::ConnectTimeout | Outage::Silent => &[Network, Tenant],
        Outage::BehindProxy => &[Network, Tenant, Proxy],
    }
}

fn misbehaviour_causes(kind: Misbehaviour) -> &'static [Cause] {
    use Cause::{Network, Proxy, Tenant, User};
    match kind {
        Misbehaviour::Certificate | Misbehaviour::Tls | Misbehaviour::Protocol => {
            &[Network, Tenant]
        }
        // A user of this machine can keep a proxy busy.
        Misbehaviour::Proxy => &[Network, Proxy, User],
        Misbehaviour::TooLarge => &[Network, Tenant, Proxy],
        Misbehaviour::Cut | Misbehaviour::Timeout => &[Network, Tenant, Proxy, User],
    }
}

fn local_causes(kind: Local) -> &'static [Cause] {
    use Cause::{Administrator, User};
    match kind {
        Local::Permission | Local::Sandbox | Local::Request => &[Administrator],
        Local::Resources | Local::NoTime | Local::Resolver | Local::Stopped => &[User],
    }
}

#[cfg(test)]
#[path = "silence_tests.rs"]
mod tests;
