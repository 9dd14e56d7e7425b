//! The requests and replies of the API: strict about shapes, bounded in size, and without I/O.
#![forbid(unsafe_code)]

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use super::refusal::{Kind, Problem, Refusal};
use countersign::otpauth::{self, Key};
use countersign::secret::Secret;
use countersign::tenant::http::Response;
use countersign::tenant::json;
use countersign::tenant::text::{ServerText, shown};

/// The deepest nesting that a reply may have. A real one has two levels.
const MAX_DEPTH: usize = 16;
/// The only factor that a terminal can serve.
pub const FACTOR: &str = "TOTP";
/// No reply of these is longer, in bytes.
const LONGEST: usize = 16 * 1024;

/// One request.
pub enum Call<'a> {
    /// A secret for the token's own user.
    Generate,
    /// Its first code. How this is said is not documented.
    Verify {
        /// `action`.
        action: &'a str,
        /// The name of the code.
        key: &'a str,
        /// The code.
        code: &'a Code,
    },
    /// What the token's own user has.
    Status,
    /// Removes it; a current code proves that it is there.
    Remove(&'a Code),
    /// Reads what another user has. For administrators.
    StatusOf(&'a UserId),
    /// Removes what another user has. For administrators.
    RemoveOf(&'a UserId),
    /// Checks a code of the token's own user.
    StepUp(&'a Code),
}

/// The methods that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads, and can be repeated.
    Get,
    /// Does something.
    Post,
    /// Removes something. Whether one without a good answer was carried out is not known: it is
    /// not repeated.
    Delete,
}

/// A code of an authenticator: 6 to 8 digits.
pub struct Code(Secret);

/// The id of a user of the Britive tenant: 20 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserId(String);

/// What a user has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    NotRegistered,
    /// A secret was given away, and no code has been verified.
    Challenge,
    /// The last code was wrong.
    ChallengeFailed,
    /// An authenticator.
    Registered,
}

/// What became of a step-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUp {
    /// The code was right.
    Succeeded,
    /// The tenant wants something else besides.
    Challenge,
    /// The code was wrong.
    Failed,
}

/// A registration that waits for its first code.
pub struct Begun {
    /// The URI, as the tenant gave it, without white space.
    pub uri: Zeroizing<String>,
    /// The key that it holds.
    pub key: Key,
}

impl Call<'_> {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Call::Status | Call::StatusOf(_) => Method::Get,
            Call::Generate | Call::Verify { .. } | Call::StepUp(_) => Method::Post,
            Call::Remove(_) | Call::RemoveOf(_) => Method::Delete,
        }
    }

    /// The path below the address of the tenant. It may hold a code.
    #[must_use]
    pub fn path(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Call::Generate | Call::Verify { .. } | Call::Status => {
                format!("/api/mfa/register/{FACTOR}")
            }
            Call::Remove(code) => format!("/api/mfa/register/{FACTOR}/{}", code.0.expose()),
            Call::StatusOf(UserId(id)) | Call::RemoveOf(UserId(id)) => {
                format!("/api/mfa/admin/registrations/{FACTOR}/users/{id}")
            }
            Call::StepUp(_) => format!("/api/step-up/authenticate/{FACTOR}"),
        })
    }

    /// The JSON body of a `POST`; empty for the others.
    #[must_use]
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        let body = match self {
            Call::Generate => json!({"action": "GENERATE_SECRET"}),
            Call::Verify { action, key, code } => json!({"action": action, *key: code.0.expose()}),
            Call::StepUp(code) => json!({"otp": code.0.expose()}),
            Call::Status | Call::Remove(_) | Call::StatusOf(_) | Call::RemoveOf(_) => {
                return Zeroizing::default();
            }
        };
        Zeroizing::new(body.to_string().into_bytes())
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Call::Generate => Kind::Generate,
            Call::Verify { .. } => Kind::Verify,
            Call::Remove(_) | Call::StepUp(_) => Kind::Code,
            Call::Status => Kind::Own,
            Call::StatusOf(_) | Call::RemoveOf(_) => Kind::Other,
        }
    }
}

impl Code {
    /// Takes a code as it was typed: white space inside and around does not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        let digits: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
        let valid = (6..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| Code(Secret::new(&digits)))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// Whether it has so many digits.
    #[must_use]
    pub fn has(&self, digits: u8) -> bool {
        self.0.expose().len() == usize::from(digits)
    }
}

impl UserId {
    /// Takes an id as it is: it becomes a part of a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<UserId> {
        let valid = text.len() == 20 && text.bytes().all(|b| b.is_ascii_alphanumeric());
        valid.then(|| UserId(text.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Status {
    /// The word of the API, or one like them where the API has none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::NotRegistered => "NOT_REGISTERED",
            Status::Challenge => "CHALLENGE",
            Status::ChallengeFailed => "CHALLENGE_FAILED",
            Status::Registered => "REGISTERED",
        }
    }
}

#[derive(Deserialize)]
struct Registration {
    status: String,
    factor: String,
    #[serde(rename = "additionalDetails")]
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    key: Option<Zeroizing<String>>,
    uri: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Stepped {
    result: String,
}

/// A registration that was begun. Its reply says the secret twice, and both must be equal.
///
/// # Errors
///
/// Whatever is not that.
pub fn begun(response: &Response) -> Result<Begun, Problem> {
    let registration: Registration = reply(response, Kind::Generate)?;
    if state(&registration)? != Status::Challenge {
        return Err(malformed("a registration that was begun is no CHALLENGE"));
    }
    let details = registration.details;
    let Some((Some(key), Some(uri))) = details.map(|details| (details.key, details.uri)) else {
        return Err(malformed("no key and uri in additionalDetails"));
    };
    let read = otpauth::read_uri(&uri)
        .map_err(|invalid| malformed(&format!("the URI of the secret: {invalid}")))?;
    if !read.has_secret(&key) {
        return Err(malformed("key and uri do not hold the same secret"));
    }
    let uri = Zeroizing::new(uri.split_ascii_whitespace().collect());
    Ok(Begun { uri, key: read })
}

/// What a user has, after a look or after a first code.
///
/// # Errors
///
/// A refusal, and whatever has another shape. That there is nothing is an answer.
pub fn status(response: &Response, kind: Kind) -> Result<Status, Problem> {
    match reply(response, kind) {
        Ok(registration) => state(&registration),
        Err(Problem::Refused(refusal)) if refusal.finds_nothing() && kind != Kind::Verify => {
            Ok(Status::NotRegistered)
        }
        Err(problem) => Err(problem),
    }
}

/// Something was removed: 204, or 200 with nothing in it, or with an object that has nothing in it.
///
/// # Errors
///
/// A refusal. Under 200, too, words of the tenant's can be one.
pub fn removed(response: &Response, kind: Kind) -> Result<(), Problem> {
    refusal(response, kind)?;
    match (response.status, response.body.trim_ascii()) {
        (200 | 204, b"") | (200, b"{}") => Ok(()),
        _ => Err(malformed("words where nothing was left to say")),
    }
}

/// What became of a step-up. Only `SUCCEEDED` under 200 is a success.
///
/// # Errors
///
/// A refusal, and whatever has another shape.
pub fn stepped_up(response: &Response) -> Result<StepUp, Problem> {
    let stepped: Stepped = reply(response, Kind::Code)?;
    match stepped.result.as_str() {
        "SUCCEEDED" => Ok(StepUp::Succeeded),
        "CHALLENGE" => Ok(StepUp::Challenge),
        "FAILED" => Ok(StepUp::Failed),
        other => Err(malformed(&format!("result {}", quoted(other)))),
    }
}

/// Whether this is an answer of a tenant that may have a better one soon.
#[must_use]
pub fn may_pass(response: &Response) -> bool {
    match refusal(response, Kind::Own) {
        Err(Problem::Refused(refusal)) => refusal.may_pass(),
        Err(Problem::Failed(_) | Problem::Malformed(_)) | Ok(()) => false,
    }
}

fn state(registration: &Registration) -> Result<Status, Problem> {
    if registration.factor != FACTOR {
        return Err(malformed(&format!("factor {}", quoted(&registration.factor))));
    }
    match registration.status.as_str() {
        "CHALLENGE" => Ok(Status::Challenge),
        "CHALLENGE_FAILED" => Ok(Status::ChallengeFailed),
        "REGISTERED" => Ok(Status::Registered),
        other => Err(malformed(&format!("status {}", quoted(other)))),
    }
}

fn reply<T: DeserializeOwned>(response: &Response, kind: Kind) -> Result<T, Problem> {
    refusal(response, kind)?;
    if response.status != 200 {
        return Err(malformed(&format!("HTTP status {}", response.status)));
    }
    let text = json::text(&response.body, MAX_DEPTH).map_err(malformed)?;
    serde_json::from_str(text)
        .map_err(|error| malformed(&format!("not JSON of its shape (line {})", error.line())))
}

#[derive(Deserialize, Default)]
struct Complaint {
    #[serde(rename = "errorCode")]
    code: Option<String>,
    message: Option<String>,
}

/// An `errorCode` is one under any status, and a status that is no success is one without words.
fn refusal(response: &Response, kind: Kind) -> Result<(), Problem> {
    if response.body.len() > LONGEST {
        return Err(malformed("longer than any reply"));
    }
    let text = json::text(&response.body, MAX_DEPTH);
    let spoken = text.ok().and_then(|text| serde_json::from_str::<Complaint>(text).ok());
    let (speaks, complaint) = (spoken.is_some(), spoken.unwrap_or_default());
    if complaint.code.is_none() && (200..300).contains(&response.status) {
        return Ok(());
    }
    Err(Problem::Refused(Refusal {
        kind,
        status: response.status,
        speaks,
        code: complaint.code.map(ServerText::new),
        message: complaint.message.map(ServerText::new),
    }))
}

fn malformed(what: &str) -> Problem {
    Problem::Malformed(what.to_owned())
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", shown(word, 40).replace('"', "'"))
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
