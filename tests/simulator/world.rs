//! The one state that all threads share, its lock, and its clock.

use std::collections::{BTreeMap, HashMap};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::britive::Britive;
use super::faults::Fault;
use super::federation::Detour;
use super::log::{Connections, Logged};
use super::phone::Inbox;
use super::policies::Policies;
use super::scenario::{Client, Scenario, Tenant, User};
use super::session::Session;

/// How long anything here waits for something that a test expects, before it says so and stops.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    state: Mutex<State>,
    changed: Condvar,
}

pub struct State {
    pub tenant: Tenant,
    pub users: Vec<User>,
    pub clients: Vec<Client>,
    pub sessions: HashMap<String, Session>,
    pub detours: HashMap<String, Detour>,
    /// Live session tokens, and whose they are.
    pub tokens: HashMap<String, String>,
    /// Live OAuth access tokens, and whose they are.
    pub bearers: HashMap<String, Client>,
    pub policies: Policies,
    pub britive: Option<Britive>,
    /// Until when every answer of a user fails.
    pub throttles: HashMap<String, Instant>,
    pub inbox: Inbox,
    pub log: Vec<Logged>,
    pub faults: Vec<Fault>,
    pub connections: Connections,
    pub clock: Clock,
    pub stopping: bool,
    /// The message whose answer the request that is being looked at waits for.
    pub held: Option<u64>,
    open: BTreeMap<u64, TcpStream>,
}

/// The time, which a test can make jump ahead.
#[derive(Default)]
pub struct Clock {
    ahead: Duration,
}

impl Clock {
    pub fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    pub fn jump(&mut self, time: Duration) {
        self.ahead += time;
    }
}

impl World {
    pub fn new(scenario: Scenario, phone_url: String) -> World {
        let state = State {
            tenant: scenario.tenant,
            users: scenario.users,
            clients: scenario.clients,
            sessions: HashMap::new(),
            detours: HashMap::new(),
            tokens: HashMap::new(),
            bearers: HashMap::new(),
            policies: Policies::new(scenario.modifiers, &scenario.policy_sets),
            britive: scenario.britive.map(Britive::new),
            throttles: HashMap::new(),
            inbox: Inbox::new(phone_url),
            log: Vec::new(),
            faults: Vec::new(),
            connections: Connections::default(),
            clock: Clock::default(),
            stopping: false,
            held: None,
            open: BTreeMap::new(),
        };
        World { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Does one thing to the state, alone; each thread that waits looks again.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let result = work(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `look` finds something, the limit is over (`None`), or the simulator stops
    /// (`None`).
    pub fn wait<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stopping {
                return None;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets time pass, or less of it when the simulator stops.
    pub fn pause(&self, time: Duration) {
        let _: Option<()> = self.wait(time, |_| None);
    }

    /// Every connection is closed, every waiting thread wakes.
    pub fn stop(&self) {
        self.with(|state| {
            state.stopping = true;
            for stream in state.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Until every connection's thread is gone, within reason.
    pub fn wait_for_threads(&self) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while !state.open.is_empty() && Instant::now() < end {
            let woken = self.changed.wait_timeout(state, PATIENCE);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }

    pub fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.name.eq_ignore_ascii_case(name))
    }

    pub fn change_user(&mut self, name: &str, keys: &serde_json::Value) -> Result<(), String> {
        let user = self.user_mut(name).ok_or_else(|| format!("no user {name}"))?;
        *user = user.changed(keys)?;
        self.throttles.remove(&name.to_lowercase());
        Ok(())
    }

    /// Notes an open connection, so that it can be closed from outside; `None` once the simulator
    /// stops.
    pub fn opened(&mut self, stream: &TcpStream) -> Option<u64> {
        let key = self.open.last_key_value().map_or(1, |(last, _)| last + 1);
        let stream = stream.try_clone().ok().filter(|_| !self.stopping)?;
        self.open.insert(key, stream);
        Some(key)
    }

    pub fn closed(&mut self, key: u64) {
        self.open.remove(&key);
    }
}
