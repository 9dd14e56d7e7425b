//! A connection as the server sees it: TLS record by record, or in clear.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{HandshakeKind, ServerConfig, ServerConnection};

const RECORD_HEADER: usize = 5;

/// What the log says about the way a request came.
#[derive(Clone, Copy, Debug)]
pub struct Carriage {
    pub connection: u64,
    pub handshake_full: bool,
    pub writes: usize,
}

pub enum Wire {
    Clear { stream: TcpStream, reads: usize },
    Tls(Box<Tls>),
}

pub struct Tls {
    stream: BufReader<TcpStream>,
    session: ServerConnection,
    records: usize,
}

impl Wire {
    pub fn clear(stream: TcpStream) -> Wire {
        Wire::Clear { stream, reads: 0 }
    }

    /// Does the handshake.
    pub fn tls(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Wire> {
        let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
        session.set_buffer_limit(None);
        let mut tls = Tls { stream: BufReader::new(stream), session, records: 0 };
        while tls.session.is_handshaking() {
            if !tls.next_record()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Wire::Tls(Box::new(tls)))
    }

    /// Everything in one write.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Wire::Clear { stream, .. } => stream.write_all(bytes),
            Wire::Tls(tls) => {
                tls.session.writer().write_all(bytes)?;
                tls.flush()
            }
        }
    }

    /// How the request just read came; counting begins anew.
    pub fn carriage(&mut self, connection: u64) -> Carriage {
        match self {
            Wire::Clear { reads, .. } => {
                Carriage { connection, handshake_full: false, writes: std::mem::take(reads) }
            }
            Wire::Tls(tls) => Carriage {
                connection,
                handshake_full: tls.handshake_full(),
                writes: std::mem::take(&mut tls.records),
            },
        }
    }

    /// Says goodbye as TLS wants it.
    pub fn close(&mut self) {
        if let Wire::Tls(tls) = self {
            tls.session.send_close_notify();
            let _ = tls.flush();
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Clear { stream, reads } => {
                *reads += 1;
                stream.read(buffer)
            }
            Wire::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Tls {
    pub fn handshake_full(&self) -> bool {
        self.session.handshake_kind() != Some(HandshakeKind::Resumed)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if !self.next_record()? {
                return Ok(0);
            }
        }
    }

    /// Takes one record from the client, and counts it if it carries data; false at the end of the
    /// stream.
    fn next_record(&mut self) -> io::Result<bool> {
        if self.stream.buffer().is_empty() {
            self.flush()?;
        }
        if self.stream.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let mut record = vec![0; RECORD_HEADER];
        self.stream.read_exact(&mut record)?;
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(RECORD_HEADER + length, 0);
        self.stream.read_exact(&mut record[RECORD_HEADER..])?;
        self.take(&record)?;
        Ok(true)
    }

    fn take(&mut self, mut record: &[u8]) -> io::Result<()> {
        while !record.is_empty() {
            self.session.read_tls(&mut record)?;
            let result = self.session.process_new_packets();
            if result.is_err() {
                let _ = self.flush();
            }
            let state = result.map_err(io::Error::other)?;
            self.records += usize::from(state.plaintext_bytes_to_read() > 0);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut bytes)?;
        }
        self.stream.get_mut().write_all(&bytes)
    }
}
