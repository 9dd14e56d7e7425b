//! From the bytes of a reply to its meaning, or to whose fault it is that it has none.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::refusal::{Reason, Refusal};
use crate::tenant::failure::{Failure, Misbehaviour};
use crate::tenant::http::Response;
use crate::tenant::reply::Malformed;
use crate::tenant::text::shown;

/// What became of a request.
pub(super) type Reply = Result<Response, Failure>;

/// Why there is no usable reply.
pub(super) enum Trouble {
    /// 429 or 503: the request was not looked at. What may be asked again may be so after this
    /// time.
    Busy(Refusal, Option<Duration>),
    /// 500, 502 or 504: the tenant, or its front, has stumbled. What is only asked may be asked
    /// again.
    Stumbled(Refusal),
    /// The connection broke. What is only asked, not done, may be asked again.
    Broken(Refusal),
    /// Not to be believed, or not reached.
    Final(Refusal),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy(refusal, _)
            | Trouble::Stumbled(refusal)
            | Trouble::Broken(refusal)
            | Trouble::Final(refusal) => refusal,
        }
    }
}

/// Takes a reply apart. The API answers 200 and JSON even when a login fails; anything else is not
/// the API.
pub(super) fn read<T>(
    reply: Reply,
    parse: fn(&[u8]) -> Result<T, Malformed>,
) -> Result<T, Trouble> {
    let response = busy_or_broken(reply)?;
    match response.status {
        200 => {}
        500 | 502 | 504 => return Err(Trouble::Stumbled(unexpected(response.status))),
        status => return Err(Trouble::Final(unexpected(status))),
    }
    if !is_json(&response) {
        let kind = response.content_type.as_deref().unwrap_or_default();
        return Err(misbehaved(format!("a reply of type \"{}\"", shown(kind, 60))));
    }
    parse(&response.body).map_err(|Malformed(what)| misbehaved(what))
}

/// Whether the API speaks, and no front of it: a throttle or a page says nothing of what has become
/// of an approval.
#[must_use]
pub fn is_of_the_api(response: &Response) -> bool {
    response.status == 200 && is_json(response)
}

fn is_json(response: &Response) -> bool {
    let kind = response.content_type.as_deref().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn unexpected(status: u16) -> Refusal {
    let detail = match status {
        404 => "HTTP status 404: is tenant.url right?".to_owned(),
        status => format!("HTTP status {status}"),
    };
    Refusal::new(Reason::Misbehaved, detail)
}

/// A reply to a request that was looked at, whatever it says.
pub(super) fn busy_or_broken(reply: Reply) -> Result<Response, Trouble> {
    let response = reply.map_err(trouble)?;
    match response.status {
        429 | 503 => Err(busy(&response)),
        _ => Ok(response),
    }
}

/// Too many requests are a throttle; a service that is unavailable is a fault of the service.
fn busy(response: &Response) -> Trouble {
    let asked = response.retry_after;
    let wait = asked.map(|time| format!(", the tenant asks to wait {} s", time.as_secs()));
    let wait = wait.unwrap_or_default();
    let refusal = match response.status {
        429 => Refusal::new(Reason::TenantThrottle, format!("HTTP status 429{wait}")),
        status => Refusal::new(
            Reason::Misbehaved,
            format!("HTTP status {status}: the tenant is too busy{wait}"),
        ),
    };
    Trouble::Busy(refusal.lasting(asked), asked)
}

fn misbehaved(what: String) -> Trouble {
    Trouble::Final(Refusal::new(Reason::Misbehaved, what))
}

/// Whose fault it is that there is no reply.
pub(super) fn refusal(failure: Failure) -> Refusal {
    trouble(failure).into()
}

fn trouble(failure: Failure) -> Trouble {
    match failure {
        Failure::Outage(kind, detail) => {
            Trouble::Broken(Refusal::new(Reason::Outage, format!("{kind}: {detail}")))
        }
        Failure::Misbehaved(kind, detail) => {
            let refusal = Refusal::new(Reason::Misbehaved, format!("{kind}: {detail}"));
            match kind {
                Misbehaviour::Cut | Misbehaviour::Timeout => Trouble::Broken(refusal),
                Misbehaviour::Certificate
                | Misbehaviour::Tls
                | Misbehaviour::Protocol
                | Misbehaviour::Proxy
                | Misbehaviour::TooLarge => Trouble::Final(refusal),
            }
        }
        Failure::Local(kind, detail) => {
            Trouble::Final(Refusal::new(Reason::Local, format!("{kind}: {detail}")))
        }
    }
}
