//! What the tenant saw: each request with the connection that carried it, and counts of
//! connections.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::http::Request;
use super::wire::Carriage;

/// One request as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Logged {
    pub method: String,
    /// As sent: neither folded nor stripped of the prefix.
    pub path: String,
    pub host: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// `null` where the body is no JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
    /// The number of the TCP connection, from 1.
    pub connection: u64,
    /// False when the TLS session was resumed.
    pub tls_handshake_full: bool,
    /// TLS records that carried the request (reads, on a connection in clear).
    pub writes: usize,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    pub accepted: u64,
    pub open: u64,
    pub handshakes_full: u64,
    pub handshakes_resumed: u64,
    pub handshakes_failed: u64,
}

impl Logged {
    pub fn new(request: &Request, carriage: Carriage) -> Logged {
        Logged {
            method: request.method.clone(),
            path: request.target.clone(),
            host: request.header("host").into(),
            headers: request.headers.iter().cloned().collect(),
            body: request.json(),
            text: String::from_utf8_lossy(&request.body).into_owned(),
            connection: carriage.connection,
            tls_handshake_full: carriage.handshake_full,
            writes: carriage.writes,
        }
    }

    /// The `Action` of the body; empty if it is missing.
    pub fn action(&self) -> &str {
        self.body["Action"].as_str().unwrap_or_default()
    }
}
