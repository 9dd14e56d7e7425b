//! Requests as they are written, replies as they are taken, and what is not believed.

use super::*;

const KEY: &str = "SPE6SOTTGB7SYXQMXMNUKBCRO3PHT6YN";
const URI: &str = "otpauth://totp/Britive:qa4-bgprasad?secret=SPE6SOTTGB7SYXQMXMNUKBCRO3PHT6YN&issuer=Britive&algorithm=SHA1&digits=6&period=30";

fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        content_type: None,
        transaction: None,
        retry_after: None,
        date: None,
        body: body.as_bytes().to_vec(),
    }
}

fn code() -> Code {
    Code::parse("093 971").unwrap()
}

#[test]
fn each_request_is_written_as_the_documentation_has_it() {
    let (code, user) = (code(), UserId::parse("abcdefghij0123456789").unwrap());
    let verify = Call::Verify { action: "VERIFY_OTP", key: "otp", code: &code };
    let others = "/api/mfa/admin/registrations/TOTP/users/abcdefghij0123456789";
    for (call, method, path, body) in [
        (Call::Generate, Method::Post, "/api/mfa/register/TOTP", r#"{"action":"GENERATE_SECRET"}"#),
        (
            verify,
            Method::Post,
            "/api/mfa/register/TOTP",
            r#"{"action":"VERIFY_OTP","otp":"093971"}"#,
        ),
        (Call::Status, Method::Get, "/api/mfa/register/TOTP", ""),
        (Call::Remove(&code), Method::Delete, "/api/mfa/register/TOTP/093971", ""),
        (Call::StatusOf(&user), Method::Get, others, ""),
        (Call::RemoveOf(&user), Method::Delete, others, ""),
        (
            Call::StepUp(&code),
            Method::Post,
            "/api/step-up/authenticate/TOTP",
            r#"{"otp":"093971"}"#,
        ),
    ] {
        assert_eq!(call.method(), method);
        assert_eq!(*call.path(), path);
        assert_eq!(String::from_utf8_lossy(&call.body()), body);
    }
}

#[test]
fn codes_are_six_to_eight_digits_and_ids_twenty_letters_and_digits() {
    for good in ["123456", " 1234 5678\n", "1234567"] {
        assert!(Code::parse(good).is_some(), "{good}");
    }
    for bad in ["", "12345", "123456789", "12345a", "12345/", "１２３４５６"] {
        assert!(Code::parse(bad).is_none(), "{bad}");
    }
    assert!(code().has(6) && !code().has(8));
    for bad in [
        "",
        "abcdefghij012345678",
        "abcdefghij01234567890",
        "abcdefghij012345678/",
        "../../../../../../..",
    ] {
        assert_eq!(UserId::parse(bad), None, "{bad}");
    }
}

#[test]
fn both_registrations_of_the_documentation_are_taken() {
    let body = json!({"status": "CHALLENGE", "factor": "TOTP", "additionalDetails": {"key": KEY, "uri": URI}});
    let found = begun(&response(200, &body.to_string())).unwrap();
    assert_eq!(*found.uri, URI);
    assert_eq!(found.key.shape().algorithm.as_str(), "SHA1");
    // With a line end in it, as it stands there.
    let uri = "otpauth://totp/Britive:ymwmacdev-yiumen.wong@britive.com? \nsecret=K5WWKYUNX3KWCDVF7CN2RYP7IBPTGYNS&issuer=Britive&algorithm=SHA512&digits=6&period=30";
    let details = json!({"registrationStatus": "CHALLENGE", "key": "K5WWKYUNX3KWCDVF7CN2RYP7IBPTGYNS", "uri": uri});
    let body = json!({"status": "CHALLENGE", "factor": "TOTP", "additionalDetails": details});
    let found = begun(&response(200, &body.to_string())).unwrap();
    assert_eq!(found.key.shape().algorithm.as_str(), "SHA512");
    assert_eq!(*found.uri, uri.replace(" \n", ""));
}

/// What the problem says.
fn said<T>(result: Result<T, Problem>) -> String {
    match result {
        Ok(_) => "nothing".to_owned(),
        Err(problem) => problem.to_string(),
    }
}

fn not_believed(what: &str) -> String {
    format!("the answer is not one of a Britive tenant: {what}")
}

#[test]
fn a_registration_that_contradicts_itself_is_not_believed() {
    let with = |status: &str, factor: &str, details: serde_json::Value| {
        let body = json!({"status": status, "factor": factor, "additionalDetails": details});
        said(begun(&response(200, &body.to_string())))
    };
    let details = |key: &str, uri: &str| json!({"key": key, "uri": uri});
    let good = details(KEY, URI);
    assert_eq!(with("CHALLENGE", "TOTP", good.clone()), "nothing");
    for (said, what) in [
        (with("REGISTERED", "TOTP", good.clone()), "a registration that was begun is no CHALLENGE"),
        (with("CHALLENGE", "WEB_AUTHN", good.clone()), "factor \"WEB_AUTHN\""),
        (with("\u{1b}[31mDONE", "TOTP", good.clone()), "status \"[31mDONE\""),
        (with("CHALLENGE", "TOTP", json!(null)), "no key and uri in additionalDetails"),
        (with("CHALLENGE", "TOTP", json!({"key": KEY})), "no key and uri in additionalDetails"),
        (
            with("CHALLENGE", "TOTP", details("K5WWKYUNX3KWCDVF7CN2RYP7IBPTGYNS", URI)),
            "key and uri do not hold the same secret",
        ),
        (with("CHALLENGE", "TOTP", details("", URI)), "key and uri do not hold the same secret"),
        (
            with("CHALLENGE", "TOTP", details(KEY, "otpauth://hotp/x")),
            "the URI of the secret: codes that do not follow the time (only totp is known)",
        ),
        (
            with("CHALLENGE", "TOTP", details(KEY, &URI.replace("digits=6", "digits=7"))),
            "the URI of the secret: codes of 7 digits: only 6 or 8 are accepted",
        ),
    ] {
        assert_eq!(said, not_believed(what));
        assert!(!said.contains(KEY));
    }
}

#[test]
fn a_status_is_one_of_four() {
    let with = |status: u16, body: &str| status_of(status, body, Kind::Own);
    for (word, expected) in [
        ("CHALLENGE", Status::Challenge),
        ("CHALLENGE_FAILED", Status::ChallengeFailed),
        ("REGISTERED", Status::Registered),
    ] {
        let body = json!({"status": word, "factor": "TOTP"}).to_string();
        assert_eq!(with(200, &body), Ok(expected));
        assert_eq!(expected.name(), word);
    }
    assert_eq!(with(404, r#"{"status":404,"errorCode":"E1"}"#), Ok(Status::NotRegistered));
    assert_eq!(with(404, "{}"), Ok(Status::NotRegistered));
    let verify = status_of(404, "{}", Kind::Verify);
    assert_eq!(verify, Err("no authenticator is registered (HTTP status 404)".into()));
    let nowhere = "there is no such API at this address (HTTP status 404)";
    assert_eq!(with(404, "<html>404</html>"), Err(nowhere.into()));
    assert_eq!(
        with(202, r#"{"status":"REGISTERED","factor":"TOTP"}"#),
        Err(not_believed("HTTP status 202"))
    );
    for body in ["<html>", "", "{}", "[]", r#"{"status":200,"factor":"TOTP"}"#] {
        let what = "not JSON of its shape (line 1)";
        assert_eq!(with(200, body), Err(not_believed(what)), "{body}");
    }
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(LONGEST));
    assert_eq!(with(200, &long), Err(not_believed("longer than any reply")));
}

fn status_of(http: u16, body: &str, kind: Kind) -> Result<Status, String> {
    status(&response(http, body), kind).map_err(|problem| problem.to_string())
}

#[test]
fn an_error_code_is_a_refusal_under_any_status() {
    let body =
        r#"{"message":"alice is already registered for MFA factor: TOTP","errorCode":"MFA-0001"}"#;
    let sentence = "an authenticator is registered already, or a registration was begun (MFA-0001)";
    for status in [200, 204, 409] {
        assert_eq!(said(begun(&response(status, body))), sentence);
        assert_eq!(said(removed(&response(status, body), Kind::Code)), sentence);
    }
}

#[test]
fn only_silence_says_that_something_was_removed() {
    for status in [200, 204] {
        assert!(removed(&response(status, ""), Kind::Code).is_ok());
    }
    let words = not_believed("words where nothing was left to say");
    for body in ["{}", " {}\r\n"] {
        assert!(removed(&response(200, body), Kind::Code).is_ok(), "{body}");
    }
    for (status, body) in [
        (200, "<html>sign in</html>"),
        (200, r#"{"result":"FAILED"}"#),
        (200, "[]"),
        (200, "{} {}"),
        (202, ""),
        (202, "{}"),
    ] {
        assert_eq!(said(removed(&response(status, body), Kind::Code)), words);
    }
    assert_eq!(
        said(removed(&response(302, ""), Kind::Code)),
        "the tenant answered what it should not (HTTP status 302)"
    );
}

#[test]
fn only_one_result_of_a_step_up_is_a_success() {
    let with = |body: &str| stepped_up(&response(200, body)).map_err(|problem| problem.to_string());
    assert_eq!(with(r#"{"result":"SUCCEEDED"}"#), Ok(StepUp::Succeeded));
    assert_eq!(with(r#"{"result":"FAILED"}"#), Ok(StepUp::Failed));
    let body = r#"{"result":"CHALLENGE","additionalDetails":{}}"#;
    assert_eq!(with(body), Ok(StepUp::Challenge));
    let other = not_believed("result \"succeeded\"");
    assert_eq!(with(r#"{"result":"succeeded"}"#), Err(other));
    let shape = not_believed("not JSON of its shape (line 1)");
    for body in ["{}", "true", r#"{"result":true}"#, r#"{"result":"FAILED","result":"SUCCEEDED"}"#]
    {
        assert_eq!(with(body), Err(shape.clone()));
    }
    let moved = stepped_up(&response(201, r#"{"result":"SUCCEEDED"}"#));
    assert_eq!(said(moved), not_believed("HTTP status 201"));
}

#[test]
fn trouble_that_may_pass_is_told_from_trouble_that_stays() {
    for status in [429, 500, 502, 503, 504] {
        assert!(may_pass(&response(status, "<html>")), "{status}");
    }
    let maintenance = response(503, r#"{"errorCode":"MAINT0001"}"#);
    assert!(!may_pass(&maintenance));
    for status in [200, 204, 400, 401, 403, 404, 409, 501] {
        assert!(!may_pass(&response(status, "{}")), "{status}");
    }
}
