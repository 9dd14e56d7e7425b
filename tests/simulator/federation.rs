//! Users of another identity provider: the detour there, and the two ways back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::dice;
use super::http::{Request, Response};
use super::phone::{self, Draft, Kind};
use super::reply;
use super::scenario::Federated;
use super::session::Purpose;
use super::tenant::log_in;
use super::world::State;

/// Not a mechanism of any package: the PIN that the provider's page shows.
pub const PIN_MECHANISM: &str = "OOBAUTHPIN";

/// A user who is away at their identity provider.
pub struct Detour {
    user: String,
    message: u64,
    pin: String,
    began: Instant,
    wants_tokens: bool,
}

/// A short URL is the tenant's own: it leads on to the page, here the phone's.
fn short_url(state: &State, request: &Request, link: &str) -> String {
    let path = link.strip_prefix(state.inbox.phone_url()).unwrap_or(link);
    format!("https://{}{path}", request.header("host"))
}

/// Where a short URL of the tenant's leads.
pub fn follow(state: &State, path: &str) -> Response {
    let page = format!("{}{path}", state.inbox.phone_url());
    Response::html(302, "").with("Location", page)
}

/// What StartAuthentication answers for a federated user; `None` for all others.
pub fn start(name: &str, request: &Request, state: &mut State) -> Option<Value> {
    let user = state.user(name)?.clone();
    let how = user.federated?;
    if how == Federated::Redirect {
        let page = format!("https://idp.test/sso/{}", dice::id());
        return Some(json!({"Redirect": page, "Challenges": null, "TenantId": state.tenant.id}));
    }
    let id = dice::id();
    let pin = if how == Federated::Pin { dice::digits(6) } else { String::new() };
    let lifetime = Duration::from_secs(state.tenant.session_lifetime);
    let settled = if user.auto_approve { phone::State::Approved } else { phone::State::Pending };
    let draft = Draft {
        user: user.name.clone(),
        kind: Kind::Idp,
        number: String::new(),
        code: String::new(),
        pin: pin.clone(),
        session: id.clone(),
        lifetime,
        state: settled,
    };
    let message = state.inbox.send(draft, &state.clock);
    let link = state.inbox.get(message, &state.clock)?.link.clone();
    let link = short_url(state, request, &link);
    let wants_tokens = request.json()["PlatformTokenResponse"] == true;
    let began = state.clock.now();
    state.detours.insert(id.clone(), Detour { user: user.name, message, pin, began, wants_tokens });
    let mut result =
        json!({"IdpRedirectUrl": link, "SessionId": dice::id(), "TenantId": state.tenant.id});
    if request.header("oobidpauth").eq_ignore_ascii_case("true") {
        result["IdpRedirectShortUrl"] = link.into();
        result["IdpShortUrlId"] = dice::digits(8).into();
        result["IdpOobAuthPinRequired"] = (how == Federated::Pin).into();
        result["IdpLoginSessionId"] = id.into();
    }
    Some(result)
}

/// OobAuthStatus: whether the user is back.
pub fn status(state: &mut State, request: &Request) -> Response {
    let body = request.json();
    let in_query = request.query("sessionId");
    let id = body["SessionId"].as_str().unwrap_or(&in_query);
    let Some(detour) = state.detours.get(id) else {
        return failed("failed");
    };
    let (message, is_old) = (detour.message, is_over(detour, state));
    let waits_for_pin = !detour.pin.is_empty();
    match state.inbox.get(message, &state.clock).map(|message| message.state) {
        _ if is_old => failed(state_word(&state.tenant.expired_word)),
        Some(phone::State::Approved) if !waits_for_pin => back(id, request, state),
        Some(phone::State::Pending | phone::State::Approved) => {
            Response::json(&reply::success(json!({"State": state.tenant.pending_word})))
        }
        Some(phone::State::Denied) => failed(state_word(&state.tenant.denied_word)),
        Some(phone::State::Expired) | None => failed(state_word(&state.tenant.expired_word)),
    }
}

/// AdvanceAuthentication with the PIN: right, or the end.
pub fn pin(body: &Value, request: &Request, state: &mut State) -> Response {
    let id = body["SessionId"].as_str().unwrap_or_default();
    let Some(detour) = state.detours.get(id) else {
        return Response::json(&reply::failure());
    };
    let right = !detour.pin.is_empty()
        && body["Answer"] == detour.pin.as_str()
        && body["Action"] == "Answer";
    if !right || is_over(detour, state) {
        end(id, state);
        return Response::json(&reply::failure());
    }
    welcome(id, request, state)
}

fn is_over(detour: &Detour, state: &State) -> bool {
    let lifetime = Duration::from_secs(state.tenant.session_lifetime);
    state.clock.now() >= detour.began + lifetime
}

fn back(id: &str, request: &Request, state: &mut State) -> Response {
    let mut reply = welcome(id, request, state);
    if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) {
        body["Result"]["State"] = "Success".into();
        reply.body = body.to_string().into_bytes();
    }
    reply
}

fn welcome(id: &str, request: &Request, state: &mut State) -> Response {
    let Some(detour) = end(id, state) else {
        return Response::json(&reply::failure());
    };
    log_in(&detour.user, Purpose::Login, detour.wants_tokens, request.header("host"), None, state)
}

fn end(id: &str, state: &mut State) -> Option<Detour> {
    let detour = state.detours.remove(id)?;
    let _ = state.inbox.settle(detour.message, phone::State::Approved, &state.clock);
    Some(detour)
}

/// The usual `State` of a failure is another word than its `Summary`.
fn state_word(word: &str) -> &str {
    match word {
        "Failure" => "failed",
        other => other,
    }
}

fn failed(word: &str) -> Response {
    let mut body = reply::failure();
    body["Result"] = json!({"State": word});
    Response::json(&body)
}
