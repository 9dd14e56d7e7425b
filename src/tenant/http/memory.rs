//! The buffers of one connection, as the HTTP crate wants them.
#![forbid(unsafe_code)]

use ureq::unversioned::transport::Buffers;

/// Requests up to this size leave in one TLS record, which can hold no more than 16 KiB.
pub(super) const RECORD: usize = 16 * 1024;

/// Room for the requests and replies of a usual login: a larger buffer would have to be made and wiped each time.
const USUAL: usize = 4 * 1024;

/// With less room than this left, a buffer grows.
const ROOM: usize = 1024;

/// The bytes on their way in and out. They are allocated when they are needed first.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) output: Vec<u8>,
    /// How much of the output is still to be sent.
    pub(super) held: usize,
    input: Vec<u8>,
    filled: usize,
    consumed: usize,
    progress: bool,
}

impl Buffers for Memory {
    fn output(&mut self) -> &mut [u8] {
        grow(&mut self.output, self.held);
        self.output.get_mut(self.held..).unwrap_or_default()
    }

    fn input(&self) -> &[u8] {
        self.input
            .get(self.consumed..self.filled)
            .unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.input.copy_within(self.consumed..self.filled, 0);
        self.filled -= self.consumed;
        self.consumed = 0;
        grow(&mut self.input, self.filled);
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    /// The scratch space is for bodies of unknown length; ours is always known.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.output())
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.input().is_empty()
    }
}

/// To a usual size first, and to the full one when that is nearly used up.
fn grow(buffer: &mut Vec<u8>, used: usize) {
    let size = if used + ROOM > USUAL { RECORD } else { USUAL };
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
}
