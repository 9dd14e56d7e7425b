//! An HTTPS server that plays a script, byte by byte if need be.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use data_encoding::BASE64;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// A certificate authority of the test's own.
pub struct Authority {
    name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a server shows and signs with.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let issuer = CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap());
        Authority { name: name.to_owned(), issuer: issuer.unwrap() }
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority(name), key, &self.issuer);
        Authority { name: name.to_owned(), issuer: issuer.unwrap() }
    }

    /// Another certificate of this authority, for the same key and name.
    pub fn signed_across(&self, by: &Authority) -> CertificateDer<'static> {
        let certificate = authority(&self.name).signed_by(self.issuer.key(), &by.issuer).unwrap();
        certificate.der().clone()
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server certificate for these names, changed at will.
    pub fn identity(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(names, change).signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: key.into() }
    }
}

/// A certificate that vouches for itself.
pub fn self_signed(names: &[&str]) -> (Identity, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = leaf(names, |_| {}).self_signed(&key).unwrap();
    let pem = certificate.pem();
    (Identity { chain: vec![certificate.der().clone()], key: key.into() }, pem)
}

/// A certificate that vouches for itself, changed at will.
pub fn own(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> String {
    let certificate = leaf(names, change).self_signed(&KeyPair::generate().unwrap());
    certificate.unwrap().pem()
}

/// A certificate as PEM.
pub fn pem(der: &CertificateDer<'_>) -> String {
    let text = BASE64.encode(der);
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<_> = lines.map(|line| std::str::from_utf8(line).unwrap()).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Countersign  Tests");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn leaf(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server");
    change(&mut params);
    params
}

/// A server on 127.0.0.1 whose script runs in one thread.
pub struct Server {
    address: SocketAddr,
    script: JoinHandle<()>,
}

impl Server {
    pub fn play(script: impl FnOnce(&Listener) + Send + 'static) -> Server {
        let listener = Listener(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.0.local_addr().unwrap();
        let script = thread::Builder::new().spawn(move || script(&listener)).unwrap();
        Server { address, script }
    }

    pub fn url(&self) -> String {
        format!("https://{}/Security/StartAuthentication", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The script must have been played out, and must not have panicked.
    pub fn done(self) {
        self.script.join().unwrap();
    }
}

pub struct Listener(TcpListener);

impl Listener {
    pub fn tcp(&self) -> TcpStream {
        self.0.accept().unwrap().0
    }

    /// Whether no client is waiting to be let in.
    pub fn nobody_waits(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let result = self.0.accept();
        self.0.set_nonblocking(false).unwrap();
        result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    pub fn tls(&self, identity: &Arc<ServerConfig>) -> Peer {
        Peer::over(self.tcp(), identity)
    }
}

pub fn config(identity: Identity) -> Arc<ServerConfig> {
    config_of(identity, rustls::ALL_VERSIONS)
}

pub fn config_of(
    identity: Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap())
}

/// One client, seen from the server.
pub struct Peer {
    pub stream: StreamOwned<ServerConnection, Tap>,
}

pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

impl Peer {
    pub fn over(stream: TcpStream, config: &Arc<ServerConfig>) -> Peer {
        let tls = ServerConnection::new(config.clone()).unwrap();
        Peer { stream: StreamOwned::new(tls, Tap { stream, seen: Arc::default() }) }
    }

    /// The next request; `None` if the client has gone.
    pub fn try_request(&mut self) -> Option<Request> {
        let head = self.try_head()?;
        let mut body = vec![0; length(&head)];
        self.stream.read_exact(&mut body).unwrap();
        Some(Request { head, body })
    }

    fn try_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if !matches!(self.stream.read(&mut byte), Ok(1)) {
                return None;
            }
            head.push(byte[0]);
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// The head of a request whose body is left where it is.
    pub fn request_head(&mut self) -> String {
        self.try_head().expect("the client has gone")
    }

    pub fn request(&mut self) -> Request {
        self.try_request().expect("the client has gone")
    }

    /// Sends bytes as they are; the client may have gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// A whole response with a body of text.
    pub fn reply(&mut self, body: &str) {
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.send(response).unwrap();
    }

    /// Ends TLS properly, and waits until the client is gone as well.
    pub fn close(mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        let _ = self.stream.sock.stream.shutdown(std::net::Shutdown::Write);
        self.drain();
    }

    /// Waits until the client is gone.
    pub fn drain(mut self) {
        let _ = io::copy(&mut self.stream.sock, &mut io::sink());
    }

    pub fn seen(&self) -> Arc<Mutex<Vec<u8>>> {
        self.stream.sock.seen.clone()
    }
}

/// What a client says in the clear, up to an empty line.
pub fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn length(head: &str) -> usize {
    let lower = head.to_ascii_lowercase();
    let line = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

/// A socket that remembers what came in.
pub struct Tap {
    pub stream: TcpStream,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Read for Tap {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(into)?;
        self.seen.lock().unwrap().extend_from_slice(&into[..count]);
        Ok(count)
    }
}

impl Write for Tap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The types of the TLS records in a stream (RFC 8446, section 5.1).
pub fn records(stream: &[u8]) -> Vec<u8> {
    let (mut rest, mut types) = (stream, Vec::new());
    while let [kind, _, _, high, low, after @ ..] = rest {
        types.push(*kind);
        let length = usize::from(*high) << 8 | usize::from(*low);
        rest = after.get(length..).unwrap_or_default();
    }
    types
}
