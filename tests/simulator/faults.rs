//! Faults on demand: what the next matching request meets instead of, or besides, a proper reply.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::dice;
use super::http::{Request, Response};
use super::log::Logged;
use super::reply;
use super::scenario::Certificate;
use super::wire::Wire;
use super::world::{State, World};

/// One fault, and which requests it is for.
#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    #[serde(flatten)]
    pub what: What,
    /// Part of the path, in any letter case; empty: any path.
    #[serde(default)]
    pub path: String,
    /// The `Action` of one of its operations; empty: any.
    #[serde(default)]
    pub action: String,
    /// How many requests meet it; 0: all, until faults are cleared.
    #[serde(default = "once")]
    pub times: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum What {
    /// The request waits, then is answered well.
    Slow { millis: u64 },
    /// The head of the reply comes at once, its body byte by byte, so many milliseconds apart.
    Drip { millis: u64 },
    /// No reply, and the connection stays open.
    Hang,
    /// The request is carried out, but the connection closes instead of a reply.
    CutBeforeReply,
    /// The request is carried out, and half of the reply's body comes.
    CutMidBody,
    /// A good reply, and then the connection closes without a word.
    CloseAfterReply,
    /// A front end answers: not carried out.
    Status { code: u16, retry_after: Option<u64>, body: Option<String> },
    /// Bytes that are no HTTP.
    Garbage,
    /// A page with status 200, as a captive portal sends it.
    Html,
    /// Status 200, announced as JSON, and cut off in the middle of an object.
    BadJson,
    /// Carried out; the reply names another session.
    WrongSession,
    /// These bytes, and the end of the connection.
    Raw { bytes: String },
    /// Perfect HTTP with this body; not carried out.
    Body { json: Value },
    /// Perfect HTTP with a body of so many bytes of JSON.
    Big { bytes: usize },
    /// Carried out; wherever the reply has words for people, it repeats the request, in this
    /// spelling.
    Echo { spelling: Spelling },
    /// Carried out; the reply has no `User`.
    DropUser,
    /// The next connection is shown a certificate for another name.
    TlsWrongName,
    /// The next connection is shown a certificate of an unknown CA.
    TlsUntrusted,
}

/// How a secret may be written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    Plain,
    Upper,
    Percent,
    Json,
    Hex,
    Base64,
}

impl Spelling {
    pub const ALL: [Spelling; 6] = [
        Spelling::Plain,
        Spelling::Upper,
        Spelling::Percent,
        Spelling::Json,
        Spelling::Hex,
        Spelling::Base64,
    ];

    pub fn of(self, text: &str) -> String {
        let bytes = |format: fn(u8) -> String| text.bytes().map(format).collect();
        match self {
            Spelling::Plain => text.to_owned(),
            Spelling::Upper => text.to_uppercase(),
            Spelling::Percent => bytes(|byte| format!("%{byte:02x}")),
            Spelling::Json => text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
            Spelling::Hex => bytes(|byte| format!("{byte:02X}")),
            Spelling::Base64 => dice::base64(text.as_bytes()),
        }
    }
}

impl What {
    /// For the next request, whatever it is.
    pub fn once(self) -> Fault {
        Fault { what: self, path: String::new(), action: String::new(), times: 1 }
    }
}

impl Fault {
    pub fn on_path(self, path: &str) -> Fault {
        Fault { path: path.into(), ..self }
    }

    pub fn on_action(self, action: &str) -> Fault {
        Fault { action: action.into(), ..self }
    }

    pub fn times(self, times: u32) -> Fault {
        Fault { times, ..self }
    }

    fn matches(&self, request: &Logged) -> bool {
        let path = request.path.to_lowercase().contains(&self.path.to_lowercase());
        path && !self.is_of_connection()
            && (self.action.is_empty() || has_action(&request.body, &self.action))
    }

    fn is_of_connection(&self) -> bool {
        matches!(self.what, What::TlsWrongName | What::TlsUntrusted)
    }
}

fn has_action(body: &Value, action: &str) -> bool {
    let several = body["MultipleOperations"].as_array().into_iter().flatten();
    std::iter::once(body).chain(several).any(|operation| operation["Action"] == action)
}

fn once() -> u32 {
    1
}

/// The fault that this request meets, used up.
pub fn take(state: &mut State, request: &Logged) -> Option<What> {
    let place = state.faults.iter().position(|fault| fault.matches(request))?;
    Some(use_up(&mut state.faults, place))
}

/// The certificate that the next connection is shown.
pub fn certificate(state: &mut State) -> Certificate {
    let Some(place) = state.faults.iter().position(Fault::is_of_connection) else {
        return state.tenant.certificate;
    };
    match use_up(&mut state.faults, place) {
        What::TlsWrongName => Certificate::WrongName,
        _ => Certificate::Untrusted,
    }
}

fn use_up(faults: &mut Vec<Fault>, place: usize) -> What {
    let fault = &mut faults[place];
    let what = fault.what.clone();
    match fault.times {
        0 => {}
        1 => drop(faults.remove(place)),
        _ => fault.times -= 1,
    }
    what
}

/// What happens before the tenant is asked.
pub enum Before {
    Ask,
    Reply(Response),
    Bytes(Vec<u8>),
    Close,
}

pub fn before(fault: &What, world: &World) -> Before {
    match fault {
        What::Slow { millis } => {
            world.pause(Duration::from_millis(*millis));
            Before::Ask
        }
        What::Hang => {
            world.pause(Duration::from_secs(3600));
            Before::Close
        }
        What::Status { code, retry_after, body } => {
            let wait = |seconds| world.with(|state| reply::retry_after(seconds, state));
            Before::Reply(status(*code, retry_after.map(wait), body))
        }
        What::Garbage => Before::Bytes(b"\x00\xff SMTP? 220 no\n\n\x07\x07".to_vec()),
        What::Html => Before::Reply(Response::html(
            200,
            "<html><body>Please sign in to this network.</body></html>",
        )),
        What::BadJson => Before::Reply(Response::new(
            200,
            "application/json; charset=utf-8",
            r#"{"success":true,"Result":{"#,
        )),
        What::Raw { bytes } => Before::Bytes(bytes.clone().into_bytes()),
        What::Body { json } => Before::Reply(Response::json(json)),
        What::Big { bytes } => {
            Before::Reply(Response::json(&Value::String("x".repeat(bytes.saturating_sub(2)))))
        }
        What::Drip { .. }
        | What::CloseAfterReply
        | What::CutBeforeReply
        | What::CutMidBody
        | What::WrongSession
        | What::Echo { .. }
        | What::DropUser => Before::Ask,
        What::TlsWrongName | What::TlsUntrusted => Before::Ask,
    }
}

fn status(code: u16, retry_after: Option<String>, body: &Option<String>) -> Response {
    let page = body.as_deref().unwrap_or("<html><body><h1>Something went wrong</h1></body></html>");
    let reply = Response::html(code, page);
    match retry_after {
        Some(wait) => reply.with("Retry-After", wait),
        None => reply,
    }
}

/// What is done to the tenant's own reply.
pub fn after(fault: &What, reply: Response, request: &Request) -> Response {
    match fault {
        What::Echo { spelling } => echoing(reply, request, *spelling),
        What::WrongSession => edited(reply, |result| {
            result["SessionId"] = dice::id().into();
        }),
        What::DropUser => edited(reply, |result| {
            result.as_object_mut().and_then(|result| result.remove("User"));
        }),
        _ => reply,
    }
}

/// The request in the place of all words for people. What was typed stands first, so that no cut
/// hides it.
fn echoing(mut reply: Response, request: &Request, spelling: Spelling) -> Response {
    let said = format!(
        "{} {} {}",
        request.json()["Answer"].as_str().unwrap_or_default(),
        request.header("authorization"),
        String::from_utf8_lossy(&request.body)
    );
    let said = spelling.of(said.trim());
    if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) {
        replace_words(&mut body, &said);
        reply.body = body.to_string().into_bytes();
    }
    let id: String = said.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    reply.with("X-Cfy-Tx-Id", id)
}

fn replace_words(value: &mut Value, said: &str) {
    const WORDS: [&str; 8] = [
        "Message",
        "error_description",
        "PromptSelectMech",
        "PromptMechChosen",
        "Question",
        "QuestionText",
        "UiPrompt",
        "message",
    ];
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| replace_words(one, said)),
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| {
            if WORDS.contains(&key.as_str()) {
                *value = said.into();
            } else {
                replace_words(value, said);
            }
        }),
        _ => {}
    }
}

fn edited(mut reply: Response, edit: impl FnOnce(&mut Value)) -> Response {
    if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) {
        edit(&mut body["Result"]);
        reply.body = body.to_string().into_bytes();
    }
    reply
}

/// Sends the reply, or as much of it as the fault allows; `None` closes the connection.
pub fn deliver(fault: &What, reply: &[u8], wire: &mut Wire, world: &World) -> Option<()> {
    let body =
        reply.windows(4).position(|end| end == b"\r\n\r\n").map_or(reply.len(), |head| head + 4);
    match fault {
        What::CutBeforeReply => None,
        What::CutMidBody => {
            let _ = wire.send(&reply[..body + (reply.len() - body) / 2]);
            None
        }
        What::Drip { millis } => {
            wire.send(&reply[..body]).ok()?;
            reply[body..].iter().try_for_each(|byte| {
                world.pause(Duration::from_millis(*millis));
                wire.send(&[*byte]).ok()
            })
        }
        What::CloseAfterReply => {
            let _ = wire.send(reply);
            None
        }
        _ => wire.send(reply).ok(),
    }
}
