//! What a tenant offers a user, without a login: the session is opened, looked at and abandoned.
#![forbid(unsafe_code)]

use std::time::Duration;

use countersign::host::{Answer, Effects};
use countersign::login::{self, Kind, Outgoing, Question, enough, kind, obstacle};
use countersign::policy::{Batch, Mechanism, Terms};
use countersign::refusal::{Reason, Refusal};
use countersign::tenant::failure::Failure;
use countersign::tenant::http::Response;
use countersign::tenant::reply::{self, Challenge, Name, Offer, Started};
use countersign::tenant::request::Request;

use crate::tenant::drive::drive;

/// What the tenant answered to the opening of a session.
#[derive(Default)]
pub struct Offered {
    /// All to be met, in this order; of each, one mechanism.
    pub challenges: Vec<Challenge>,
    /// Seconds for which the tenant refuses even the right answers.
    pub wait: u64,
    /// The user logs in at another identity provider.
    pub is_elsewhere: bool,
}

/// What a mechanism is worth here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It counts as this.
    Counts(Kind),
    /// It can be met, and counts for nothing.
    CountsNot,
    /// It can't be met in a terminal, and why.
    Useless(&'static str),
}

/// Asks the tenant what a user would have to meet, as a login does, and leaves it at that: no
/// answer is sent and no mechanism is started.
///
/// An unknown user is offered something too: tenants do not tell who is known.
///
/// # Errors
///
/// Why the tenant did not say.
pub fn offered(terms: &Terms) -> Result<Offered, Refusal> {
    let mut look = Look(None);
    let ended = drive(terms.clone(), None, &mut look);
    match (look.0, ended) {
        // An error, or a reply that can't be believed, says nothing about what is offered. Every
        // other end is one that a login may have because nothing is answered here.
        (Some(offered), Err(Refusal { reason, .. }))
            if !reason.is_error() && !reason.is_no_word() =>
        {
            Ok(offered)
        }
        (_, Err(refusal)) => Err(refusal),
        (_, Ok(_)) => Err(Reason::SuccessUnasked.into()),
    }
}

/// What has been seen, once something has.
struct Look(Option<Offered>);

impl Effects for Look {
    fn ask(&mut self, _: &Question) -> Answer {
        Answer::Failed
    }

    fn may_send(&mut self, request: &Request) -> Result<(), Refusal> {
        let only_opens = match request {
            Request::Start { .. } | Request::Token { .. } | Request::Challenge { .. } => true,
            Request::Advance { .. }
            | Request::Status { .. }
            | Request::Whoami
            | Request::Cleanup { .. } => false,
        };
        if only_opens && self.0.is_none() { Ok(()) } else { Err(Reason::Interrupted.into()) }
    }

    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, _: Duration) {
        let Ok(response) = reply else {
            return;
        };
        if !matches!(outgoing.request, Request::Start { .. } | Request::Challenge { .. }) {
            return;
        }
        match reply::started(&response.body) {
            Ok(Started::Package(package)) => {
                self.0 = Some(Offered {
                    challenges: package.challenges,
                    wait: package.retry_after,
                    is_elsewhere: false,
                });
            }
            Ok(Started::Federated(_)) => {
                self.0 = Some(Offered { is_elsewhere: true, ..Offered::default() });
            }
            // What it means is the machine's business.
            Ok(Started::Redirect(_) | Started::Elsewhere | Started::Failed | Started::Unasked)
            | Err(_) => {}
        }
    }

    fn may_wait(&self) -> bool {
        self.0.is_none()
    }
}

impl Offered {
    /// Whether a login sends several answers in one request: only then a tenant that takes one at a
    /// time is in its way.
    pub fn goes_together(&self, terms: &Terms) -> bool {
        self.challenges.len() > 1 && terms.tenant.multiple_operations != Batch::Off
    }

    /// Whether one mechanism of each challenge could be what the policy demands.
    pub fn can_be_enough(&self, terms: &Terms) -> bool {
        if self.is_elsewhere {
            terms.login.federated
        } else {
            !self.challenges.is_empty() && reaches(terms, &self.challenges, &mut Vec::new())
        }
    }
}

/// Tries one of each kind per challenge: others add nothing.
fn reaches(terms: &Terms, challenges: &[Challenge], met: &mut Vec<Mechanism>) -> bool {
    let Some((first, rest)) = challenges.split_first() else {
        return enough(terms, met);
    };
    let mut tried = Vec::new();
    first.offers.iter().filter_map(usable).any(|mechanism| {
        let kind = kind(mechanism, terms.login.email_counts);
        if tried.contains(&kind) {
            return false;
        }
        tried.push(kind);
        met.push(mechanism);
        let is_enough = reaches(terms, rest, met);
        met.pop();
        is_enough
    })
}

fn usable(offer: &Offer) -> Option<Mechanism> {
    match (&offer.name, obstacle(offer)) {
        (Name::Known(mechanism), None) => Some(*mechanism),
        (Name::Known(_) | Name::Reset | Name::Other(_) | Name::Garbled(_), _) => None,
    }
}

/// What one offer is worth under these terms.
pub fn worth(terms: &Terms, offer: &Offer) -> Worth {
    match (usable(offer), obstacle(offer)) {
        (Some(mechanism), _) => match login::kind(mechanism, terms.login.email_counts) {
            Some(kind) => Worth::Counts(kind),
            None => Worth::CountsNot,
        },
        (None, why) => Worth::Useless(why.unwrap_or("it can't work in a terminal")),
    }
}
