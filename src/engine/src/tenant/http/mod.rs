//! One HTTPS connection to the tenant for the time of one login.
//!
//! This room is the only one that names the HTTP crate, ureq. It moves bytes; what they mean is the
//! business of `reply`.
//!
//! ureq writes requests, reads responses and keeps the connection. What stands below it is ours, by
//! the traits that it has for that (`connector`, `transport`), because its own sockets, TLS and
//! look-ups
//!
//! - send the head and the body of a request apart, which costs a packet and a system call each;
//! - ask the name service for each request, and take the roots of TLS as one parsed list;
//! - don't tell silence from an answer, nor the network's time from time in which the process did
//!   not run (`silence`, `watch`), and don't end when a signal asks to;
//! - take a proxy from the environment, which is the user's under su and sudo.
//!
//! So the deadlines are ours as well: ureq is told none, and the layers below it end by their own.
#![forbid(unsafe_code)]

mod connector;
mod transport;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::crypto::{self, CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, ClientConfig, Error};
use ureq::config::Config;
use ureq::http::{self, HeaderMap, HeaderValue, Method, Request, StatusCode, header, request};
use ureq::{Agent, Body};

pub use super::failure::{Failure, Local, Misbehaviour, Outage};
use super::means;
pub use super::proxy::Proxy;
pub use super::roots::{Roots, SetupError, Store};
use super::silence::{Proven, judged};
use super::watch::Watch;

pub use connector::Settings;
use connector::Way;
use transport::{HEADERS, Terms, wrapped};

use crate::os;

/// The largest body that is accepted, in bytes.
pub const BODY: usize = 256 * 1024;

/// How we present ourselves to the tenant.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A person may need this long to answer between two requests on one connection.
const IDLE: Duration = Duration::from_secs(120);

const UNFIT: &str = "not a URL or header that can be sent";

/// A failure so close to the end of its time may come from that end.
const CLOSE: Duration = Duration::from_millis(100);

/// The connection of one login: one, kept, and made anew only where it is gone before a request.
pub struct Client {
    agent: Agent,
    way: Way,
    watch: Watch,
    request_timeout: Duration,
}

/// How long a response may keep us waiting, within the budget of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// `request_timeout`.
    Request,
    /// All of the budget: the tenant may hold its response until a person has approved. A signal
    /// that asks to stop ends it.
    Person,
}

/// What came back: a whole HTTP response, of whatever status.
pub struct Response {
    /// The status code, 200 to 599.
    pub status: u16,
    /// `Content-Type`, if it is printable.
    pub content_type: Option<String>,
    /// `X-Cfy-Tx-Id`, by which the tenant's support finds the exchange.
    pub transaction: Option<String>,
    /// `Retry-After`, in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// `Date`, the tenant's own clock.
    pub date: Option<String>,
    /// The body, at most [`BODY`] bytes.
    pub body: Vec<u8>,
}

impl Client {
    /// Prepares a connection; nothing is sent before the first request.
    pub fn new(settings: &Settings) -> Result<Client, SetupError> {
        let watch = Watch::default();
        let way = Way::new(tls(&settings.roots)?, settings, watch.clone());
        Ok(Client {
            agent: Agent::with_parts(config(), way.clone(), way.clone()),
            way,
            watch,
            request_timeout: settings.request_timeout,
        })
    }

    /// Sends `body` with exactly these headers, `Host`, `Content-Length` and `User-Agent` aside,
    /// and waits for the response, in all no longer than `budget`.
    ///
    /// If the budget ended the request before the configured time, silence is [`Local::NoTime`] and
    /// not an outage.
    ///
    /// A request whose first byte may have reached the tenant is never sent a second time.
    pub fn post(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        budget: Duration,
    ) -> Result<Response, Failure> {
        self.post_with(Patience::Request, url, headers, body, budget)
    }

    /// Sends `body` as [`Client::post`] does, and waits for the response with this patience.
    pub fn post_with(
        &mut self,
        patience: Patience,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        budget: Duration,
    ) -> Result<Response, Failure> {
        let request = asking(Method::POST, url, headers);
        self.exchange(request, Some(body), budget, patience)
    }

    /// The same without a body, for a request that only reads.
    pub fn get(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Response, Failure> {
        let request = asking(Method::GET, url, headers);
        self.exchange(request, None, budget, Patience::Request)
    }

    /// The same without a body, for a request that removes something.
    pub fn delete(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Response, Failure> {
        let request = asking(Method::DELETE, url, headers);
        self.exchange(request, None, budget, Patience::Request)
    }

    fn exchange(
        &mut self,
        request: Result<Request<()>, Failure>,
        body: Option<&[u8]>,
        budget: Duration,
        patience: Patience,
    ) -> Result<Response, Failure> {
        let limit = match patience {
            Patience::Request => self.request_timeout,
            Patience::Person => budget,
        };
        let budget = budget.min(limit);
        if budget.is_zero() {
            return Err(Failure::local(Local::NoTime, "no request was begun"));
        }
        let begun = Instant::now();
        let deadline = begun.checked_add(budget).unwrap_or(begun);
        self.watch.begin();
        self.way.begin(Terms { deadline, heeds_stops: patience == Patience::Person });
        let result = request.and_then(|request| self.send(request, body).map_err(sorted));
        let ended_by_itself = begun.elapsed() + CLOSE < budget;
        let prove = || {
            let met = self.watch.full_table();
            let lack = met.map(|table| (Local::Resources, table));
            let lack = lack.or_else(means::lack);
            Proven {
                // A person who takes their time is no silence of the tenant's.
                had_time: patience == Patience::Request && budget == limit || ended_by_itself,
                listened: self.watch.was_fair(),
                lack,
                names: self.way.names(),
                // Last, because a stop may come as late as this.
                ran: self.watch.was_running(),
            }
        };
        let result = result.map_err(|failure| judged(failure, prove));
        self.watch.end();
        result
    }

    fn send(&self, request: Request<()>, body: Option<&[u8]>) -> Result<Response, ureq::Error> {
        read(match body {
            Some(body) => self.agent.run(request.map(|()| body))?,
            None => self.agent.run(request)?,
        })
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> u32 {
        self.way.made()
    }
}

/// Nobody logs in by a certificate of the client, so nothing that signs is linked.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("no private keys".to_owned()))
    }
}

fn asking(method: Method, url: &str, headers: &[(&str, &str)]) -> Result<Request<()>, Failure> {
    let request = Request::builder().method(method).uri(url);
    let headed =
        |request: request::Builder, (name, value): &(&str, &str)| request.header(*name, *value);
    let request = headers.iter().fold(request, headed).body(());
    request.map_err(|_| Failure::local(Local::Request, UNFIT))
}

/// Preferred where the tenant leaves it to us: its hash is the cheaper one, and processors have
/// instructions for it.
const FIRST: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;

pub(super) fn tls(roots: &Roots) -> Result<Arc<ClientConfig>, SetupError> {
    let mut provider = CryptoProvider { key_provider: &NoKeys, ..crypto::ring::default_provider() };
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != FIRST);
    let provider = Arc::new(provider);
    let verifier = roots.verifier(provider.clone())?;
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| SetupError(error.to_string()))?;
    // Not dangerous: every verifier of ours ends in rustls's own.
    let verified = versions.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(8);
    Ok(Arc::new(config))
}

/// Nothing of it comes from the environment, where ureq looks for a proxy before it is told of none.
fn config() -> Config {
    Config::builder()
        .proxy(None)
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(AGENT)
        .accept("")
        .accept_encoding("")
        .max_response_header_size(HEADERS)
        .max_idle_connections(1)
        .max_idle_age(IDLE)
        .build()
}

fn read(answer: http::Response<Body>) -> Result<Response, ureq::Error> {
    let (head, mut body) = answer.into_parts();
    let length = acceptable(head.status, &head.headers).map_err(wrapped)?;
    // One byte more shows the end without another, larger buffer.
    let mut bytes = Vec::with_capacity(length.map_or(0, |length| length + 1));
    body.with_config().limit(BODY as u64).reader().read_to_end(&mut bytes)?;
    let printable = |name| head.headers.get(name).and_then(printable);
    Ok(Response {
        status: head.status.as_u16(),
        content_type: printable("content-type"),
        transaction: printable("x-cfy-tx-id").filter(|id| is_transaction(id)),
        retry_after: printable("retry-after").and_then(|text| wait(&text, printable("date"))),
        date: printable("date"),
        body: bytes,
    })
}

/// The length of the body, where it is told. A final status; one length that is not too long, or
/// chunks, and nothing that says two things (RFC 9112, section 6.3); no compression, for none was
/// offered.
fn acceptable(status: StatusCode, headers: &HeaderMap) -> Result<Option<usize>, Failure> {
    let all = |name, value: &str| {
        let mut values = headers.get_all(name).iter();
        values.all(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    };
    let codings = headers.get_all(header::TRANSFER_ENCODING).iter().count();
    let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
    let number = |length: &HeaderValue| length.to_str().ok().and_then(|text| text.parse().ok());
    let length: Option<usize> = lengths.first().and_then(|length| number(length));
    let wrong = if !(200..=599).contains(&status.as_u16()) {
        "not a final status"
    } else if !all(header::CONTENT_ENCODING, "identity") {
        "compressed body"
    } else if !all(header::TRANSFER_ENCODING, "chunked") {
        "unknown transfer coding"
    } else if codings + lengths.len() > 1 {
        "more than one length"
    } else if length.is_none() && !lengths.is_empty() {
        "a length that is no number"
    } else if length > Some(BODY) {
        return Err(Failure::misbehaved(Misbehaviour::TooLarge, "body"));
    } else {
        return Ok(length);
    };
    Err(Failure::misbehaved(Misbehaviour::Protocol, wrong))
}

/// The failure inside an error of the HTTP crate, or what one of its own means.
fn sorted(error: ureq::Error) -> Failure {
    use ureq::Error as Own;
    match error {
        Own::Other(inner) => match inner.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(inner) => Failure::misbehaved(Misbehaviour::Protocol, inner),
        },
        Own::Http(_) | Own::BadUri(_) | Own::RequireHttpsOnly(_) => {
            Failure::local(Local::Request, UNFIT)
        }
        Own::LargeResponseHeader(..) => Failure::misbehaved(Misbehaviour::TooLarge, "headers"),
        Own::BodyExceedsLimit(_) => Failure::misbehaved(Misbehaviour::TooLarge, "body"),
        Own::BodyStalled => Failure::misbehaved(Misbehaviour::Cut, "closed in a chunk"),
        Own::Io(error) => Failure::connected(&error),
        Own::Protocol(error) => Failure::misbehaved(Misbehaviour::Protocol, error),
        error => Failure::misbehaved(Misbehaviour::Protocol, error),
    }
}

fn printable(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    (text.len() <= 128).then(|| text.to_owned())
}

fn is_transaction(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// How long `Retry-After` asks to wait (RFC 9110, section 10.2.3). A date is compared with the
/// `Date` of the same response, so that the clock of this machine matters only where there is none.
fn wait(text: &str, date: Option<String>) -> Option<Duration> {
    let until = || httpdate::parse_http_date(text).ok();
    let told = date.and_then(|date| httpdate::parse_http_date(&date).ok());
    let now = || told.unwrap_or_else(|| UNIX_EPOCH + Duration::from_secs(os::wall_clock()));
    seconds(text).or_else(|| Some(until()?.duration_since(now()).unwrap_or_default()))
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten()?;
    Some(Duration::from_secs(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn asked(text: &str) -> Option<u64> {
        wait(text, Some(NOW.to_owned())).map(|time| time.as_secs())
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("0"), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(asked("Sunday, 06-Nov-94 08:51:37 GMT"), Some(120));
        assert_eq!(asked(NOW), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "it is over");
        for neither in ["", "-1", "1.5", "soon", "1994-11-06T08:51:37Z", "+1"] {
            assert_eq!(asked(neither), None, "{neither}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_clock_of_this_machine_where_the_tenant_tells_none() {
        let long_ago = wait("Sun, 06 Nov 1994 08:51:37 GMT", None);
        assert_eq!(long_ago, Some(Duration::ZERO));
        let far = wait("Fri, 31 Dec 9999 23:59:59 GMT", None).unwrap();
        assert!(far > Duration::from_secs(365 * 24 * 3600));
    }
}
