//! A connection, as the HTTP crate writes to it and reads from it: a whole request in one write.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::{fmt, mem};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use zeroize::Zeroize;

use crate::tenant::failure::{Failure, Misbehaviour};
use crate::tenant::line::Line;

/// The largest block of headers that is accepted, in bytes. The line of a chunk is no longer.
pub(super) const HEADERS: usize = 16 * 1024;

/// The HTTP crate writes a header whole, and a token of 16 KiB can be in it.
const LONGEST_HEADER: usize = HEADERS + 1024;

/// A TLS record holds no more.
const RECORD: usize = 16 * 1024;

/// Room for a usual request, and for a usual response. A buffer that is larger has to be filled with
/// zeros twice in each login.
const USUAL: usize = 2 * 1024;

/// What holds for the exchange that goes on.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// All that is done for it ends by this time.
    pub(super) deadline: Instant,
    /// Whether a signal that asks to stop ends the wait for a response.
    pub(super) heeds_stops: bool,
}

/// The terms, as the client sets them and the layers below the HTTP crate read them.
#[derive(Clone)]
pub(super) struct Current(Arc<Mutex<Terms>>);

impl Current {
    pub(super) fn new() -> Current {
        let terms = Terms { deadline: Instant::now(), heeds_stops: false };
        Current(Arc::new(Mutex::new(terms)))
    }

    pub(super) fn set(&self, terms: Terms) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = terms;
    }

    pub(super) fn terms(&self) -> Terms {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buffers in which the HTTP crate works. Its own would send each part of a request by itself.
#[derive(Default)]
struct Memory {
    /// Up to `held`, the request so far: its head and its body leave together.
    output: Vec<u8>,
    held: usize,
    /// From `consumed` to `filled`, what has come and was not looked at.
    input: Vec<u8>,
    filled: usize,
    consumed: usize,
    progress: bool,
}

impl Memory {
    /// The output behind what is held: so many bytes more, where fewer than at least are left.
    fn room(&mut self, at_least: usize, more: usize) -> &mut [u8] {
        if self.output.len() < self.held + at_least {
            self.output.resize(self.held + more, 0);
        }
        self.output.get_mut(self.held..).unwrap_or_default()
    }
}

impl Buffers for Memory {
    /// For the head. What does not fit comes again.
    fn output(&mut self) -> &mut [u8] {
        match self.held {
            0 => self.room(1, USUAL),
            _ => self.room(LONGEST_HEADER, LONGEST_HEADER),
        }
    }

    /// For the body. The scratch space is for one of unknown length, and ours are known.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.room(1, RECORD))
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.consumed..self.filled).unwrap_or_default()
    }

    /// Empty where as much as a head may have is there already.
    fn input_append_buf(&mut self) -> &mut [u8] {
        self.input.copy_within(self.consumed..self.filled, 0);
        self.filled -= self.consumed;
        self.consumed = 0;
        if self.filled == self.input.len() && self.filled < HEADERS {
            self.input.resize(if self.filled == 0 { USUAL } else { HEADERS }, 0);
        }
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.input().is_empty()
    }
}

/// A [`Line`], as the HTTP crate sees it.
pub(super) struct Wire {
    line: Line,
    memory: Memory,
    current: Current,
    /// Whether bytes were read since the HTTP crate last asked whether this is open.
    fresh: bool,
}

impl Wire {
    pub(super) fn new(line: Line, current: Current) -> Wire {
        Wire { line, memory: Memory::default(), current, fresh: false }
    }

    /// Sends what is held, and leaves nothing of it here: it may have a password in it.
    fn send(&mut self) -> Result<(), Failure> {
        let deadline = self.current.terms().deadline;
        let held = self.memory.output.get_mut(..self.memory.held).unwrap_or_default();
        let mut records = held.chunks(RECORD);
        let sent = records.try_for_each(|record| self.line.send(record, deadline));
        held.zeroize();
        self.memory.held = 0;
        sent
    }

    fn receive(&mut self) -> Result<usize, Failure> {
        if self.memory.held > 0 {
            self.send()?;
        }
        let Terms { deadline, heeds_stops } = self.current.terms();
        let room = self.memory.input_append_buf();
        if room.is_empty() {
            return Err(Failure::misbehaved(Misbehaviour::TooLarge, "headers"));
        }
        self.line.heed_stops(heeds_stops);
        let count = self.line.receive(room, deadline)?;
        self.memory.input_appended(count);
        self.fresh = true;
        Ok(count)
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.memory
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.memory.held += amount;
        if self.memory.held < RECORD { Ok(()) } else { self.send().map_err(wrapped) }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        self.receive().map(|count| count > 0).map_err(wrapped)
    }

    /// The pool asks when it gets the connection back, and before it gives it out again. The socket
    /// is looked at the second time, when it matters.
    fn is_open(&mut self) -> bool {
        if mem::take(&mut self.fresh) { self.line.is_quiet() } else { self.line.is_idle() }
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Passwords are in the buffers.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// The failure as the HTTP crate hands it through.
pub(super) fn wrapped(failure: Failure) -> Error {
    Error::Other(Box::new(failure))
}
