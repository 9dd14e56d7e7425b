//! Replies as the service words them: the envelope, packages, the success, the failure.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::dice;
use super::http::{Request, Response};
use super::scenario::User;
use super::session::{Purpose, Session};
use super::world::State;

/// Of a token, in seconds.
const LIFETIME: u64 = 900;

const FAILURE: &str = "Authentication (login or challenge) has failed. \
    Please try again or contact your system administrator.";

/// The envelope around a result.
pub fn success(result: Value) -> Value {
    json!({
        "success": true, "Result": result, "Message": null, "MessageID": null, "Exception": null,
        "ErrorID": null, "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null,
    })
}

/// The only failure there is: the same for every reason.
pub fn failure() -> Value {
    failure_with("Failure")
}

pub fn failure_with(summary: &str) -> Value {
    json!({
        "success": false, "Result": {"Summary": summary}, "Message": FAILURE, "MessageID": null, "Exception": null,
        "ErrorID": dice::error_id(), "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null,
    })
}

/// What comes of asking too often.
pub fn too_many_requests(wait: Duration, state: &State) -> Response {
    let seconds = wait.as_secs_f64().ceil() as u64;
    Response::html(429, "<html><body><h1>429 - Too Many Requests</h1></body></html>")
        .with("Retry-After", retry_after(seconds, state))
}

/// `Retry-After`, in the form that this tenant gives it.
pub fn retry_after(seconds: u64, state: &State) -> String {
    if state.tenant.retry_after_as_date {
        httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
    } else {
        seconds.to_string()
    }
}

/// A failure that tells an administrator more.
pub fn failure_that_says(message: &str) -> Value {
    let mut failure = failure();
    failure["Result"] = Value::Null;
    failure["Message"] = message.into();
    failure
}

/// The challenges of a session, as StartAuthentication and a change in mid-flow give them.
pub fn package(session: &Session, waiting: u64, state: &State) -> Value {
    let challenge = |mechanisms: &Vec<super::mechanism::Mechanism>| {
        let entries: Vec<Value> =
            mechanisms.iter().map(|mechanism| mechanism.to_json(&session.user)).collect();
        json!({"Mechanisms": entries})
    };
    let challenges: Vec<Value> = session.challenges.iter().map(challenge).collect();
    json!({
        "ClientHints": {
            "PersistDefault": false, "AllowPersist": true, "AllowForgotPassword": true,
            "EndpointAuthenticationEnabled": false,
        },
        "Version": "1.0", "SessionId": session.id, "EventDescription": null, "RetryWaitingTime": waiting,
        "SecurityImageName": null, "AllowLoginMfaCache": false, "Challenges": challenges,
        "Summary": "NewPackage", "TenantId": state.tenant.id,
    })
}

/// Who got in, and with which tokens.
pub struct Grant<'a> {
    pub user: &'a User,
    pub purpose: Purpose,
    pub auth: &'a str,
    pub wants_tokens: bool,
    pub host: &'a str,
}

/// Who a success or a token is for: by an attack, another user.
pub fn identity<'a>(name: &'a str, state: &'a State) -> &'a str {
    match state.tenant.identity_in_success.as_str() {
        "" => name,
        somebody_else => somebody_else,
    }
}

pub fn login_success(grant: &Grant<'_>, state: &State) -> Value {
    let name = identity(&grant.user.name, state);
    let mut result = json!({
        "AuthLevel": "High", "DisplayName": name.split('@').next(), "UserId": dice::guid_of(name),
        "EmailAddress": name, "UserDirectory": "CDS", "PodFqdn": grant.host, "User": name,
        "CustomerID": state.tenant.id, "SystemID": state.tenant.id, "SourceDsType": "CDS", "Summary": "LoginSuccess",
    });
    if grant.purpose == Purpose::Login {
        result["AuthLevel"] = "Normal".into();
        result["Auth"] = grant.auth.into();
        if !state.tenant.no_token {
            result["Token"] = dice::token(name, LIFETIME).into();
        }
    }
    if grant.wants_tokens {
        result["RefreshToken"] = dice::token(name, LIFETIME).into();
        result["TokenLifetime"] = LIFETIME.into();
    }
    if grant.user.success_without_user {
        result.as_object_mut().and_then(|result| result.remove("User"));
    }
    result
}

/// Dresses a reply in the headers of a live tenant.
pub fn dressed(reply: Response, request: &Request) -> Response {
    let reply = reply
        .with("Cache-Control", "no-cache, no-store, must-revalidate")
        .with("Pragma", "no-cache")
        .with("Expires", "-1")
        .with("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .with("X-Cfy-Tx-Id", dice::hex(32).to_lowercase())
        .with("X-Cfy-Tx-Dt", dice::date_in_base64())
        .with("X-Cfy-Tx-Tm", dice::digits(3));
    match request.header("x-centrify-native-client") {
        "" => reply,
        echoed => reply.with("X-Centrify-Native-Client", echoed),
    }
}

/// The cookie of every step.
pub fn with_session_cookie(reply: Response) -> Response {
    reply.with(
        "Set-Cookie",
        format!("sessdata={}; path=/; secure; HttpOnly; SameSite=Lax", dice::id()),
    )
}

/// The cookies of a success: `.ASPXAUTH` alone is a login.
pub fn with_login_cookies(reply: Response, auth: &str, user: &str) -> Response {
    let forever = "expires=Fri, 31-Dec-9999 23:59:59 GMT; path=/; secure; HttpOnly";
    let user = dice::guid_of(user);
    reply
        .with("Set-Cookie", format!(".ASPXAUTH={auth}; path=/; secure; HttpOnly; SameSite=Lax"))
        .with("Set-Cookie", format!("antixss={}; path=/; secure", dice::id()))
        .with("Set-Cookie", format!("CCSID={}; {forever}", dice::guid()))
        .with("Set-Cookie", format!("podloc=simulated; {forever}"))
        .with("Set-Cookie", format!("userdata={user}; {forever}"))
}
