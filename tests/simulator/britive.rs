//! The MFA calls of a Britive tenant: real status codes, no envelope, and a token for everything
//! but the health check.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use super::dice;
use super::http::{Request, Response};
use super::world::State;

/// `[britive]` of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `hashFunction` of the tenant.
    #[serde(default = "sha1")]
    pub algorithm: String,
    #[serde(default = "six")]
    pub digits: u8,
    /// `timeStep`, seconds.
    #[serde(default = "thirty")]
    pub period: u64,
    /// Not documented anywhere.
    #[serde(default = "verify_action")]
    pub verify_action: String,
    #[serde(default = "verify_key")]
    pub verify_key: String,
    /// Minutes for which a step-up counts, 15 to 60.
    #[serde(default = "thirty")]
    pub validation_window: u64,
    /// Seconds, 2 to 30.
    #[serde(default = "ten")]
    pub completed_cookie_max_age: u64,
    /// A wrong code of a step-up is a 200 with `FAILED` instead of a 401.
    #[serde(default)]
    pub step_up_says_failed: bool,
    /// What each user is shown at a login; empty: nothing.
    #[serde(default)]
    pub banner: String,
    /// Notes of the vault, by their paths: each is shown after a step-up only.
    #[serde(default)]
    pub secrets: HashMap<String, String>,
    #[serde(default, rename = "user")]
    pub users: Vec<User>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// 20 letters and digits.
    pub id: String,
    pub name: String,
    /// The user's tokens, by the scheme of the `Authorization` header.
    #[serde(default)]
    pub tokens: HashMap<String, String>,
    #[serde(default)]
    pub admin: bool,
    /// Base32; an authenticator is registered from the start.
    #[serde(default)]
    pub secret: String,
}

/// The id of the only vault.
const VAULT: &str = "vault012345678901234";

fn sha1() -> String {
    "SHA1".into()
}

fn six() -> u8 {
    6
}

fn thirty() -> u64 {
    30
}

fn ten() -> u64 {
    10
}

fn verify_action() -> String {
    "VERIFY_OTP".into()
}

fn verify_key() -> String {
    "otp".into()
}

/// The tenant, and who has registered what.
pub struct Britive {
    settings: Settings,
    registrations: HashMap<String, Registration>,
    /// Until when the step-up of a user counts.
    stepped_up: HashMap<String, Instant>,
}

struct Registration {
    secret: String,
    verified: bool,
}

impl Registration {
    fn status(&self) -> &'static str {
        if self.verified { "REGISTERED" } else { "CHALLENGE" }
    }
}

impl Britive {
    pub fn new(settings: Settings) -> Britive {
        let registered = settings.users.iter().filter(|user| !user.secret.is_empty());
        let registrations = registered.map(|user| {
            let secret = user.secret.clone();
            let verified = true;
            (user.id.clone(), Registration { secret, verified })
        });
        Britive { registrations: registrations.collect(), stepped_up: HashMap::new(), settings }
    }

    /// What is done about a user that there is.
    fn known(&mut self, id: &str, work: impl FnOnce(&mut Britive) -> Response) -> Response {
        if self.settings.users.iter().any(|user| user.id == id) {
            work(self)
        } else {
            problem(404, "E1004", "No such user.")
        }
    }

    fn is_right(&self, registration: &Registration, code: &str) -> bool {
        let algorithm = match self.settings.algorithm.as_str() {
            "SHA1" => Algorithm::SHA1,
            "SHA256" => Algorithm::SHA256,
            "SHA512" => Algorithm::SHA512,
            other => panic!("no algorithm {other}"),
        };
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.settings.digits)
            .with_step_duration(self.settings.period)
            .with_secret(Secret::try_from_base32(&registration.secret).expect("base32"))
            .with_skew(1)
            .build_noncompliant();
        totp.check(code, dice::unix_time()).is_some()
    }
}

/// The reply, if this is a path of this API and the scenario has such a tenant.
pub fn answer(state: &mut State, request: &Request) -> Option<Response> {
    let call = request.path().strip_prefix("/api/")?.to_owned();
    let britive = state.britive.as_mut()?;
    let parts: Vec<&str> = call.split('/').collect();
    if parts == ["health"] {
        return Some(Response::new(200, "application/json", ""));
    }
    let ours = ["auth", "banner", "features", "mfa", "step-up", "users", "v1"];
    if !ours.contains(parts.first()?) {
        return None;
    }
    let user = match authorized(&britive.settings, request.header("authorization")) {
        Ok(user) => user,
        Err(refusal) => return Some(refusal),
    };
    Some(route(britive, &user, request, &parts, state.clock.now()))
}

fn route(
    britive: &mut Britive,
    user: &User,
    request: &Request,
    parts: &[&str],
    now: Instant,
) -> Response {
    match (request.method.as_str(), parts) {
        ("GET", ["features"]) => Response::json(&json!([{"name": "stepup-auth", "enabled": true}])),
        ("GET", ["banner"]) => banner(&britive.settings),
        ("POST", ["auth", "validate"]) => Response::json(&validated(user)),
        ("GET", ["v1", "secretmanager", "vault"]) => Response::json(&json!({"id": VAULT})),
        ("POST", ["v1", "secretmanager", "vault", VAULT, "accesssecrets"]) => {
            secret(britive, user, &request.query("path"), now)
        }
        ("POST", ["mfa", "register", "TOTP"]) => register(britive, user, &request.json()),
        ("GET", ["mfa", "register", "TOTP"]) => status(britive, &user.id),
        ("DELETE", ["mfa", "register", "TOTP", code]) => unregister(britive, &user.id, code),
        ("GET", ["mfa", "registrations"]) => registrations(britive, &user.id),
        (_, ["mfa", "admin", ..] | ["step-up", "configuration"] | ["users", ..]) if !user.admin => {
            problem(403, "PE-0002", "Policy evaluation failed.")
        }
        ("GET", ["step-up", "configuration"]) => Response::json(&configuration(&britive.settings)),
        ("POST", ["step-up", "configuration"]) => configure(britive, &request.json()),
        ("GET", ["users", id]) => britive.known(id, |_| {
            Response::json(&json!({"userId": id, "identityProvider": {"mfaEnabled": true}}))
        }),
        ("PATCH", ["users", id, "resetmfa"]) => britive.known(id, |britive| {
            britive.registrations.remove(*id);
            no_content()
        }),
        ("GET", ["mfa", "admin", "registrations", "TOTP", "users", id]) => status(britive, id),
        ("DELETE", ["mfa", "admin", "registrations", "TOTP", "users", id]) => {
            match britive.registrations.remove(*id) {
                Some(_) => no_content(),
                None => not_registered(),
            }
        }
        ("POST", ["step-up", "authenticate", "TOTP"]) => {
            step_up(britive, user, &request.json(), now)
        }
        _ => problem(404, "E1004", "No such call."),
    }
}

/// Whose token this is; each is good under its own scheme only.
fn authorized(settings: &Settings, header: &str) -> Result<User, Response> {
    let Some((scheme, token)) = header.split_once(' ') else {
        return Err(problem(401, "AU-0015", "API token not found."));
    };
    let has = |user: &&User| user.tokens.get(scheme).is_some_and(|known| known == token);
    let code = match scheme {
        "Bearer" => "AU-0007",
        _ => "AU-0018",
    };
    let user = settings.users.iter().find(has).cloned();
    user.ok_or_else(|| problem(401, code, "Invalid token."))
}

/// Two steps by one path: a secret, and its first code.
fn register(britive: &mut Britive, user: &User, body: &Value) -> Response {
    let action = body["action"].as_str().unwrap_or_default();
    if action == "GENERATE_SECRET" {
        return generate(britive, user);
    }
    if action != britive.settings.verify_action {
        return problem(400, "E1003", "Validation failed: action.");
    }
    let code = body[britive.settings.verify_key.as_str()].as_str();
    let Some(code) = code else {
        return problem(400, "E1003", "Validation failed: code.");
    };
    let Some(begun) = britive.registrations.get(&user.id) else {
        return not_registered();
    };
    if begun.verified {
        return already(user);
    }
    let right = britive.is_right(begun, code);
    if let Some(begun) = britive.registrations.get_mut(&user.id) {
        begun.verified = right;
    }
    let status = if right { "REGISTERED" } else { "CHALLENGE_FAILED" };
    Response::json(&json!({"status": status, "factor": "TOTP"}))
}

fn generate(britive: &mut Britive, user: &User) -> Response {
    if britive.registrations.contains_key(&user.id) {
        return already(user);
    }
    let key = dice::base32();
    let registration = Registration { secret: key.clone(), verified: false };
    britive.registrations.insert(user.id.clone(), registration);
    let (name, settings) = (&user.name, &britive.settings);
    let (algorithm, digits, period) = (&settings.algorithm, settings.digits, settings.period);
    let uri = format!(
        "otpauth://totp/Britive:{name}?secret={key}&issuer=Britive&algorithm={algorithm}&digits={digits}&period={period}"
    );
    Response::json(&json!({
        "status": "CHALLENGE",
        "factor": "TOTP",
        "additionalDetails": {"registrationStatus": "CHALLENGE", "key": key, "uri": uri},
    }))
}

/// What only the browser extension asks for.
fn registrations(britive: &Britive, id: &str) -> Response {
    let found = britive.registrations.get(id).into_iter();
    let found = found.map(|one| json!({"factor": "TOTP", "status": one.status()}));
    Response::json(&Value::Array(found.collect()))
}

fn configuration(settings: &Settings) -> Value {
    let (hash, digits, step) = (&settings.algorithm, settings.digits, settings.period);
    json!({
        "validationWindow": settings.validation_window,
        "completedCookieMaxAge": settings.completed_cookie_max_age,
        "totpConfiguration": {"hashFunction": hash, "digits": digits, "timeStep": step},
    })
}

/// All of it, within the documented ranges.
fn configure(britive: &mut Britive, body: &Value) -> Response {
    let codes = &body["totpConfiguration"];
    let hash = codes["hashFunction"].as_str();
    let hash = hash.filter(|hash| ["SHA1", "SHA256", "SHA512"].contains(hash));
    let number = |value: &Value, low: u64, high: u64| {
        let number = value.as_u64();
        number.filter(|number| (low..=high).contains(number))
    };
    let numbers = (
        number(&body["validationWindow"], 15, 60),
        number(&body["completedCookieMaxAge"], 2, 30),
        number(&codes["digits"], 6, 8),
        number(&codes["timeStep"], 30, 60),
    );
    let (Some(hash), (Some(window), Some(age), Some(digits), Some(step))) = (hash, numbers) else {
        return problem(400, "E1003", "Validation failed: configuration.");
    };
    let settings = &mut britive.settings;
    settings.algorithm = hash.into();
    settings.digits = u8::try_from(digits).expect("6 to 8");
    settings.period = step;
    (settings.validation_window, settings.completed_cookie_max_age) = (window, age);
    Response::json(&configuration(settings))
}

fn status(britive: &Britive, id: &str) -> Response {
    match britive.registrations.get(id) {
        Some(registration) => {
            Response::json(&json!({"status": registration.status(), "factor": "TOTP"}))
        }
        None => not_registered(),
    }
}

fn unregister(britive: &mut Britive, id: &str, code: &str) -> Response {
    match britive.registrations.get(id) {
        None => not_registered(),
        Some(registration) if !britive.is_right(registration, code) => {
            problem(403, "AU-0009", "OTP validation failed.")
        }
        Some(_) => {
            britive.registrations.remove(id);
            no_content()
        }
    }
}

/// The code is a text, or a number, which has lost its leading zeros.
fn step_up(britive: &mut Britive, user: &User, body: &Value, now: Instant) -> Response {
    let digits = usize::from(britive.settings.digits);
    let code = match &body["otp"] {
        Value::Number(number) => format!("{:0>digits$}", number.to_string()),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let found = britive.registrations.get(&user.id);
    let Some(registration) = found.filter(|registration| registration.verified) else {
        return problem(403, "AU-0010", "User is not enrolled for MFA.");
    };
    if britive.is_right(registration, &code) {
        let window = Duration::from_secs(60 * britive.settings.validation_window);
        britive.stepped_up.insert(user.id.clone(), now + window);
        Response::json(&json!({"result": "SUCCEEDED"}))
    } else if britive.settings.step_up_says_failed {
        Response::json(&json!({"result": "FAILED"}))
    } else {
        problem(401, "AU-0009", "OTP validation failed.")
    }
}

fn banner(settings: &Settings) -> Response {
    match settings.banner.as_str() {
        "" => no_content(),
        text => Response::json(&json!({"messageType": "INFO", "message": text})),
    }
}

/// Whose token this is.
fn validated(user: &User) -> Value {
    json!({"authenticationResult": {
        "userId": user.id, "username": user.name, "user": {"username": user.name, "type": "User"}, "type": "User",
    }})
}

/// A note of the vault, which wants a step-up first.
fn secret(britive: &Britive, user: &User, path: &str, now: Instant) -> Response {
    let Some(note) = britive.settings.secrets.get(path) else {
        return problem(404, "E1004", "No such secret.");
    };
    match britive.stepped_up.get(&user.id) {
        Some(until) if now < *until => Response::json(&json!({"value": {"Note": note}})),
        Some(_) | None => problem(403, "PE-0028", "Step up authentication required."),
    }
}

fn already(user: &User) -> Response {
    let message = format!("{} is already registered for MFA factor: TOTP", user.name);
    problem(409, "MFA-0001", &message)
}

fn not_registered() -> Response {
    problem(404, "E1004", "No registration found.")
}

fn no_content() -> Response {
    Response { status: 204, headers: Vec::new(), body: Vec::new() }
}

fn problem(status: u16, code: &str, message: &str) -> Response {
    let body = json!({"status": status, "message": message, "errorCode": code, "details": {}});
    Response { status, ..Response::json(&body) }
}
