//! A TLS connection to one host that writes when it is told to, all at once.
#![forbid(unsafe_code)]

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection};

use super::failure::{Failure, Local, Misbehaviour};
use super::socket::Socket;

/// The record that TLS 1.3 says for the sake of old middleboxes, right before its second flight
/// (RFC 8446, appendix D.4): nobody waits for it, so it needs no packet of its own.
const COMPATIBILITY: [u8; 6] = [20, 3, 3, 0, 1, 1];

/// TLS above a [`Socket`].
#[derive(Debug)]
pub(super) struct Line {
    socket: Socket,
    tls: ClientConnection,
    outgoing: Vec<u8>,
}

impl Line {
    /// Shakes hands. What TLS 1.3 says last stays here, to leave together with the first request.
    pub(super) fn open(
        socket: Socket,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Line, Failure> {
        let tls = ClientConnection::new(config, name)
            .map_err(|error| Failure::local(Local::Request, error))?;
        let mut line = Line { socket, tls, outgoing: Vec::new() };
        while line.tls.is_handshaking() {
            line.flush()?;
            if line.pull()? == 0 {
                return Err(Failure::misbehaved(
                    Misbehaviour::Cut,
                    "connection closed in the TLS handshake",
                ));
            }
        }
        Ok(line)
    }

    /// Sends a request, or a part of one that is too long for a TLS record, in one write.
    pub(super) fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Failure> {
        self.socket.until(deadline);
        self.socket.renew_allowance();
        let written = self.tls.writer().write_all(bytes);
        written.map_err(|error| Failure::local(Local::Resources, error))?;
        self.flush()
    }

    /// Whether a signal that asks to stop ends the wait for bytes.
    pub(super) fn heed_stops(&mut self, heeds: bool) {
        self.socket.heed_stops(heeds);
    }

    /// Waits for bytes; 0 means that the other side has properly ended the connection.
    pub(super) fn receive(&mut self, into: &mut [u8], deadline: Instant) -> Result<usize, Failure> {
        self.socket.until(deadline);
        loop {
            match self.tls.reader().read(into) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(Failure::connected(&error)),
            }
            self.flush()?;
            self.pull()?;
        }
    }

    /// Whether nothing has been read that nobody asked for.
    pub(super) fn is_quiet(&mut self) -> bool {
        let state = self.tls.process_new_packets();
        state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
    }

    /// Whether the connection stands, and nothing has come since. Tickets may come at any time.
    pub(super) fn is_idle(&mut self) -> bool {
        let read = self.tls.read_tls(&mut self.socket.without_waiting());
        match read {
            Ok(0) => false,
            Err(error) if error.kind() != ErrorKind::WouldBlock => false,
            Ok(_) | Err(_) => self.is_quiet(),
        }
    }

    /// One read from the socket, and what TLS makes of it.
    fn pull(&mut self) -> Result<usize, Failure> {
        let count = match self.tls.read_tls(&mut self.socket) {
            Ok(count) => count,
            Err(error) => return Err(self.socket.failure(&error)),
        };
        if let Err(error) = self.tls.process_new_packets() {
            // The other side may have the alert; what matters is our own error.
            let _ = self.flush();
            return Err(distrust(&error));
        }
        Ok(count)
    }

    /// Everything that TLS wants to say, in one write.
    fn flush(&mut self) -> Result<(), Failure> {
        while self.tls.wants_write() {
            let moved = self.tls.write_tls(&mut self.outgoing);
            moved.map_err(|error| Failure::local(Local::Resources, error))?;
        }
        if self.outgoing.is_empty() || self.outgoing == COMPATIBILITY {
            return Ok(());
        }
        let written = self.socket.write_all(&self.outgoing);
        self.outgoing.clear();
        written.map_err(|error| Failure::connected(&error))
    }
}

fn distrust(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(why)) => {
            Failure::misbehaved(Misbehaviour::Certificate, why)
        }
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Failure::misbehaved(Misbehaviour::Certificate, error)
        }
        _ => Failure::misbehaved(Misbehaviour::Tls, error),
    }
}
