//! The only place where a login can succeed: a value that proves it, made from everything that must
//! be true.
#![forbid(unsafe_code)]

use super::outage::Outage;
use crate::local::offline::Receipt;
use crate::policy::{Flow, Mechanism, Terms};
use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::Identity;
use crate::tenant::text::shown;

/// That the tenant let this user in, after at least the factors that the policy demands, or an
/// offline code did.
///
/// Can't be made, copied or changed outside of this file.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    met: Vec<Mechanism>,
    offline: Option<OfflineProof>,
}

/// What stood in for the tenant.
#[derive(Debug, PartialEq, Eq)]
pub struct OfflineProof {
    /// The code.
    pub receipt: Receipt,
    /// Why the tenant was not asked, for the log.
    pub outage: String,
}

impl Proof {
    /// The mechanisms that were met, in order.
    #[must_use]
    pub fn met(&self) -> &[Mechanism] {
        &self.met
    }

    /// The offline code, where it was none of the tenant's mechanisms.
    #[must_use]
    pub fn offline(&self) -> Option<&OfflineProof> {
        self.offline.as_ref()
    }
}

/// Turns the tenant's `LoginSuccess` into a proof, or says what is missing.
pub(super) fn prove(
    terms: &Terms,
    identity: &Identity,
    met: Vec<Mechanism>,
) -> Result<Proof, Refusal> {
    bind(terms, identity)?;
    if !enough(terms, &met) {
        let names: Vec<_> = met.iter().map(|m| m.name()).collect();
        return Err(Refusal::new(Reason::TooFewFactors, format!("met: {}", names.join(","))));
    }
    let offline = None;
    Ok(Proof { met, offline })
}

/// An offline code that counts, in a login in which the tenant has not answered.
///
/// It is the second factor; the first is the password that the stack has verified before.
pub(super) fn prove_offline(receipt: Receipt, outage: Outage) -> Proof {
    let outage = outage.into_detail();
    Proof { met: Vec::new(), offline: Some(OfflineProof { receipt, outage }) }
}

/// A federated login: the other provider's factors are its own affair, which the administrator
/// accepted with `federated = true`. The identity is bound all the same.
pub(super) fn prove_federated(terms: &Terms, identity: &Identity) -> Result<Proof, Refusal> {
    if !terms.login.federated {
        return Err(Reason::Federated.into());
    }
    bind(terms, identity)?;
    Ok(Proof { met: Vec::new(), offline: None })
}

/// The tenant must name the user that it was asked for. It folds the case of names, and so do we.
fn bind(terms: &Terms, identity: &Identity) -> Result<(), Refusal> {
    match identity.user.as_deref() {
        Some(user) if user.eq_ignore_ascii_case(&terms.tenant_user) => Ok(()),
        Some(user) => {
            let detail = format!("the tenant let in \"{}\"", shown(user, 100));
            Err(Refusal::new(Reason::IdentityMismatch, detail))
        }
        None => Err(Refusal::new(Reason::IdentityMismatch, "the tenant named no user")),
    }
}

/// Whether these mechanisms are factors of as many different kinds as the policy demands.
///
/// A security key that sshd has verified is a possession. In a step-up, what came before it (a
/// password, a key) is the first of two kinds, and one of both must be a possession.
#[must_use]
pub fn enough(terms: &Terms, met: &[Mechanism]) -> bool {
    let kinds = met.iter().filter_map(|m| kind(*m, terms.login.email_counts));
    let (mut knowledge, mut possession) = (false, false);
    for kind in kinds {
        match kind {
            Kind::Knowledge => knowledge = true,
            Kind::Possession => possession = true,
        }
    }
    let known = match terms.flow {
        Flow::Login => knowledge,
        Flow::OnDemand(_) => knowledge || possession,
    };
    possession |= terms.security_key.is_some();
    u8::from(known) + u8::from(possession) >= terms.login.minimum_factors.max(1)
}

/// What a factor proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that only the user knows.
    Knowledge,
    /// Something that only the user has.
    Possession,
}

/// NIST SP 800-63B: a security question is something known; mail proves no possession of anything.
#[must_use]
pub fn kind(mechanism: Mechanism, email_counts: bool) -> Option<Kind> {
    match mechanism {
        Mechanism::Up | Mechanism::Sq => Some(Kind::Knowledge),
        Mechanism::Otp | Mechanism::Sms | Mechanism::Oath | Mechanism::Pf | Mechanism::Radius => {
            Some(Kind::Possession)
        }
        Mechanism::Email => email_counts.then_some(Kind::Possession),
    }
}
