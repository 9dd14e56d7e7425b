//! HTTP/1.1 on one connection: a whole request in one write, and its response.
//!
//! Built on the lower layer of ureq, which writes and reads the messages. Its upper one would do
//! the rest, but send the head and the body of a request apart, ask the name service for each
//! request, take the roots of TLS as one parsed list, and make a configuration and a clock for each
//! exchange.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::http::uri::{Authority, Scheme};
use ureq_proto::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use ureq_proto::{BodyMode, Error};
use zeroize::Zeroizing;

use crate::policy::IpFamily;
use crate::tenant::failure::{Failure, Local, Misbehaviour};
use crate::tenant::line::Line;
use crate::tenant::nameservers::Names;
use crate::tenant::proxy::Proxy;
use crate::tenant::resolver::Lookups;
use crate::tenant::roots::Roots;
use crate::tenant::socket::Socket;
use crate::tenant::watch::Watch;

/// The largest body that is accepted, in bytes.
pub const BODY: usize = 256 * 1024;

/// How we present ourselves to the tenant.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

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

/// The largest block of headers that is accepted, in bytes.
const HEADERS: usize = 16 * 1024;

/// A TLS record holds no more.
const RECORD: usize = 16 * 1024;

/// What is added to a request, and between its parts.
const EXTRA: usize = 512;

/// What is read at once.
const PIECE: usize = 4 * 1024;

/// A person may need this long to answer between two requests on one connection.
const IDLE: Duration = Duration::from_secs(120);

/// To a tenant: TCP, the tunnel of a proxy, TLS; always all of it.
pub(super) struct Way {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    lookups: Lookups,
    watch: Watch,
    timeout: Duration,
    request_timeout: Duration,
    /// How many connections have been made.
    pub(super) made: u32,
}

impl Way {
    pub(super) fn new(tls: Arc<ClientConfig>, settings: &Settings, watch: Watch) -> Way {
        Way {
            tls,
            proxy: settings.proxy.clone(),
            lookups: Lookups::new(settings.ip_family, watch.clone()),
            watch,
            timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            made: 0,
        }
    }

    /// What the name servers said where the last lookup gave nothing.
    pub(super) fn names(&self) -> Names {
        self.lookups.names()
    }

    pub(super) fn open(&mut self, to: &Target, deadline: Instant) -> Result<Connection, Failure> {
        let name = ServerName::try_from(to.bare_host().to_owned())
            .map_err(|error| Failure::local(Local::Request, error))?;
        // Of the proxy where there is one.
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (to.host(), to.port),
        };
        let addresses = self.lookups.addresses(host, port, deadline)?;
        let soon = Instant::now().checked_add(self.timeout);
        let soon = soon.map_or(deadline, |soon| soon.min(deadline));
        self.watch.gives(self.timeout.min(self.request_timeout));
        let mut socket = Socket::connect(&addresses, soon, &self.watch)?;
        self.made += 1;
        if let Some(proxy) = &self.proxy {
            socket = proxy.tunnel(socket, to.host(), to.port)?;
        }
        self.watch.gives(self.request_timeout);
        socket.until(deadline);
        Ok(Connection {
            line: Line::open(socket, self.tls.clone(), name)?,
            authority: to.authority.clone(),
            input: Vec::new(),
            used: Instant::now(),
        })
    }
}

/// Where a request goes.
pub(super) struct Target {
    authority: Authority,
    port: u16,
}

impl Target {
    /// Of a URL, which begins with https and has no user in it.
    pub(super) fn of(uri: &Uri) -> Result<Target, Failure> {
        let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        let target = authority.and_then(|authority| {
            let port = match authority.as_str().strip_prefix(authority.host())? {
                "" => 443,
                rest => rest.strip_prefix(':').filter(|port| !port.contains('+'))?.parse().ok()?,
            };
            (port != 0 && !authority.host().is_empty())
                .then(|| Target { authority: authority.clone(), port })
        });
        target.ok_or_else(|| Failure::local(Local::Request, "not the URL of a tenant"))
    }

    /// An IPv6 address keeps its brackets.
    fn host(&self) -> &str {
        self.authority.host()
    }

    fn bare_host(&self) -> &str {
        let host = self.host();
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        bare.unwrap_or(host)
    }
}

/// A request as it is sent, and the state in which its response is awaited.
pub(super) struct Outgoing {
    message: Zeroizing<Vec<u8>>,
    call: Call<RecvResponse>,
}

impl Outgoing {
    /// With `Host`, `User-Agent` and, where there is a body, its length; nothing else is added.
    pub(super) fn new(request: Request<()>, body: Option<&[u8]>) -> Result<Outgoing, Failure> {
        let length = body.map_or(0, <[u8]>::len);
        let mut message = Zeroizing::new(vec![0; head_length(&request) + length]);
        Outgoing::written(request, body, &mut message)
            .map_err(|error| Failure::local(Local::Request, error))?
            .map(|call| Outgoing { message, call })
            .ok_or_else(|| Failure::local(Local::Request, "it expects an answer before its end"))
    }

    fn written(
        request: Request<()>,
        body: Option<&[u8]>,
        message: &mut Vec<u8>,
    ) -> Result<Option<Call<RecvResponse>>, Error> {
        let mut call = Call::new(request)?;
        if let Some(body) = body {
            call.header(header::CONTENT_LENGTH, HeaderValue::from(body.len()))?;
        }
        call.header(header::USER_AGENT, HeaderValue::from_static(AGENT))?;
        let mut call = call.proceed();
        let mut length = 0;
        while !call.can_proceed() {
            length += call.write(message.get_mut(length..).unwrap_or_default())?;
        }
        message.truncate(length);
        message.extend_from_slice(body.unwrap_or_default());
        Ok(match call.proceed()? {
            Some(SendRequestResult::SendBody(mut call)) => {
                call.consume_direct_write(body.map_or(0, <[u8]>::len))?;
                call.proceed()
            }
            Some(SendRequestResult::RecvResponse(call)) => Some(call),
            Some(SendRequestResult::Await100(_)) | None => None,
        })
    }
}

/// At least as much as the head of this request needs: the message is never moved, so that it is in
/// one place only.
fn head_length(request: &Request<()>) -> usize {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let host = request.uri().authority().map_or(0, |host| host.as_str().len());
    EXTRA + path + host + headers.sum::<usize>()
}

/// A response, whole.
pub(super) struct Incoming {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Nothing can be asked on this connection any more.
    pub(super) is_last: bool,
}

/// A connection on which there is no request under way.
pub(super) struct Connection {
    line: Line,
    authority: Authority,
    /// What has come and belongs to nothing yet.
    input: Vec<u8>,
    used: Instant,
}

impl Connection {
    /// Whether it leads there and still stands, and has brought nothing that nobody asked for.
    pub(super) fn serves(&mut self, to: &Target) -> bool {
        self.authority == to.authority
            && self.input.is_empty()
            && self.used.elapsed() < IDLE
            && self.line.is_idle()
    }

    /// Whether a signal that asks to stop ends the wait for a response.
    pub(super) fn heed_stops(&mut self, heeds: bool) {
        self.line.heed_stops(heeds);
    }

    pub(super) fn exchange(
        &mut self,
        outgoing: Outgoing,
        deadline: Instant,
    ) -> Result<Incoming, Failure> {
        let Outgoing { message, mut call } = outgoing;
        for record in message.chunks(RECORD) {
            self.line.send(record, deadline)?;
        }
        drop(message);
        let (head, _) = self.head(&mut call, deadline)?.into_parts();
        let length = acceptable(head.status, &head.headers)?;
        let (body, is_last) = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => self.body(call, length, deadline)?,
            Some(RecvResponseResult::Redirect(call)) => (Vec::new(), call.must_close_connection()),
            Some(RecvResponseResult::Cleanup(call)) => (Vec::new(), call.must_close_connection()),
            None => return Err(Failure::misbehaved(Misbehaviour::Protocol, "no response")),
        };
        self.used = Instant::now();
        Ok(Incoming { status: head.status, headers: head.headers, body, is_last })
    }

    fn head(
        &mut self,
        call: &mut Call<RecvResponse>,
        deadline: Instant,
    ) -> Result<ureq_proto::http::Response<()>, Failure> {
        loop {
            let (used, head) = call.try_response(&self.input, false).map_err(improper)?;
            // Without an end so far, all of it is one head.
            let length = if used > 0 { used } else { self.input.len() };
            if length > HEADERS {
                return Err(Failure::misbehaved(Misbehaviour::TooLarge, "headers"));
            }
            self.input.drain(..used);
            match head {
                Some(head) => return Ok(head),
                // One of those that come before the final one.
                None if used > 0 => {}
                None if self.receive(deadline)? == 0 => return Err(cut()),
                None => {}
            }
        }
    }

    /// The body, and whether the connection is of no use after it.
    fn body(
        &mut self,
        mut call: Call<RecvBody>,
        length: Option<usize>,
        deadline: Instant,
    ) -> Result<(Vec<u8>, bool), Failure> {
        let ends_with_connection = matches!(call.body_mode(), BodyMode::CloseDelimited);
        let mut body = Vec::with_capacity(length.unwrap_or(0));
        while ends_with_connection || !call.can_proceed() {
            let begun = body.len();
            body.resize(begun + self.input.len(), 0);
            let room = body.get_mut(begun..).unwrap_or_default();
            let (used, made) = call.read(&self.input, room).map_err(improper)?;
            body.truncate(begun + made);
            self.input.drain(..used);
            if body.len() > BODY {
                return Err(Failure::misbehaved(Misbehaviour::TooLarge, "body"));
            }
            if used > 0 {
                continue;
            }
            if self.input.len() > HEADERS {
                return Err(Failure::misbehaved(Misbehaviour::TooLarge, "chunk"));
            }
            if self.receive(deadline)? == 0 {
                let is_whole = ends_with_connection || call.is_ended_chunked();
                return if is_whole { Ok((body, true)) } else { Err(cut()) };
            }
        }
        let is_last = match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        };
        Ok((body, is_last))
    }

    /// Waits for more; 0 means that the other side has properly ended the connection.
    fn receive(&mut self, deadline: Instant) -> Result<usize, Failure> {
        let before = self.input.len();
        self.input.resize(before + PIECE, 0);
        let room = self.input.get_mut(before..).unwrap_or_default();
        let received = self.line.receive(room, deadline);
        let count = received.as_ref().map_or(0, |count| *count);
        self.input.truncate(before + count);
        received
    }
}

fn improper(error: Error) -> Failure {
    Failure::misbehaved(Misbehaviour::Protocol, error)
}

fn cut() -> Failure {
    Failure::misbehaved(Misbehaviour::Cut, "closed before the response ended")
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
