//! A tenant in miniature: speaks HTTPS as the real service does, with a phone beside it; knows
//! nothing of the module.
//!
//! Tests start one in their own process with [`Simulator::start`]; `cargo run -p simulator` makes a
//! program of it.

#![deny(unsafe_code)]
#![expect(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test equipment: it may stop with a panic, and no test uses all of it"
)]

mod britive;
mod dice;
mod faults;
mod federation;
mod http;
mod listener;
mod log;
mod mechanism;
mod oauth;
mod operator;
mod phone;
mod policies;
mod reply;
mod scenario;
mod session;
mod tenant;
mod tls;
mod wire;
mod world;

pub use faults::{Fault, Spelling, What};
pub use log::{Connections, Logged};
pub use phone::{Kind, Message, Phone, State};
pub use scenario::Scenario;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use listener::Listener;
use world::World;

/// A running tenant with its phone. Dropping it closes every connection and ends its threads.
pub struct Simulator {
    world: Arc<World>,
    tenant: Listener,
    phone: Listener,
    ca_pem: String,
}

impl Simulator {
    /// Starts both listeners on free ports of 127.0.0.1; panics, naming the fault, on a bad
    /// scenario.
    pub fn start(scenario_toml: &str) -> Simulator {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Simulator::start_at(scenario_toml, free, free).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same at given addresses.
    pub fn start_at(scenario: &str, tenant: SocketAddr, phone: SocketAddr) -> Result<Self, String> {
        let mut scenario = Scenario::parse(scenario)?;
        let tenant = bind(tenant)?;
        let phone = bind(phone)?;
        scenario.fill_in_port(tenant.local_addr().map_err(|error| error.to_string())?.port());
        let certificates = tls::Certificates::new(&scenario.tenant)?;
        let ca_pem = certificates.ca_pem.clone();
        let phone_url = url("http", &phone);
        let world = Arc::new(World::new(scenario, phone_url));
        Ok(Simulator {
            tenant: listener::tenant(tenant, &world, certificates),
            phone: listener::phone(phone, &world),
            world,
            ca_pem,
        })
    }

    /// `https://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("https://{}", self.tenant.address())
    }

    pub fn port(&self) -> u16 {
        self.tenant.address().port()
    }

    /// The only CA that vouches for this tenant, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// `http://127.0.0.1:PORT`, the page and the calls of the phone.
    pub fn phone_url(&self) -> String {
        format!("http://{}", self.phone.address())
    }

    /// The person's side, called directly.
    pub fn phone(&self) -> Phone<'_> {
        Phone::new(&self.world)
    }

    /// Everything that the tenant was asked, in order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.world.with(|state| state.log.clone())
    }

    /// Waits until the tenant was asked `count` times; panics after half a minute.
    pub fn wait_for_requests(&self, count: usize) -> Vec<Logged> {
        let enough =
            |state: &mut world::State| (state.log.len() >= count).then(|| state.log.clone());
        let seen = self.world.wait(world::PATIENCE, enough);
        seen.unwrap_or_else(|| panic!("the tenant was not asked {count} times"))
    }

    /// What became of the TCP connections to the tenant.
    pub fn connections(&self) -> Connections {
        self.world.with(|state| state.connections)
    }

    /// Waits until so many connections to the tenant are open; panics after half a minute.
    pub fn wait_for_open(&self, count: u64) {
        let look = |state: &mut world::State| (state.connections.open == count).then_some(());
        let seen = self.world.wait(world::PATIENCE, look);
        seen.unwrap_or_else(|| panic!("{:?}, waited for {count} open", self.connections()));
    }

    /// The next matching request meets this fault.
    pub fn fault(&self, fault: Fault) {
        self.world.with(|state| state.faults.push(fault));
    }

    /// Faults that met no request yet are forgotten.
    pub fn clear_faults(&self) {
        self.world.with(|state| state.faults.clear());
    }

    /// Sets keys of a user as in the scenario, e.g. `json!({"locked": true})`; panics on an unknown
    /// key or user.
    pub fn change_user(&self, name: &str, keys: &serde_json::Value) {
        let changed = self.world.with(|state| state.change_user(name, keys));
        changed.unwrap_or_else(|error| panic!("{error}"));
    }

    /// No token that a client was given is taken any more.
    pub fn revoke_tokens(&self) {
        self.world.with(|state| state.bearers.clear());
    }

    /// Another administrator changes the default policy set.
    pub fn meddle(&self) {
        self.world.with(|state| policies::meddle(&mut state.policies));
    }

    /// So many saves of a policy set come just too late: another administrator saves before each.
    pub fn rival(&self, saves: u32) {
        self.world.with(|state| state.policies.rivals = saves);
    }

    /// Makes the tenant's clock jump ahead, so that sessions, messages and waits run out. TOTP is
    /// not moved.
    pub fn pass_time(&self, time: Duration) {
        self.world.with(|state| state.clock.jump(time));
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.world.stop();
        self.tenant.stop();
        self.phone.stop();
        self.world.wait_for_threads();
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    make_room(&listener).map_err(|error| format!("{address}: {error}"))?;
    Ok(listener)
}

/// Who finds no place in the queue tries again after a second, and of two hundred who come at once
/// not all find one in the 128 that the standard library asks for (listen(2)).
#[expect(unsafe_code, reason = "the C library is called")]
fn make_room(listener: &TcpListener) -> std::io::Result<()> {
    // SAFETY: the descriptor is open; to listen once more changes nothing but the length of the
    // queue.
    match unsafe { libc::listen(listener.as_raw_fd(), 4096) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn url(scheme: &str, listener: &TcpListener) -> String {
    let address = listener.local_addr().expect("a bound listener has an address");
    format!("{scheme}://{address}")
}
