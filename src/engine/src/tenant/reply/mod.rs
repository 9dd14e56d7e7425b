//! What the tenant answers: success is read strictly, and words that decide nothing as tolerantly
//! as live tenants need. What is not understood is [`Malformed`], and that is a denial.
//!
//! The shapes are those of live tenants: one envelope with a lower-case `success`, everything else
//! in `Result`.
#![forbid(unsafe_code)]

mod shape;

pub use shape::Malformed;
use shape::{
    Body, Entry, Number, Object, RawChallenge, RawMechanism, RawPart, envelope, malformed,
};
use zeroize::Zeroizing;

use super::text::ServerText;
use crate::policy::Mechanism;

/// More challenges or mechanisms than any tenant offers.
const MAX_OFFERS: usize = 32;

/// The reply to StartAuthentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Started {
    /// Challenges to meet.
    Package(Package),
    /// `PodFqdn`: the user lives on another host, `host` or `host/prefix`.
    Redirect(String),
    /// The user logs in at another identity provider.
    Federated(Federated),
    /// The user logs in at another identity provider, in a browser alone: there is nothing to wait
    /// for.
    Elsewhere,
    /// `success:false`.
    Failed,
    /// `LoginSuccess` without any challenge: can't happen honestly to a request that carried no
    /// cookie.
    Unasked,
}

/// The reply to AdvanceAuthentication.
#[derive(Debug, PartialEq, Eq)]
pub struct Advanced {
    /// `ResultAppliesTo`: which of several operations this is about.
    pub applies_to: Option<String>,
    /// `SessionId`, if the reply names one.
    pub session: Option<String>,
    /// `TenantId`, if the reply names one.
    pub tenant_id: Option<String>,
    /// What the tenant says.
    pub outcome: Outcome,
}

/// `Summary` of AdvanceAuthentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `LoginSuccess`.
    Success(Identity),
    /// `StartNextChallenge`.
    NextChallenge,
    /// `OobPending`, perhaps with a number to match.
    Pending(Option<ServerText>),
    /// `NewPackage`.
    Package(Package),
    /// `NoncommitalSuccess`: the end of a password reset, not of a login.
    NotALogin,
    /// `success:false`, or a word that means a failure. The tenant gives no reason.
    Failed,
    /// A word that is not in the documentation, or no word. Never a success; in reply to a poll it
    /// means that nothing has been decided.
    Unknown,
}

/// The reply to OobAuthStatus.
#[derive(Debug, PartialEq, Eq)]
pub enum Status {
    /// The user is still in the browser. Every state that is neither a success nor a known failure
    /// is this one.
    Pending,
    /// The other identity provider vouches for this user.
    Success(Identity),
    /// It doesn't.
    Failed,
}

/// Who logged in, in the tenant's words.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// `User`. Missing means that no user was named.
    pub user: Option<String>,
    /// `Token`, which can tell whose it is.
    pub token: Option<Token>,
}

/// A session token. It opens everything, so it is never printed.
#[derive(PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token itself, for the one header that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// The reply to Whoami.
#[derive(Debug, PartialEq, Eq)]
pub struct Who {
    /// Whose the token is.
    pub identity: Identity,
    /// `TenantId`.
    pub tenant_id: Option<String>,
}

/// Challenges, all to be met in this order.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// `SessionId`. Always there in StartAuthentication, not always in a later `NewPackage`.
    pub session: Option<String>,
    /// `TenantId`.
    pub tenant_id: Option<String>,
    /// The challenges.
    pub challenges: Vec<Challenge>,
    /// `RetryWaitingTime`: seconds in which the tenant refuses even the right password.
    pub retry_after: u64,
}

/// One challenge: mechanisms of which one is to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The alternatives.
    pub offers: Vec<Offer>,
}

/// One mechanism as offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// `MechanismId`, opaque.
    pub id: String,
    /// `Name`.
    pub name: Name,
    /// `AnswerType`.
    pub answer: AnswerType,
    /// The tenant's line for a menu: `PromptSelectMech`, and the device or address where that line
    /// does not name it.
    pub label: Option<ServerText>,
    /// `PromptMechChosen`: the tenant's prompt.
    pub prompt: Option<ServerText>,
    /// `Question`: the only security question.
    pub question: Option<ServerText>,
    /// `MultipartMechanism`: security questions, by `Uuid`.
    pub parts: Vec<(String, ServerText)>,
    /// `Enrolled`; absent means yes.
    pub enrolled: bool,
}

/// `Name` of a mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// One that can work in a terminal.
    Known(Mechanism),
    /// `RESET`: the tenant wants a new password first.
    Reset,
    /// One that can't, or an unknown one.
    Other(ServerText),
    /// A mechanism that is not described as the API describes one, with its name if that can be
    /// read.
    Garbled(ServerText),
}

/// `AnswerType` of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerType {
    /// Ask, then `Answer`.
    Text,
    /// `StartOOB`, then a typed code or an approval.
    StartTextOob,
    /// `StartOOB`, then an approval.
    StartOob,
    /// None of these.
    Unknown,
}

/// How a federated user logs in.
#[derive(Debug, PartialEq, Eq)]
pub struct Federated {
    /// `IdpLoginSessionId`.
    pub session: String,
    /// `TenantId`.
    pub tenant_id: Option<String>,
    /// `IdpRedirectShortUrl`: the page to open.
    pub url: ServerText,
    /// `IdpOobAuthPinRequired`: the page shows a PIN to type here.
    pub pin: bool,
}

/// `Summary` of any reply. Clients of the vendor compare the words of the protocol without regard
/// to case, so must we.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Summary {
    NewPackage,
    LoginSuccess,
    StartNextChallenge,
    OobPending,
    NoncommitalSuccess,
    Failure,
    Unknown,
}

impl Summary {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "newpackage" => Self::NewPackage,
            "loginsuccess" => Self::LoginSuccess,
            "startnextchallenge" => Self::StartNextChallenge,
            "oobpending" => Self::OobPending,
            "noncommitalsuccess" => Self::NoncommitalSuccess,
            "failure" | "loginfailure" | "undefined" | "cannotsatisfychallenges" => Self::Failure,
            _ => Self::Unknown,
        }
    }
}

/// Decodes the reply to StartAuthentication.
///
/// # Errors
///
/// [`Malformed`] for everything that is not one of the documented replies.
pub fn started(body: &[u8]) -> Result<Started, Malformed> {
    let Some(result) = envelope(body)? else {
        return Ok(Started::Failed);
    };
    let summary = result.summary.as_deref().map(Summary::parse);
    if summary == Some(Summary::LoginSuccess) {
        return Ok(Started::Unasked);
    }
    if result.idp_redirect_url.is_some() || result.idp_redirect_short_url.is_some() {
        return federated(result).map(Started::Federated);
    }
    // The Delinea Platform's word for it.
    if result.redirect.as_deref().is_some_and(|url| !url.is_empty()) {
        return Ok(Started::Elsewhere);
    }
    // Every success carries a PodFqdn; only one without anything else is a redirect.
    match (summary, result.pod_fqdn.as_deref()) {
        (None, Some(host)) if result.challenges.is_none() => Ok(Started::Redirect(host.to_owned())),
        (Some(Summary::NewPackage), _) => package(result).map(Started::Package),
        (Some(Summary::Failure), _) => Ok(Started::Failed),
        _ => Err(malformed("a start reply that is no package, redirect or federated login")),
    }
}

/// Decodes the reply to AdvanceAuthentication.
///
/// # Errors
///
/// [`Malformed`] for everything that is not one of the documented replies, but for an unknown
/// `Summary`.
pub fn advanced(body: &[u8]) -> Result<Advanced, Malformed> {
    let Some(result) = envelope(body)? else {
        return Ok(Advanced::failed());
    };
    let applies_to = result.result_applies_to.clone();
    let session = result.session_id.clone();
    let tenant_id = result.tenant_id.clone();
    let summary = result.summary.as_deref().map(Summary::parse);
    let outcome = match summary.unwrap_or(Summary::Unknown) {
        Summary::LoginSuccess => Outcome::Success(result.into()),
        Summary::StartNextChallenge => Outcome::NextChallenge,
        Summary::OobPending => {
            Outcome::Pending(result.generated_auth_value.and_then(Number::into_text))
        }
        Summary::NewPackage => Outcome::Package(package(result)?),
        Summary::NoncommitalSuccess => Outcome::NotALogin,
        Summary::Failure => Outcome::Failed,
        Summary::Unknown => Outcome::Unknown,
    };
    Ok(Advanced { applies_to, session, tenant_id, outcome })
}

/// Decodes the reply to OobAuthStatus, whose words no vendor documents.
///
/// # Errors
///
/// [`Malformed`] for what is no reply of the API.
pub fn status(body: &[u8]) -> Result<Status, Malformed> {
    let Some(result) = envelope(body)? else {
        return Ok(Status::Failed);
    };
    let state = result.state.as_deref().unwrap_or_default();
    Ok(match state.to_ascii_lowercase().as_str() {
        "success" => Status::Success(result.into()),
        "failed" | "failure" => Status::Failed,
        _ => Status::Pending,
    })
}

/// Decodes the reply to Whoami.
///
/// # Errors
///
/// [`Malformed`] for everything but a success that names a user.
pub fn whoami(body: &[u8]) -> Result<Who, Malformed> {
    match envelope(body)? {
        Some(result) if result.user.is_some() => {
            Ok(Who { tenant_id: result.tenant_id.clone(), identity: result.into() })
        }
        Some(_) | None => Err(malformed("a token that is for no user")),
    }
}

impl From<Body> for Identity {
    fn from(result: Body) -> Self {
        Self { user: result.user, token: result.token.map(Token) }
    }
}

impl Advanced {
    fn failed() -> Self {
        Self { applies_to: None, session: None, tenant_id: None, outcome: Outcome::Failed }
    }
}

impl Number {
    /// A number that can't be shown does not count.
    fn into_text(self) -> Option<ServerText> {
        let text = match self {
            Self::Text(text) => ServerText::new(text),
            Self::Integer(number) => ServerText::new(number.to_string()),
        };
        Some(text).filter(|text| !text.shown(12).is_empty())
    }
}

fn package(result: Body) -> Result<Package, Malformed> {
    let challenges = result.challenges.ok_or_else(|| malformed("a package without challenges"))?;
    if challenges.len() > MAX_OFFERS {
        return Err(malformed("a package with too many challenges"));
    }
    let challenges = challenges.into_iter().map(challenge);
    Ok(Package {
        session: result.session_id,
        tenant_id: result.tenant_id,
        challenges: challenges.collect::<Result<_, _>>()?,
        retry_after: result.retry_waiting_time.unwrap_or(0),
    })
}

fn challenge(Object(raw): Object<RawChallenge>) -> Result<Challenge, Malformed> {
    match raw.mechanisms.len() {
        0 => return Err(malformed("a challenge without mechanisms")),
        1..=MAX_OFFERS => {}
        _ => return Err(malformed("a challenge with too many mechanisms")),
    }
    let offers = raw.mechanisms.into_iter().map(offer).collect();
    Ok(Challenge { offers })
}

fn offer(entry: Entry) -> Offer {
    match entry {
        Entry::Readable(raw) if raw.0.parts() <= MAX_OFFERS => readable(raw.0),
        Entry::Readable(raw) => Offer::garbled(raw.0.name),
        Entry::Named(Object(only)) => Offer::garbled(only.name),
        Entry::Garbled(_) => Offer::garbled(String::new()),
    }
}

fn readable(raw: RawMechanism) -> Offer {
    let label = label(&raw);
    let parts = raw.multipart_mechanism.and_then(|Object(m)| m.mechanism_parts);
    let parts = parts.unwrap_or_default();
    let part = |Object(part): Object<RawPart>| (part.uuid, ServerText::new(part.question_text));
    Offer {
        id: raw.mechanism_id,
        name: Name::parse(raw.name),
        answer: AnswerType::parse(raw.answer_type.as_deref().unwrap_or_default()),
        label,
        prompt: raw.prompt_mech_chosen.map(ServerText::new),
        question: raw.question.map(ServerText::new),
        parts: parts.into_iter().map(part).collect(),
        enrolled: raw.enrolled.unwrap_or(true),
    }
}

impl RawMechanism {
    /// How many security questions it has.
    fn parts(&self) -> usize {
        let multipart = self.multipart_mechanism.as_ref();
        let parts = multipart.and_then(|Object(m)| m.mechanism_parts.as_ref());
        parts.map_or(0, Vec::len)
    }
}

/// `PromptSelectMech` is optional, and need not say which phone is meant: two lines of a menu could
/// look alike.
fn label(raw: &RawMechanism) -> Option<ServerText> {
    let line = raw.prompt_select_mech.as_deref().unwrap_or_default().trim();
    let places = raw.places();
    let is_named = places.iter().any(|place| line.contains(place));
    let place = places.first().filter(|_| !is_named).copied();
    let text = [line, place.unwrap_or_default()].join(" ").trim().to_owned();
    (!text.is_empty()).then(|| ServerText::new(text))
}

fn federated(result: Body) -> Result<Federated, Malformed> {
    let url = result.idp_redirect_short_url;
    let url = url.ok_or_else(|| malformed("a federated login without a short URL"))?;
    let session = result.idp_login_session_id;
    let session = session.ok_or_else(|| malformed("a federated login without a session"))?;
    Ok(Federated {
        session,
        tenant_id: result.tenant_id,
        url: ServerText::new(url),
        pin: result.idp_oob_auth_pin_required.unwrap_or(false),
    })
}

impl Offer {
    /// A mechanism that can't be read. It keeps its place, so that the log can say that it was left
    /// out.
    fn garbled(name: String) -> Self {
        Self {
            id: String::new(),
            name: Name::Garbled(ServerText::new(name)),
            answer: AnswerType::Unknown,
            label: None,
            prompt: None,
            question: None,
            parts: Vec::new(),
            enrolled: false,
        }
    }

    /// Whether a typed answer meets it, sooner or later.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        matches!(self.answer, AnswerType::Text | AnswerType::StartTextOob)
    }
}

impl Name {
    /// Clients of the vendor compare names without regard to case, so must we.
    fn parse(name: String) -> Self {
        if name.eq_ignore_ascii_case("RESET") {
            return Self::Reset;
        }
        let known = Mechanism::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(&name));
        known.map_or_else(|| Self::Other(ServerText::new(name)), Self::Known)
    }
}

impl AnswerType {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "starttextoob" => Self::StartTextOob,
            "startoob" => Self::StartOob,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
