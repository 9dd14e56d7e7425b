//! A client of the tenant made of plain sockets, for the tests of the simulator itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use simulator::Simulator;

/// A reply that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One TLS connection to the tenant.
pub struct Probe {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pub host: String,
    pub headers: String,
}

/// A reply taken apart.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// How a client trusts this simulator.
pub fn trust(simulator: &Simulator) -> Arc<ClientConfig> {
    trust_with(simulator, &[&TLS13, &TLS12])
}

pub fn trust_with(
    simulator: &Simulator,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(simulator.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

impl Probe {
    pub fn new(simulator: &Simulator) -> Probe {
        Probe::with(simulator, trust(simulator)).expect("the handshake succeeds")
    }

    /// Does the handshake; its error as text.
    pub fn with(simulator: &Simulator, config: Arc<ClientConfig>) -> Result<Probe, String> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut session = ClientConnection::new(config, name).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", simulator.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        session.complete_io(&mut stream).map_err(|error| error.to_string())?;
        let host = format!("127.0.0.1:{}", simulator.port());
        let stream = StreamOwned::new(session, stream);
        Ok(Probe { stream, host, headers: String::new() })
    }

    pub fn stream(&mut self) -> &mut StreamOwned<ClientConnection, TcpStream> {
        &mut self.stream
    }

    pub fn is_tls(&self, version: rustls::ProtocolVersion) -> bool {
        self.stream.conn.protocol_version() == Some(version)
    }

    /// A JSON call that is answered with 200 and JSON.
    pub fn call(&mut self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, &body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    pub fn post(&mut self, path: &str, body: &str) -> Reply {
        self.request("POST", path, body)
    }

    pub fn request(&mut self, method: &str, path: &str, body: &str) -> Reply {
        let (host, headers, length) = (&self.host, &self.headers, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}");
        self.raw(&format!("{head}Content-Length: {length}\r\n\r\n{body}"))
    }

    /// Sends these bytes and reads one whole reply.
    pub fn raw(&mut self, bytes: &str) -> Reply {
        self.try_raw(bytes).expect("a whole reply comes")
    }

    /// The reply, or everything that came before the connection failed.
    pub fn try_raw(&mut self, bytes: &str) -> Result<Reply, String> {
        self.stream.write_all(bytes.as_bytes()).unwrap();
        let mut read = String::new();
        loop {
            if let Some(reply) = whole(&read) {
                return Ok(reply);
            }
            let mut some = [0; 4096];
            match self.stream.read(&mut some) {
                Ok(count) if count > 0 => read += &String::from_utf8_lossy(&some[..count]),
                _ => return Err(read),
            }
        }
    }

    /// Begins a login.
    pub fn start(&mut self, user: &str) -> Login<'_> {
        let reply =
            self.call("/Security/StartAuthentication", &json!({"User": user, "Version": "1.0"}));
        assert_eq!(reply["success"], true, "{reply}");
        Login { probe: self, package: reply["Result"].clone() }
    }
}

fn whole(read: &str) -> Option<Reply> {
    let (head, body) = read.split_once("\r\n\r\n")?;
    let reply = Reply {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.into(),
        body: body.into(),
    };
    let length: usize = match reply.status {
        204 => 0,
        _ => reply.all("content-length").first()?.parse().ok()?,
    };
    (body.len() >= length).then_some(reply)
}

/// A login under way.
pub struct Login<'a> {
    pub probe: &'a mut Probe,
    pub package: Value,
}

impl Login<'_> {
    /// The id of the first mechanism of this name in the package.
    pub fn id(&self, name: &str) -> String {
        let challenges = self.package["Challenges"].as_array().into_iter().flatten();
        let mut all = challenges.flat_map(|one| one["Mechanisms"].as_array().unwrap());
        let found = all.find(|one| one["Name"] == name);
        found.unwrap_or_else(|| panic!("no {name} offered"))["MechanismId"].as_str().unwrap().into()
    }

    pub fn answer(&mut self, name: &str, answer: impl Into<Value>) -> Value {
        let answer: Value = answer.into();
        self.advance(&json!({"MechanismId": self.id(name), "Action": "Answer", "Answer": answer}))
    }

    pub fn start_oob(&mut self, name: &str) -> Value {
        self.advance(&json!({"MechanismId": self.id(name), "Action": "StartOOB"}))
    }

    pub fn poll(&mut self, name: &str) -> Value {
        self.advance(&json!({"MechanismId": self.id(name), "Action": "Poll"}))
    }

    pub fn several(&mut self, operations: &[Value]) -> Value {
        self.advance(&json!({"MultipleOperations": operations}))
    }

    /// The same session goes on with what a NewPackage offers.
    pub fn take_package(&mut self, reply: &Value) {
        assert_eq!(reply["Result"]["Summary"], "NewPackage", "{reply}");
        self.package = reply["Result"].clone();
    }

    pub fn advance(&mut self, keys: &Value) -> Value {
        let mut body = keys.clone();
        body["SessionId"] = self.package["SessionId"].clone();
        self.probe.call("/Security/AdvanceAuthentication", &body)
    }
}

/// A plain HTTP call to the phone.
pub fn phone_call(simulator: &Simulator, head: &str, body: &str) -> Reply {
    let host = simulator.phone_url().replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    let (first, more) = head.split_once('\n').unwrap_or((head, ""));
    let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
    let length = body.len();
    write!(stream, "{first} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).unwrap();
    whole(&read).expect("a whole reply comes")
}
