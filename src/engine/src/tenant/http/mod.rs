//! One HTTPS connection to the tenant for the time of one login.
//!
//! This room is the only one that names the HTTP crate. It moves bytes; what they mean is the
//! business of `reply`.
#![forbid(unsafe_code)]

mod connection;

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::crypto::{self, CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, ClientConfig, Error};
use ureq_proto::http::{HeaderValue, Method, Request, request};

pub use super::failure::{Failure, Local, Misbehaviour, Outage};
use super::means;
pub use super::proxy::Proxy;
pub use super::roots::{Roots, SetupError, Store};
use super::silence::{Proven, judged};
use super::watch::Watch;

pub use connection::{BODY, Settings};
use connection::{Connection, Incoming, Outgoing, Target, Way};

use crate::os;

/// A failure so close to the end of its time may come from that end.
const CLOSE: Duration = Duration::from_millis(100);

/// The connection of one login: one, kept, and made anew only where it is gone before a request.
pub struct Client {
    way: Way,
    kept: Option<Connection>,
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
        Ok(Client {
            way: Way::new(tls(&settings.roots)?, settings, watch.clone()),
            kept: None,
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
        let result = request.and_then(|request| self.send(request, body, deadline, patience));
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

    /// On the connection that was kept, if it still stands and leads there; else it is given up.
    fn send(
        &mut self,
        request: Request<()>,
        body: Option<&[u8]>,
        deadline: Instant,
        patience: Patience,
    ) -> Result<Response, Failure> {
        let target = Target::of(request.uri())?;
        let outgoing = Outgoing::new(request, body)?;
        let kept = self.kept.take_if(|kept| kept.serves(&target));
        self.kept = None;
        let mut connection = match kept {
            Some(kept) => kept,
            None => self.way.open(&target, deadline)?,
        };
        connection.heed_stops(patience == Patience::Person);
        let incoming = connection.exchange(outgoing, deadline)?;
        if !incoming.is_last {
            self.kept = Some(connection);
        }
        Ok(understood(incoming))
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> u32 {
        self.way.made
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
    request.map_err(|_| Failure::local(Local::Request, "not a URL or header that can be sent"))
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

fn understood(incoming: Incoming) -> Response {
    let printable = |name| incoming.headers.get(name).and_then(printable);
    Response {
        status: incoming.status.as_u16(),
        content_type: printable("content-type"),
        transaction: printable("x-cfy-tx-id").filter(|id| is_transaction(id)),
        retry_after: printable("retry-after").and_then(|text| wait(&text, printable("date"))),
        date: printable("date"),
        body: incoming.body,
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
