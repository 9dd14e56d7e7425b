//! The way to a tenant, one step after the other, for an administrator who wants to know where it
//! ends. No login comes here.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;

use super::failure::{Failure, Local};
use super::http::{Client, Settings, SetupError, tls};
use super::line::Line;
use super::nameservers::Servers;
use super::resolver::Lookups;
use super::socket::Socket;
use super::watch::Watch;

/// A part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the name, the proxy's where there is one, to addresses.
    Lookup,
    /// The TCP connect.
    Connect,
    /// The proxy opens a tunnel.
    Tunnel,
    /// The TLS handshake, and whether the certificate is the tenant's.
    Tls,
    /// One whole exchange over a connection of its own.
    Response,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Lookup => "lookup",
            Stage::Connect => "connect",
            Stage::Tunnel => "tunnel",
            Stage::Tls => "tls",
            Stage::Response => "response",
        })
    }
}

/// A part of the way that was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    pub time: Duration,
    /// Where it led.
    pub detail: String,
}

/// How far it goes.
#[derive(Debug, Default)]
pub struct Way {
    /// What went well.
    pub steps: Vec<Step>,
    /// Where it ends, if it does not get there.
    pub end: Option<(Stage, Failure)>,
    /// The tenant's own clock, as it says it.
    pub date: Option<String>,
}

/// Where to.
pub struct Goal<'a> {
    /// A name or address; IPv6 without brackets.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// What is asked for at the end.
    pub url: &'a str,
}

/// Goes there, as a login would, and sends nothing but one GET.
///
/// # Errors
///
/// [`SetupError`] where the configuration makes it impossible to begin.
pub fn probe(settings: &Settings, goal: &Goal<'_>) -> Result<Way, SetupError> {
    let mut walk =
        Walk { settings, goal, way: Way::default(), at: (Stage::Lookup, Instant::now()) };
    let config = tls(&settings.roots)?;
    let client = Client::new(settings)?;
    if let Err(failure) = walk.go(config, client) {
        walk.way.end = Some((walk.at.0, failure));
    }
    Ok(walk.way)
}

/// The name servers of this system that are on this machine, where it is not known which servers
/// they ask: their silence is no outage.
#[must_use]
pub fn name_servers_here() -> Vec<IpAddr> {
    Servers::of_system().on_this_machine()
}

struct Walk<'a> {
    settings: &'a Settings,
    goal: &'a Goal<'a>,
    way: Way,
    /// The stage that goes on, and since when.
    at: (Stage, Instant),
}

impl Walk<'_> {
    fn go(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        mut client: Client,
    ) -> Result<(), Failure> {
        let addresses = self.look_up()?;
        self.begin(Stage::Connect);
        let soon = self.deadline(self.settings.connect_timeout);
        let mut socket = Socket::connect(&addresses, soon, &Watch::default())?;
        let peer = addresses.first().map(ToString::to_string);
        self.done(peer.unwrap_or_default());
        if let Some(proxy) = &self.settings.proxy {
            self.begin(Stage::Tunnel);
            socket = proxy.tunnel(socket, &bracketed(self.goal.host), self.goal.port)?;
            self.done(format!("through {}", proxy.host()));
        }
        self.begin(Stage::Tls);
        socket.until(self.deadline(self.settings.request_timeout));
        let name = ServerName::try_from(self.goal.host.to_owned());
        let name = name.map_err(|error| Failure::local(Local::Request, error))?;
        drop(Line::open(socket, config, name)?);
        self.done("the certificate is believed".to_owned());
        self.begin(Stage::Response);
        let response = client.get(self.goal.url, &[], self.settings.request_timeout)?;
        self.way.date = response.date;
        self.done(format!("status {}", response.status));
        Ok(())
    }

    fn look_up(&mut self) -> Result<Vec<SocketAddr>, Failure> {
        self.begin(Stage::Lookup);
        let (host, port) = match &self.settings.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (self.goal.host, self.goal.port),
        };
        let mut lookups = Lookups::new(self.settings.ip_family, Watch::default());
        let found = lookups.addresses(host, port, self.deadline(self.settings.request_timeout))?;
        let shown: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
        self.done(format!("{host} is {}", shown.join(", ")));
        Ok(found)
    }

    fn deadline(&self, time: Duration) -> Instant {
        let now = Instant::now();
        now.checked_add(time).unwrap_or(now)
    }

    fn begin(&mut self, stage: Stage) {
        self.at = (stage, Instant::now());
    }

    fn done(&mut self, detail: String) {
        let (stage, begun) = self.at;
        self.way.steps.push(Step { stage, time: begun.elapsed(), detail });
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
