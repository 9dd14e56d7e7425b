//! The tenant's calls: which path is which, and what each does to the sessions.

use std::time::Duration;

use serde_json::{Value, json};

use super::britive;
use super::dice;
use super::federation;
use super::http::{Request, Response};
use super::oauth;
use super::phone;
use super::policies;
use super::reply::{self, Grant};
use super::session::{Operation, Outcome, Purpose, Session};
use super::world::{State, World};

/// The tenant's reply to any request.
pub fn answer(world: &World, request: &Request) -> Response {
    if let Some(reply) = world.with(|state| britive::answer(state, request)) {
        return reply;
    }
    let (reply, held) = world.with(|state| (route(state, request), state.held.take()));
    let reply = match held {
        Some(message) => decided(world, request, message),
        None => reply,
    };
    reply::dressed(reply, request)
}

/// The reply to an Answer that waits until a person has decided about a message.
fn decided(world: &World, request: &Request, message: u64) -> Response {
    let limit = world.with(|state| Duration::from_secs(state.tenant.oob_lifetime));
    let _ = world.wait(limit, |state| {
        let message = state.inbox.get(message, &state.clock)?;
        (message.state != phone::State::Pending).then_some(())
    });
    let mut body = request.json();
    if let Some(last) = body["MultipleOperations"].as_array().and_then(|all| all.last()) {
        body["MechanismId"] = last["MechanismId"].clone();
    }
    let poll = json!({
        "SessionId": body["SessionId"], "MechanismId": body["MechanismId"], "Action": "Poll",
    });
    let poll = Request { body: poll.to_string().into_bytes(), ..request.clone() };
    world.with(|state| advance(state, &poll))
}

fn route(state: &mut State, request: &Request) -> Response {
    if request.method == "GET" && request.path().starts_with("/link/") {
        return federation::follow(state, request.path());
    }
    let path = folded(request.path());
    let prefix = folded(&state.tenant.prefix);
    let Some(call) = path.strip_prefix(prefix.trim_end_matches('/')) else {
        return not_found();
    };
    if !takes_method(call, &request.method) {
        return not_found();
    }
    if call.starts_with("/security/") && !has_native_headers(state, request) {
        return Response::html(403, "<html><body><h1>403 - Forbidden</h1></body></html>");
    }
    match call {
        "/security/startauthentication" => start(state, request),
        "/security/advanceauthentication" => advance(state, request),
        "/security/cleanupauthentication" => clean_up(state, request),
        "/security/oobauthstatus" => federation::status(state, request),
        "/security/logout" => log_out(state, request),
        "/security/whoami" => who_am_i(state, request),
        _ => route_administration(state, call, request),
    }
}

/// What service accounts ask.
fn route_administration(state: &mut State, call: &str, request: &Request) -> Response {
    if let Some(app) = call.strip_prefix(oauth::token_path(state)) {
        return oauth::token(state, app, request);
    }
    if let Some(app) = call.strip_prefix("/oauth2/authorize/") {
        return oauth::authorize(state, app, request);
    }
    let below = call.strip_prefix("/api/idadmin");
    let is_shared = state.tenant.shared_services && call != "/security/ondemandchallenge";
    if is_shared && below.is_none() {
        return not_found();
    }
    let call = below.unwrap_or(call);
    let work = match call {
        "/security/ondemandchallenge" => {
            return oauth::guarded(state, call, request, oauth::on_demand);
        }
        "/redrock/query" => policies::query,
        "/policy/getusingcloudmobilegp" => policies::mobile_policy,
        "/policy/getniceplinks" => policies::links,
        "/policy/getpolicyblock" => policies::read_block,
        "/policy/addauthpolicymodifier" => policies::add_modifier,
        "/policy/savepolicyblock3" => policies::save_block,
        _ => return not_found(),
    };
    oauth::guarded(state, call, request, |state, body| work(&mut state.policies, body))
}

/// Letter case does not matter, nor do doubled slashes, nor one at the end.
fn folded(path: &str) -> String {
    let mut folded = path.to_lowercase().trim_end_matches('/').to_owned();
    while folded.contains("//") {
        folded = folded.replace("//", "/");
    }
    folded
}

/// StartAuthentication takes more methods than it should, as the real one does.
fn takes_method(call: &str, method: &str) -> bool {
    method == "POST"
        || call == "/security/startauthentication" && ["PUT", "DELETE"].contains(&method)
        || method == "GET" && (call == "/security/whoami" || call.starts_with("/oauth2/authorize/"))
}

fn has_native_headers(state: &State, request: &Request) -> bool {
    let says_yes =
        |name| ["true", "yes", "1"].contains(&request.header(name).to_lowercase().as_str());
    let (centrify, idap) = (says_yes("x-centrify-native-client"), says_yes("x-idap-native-client"));
    let (both, one) = (state.tenant.strict_headers, state.tenant.native_header);
    (!both || centrify && idap) && (!one || centrify || idap)
}

fn not_found() -> Response {
    Response::html(
        404,
        "<!DOCTYPE html><html><head><title>404</title></head><body><h1>404 - File or directory not found.</h1></body></html>",
    )
}

fn start(state: &mut State, request: &Request) -> Response {
    let host = request.header("host");
    if state.tenant.redirects(host) {
        let elsewhere = json!({"PodFqdn": state.tenant.redirect_to});
        return Response::json(&reply::success(elsewhere));
    }
    if let Some(user) = user_of_token(state, request) {
        return log_in(&user, Purpose::Login, false, host, None, state);
    }
    let body = request.json();
    let name = body["User"].as_str().unwrap_or_default().trim();
    if name.is_empty() {
        return reply::with_session_cookie(Response::json(&reply::failure_with("Undefined")));
    }
    if let Some(detour) = federation::start(name, request, state) {
        return reply::with_session_cookie(Response::json(&reply::success(detour)));
    }
    let mut session = Session::start(name, Purpose::Login, state);
    session.wants_tokens = body["PlatformTokenResponse"] == true;
    reply::with_session_cookie(open(session, state))
}

/// Registers a session and gives its package.
pub fn open(session: Session, state: &mut State) -> Response {
    let waiting = waiting_time(&session.user.name, session.user.retry_waiting_time, state);
    let package = reply::package(&session, waiting, state);
    state.sessions.insert(session.id.clone(), session);
    Response::json(&reply::success(package))
}

/// Seconds for which every answer of this user fails; the first login starts the wait.
fn waiting_time(name: &str, seconds: u64, state: &mut State) -> u64 {
    if seconds == 0 {
        return 0;
    }
    let now = state.clock.now();
    let until = state.throttles.entry(name.to_lowercase());
    let until = *until.or_insert(now + std::time::Duration::from_secs(seconds));
    until.saturating_duration_since(now).as_secs_f64().ceil() as u64
}

/// Whose live token the request carries, as cookie or bearer.
fn user_of_token(state: &State, request: &Request) -> Option<String> {
    let bearer = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let tokens = [request.cookie(".ASPXAUTH"), bearer];
    tokens.into_iter().find_map(|token| state.tokens.get(token)).cloned()
}

fn advance(state: &mut State, request: &Request) -> Response {
    let body = request.json();
    if body["MechanismId"] == federation::PIN_MECHANISM {
        return federation::pin(&body, request, state);
    }
    let id = body["SessionId"].as_str().unwrap_or_default();
    if let Some(several) = body["MultipleOperations"].as_array()
        && !takes_batch(several.len(), state)
    {
        return reply::with_session_cookie(Response::json(&reply::failure()));
    }
    if let Some(refusal) = oauth::refuses_to_advance(state, id, request) {
        return refusal;
    }
    let Some(mut session) = state.sessions.remove(id) else {
        return reply::with_session_cookie(Response::json(&reply::failure()));
    };
    if body["Action"] == "Poll"
        && let Some(wait) = session.poll_too_soon(state)
    {
        state.sessions.insert(session.id.clone(), session);
        return reply::too_many_requests(wait, state);
    }
    let (outcome, applies_to) = operate(&mut session, &body, state);
    let reply = concluded(&session, &outcome, applies_to, request, state);
    if outcome.is_final() {
        state.inbox.withdraw(&session.id);
    } else {
        state.sessions.insert(session.id.clone(), session);
    }
    reply::with_session_cookie(reply)
}

fn takes_batch(count: usize, state: &State) -> bool {
    match state.tenant.batch_limit {
        0 => true,
        limit => i64::try_from(count).is_ok_and(|count| count <= limit),
    }
}

/// Does the operations in order, up to the first that ends or replaces the package; names the last
/// one done.
fn operate(session: &mut Session, body: &Value, state: &mut State) -> (Outcome, Option<String>) {
    let Some(several) = body["MultipleOperations"].as_array() else {
        return (session.advance(&operation(body), state), None);
    };
    let mut last = (Outcome::Failure, None);
    for one in several.iter().map(operation) {
        let outcome = session.advance(&one, state);
        let stop = outcome.is_final() || [Outcome::NewPackage, Outcome::Retry].contains(&outcome);
        last = (outcome, Some(one.mechanism_id));
        if stop {
            break;
        }
    }
    last
}

fn operation(body: &Value) -> Operation {
    serde_json::from_value(body.clone()).unwrap_or_default()
}

fn concluded(
    session: &Session,
    outcome: &Outcome,
    applies_to: Option<String>,
    request: &Request,
    state: &mut State,
) -> Response {
    let mut result = match outcome {
        Outcome::Failure | Outcome::Retry => return Response::json(&reply::failure()),
        Outcome::Denied => return Response::json(&reply::failure_with(&state.tenant.denied_word)),
        Outcome::Expired => {
            return Response::json(&reply::failure_with(&state.tenant.expired_word));
        }
        Outcome::Success => {
            let (user, host) = (session.user.name.clone(), request.header("host"));
            return log_in(&user, session.purpose, session.wants_tokens, host, applies_to, state);
        }
        Outcome::NewPackage => reply::package(session, 0, state),
        Outcome::NextChallenge => json!({"Summary": "StartNextChallenge"}),
        Outcome::Pending(None) => json!({"Summary": "OobPending"}),
        Outcome::Pending(Some(number)) => {
            json!({"Summary": "OobPending", "GeneratedAuthValue": number})
        }
        Outcome::Noncommittal => json!({
            "Summary": "NoncommitalSuccess",
            "ClientMessage": "If the account exists, a message is on its way.",
        }),
    };
    name_operation(&mut result, applies_to);
    Response::json(&reply::success(result))
}

fn name_operation(result: &mut Value, applies_to: Option<String>) {
    if let Some(mechanism) = applies_to {
        result["ResultAppliesTo"] = mechanism.into();
    }
}

/// A login is granted: tokens, cookies and all.
pub fn log_in(
    name: &str,
    purpose: Purpose,
    wants_tokens: bool,
    host: &str,
    applies_to: Option<String>,
    state: &mut State,
) -> Response {
    let Some(user) = state.user(name) else {
        return Response::json(&reply::failure());
    };
    let auth = dice::hex(64);
    let grant = Grant { user, purpose, auth: &auth, wants_tokens, host };
    let mut result = reply::login_success(&grant, state);
    let tokens = [&result["Auth"], &result["Token"]];
    let live: Vec<String> =
        tokens.iter().filter_map(|token| token.as_str().map(str::to_owned)).collect();
    state.tokens.extend(live.into_iter().map(|token| (token, name.to_owned())));
    name_operation(&mut result, applies_to);
    let reply = Response::json(&reply::success(result));
    if purpose == Purpose::OnDemand {
        return reply;
    }
    reply::with_login_cookies(reply, &auth, name)
}

/// Whose token the request carries; without one, 401.
fn who_am_i(state: &mut State, request: &Request) -> Response {
    let Some(name) = user_of_token(state, request) else {
        return unauthorized();
    };
    let name = reply::identity(&name, state);
    let who = json!({"User": name, "UserUuid": dice::guid_of(name), "TenantId": state.tenant.id});
    Response::json(&reply::success(who))
}

fn unauthorized() -> Response {
    Response::html(401, "<html><body><h1>401 - Unauthorized</h1></body></html>")
}

fn clean_up(state: &mut State, request: &Request) -> Response {
    let body = request.json();
    let id = body["SessionId"].as_str().unwrap_or_default();
    if state.sessions.remove(id).is_some() {
        state.inbox.withdraw(id);
    }
    Response::json(&reply::success(Value::Null))
}

/// Kills the token that the request carries; without one, 401.
fn log_out(state: &mut State, request: &Request) -> Response {
    if user_of_token(state, request).is_none() {
        return unauthorized();
    }
    let bearer = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    state.tokens.remove(request.cookie(".ASPXAUTH"));
    state.tokens.remove(bearer);
    Response::json(&reply::success(Value::Null))
}
