//! Takes connections, one thread for each login, and ends the process once nothing is to do.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use countersign::broker::Channel;
use countersign::os::{self, Peer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::bounds::{Bounds, Place};
use crate::{login, say};

/// So long without a login, and the process ends: systemd starts it again.
const IDLE: Duration = Duration::from_secs(60);
/// How long a wait for a connection goes on before it looks at the time.
const SLICE: Duration = Duration::from_secs(1);
/// When the system ends the process, logins have so long to end by themselves.
const GRACE: Duration = Duration::from_secs(10);
/// And so long to be ended then.
const LAST: Duration = Duration::from_secs(10);
/// How long a login waits for the module to take what it says.
const PATIENCE: Duration = Duration::from_secs(2);
/// The room of a login's stack: a handshake of TLS takes the most.
const STACK: usize = 1024 * 1024;

/// The socket that systemd listens at, and what runs.
pub struct Listener {
    socket: OwnedFd,
    bounds: Bounds,
    /// Users who had more logins at once than they may, until they have fewer.
    flooding: BTreeSet<u32>,
}

impl Listener {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, bounds: Bounds::default(), flooding: BTreeSet::new() }
    }

    /// Runs logins until nothing is to do for a while, or the system asks to end.
    pub fn run(mut self) {
        let mut since = Instant::now();
        let mut is_trimmed = true;
        while !os::wants_end() {
            if self.await_connection() {
                since = Instant::now();
                is_trimmed = false;
                self.take();
            } else if !self.bounds.is_idle() {
                since = Instant::now();
            } else if !is_trimmed {
                os::return_memory();
                is_trimmed = true;
            } else if since.elapsed() >= IDLE {
                return;
            }
        }
        self.end();
    }

    /// Whether a connection waits.
    fn await_connection(&self) -> bool {
        let slice = Timespec::try_from(SLICE).ok();
        let polled = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], slice.as_ref());
        matches!(polled, Ok(1..))
    }

    fn take(&mut self) {
        match os::accept_packets(&self.socket, PATIENCE) {
            Ok(Some(connected)) => self.serve(connected),
            Ok(None) => {}
            Err(error) => {
                say(&format!("a connection could not be taken: {error}"));
                os::pause(Duration::from_millis(100));
            }
        }
    }

    /// A connection that has no place is closed: its login is refused by the module.
    fn serve(&mut self, connected: OwnedFd) {
        let Ok(peer) = os::peer(&connected) else {
            return;
        };
        // sudo and su connect with root's rights: who runs them is the one to be bounded.
        let uid = os::real_uid_of(peer.pid).unwrap_or(peer.uid);
        match self.bounds.place(uid) {
            Some(place) => {
                self.flooding.remove(&uid);
                if let Err(error) = start(Channel::new(connected), peer, place) {
                    say(&format!("a login could not be started: {error}"));
                }
            }
            None if self.flooding.insert(uid) => {
                say(&format!("too many logins at once by uid {uid}: more of them are refused"));
            }
            None => {}
        }
    }

    /// Lets logins come to their end, and then ends them as a Ctrl-C would. The socket stays with
    /// systemd, and who connects meanwhile waits for the next process.
    fn end(self) {
        self.await_idle(GRACE);
        os::stop_all();
        self.await_idle(LAST);
    }

    fn await_idle(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.bounds.is_idle() && Instant::now() < end {
            let _ = poll(&mut [], Timespec::try_from(Duration::from_millis(50)).ok().as_ref());
        }
    }
}

fn start(channel: Channel, peer: Peer, place: Place) -> std::io::Result<()> {
    let thread = thread::Builder::new().stack_size(STACK);
    os::with_signals_blocked(|| {
        thread.spawn(move || {
            login::run(channel, peer);
            drop(place);
        })
    })
    .map(drop)
}
