//! The way to a tenant, as the HTTP crate asks for it: a look-up, TCP, the tunnel of a proxy, TLS.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use super::transport::{Current, Terms, Wire, wrapped};
use crate::policy::IpFamily;
use crate::tenant::failure::{Failure, Local};
use crate::tenant::line::Line;
use crate::tenant::nameservers::Names;
use crate::tenant::proxy::Proxy;
use crate::tenant::resolver::Lookups;
use crate::tenant::roots::Roots;
use crate::tenant::socket::Socket;
use crate::tenant::watch::Watch;

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

/// To a tenant; always all of it. The client and the HTTP crate share it.
#[derive(Clone)]
pub(super) struct Way(Arc<Parts>);

struct Parts {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    lookups: Mutex<Lookups>,
    watch: Watch,
    timeout: Duration,
    request_timeout: Duration,
    current: Current,
    made: AtomicU32,
}

impl Way {
    pub(super) fn new(tls: Arc<ClientConfig>, settings: &Settings, watch: Watch) -> Way {
        Way(Arc::new(Parts {
            tls,
            proxy: settings.proxy.clone(),
            lookups: Mutex::new(Lookups::new(settings.ip_family, watch.clone())),
            watch,
            timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            current: Current::new(),
            made: AtomicU32::new(0),
        }))
    }

    /// An exchange begins on these terms.
    pub(super) fn begin(&self, terms: Terms) {
        self.0.current.set(terms);
    }

    /// What the name servers said where the last lookup gave nothing.
    pub(super) fn names(&self) -> Names {
        self.lookups().names()
    }

    /// How many connections have been made.
    pub(super) fn made(&self) -> u32 {
        self.0.made.load(Ordering::Relaxed)
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.0.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of the proxy where there is one, else of the tenant.
    fn addresses(&self, uri: &Uri) -> Result<ResolvedSocketAddrs, Failure> {
        let (mut host, mut port) = place(uri)?;
        if let Some(proxy) = &self.0.proxy {
            (host, port) = (proxy.host(), proxy.port());
        }
        let found = self.lookups().addresses(host, port, self.0.current.terms().deadline)?;
        let mut addresses = self.empty();
        // There is room for as many as are looked up.
        found.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }

    fn open(&self, details: &ConnectionDetails) -> Result<Line, Failure> {
        let (host, port) = place(details.uri)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = ServerName::try_from(bare.unwrap_or(host).to_owned());
        let name = name.map_err(|error| Failure::local(Local::Request, error))?;
        let parts = &*self.0;
        let deadline = parts.current.terms().deadline;
        let soon = Instant::now().checked_add(parts.timeout);
        let soon = soon.map_or(deadline, |soon| soon.min(deadline));
        parts.watch.gives(parts.timeout.min(parts.request_timeout));
        let mut socket = Socket::connect(&details.addrs, soon, &parts.watch)?;
        parts.made.fetch_add(1, Ordering::Relaxed);
        if let Some(proxy) = &parts.proxy {
            socket = proxy.tunnel(socket, host, port)?;
        }
        parts.watch.gives(parts.request_timeout);
        socket.until(deadline);
        Line::open(socket, parts.tls.clone(), name)
    }
}

impl Resolver for Way {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.addresses(uri).map_err(wrapped)
    }
}

impl Connector for Way {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, Error> {
        let line = self.open(details).map_err(wrapped)?;
        Ok(Some(Wire::new(line, self.0.current.clone())))
    }
}

/// The credentials of a proxy are in it.
impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

/// Host and port of a URL, which has no user in it. An IPv6 address keeps its brackets.
fn place(uri: &Uri) -> Result<(&str, u16), Failure> {
    let place = uri.authority().and_then(|authority| {
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host)? {
            "" => 443,
            rest => rest.strip_prefix(':').filter(|port| !port.contains('+'))?.parse().ok()?,
        };
        (port != 0 && !host.is_empty()).then_some((host, port))
    });
    place.ok_or_else(|| Failure::local(Local::Request, "not the URL of a tenant"))
}
