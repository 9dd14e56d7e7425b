//! The Britive tenant of the simulator: one test per behaviour, exact shapes.

use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use super::probe::{Probe, Reply};
use simulator::Simulator;

const REGISTER: &str = "/api/mfa/register/TOTP";
const STEP_UP: &str = "/api/step-up/authenticate/TOTP";
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const ALICE: &str = "alice012345678901234";
const BOB: &str = "bob01234567890123456";

fn simulate(settings: &str) -> Simulator {
    Simulator::start(&format!(
        r#"
        [britive]
        {settings}
        [[britive.user]]
        id = "{ALICE}"
        name = "alice"
        tokens = {{ TOKEN = "alices-token", Bearer = "alices.bearer", WorkloadToken = "alice::workload" }}
        [[britive.user]]
        id = "{BOB}"
        name = "bob"
        tokens = {{ TOKEN = "bobs-token" }}
        admin = true
        secret = "{SECRET}"
        "#
    ))
}

fn as_user(simulator: &Simulator, authorization: &str) -> Probe {
    let mut probe = Probe::new(simulator);
    probe.headers = format!("Authorization: {authorization}\r\n");
    probe
}

fn code(secret: &str, algorithm: Algorithm, digits: u8, period: u64) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let totp = Builder::new()
        .with_algorithm(algorithm)
        .with_digits(digits)
        .with_step_duration(period)
        .with_secret(Secret::try_from_base32(secret).unwrap());
    totp.build().unwrap().generate(now).to_string()
}

/// Another code of the same length.
fn wrong(code: &str) -> String {
    let flip = |c: char| if c == '0' { '1' } else { '0' };
    code.chars().map(flip).collect()
}

#[track_caller]
fn assert_problem(reply: &Reply, status: u16, code: &str, message: &str) {
    let body = json!({"status": status, "message": message, "errorCode": code, "details": {}});
    assert_eq!((reply.status, reply.json()), (status, body));
}

fn generate(probe: &mut Probe) -> Value {
    probe.call(REGISTER, &json!({"action": "GENERATE_SECRET"}))
}

#[test]
fn a_registration_is_begun_verified_and_removed() {
    let simulator = simulate("");
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    assert_problem(&alice.request("GET", REGISTER, ""), 404, "E1004", "No registration found.");
    let begun = generate(&mut alice);
    let key = begun["additionalDetails"]["key"].as_str().unwrap();
    assert_eq!(key.len(), 32);
    let uri = format!(
        "otpauth://totp/Britive:alice?secret={key}&issuer=Britive&algorithm=SHA1&digits=6&period=30"
    );
    let details = json!({"registrationStatus": "CHALLENGE", "key": key, "uri": uri});
    assert_eq!(
        begun,
        json!({"status": "CHALLENGE", "factor": "TOTP", "additionalDetails": details})
    );
    let status = |alice: &mut Probe| alice.request("GET", REGISTER, "").json();
    assert_eq!(status(&mut alice), json!({"status": "CHALLENGE", "factor": "TOTP"}));
    let code = code(key, Algorithm::SHA1, 6, 30);
    for (otp, result) in [(&wrong(&code), "CHALLENGE_FAILED"), (&code, "REGISTERED")] {
        let body = json!({"action": "VERIFY_OTP", "otp": otp});
        assert_eq!(alice.call(REGISTER, &body), json!({"status": result, "factor": "TOTP"}));
    }
    assert_eq!(status(&mut alice), json!({"status": "REGISTERED", "factor": "TOTP"}));
    let path = format!("{REGISTER}/{}", wrong(&code));
    let refused = alice.request("DELETE", &path, "");
    assert_problem(&refused, 403, "AU-0009", "OTP validation failed.");
    let removed = alice.request("DELETE", &format!("{REGISTER}/{code}"), "");
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    assert_eq!(removed.all("content-length"), Vec::<&str>::new());
    assert_eq!(alice.request("GET", REGISTER, "").status, 404);
}

#[test]
fn a_second_registration_is_a_conflict_whether_the_first_was_finished_or_not() {
    let simulator = simulate("");
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    generate(&mut alice);
    for (authorization, name) in [("TOKEN alices-token", "alice"), ("TOKEN bobs-token", "bob")] {
        let reply = as_user(&simulator, authorization)
            .post(REGISTER, &json!({"action": "GENERATE_SECRET"}).to_string());
        let message = format!("{name} is already registered for MFA factor: TOTP");
        assert_problem(&reply, 409, "MFA-0001", &message);
    }
}

#[test]
fn the_tenant_decides_what_its_codes_look_like_and_what_verifies_them() {
    let simulator = simulate(
        "algorithm = 'SHA512'\ndigits = 8\nperiod = 60\nverify_action = 'VALIDATE'\nverify_key = 'code'",
    );
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    let begun = generate(&mut alice);
    let details = &begun["additionalDetails"];
    let uri = details["uri"].as_str().unwrap();
    assert!(uri.ends_with("&algorithm=SHA512&digits=8&period=60"), "{uri}");
    let code = code(details["key"].as_str().unwrap(), Algorithm::SHA512, 8, 60);
    let unknown = alice.post(REGISTER, &json!({"action": "VERIFY_OTP", "otp": code}).to_string());
    assert_problem(&unknown, 400, "E1003", "Validation failed: action.");
    let nothing = alice.post(REGISTER, &json!({"action": "VALIDATE", "otp": code}).to_string());
    assert_problem(&nothing, 400, "E1003", "Validation failed: code.");
    let verified = alice.call(REGISTER, &json!({"action": "VALIDATE", "code": code}));
    assert_eq!(verified["status"], "REGISTERED");
}

#[test]
fn a_token_is_good_under_its_own_scheme_only() {
    let simulator = simulate("");
    for good in ["TOKEN alices-token", "Bearer alices.bearer", "WorkloadToken alice::workload"] {
        let reply = as_user(&simulator, good).request("GET", "/api/features", "");
        assert_eq!(reply.json(), json!([{"name": "stepup-auth", "enabled": true}]));
    }
    for (bad, code) in [
        ("TOKEN alices.bearer", "AU-0018"),
        ("Bearer alices-token", "AU-0007"),
        ("WorkloadToken x", "AU-0018"),
    ] {
        let reply = as_user(&simulator, bad).request("GET", REGISTER, "");
        assert_problem(&reply, 401, code, "Invalid token.");
    }
    let mut nobody = Probe::new(&simulator);
    let reply = nobody.request("GET", REGISTER, "");
    assert_problem(&reply, 401, "AU-0015", "API token not found.");
    let health = nobody.request("HEAD", "/api/health", "");
    assert_eq!((health.status, health.body.as_str()), (200, ""));
}

#[test]
fn only_an_administrator_sees_and_removes_what_others_have() {
    let simulator = simulate("");
    let path = |id: &str| format!("/api/mfa/admin/registrations/TOTP/users/{id}");
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    let mut bob = as_user(&simulator, "TOKEN bobs-token");
    for method in ["GET", "DELETE"] {
        let reply = alice.request(method, &path(BOB), "");
        assert_problem(&reply, 403, "PE-0002", "Policy evaluation failed.");
        let reply = bob.request(method, &path(ALICE), "");
        assert_problem(&reply, 404, "E1004", "No registration found.");
    }
    generate(&mut alice);
    let seen = bob.request("GET", &path(ALICE), "").json();
    assert_eq!(seen, json!({"status": "CHALLENGE", "factor": "TOTP"}));
    assert_eq!(bob.request("DELETE", &path(ALICE), "").status, 204);
    assert_eq!(alice.request("GET", REGISTER, "").status, 404);
}

#[test]
fn an_administrator_resets_what_somebody_has() {
    let simulator = simulate("");
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    let mut bob = as_user(&simulator, "TOKEN bobs-token");
    let registrations = "/api/mfa/registrations?onlyAllowed=true";
    assert_eq!(alice.request("GET", registrations, "").json(), json!([]));
    generate(&mut alice);
    assert_eq!(
        alice.request("GET", registrations, "").json(),
        json!([{"factor": "TOTP", "status": "CHALLENGE"}])
    );
    let user = format!("/api/users/{ALICE}");
    assert_eq!(
        bob.request("GET", &user, "").json(),
        json!({"userId": ALICE, "identityProvider": {"mfaEnabled": true}})
    );
    let reset = format!("{user}/resetmfa");
    let refused = alice.request("PATCH", &reset, "");
    assert_problem(&refused, 403, "PE-0002", "Policy evaluation failed.");
    assert_eq!(bob.request("PATCH", &reset, "").status, 204);
    assert_eq!(alice.request("GET", registrations, "").json(), json!([]));
    let nobody = bob.request("PATCH", "/api/users/nobody/resetmfa", "");
    assert_problem(&nobody, 404, "E1004", "No such user.");
}

#[test]
fn an_administrator_sets_what_codes_look_like() {
    let simulator = simulate("");
    let path = "/api/step-up/configuration";
    let mut bob = as_user(&simulator, "TOKEN bobs-token");
    let with = |hash: &str, digits: u64, step: u64| {
        json!({
            "validationWindow": 30, "completedCookieMaxAge": 10,
            "totpConfiguration": {"hashFunction": hash, "digits": digits, "timeStep": step},
        })
    };
    assert_eq!(bob.request("GET", path, "").json(), with("SHA1", 6, 30));
    let wanted = with("SHA256", 8, 60);
    assert_eq!(bob.call(path, &wanted), wanted);
    assert_eq!(bob.request("GET", path, "").json(), wanted);
    for bad in [with("MD5", 6, 30), with("SHA1", 9, 30), with("SHA1", 6, 29), json!({})] {
        let reply = bob.post(path, &bad.to_string());
        assert_problem(&reply, 400, "E1003", "Validation failed: configuration.");
    }
    let mut alice = as_user(&simulator, "TOKEN alices-token");
    for method in ["GET", "POST"] {
        let reply = alice.request(method, path, "");
        assert_problem(&reply, 403, "PE-0002", "Policy evaluation failed.");
    }
    let begun = generate(&mut alice);
    let uri = begun["additionalDetails"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("&algorithm=SHA256&digits=8&period=60"), "{uri}");
}

#[test]
fn a_step_up_takes_the_users_own_code() {
    let right = code(SECRET, Algorithm::SHA1, 6, 30);
    for says_failed in [false, true] {
        let simulator = simulate(&format!("step_up_says_failed = {says_failed}"));
        let mut bob = as_user(&simulator, "TOKEN bobs-token");
        assert_eq!(bob.call(STEP_UP, &json!({"otp": right})), json!({"result": "SUCCEEDED"}));
        let reply = bob.post(STEP_UP, &json!({"otp": wrong(&right)}).to_string());
        if says_failed {
            assert_eq!((reply.status, reply.json()), (200, json!({"result": "FAILED"})));
        } else {
            assert_problem(&reply, 401, "AU-0009", "OTP validation failed.");
        }
        let mut alice = as_user(&simulator, "TOKEN alices-token");
        generate(&mut alice);
        let reply = alice.post(STEP_UP, &json!({"otp": right}).to_string());
        assert_problem(&reply, 403, "AU-0010", "User is not enrolled for MFA.");
    }
}

#[test]
fn without_a_britive_tenant_there_is_none_of_this() {
    let simulator = Simulator::start("");
    let mut probe = Probe::new(&simulator);
    assert_eq!(probe.request("GET", "/api/features", "").status, 404);
}
