//! One HTTPS connection to the tenant for the time of one login.
//!
//! This room is the only one that names the HTTP crate. It moves bytes; what they mean is the business of `reply`.
#![forbid(unsafe_code)]

mod adapter;
mod memory;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::{self, CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, ClientConfig, Error};
use ureq::config::Config;
use ureq::http::{HeaderMap, HeaderValue, Response as Answer, StatusCode, header};
use ureq::typestate::WithoutBody;
use ureq::{Agent, RequestBuilder};

pub use super::failure::{Failure, Local, Misbehaviour, Outage};
pub use super::proxy::Proxy;
pub use super::resolver::IpFamily;
pub use super::roots::{Roots, SetupError, Store};

use adapter::{Connect, Resolve};

/// The largest body that is accepted, in bytes.
pub const BODY: usize = 256 * 1024;

/// The largest block of headers that is accepted, in bytes.
const HEADERS: usize = 16 * 1024;

/// How we present ourselves to the tenant.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A person may need this long to answer between two requests on one connection.
const IDLE: Duration = Duration::from_secs(120);

/// How to reach a tenant. Nothing comes from the environment.
pub struct Settings {
    /// Who may vouch for the tenant.
    pub roots: Roots,
    /// The proxy on the way, if there is one.
    pub proxy: Option<Proxy>,
    /// Which addresses may be used.
    pub ip_family: IpFamily,
    /// How long the TCP connect may take, all addresses together, and the tunnel of a proxy.
    pub connect_timeout: Duration,
    /// How long a whole exchange may take, from the lookup to the last byte.
    pub request_timeout: Duration,
}

/// The connection of one login: one, kept, and made anew only where it is gone before a request.
pub struct Client {
    agent: Agent,
    request_timeout: Duration,
    connections: Arc<AtomicU32>,
}

/// What came back: a whole HTTP response, of whatever status.
pub struct Response {
    /// The status code, 200 to 599.
    pub status: u16,
    /// `Content-Type`, if it is printable.
    pub content_type: Option<String>,
    /// `X-Cfy-Tx-Id`, by which the tenant's support finds the exchange.
    pub transaction: Option<String>,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// `Date`, the tenant's own clock.
    pub date: Option<String>,
    /// The body, at most [`BODY`] bytes.
    pub body: Vec<u8>,
}

impl Client {
    /// Prepares a connection; nothing is sent before the first request.
    pub fn new(settings: &Settings) -> Result<Client, SetupError> {
        let connections = Arc::new(AtomicU32::new(0));
        let connect = Connect::new(tls(&settings.roots)?, settings, connections.clone());
        let agent = Agent::with_parts(config(), connect, Resolve::new(settings));
        Ok(Client {
            agent,
            request_timeout: settings.request_timeout,
            connections,
        })
    }

    /// Sends `body` with exactly these headers, `Host`, `Content-Length` and `User-Agent` aside, and waits for the
    /// response, in all no longer than `budget`.
    ///
    /// Nobody who did not answer within less than the configured time is said to be out: that would be ours to blame.
    ///
    /// A request whose first byte may have reached the tenant is never sent a second time.
    pub fn post(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        budget: Duration,
    ) -> Result<Response, Failure> {
        let request = headed(self.agent.post(url), headers);
        self.exchange(budget, |limit| {
            let request = request.config().timeout_global(Some(limit)).build();
            request.send(body)
        })
    }

    /// The same without a body, for a request that only reads.
    pub fn get(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Response, Failure> {
        self.bare(self.agent.get(url), headers, budget)
    }

    /// The same without a body, for a request that removes something.
    pub fn delete(
        &mut self,
        url: &str,
        headers: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Response, Failure> {
        self.bare(self.agent.delete(url), headers, budget)
    }

    fn bare(
        &self,
        request: RequestBuilder<WithoutBody>,
        headers: &[(&str, &str)],
        budget: Duration,
    ) -> Result<Response, Failure> {
        let request = headed(request, headers);
        self.exchange(budget, |limit| {
            let request = request.config().timeout_global(Some(limit)).build();
            request.call()
        })
    }

    fn exchange(
        &self,
        budget: Duration,
        send: impl FnOnce(Duration) -> Result<Answer<ureq::Body>, ureq::Error>,
    ) -> Result<Response, Failure> {
        let budget = budget.min(self.request_timeout);
        if budget.is_zero() {
            return Err(Failure::local(Local::NoTime, "no request was begun"));
        }
        let begun = Instant::now();
        let result = send(budget).and_then(read).map_err(adapter::sorted);
        let cut_short = budget < self.request_timeout && begun.elapsed() >= budget;
        result.map_err(|failure| {
            if cut_short {
                failure.for_want_of_time()
            } else {
                failure
            }
        })
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
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

fn headed<B>(mut request: RequestBuilder<B>, headers: &[(&str, &str)]) -> RequestBuilder<B> {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

/// The HTTP crate's own sockets, TLS and proxies are not used: see [`adapter`].
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

/// Preferred where the tenant leaves it to us: its hash is the cheaper one, and processors have instructions for it.
const FIRST: CipherSuite = CipherSuite::TLS13_AES_128_GCM_SHA256;

pub(super) fn tls(roots: &Roots) -> Result<Arc<ClientConfig>, SetupError> {
    let mut provider = CryptoProvider {
        key_provider: &NoKeys,
        ..crypto::ring::default_provider()
    };
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != FIRST);
    let provider = Arc::new(provider);
    let verifier = roots.verifier(provider.clone())?;
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| SetupError(error.to_string()))?;
    // Not dangerous: every verifier of ours ends in rustls's own.
    let verified = versions
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(8);
    Ok(Arc::new(config))
}

fn read(answer: Answer<ureq::Body>) -> Result<Response, ureq::Error> {
    let (head, mut body) = answer.into_parts();
    let length = acceptable(head.status, &head.headers).map_err(adapter::wrapped)?;
    // One byte more shows the end without another, larger buffer.
    let mut bytes = Vec::with_capacity(length.map_or(0, |length| length + 1));
    body.with_config()
        .limit(BODY as u64 + 1)
        .reader()
        .read_to_end(&mut bytes)?;
    let printable = |name| head.headers.get(name).and_then(printable);
    Ok(Response {
        status: head.status.as_u16(),
        content_type: printable("content-type"),
        transaction: printable("x-cfy-tx-id").filter(|id| is_transaction(id)),
        retry_after: printable("retry-after").and_then(|text| seconds(&text)),
        date: printable("date"),
        body: bytes,
    })
}

/// The length of the body, where it is told. A final status; one length that is not too long, or chunks, and nothing that
/// says two things (RFC 9112, section 6.3); no compression, for none was offered.
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

fn printable(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    (text.len() <= 128).then(|| text.to_owned())
}

fn is_transaction(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten()?;
    Some(Duration::from_secs(number))
}
