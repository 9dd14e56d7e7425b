//! OAuth client credentials, and OnDemandChallenge, which they are for.

use serde_json::{Value, json};

use super::dice;
use super::http::{Request, Response};
use super::reply;
use super::scenario::{Bearer, Client};
use super::session::{Purpose, Session};
use super::tenant::{log_in, open};
use super::world::State;

const FORBIDDEN: &str = "<html><body><h1>403 - Forbidden</h1></body></html>";
/// Seconds, as the service's own example has it.
const LIFETIME: u64 = 31_536_000;

/// `/oauth2/token/<app>`: no envelope, and real status codes.
pub fn token(state: &mut State, app: &str, request: &Request) -> Response {
    let (id, secret) = credentials(request);
    let found = state.clients.iter().find(|client| client.app.eq_ignore_ascii_case(app));
    let Some(client) = found.filter(|client| client.id == id && client.secret == secret) else {
        return refusal("invalid_client", "invalid client creds or client not allowed");
    };
    if request.form("grant_type") != "client_credentials" {
        return refusal("unsupported_grant_type", "this application takes client credentials only");
    }
    let scope = request.form("scope");
    if scope.split_whitespace().any(|one| !client.scopes.iter().any(|known| known == one)) {
        return refusal("invalid_scope", "the application has no such scope");
    }
    let client = client.clone();
    let token = dice::token(&client.id, LIFETIME);
    state.bearers.insert(token.clone(), client);
    Response::json(&json!({
        "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": scope,
    }))
}

/// Where this tenant has its tokens.
pub fn token_path(state: &State) -> &'static str {
    if state.tenant.token_below_api { "/api/oauth2/token/" } else { "/oauth2/token/" }
}

/// `/oauth2/authorize/<app>`: the browser's part of OpenID Connect, for a client that has a token
/// already. The identity token is in the fragment of the place that it is sent to.
pub fn authorize(state: &mut State, app: &str, request: &Request) -> Response {
    let Some(client) = state.bearers.get(bearer(request)) else {
        return unauthorized();
    };
    let known = client.app.eq_ignore_ascii_case(app)
        && request.query("client_id").eq_ignore_ascii_case(app)
        && request.query("response_type") == "id_token";
    let place = request.query("redirect_uri");
    if !known || !place.starts_with("https://") {
        return refusal("invalid_request", "the application does not take this request");
    }
    let token = dice::token(&client.id, LIFETIME);
    let place = format!("{place}#id_token={token}&token_type=bearer&expires_in={LIFETIME}");
    Response::html(302, "").with("Location", place)
}

/// What AdvanceAuthentication answers to a session of OnDemandChallenge before it looks at it.
pub fn refuses_to_advance(state: &State, session: &str, request: &Request) -> Option<Response> {
    let on_demand = |session: &Session| session.purpose == Purpose::OnDemand;
    if state.tenant.advance_bearer == Bearer::Ignored
        || !state.sessions.get(session).is_some_and(on_demand)
    {
        return None;
    }
    let needed = state.tenant.advance_bearer == Bearer::Needed;
    match (bearer(request), state.bearers.get(bearer(request))) {
        ("", _) => needed.then(unauthorized),
        (_, None) => Some(unauthorized()),
        (_, Some(client)) => {
            let may = may_call(client, "/security/advanceauthentication");
            (!may).then(|| Response::html(403, FORBIDDEN))
        }
    }
}

fn bearer(request: &Request) -> &str {
    request.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
}

fn unauthorized() -> Response {
    Response::html(401, "<html><body><h1>401 - Unauthorized</h1></body></html>")
}

/// From the Basic header, else from the form.
fn credentials(request: &Request) -> (String, String) {
    let basic = request.header("authorization").strip_prefix("Basic ").and_then(dice::from_base64);
    let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = basic.as_deref().and_then(|pair| pair.split_once(':'));
    pair.map_or_else(
        || (request.form("client_id"), request.form("client_secret")),
        |(id, secret)| (id.into(), secret.into()),
    )
}

fn refusal(error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    Response { status: 400, ..Response::json(&body) }
}

/// Lets an administrative call through only with the token of a client that may make it.
pub fn guarded(
    state: &mut State,
    call: &str,
    request: &Request,
    work: impl FnOnce(&mut State, &Value) -> Response,
) -> Response {
    let token = bearer(request);
    let user = state.tokens.get(token).and_then(|name| state.user(name));
    match (user.map(|user| user.admin), state.bearers.get(token)) {
        (Some(true), _) => work(state, &request.json()),
        (Some(false), _) => Response::html(403, FORBIDDEN),
        (None, None) => unauthorized(),
        (None, Some(client)) if !may_call(client, call) => Response::html(403, FORBIDDEN),
        (None, Some(_)) => work(state, &request.json()),
    }
}

fn may_call(client: &Client, call: &str) -> bool {
    let allowed = |one: &String| call.trim_start_matches('/').starts_with(&one.to_lowercase());
    client.calls.is_empty() || client.calls.iter().any(allowed)
}

/// A package for a user whose password was checked elsewhere; the modifier picks the challenges.
pub fn on_demand(state: &mut State, body: &Value) -> Response {
    let name = body["User"].as_str().unwrap_or_default();
    let modifier = body["PolicyModifier"].as_str().unwrap_or_default();
    let Some(challenges) = state.policies.challenges(modifier) else {
        return Response::json(&reply::failure());
    };
    if state.user(name).is_some_and(|user| user.passes_through) {
        return log_in(name, Purpose::OnDemand, false, "", None, state);
    }
    let mut session = Session::start(name, Purpose::OnDemand, state);
    session.offer(&challenges);
    open(session, state)
}
