//! One connection between module and broker: whole packets, bounded, each of a known kind.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::os::{self, Waiting};

/// No packet is longer, in bytes.
const LONGEST: usize = 64 * 1024;
/// A first room for a packet: most fit into it.
const USUAL: usize = 4 * 1024;
/// How long a wait goes on before it looks for what asks to stop.
const SLICE: Duration = Duration::from_millis(100);
/// What [`super::Told::Stop`] is as a packet.
const STOP: &[u8] = br#""Stop""#;

/// Why a connection is of no more use.
#[derive(Debug)]
pub enum Trouble {
    /// The other end is gone.
    Gone,
    /// What came is no packet of this language, or none that is due.
    Odd,
    /// Nothing came in time.
    Late,
    /// The user, or the system, wants to stop.
    Stopped,
    /// What the system says.
    System(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("ended the connection"),
            Self::Odd => f.write_str("said something that was not due"),
            Self::Late => f.write_str("said nothing in time"),
            Self::Stopped => f.write_str("was stopped"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Gone,
            io::ErrorKind::WouldBlock => Self::Late,
            io::ErrorKind::InvalidData => Self::Odd,
            _ => Self::System(error),
        }
    }
}

/// A connection.
pub struct Channel(OwnedFd);

impl Channel {
    /// Of a connected socket.
    #[must_use]
    pub fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// The socket itself.
    #[must_use]
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Says something.
    ///
    /// # Errors
    ///
    /// [`Trouble`]: the other end is gone, or takes nothing.
    pub fn say(&self, what: &impl Serialize) -> Result<(), Trouble> {
        let packet = serde_json::to_vec(what).map_err(io::Error::other)?;
        if packet.len() > LONGEST {
            return Err(Trouble::Odd);
        }
        Ok(os::send_packet(&self.0, &packet)?)
    }

    /// Waits for what the other end says, at most for `patience`, and as long as `goes_on` says so.
    /// A wish to stop is never taken from the queue: whatever looks there later finds it.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn hear<T: DeserializeOwned>(
        &self,
        patience: Option<Duration>,
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<T, Trouble> {
        let end = patience.map(|patience| Instant::now() + patience);
        let mut head = [0; STOP.len()];
        loop {
            match os::peek_packet(&self.0, &mut head, SLICE)? {
                (Waiting::End, _) => return Err(Trouble::Gone),
                (Waiting::Packet, count) if head.get(..count) == Some(STOP) => {
                    return Err(Trouble::Stopped);
                }
                (Waiting::Packet, _) => return self.take(),
                (Waiting::Nothing, _) if !goes_on() => return Err(Trouble::Stopped),
                (Waiting::Nothing, _) if end.is_some_and(|end| Instant::now() >= end) => {
                    return Err(Trouble::Late);
                }
                (Waiting::Nothing, _) => {}
            }
        }
    }

    /// Takes the packet that waits. What it holds may be a secret: the allocator wipes it.
    fn take<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        let length = os::peek_length(&self.0)?;
        if length > LONGEST {
            return Err(Trouble::Odd);
        }
        let mut packet = vec![0; length.max(USUAL)];
        let length = os::take_packet(&self.0, &mut packet)?;
        let packet = packet.get(..length).unwrap_or_default();
        serde_json::from_slice(packet).map_err(|_| Trouble::Odd)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

    use super::super::{Ask, Asked, Told};
    use super::*;

    fn pair() -> (Channel, Channel) {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (one, other): (OwnedFd, OwnedFd) =
            socketpair(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        (Channel::new(one), Channel::new(other))
    }

    fn hear<T: DeserializeOwned>(channel: &Channel) -> Result<T, Trouble> {
        channel.hear(Some(Duration::from_millis(1)), || true)
    }

    #[test]
    fn a_wish_to_stop_is_heard_again_and_again_and_hides_what_is_behind_it() {
        let (module, broker) = pair();
        module.say(&Told::User(None)).unwrap();
        module.say(&Told::Stop).unwrap();
        module.say(&Told::Answer(Asked::Empty)).unwrap();
        assert!(matches!(hear::<Told>(&broker), Ok(Told::User(None))));
        for _ in 0..2 {
            assert!(matches!(hear::<Told>(&broker), Err(Trouble::Stopped)));
        }
    }

    #[test]
    fn what_is_no_packet_of_this_language_is_odd() {
        let long = vec![b' '; LONGEST + 1];
        for packet in [&b"x"[..], b"", b"{}", b"\"Stopp\"", b"\"Hello\"", b"\"Password\"", &long] {
            let (module, broker) = pair();
            send(module.socket(), packet, SendFlags::empty()).unwrap();
            drop(module);
            let heard = hear::<Told>(&broker);
            let is_end = packet.is_empty() && matches!(heard, Err(Trouble::Gone));
            assert!(is_end || matches!(heard, Err(Trouble::Odd)), "{packet:?}");
        }
    }

    #[test]
    fn what_was_said_last_is_heard_although_the_other_end_has_left_something_unread() {
        let (module, broker) = pair();
        module.say(&Told::Stop).unwrap();
        broker.say(&Ask::NotHere).unwrap();
        drop(broker);
        assert!(matches!(hear::<Ask>(&module), Ok(Ask::NotHere)));
        assert!(matches!(hear::<Ask>(&module), Err(Trouble::Gone)));
    }

    #[test]
    fn nothing_long_is_said_and_no_wait_is_without_end() {
        let (module, broker) = pair();
        assert!(matches!(broker.say(&Ask::Complain("x".repeat(LONGEST))), Err(Trouble::Odd)));
        assert!(matches!(hear::<Ask>(&module), Err(Trouble::Late)));
        drop(broker);
        assert!(matches!(hear::<Ask>(&module), Err(Trouble::Gone)));
        assert!(matches!(module.say(&Told::Stop), Err(Trouble::Gone)));
    }
}
