//! HTTP/1.1 as bytes: requests out of a stream, replies into one buffer.

use std::io::{self, Read};

use serde_json::Value;

const HEAD_LIMIT: usize = 32 * 1024;
const BODY_LIMIT: usize = 1024 * 1024;

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub keep_alive: bool,
}

impl Request {
    /// The value of a header, by its lower-case name; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded; empty if it is missing.
    pub fn query(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_value(query, name)
    }

    /// A parameter of a form body, decoded; empty if it is missing.
    pub fn form(&self, name: &str) -> String {
        form_value(&String::from_utf8_lossy(&self.body), name)
    }

    /// The value of a cookie; empty if it is missing.
    pub fn cookie(&self, name: &str) -> &str {
        let pairs = self.header("cookie").split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The body; `null` where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Takes requests from a stream, one after the other; keeps what was read beyond one.
#[derive(Default)]
pub struct Requests {
    buffer: Vec<u8>,
}

impl Requests {
    /// The next request; `None` when the client is done.
    pub fn next(&mut self, source: &mut impl Read) -> io::Result<Option<Request>> {
        let Some((mut request, head)) = self.head(source)? else {
            return Ok(None);
        };
        self.buffer.drain(..head);
        request.body = match framing(&request)? {
            Framing::Length(length) => self.take(source, length)?,
            Framing::Chunked => self.chunks(source)?,
        };
        Ok(Some(request))
    }

    fn head(&mut self, source: &mut impl Read) -> io::Result<Option<(Request, usize)>> {
        loop {
            if let Some(found) = parse_head(&self.buffer)? {
                return Ok(Some(found));
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(bad("the head of the request is too long"));
            }
            if !self.fill(source)? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut()) };
            }
        }
    }

    fn take(&mut self, source: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY_LIMIT {
            return Err(bad("the body of the request is too long"));
        }
        while self.buffer.len() < length {
            self.fill(source)?.then_some(()).ok_or_else(cut)?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn chunks(&mut self, source: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line(source)?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| bad("a chunk without a size"))?;
            let chunk = self.take(source, size)?;
            body.extend(chunk);
            if body.len() > BODY_LIMIT {
                return Err(bad("the body of the request is too long"));
            }
            let end = self.line(source)?;
            if size == 0 || !end.is_empty() {
                return if end.is_empty() {
                    Ok(body)
                } else {
                    Err(bad("a chunk longer than its size"))
                };
            }
        }
    }

    fn line(&mut self, source: &mut impl Read) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill(source)?.then_some(()).ok_or_else(cut)?;
        }
    }

    /// Reads some more; false at the end of the stream.
    fn fill(&mut self, source: &mut impl Read) -> io::Result<bool> {
        let mut some = [0; 16 * 1024];
        let count = source.read(&mut some)?;
        self.buffer.extend_from_slice(&some[..count]);
        Ok(count > 0)
    }
}

enum Framing {
    Length(usize),
    Chunked,
}

fn framing(request: &Request) -> io::Result<Framing> {
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        return Ok(Framing::Chunked);
    }
    match request.header("content-length") {
        "" => Ok(Framing::Length(0)),
        length => length
            .parse()
            .map(Framing::Length)
            .map_err(|_| bad("a Content-Length that is no number")),
    }
}

/// The request without its body, and how long its head is; `None` while it is incomplete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(bytes).map_err(|error| bad(&error.to_string()))?;
    let httparse::Status::Complete(length) = status else {
        return Ok(None);
    };
    let mut request = Request {
        method: parsed.method.unwrap_or_default().into(),
        target: parsed.path.unwrap_or_default().into(),
        headers: parsed.headers.iter().map(owned).collect(),
        ..Request::default()
    };
    let connection = request.header("connection").to_lowercase();
    request.keep_alive = parsed.version == Some(1) && !connection.contains("close");
    Ok(Some((request, length)))
}

fn owned(header: &httparse::Header<'_>) -> (String, String) {
    let value = String::from_utf8_lossy(header.value).into_owned();
    (header.name.to_ascii_lowercase(), value)
}

fn form_value(pairs: &str, name: &str) -> String {
    let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| decoded(key) == name).map_or(String::new(), |(_, value)| decoded(value))
}

/// Percent-decoding, with `+` as a space.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the request ends early")
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: vec![("Content-Type".into(), kind.into())], body: body.into() }
    }

    pub fn json(value: &Value) -> Response {
        Response::new(200, "application/json; charset=utf-8", value.to_string())
    }

    pub fn html(status: u16, body: &str) -> Response {
        Response::new(status, "text/html; charset=utf-8", body)
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The whole reply, to be written at once.
    pub fn bytes(&self, keep_alive: bool) -> Vec<u8> {
        let date = httpdate::fmt_http_date(std::time::SystemTime::now());
        let mut head =
            format!("HTTP/1.1 {} {}\r\nDate: {date}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !keep_alive {
            head += "Connection: close\r\n";
        }
        // A reply without content says nothing about its length (RFC 9110, section 8.6).
        if self.status != 204 {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
