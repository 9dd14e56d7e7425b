//! The tenant simulator behaves as the real service is known to: one test per behaviour, exact
//! shapes.

mod britive_calls;
mod probe;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use probe::{Probe, phone_call, trust, trust_with};
use rustls::ProtocolVersion;
use rustls::version::TLS12;
use serde_json::{Value, json};
use simulator::{Kind, Scenario, Simulator, State, What};
use totp_rs::{Builder, Secret};

const FAILURE: &str = "Authentication (login or challenge) has failed. Please try again or contact your system administrator.";
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

const ALICE: &str = r#"
    [[user]]
    name = "alice@example.com"
    password = "correct horse"
    challenges = [["UP"], ["OTP", "SMS", "EMAIL", "OATH", "PF", "SQ", "RADIUS"]]
    oath_secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    radius_code = "4711"
    questions = [{ text = "First pet?", answer = "Rex" }]
"#;

/// A tenant with some settings, and Alice with some more keys.
fn simulate(tenant: &str, alice: &str) -> Simulator {
    Simulator::start(&format!("[tenant]\n{tenant}\n{ALICE}\n{alice}"))
}

fn summary(reply: &Value) -> &str {
    reply["Result"]["Summary"].as_str().unwrap_or("no summary")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_failure(reply: &Value) {
    let id =
        reply["ErrorID"].as_str().unwrap_or_else(|| panic!("a failure has an ErrorID: {reply}"));
    let (guid, rest) = id.split_once(':').unwrap();
    assert_eq!((guid.len(), rest.len()), (36, 32));
    let expected = json!({
        "success": false, "Result": {"Summary": "Failure"}, "Message": FAILURE, "MessageID": null, "Exception": null,
        "ErrorID": id, "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null,
    });
    assert_eq!(*reply, expected);
}

/// Alice's password is given and her second challenge is due.
fn past_password(probe: &mut Probe) -> probe::Login<'_> {
    let mut login = probe.start("alice@example.com");
    let reply = login.answer("UP", "correct horse");
    assert_eq!(reply["Result"], json!({"Summary": "StartNextChallenge"}));
    login
}

fn oath_code(secret: &str, seconds_ago: u64) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let secret = Secret::try_from_base32(secret).unwrap();
    Builder::new().with_secret(secret).build().unwrap().generate(now - seconds_ago).to_string()
}

// Start

#[test]
fn a_package_has_the_shape_of_a_recorded_one() {
    let simulator = simulate("", "");
    let reply = Probe::new(&simulator).call(
        "/Security/StartAuthentication",
        &json!({"TenantId": "ABC1234", "User": "alice@example.com", "Version": "1.0"}),
    );
    let result = reply["Result"].clone();
    let envelope = json!({
        "success": true, "Result": result, "Message": null, "MessageID": null, "Exception": null, "ErrorID": null,
        "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null,
    });
    assert_eq!(reply, envelope);
    let (session, challenges) = (&result["SessionId"], &result["Challenges"]);
    assert_eq!(session.as_str().unwrap().len(), 44);
    let package = json!({
        "ClientHints": {"PersistDefault": false, "AllowPersist": true, "AllowForgotPassword": true, "EndpointAuthenticationEnabled": false},
        "Version": "1.0", "SessionId": session, "EventDescription": null, "RetryWaitingTime": 0, "SecurityImageName": null,
        "AllowLoginMfaCache": false, "Challenges": challenges, "Summary": "NewPackage", "TenantId": "ABC1234",
    });
    assert_eq!(result, package);
    let password = &challenges[0]["Mechanisms"][0];
    let id = &password["MechanismId"];
    assert_eq!(id.as_str().unwrap().len(), 44);
    let entry = json!({
        "AnswerType": "Text", "Name": "UP", "PromptMechChosen": "Enter Password", "PromptSelectMech": "Password",
        "MechanismId": id, "Enrolled": true,
    });
    assert_eq!(*password, entry);
}

#[test]
fn mechanisms_carry_the_keys_of_their_kind() {
    let simulator = simulate("", r#"extra_mechanisms = ["U2F", "U2FONDEVICE", "QR", "NOVELTY"]"#);
    let mut probe = Probe::new(&simulator);
    let login = probe.start("alice@example.com");
    let offered = login.package["Challenges"][1]["Mechanisms"].as_array().unwrap();
    let kinds: Vec<_> = offered
        .iter()
        .map(|one| (one["Name"].as_str().unwrap(), one["AnswerType"].as_str()))
        .collect();
    let expected = [
        ("OTP", Some("StartTextOob")),
        ("SMS", Some("StartTextOob")),
        ("EMAIL", Some("StartTextOob")),
        ("OATH", Some("StartTextOob")),
        ("PF", Some("StartOob")),
        ("SQ", Some("Text")),
        ("RADIUS", Some("Text")),
        ("U2F", Some("StartOob")),
        ("U2FONDEVICE", Some("StartOob")),
        ("QR", Some("StartOob")),
        ("NOVELTY", None),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(offered[1]["PartialDeviceAddress"], "1234");
    assert_eq!(offered[2]["PartialAddress"], "example.com");
    assert_eq!(offered[2]["MaskedEmailAddress"], "***@example.com");
    assert_eq!(offered[4]["PartialPhoneNumber"], "1234");
    assert_eq!(offered[5]["Question"], "First pet?");
    assert_eq!(offered[8].get("PromptSelectMech"), None);
    assert!(offered[9]["Image"].as_str().unwrap().starts_with("data:image/png;base64,"));
    assert_eq!(keys(&offered[10]), ["MechanismId", "Name"]);
}

#[test]
fn an_empty_user_is_undefined() {
    let simulator = simulate("", "");
    let reply = Probe::new(&simulator)
        .call("/Security/StartAuthentication", &json!({"User": "", "Version": "1.0"}));
    assert_eq!((&reply["success"], summary(&reply)), (&json!(false), "Undefined"));
    assert_eq!(reply["Message"], FAILURE);
}

#[test]
fn an_unknown_user_gets_the_same_decoy_each_time_and_never_gets_in() {
    let decoy = "decoy = [[\"UP\", \"SMS\"]]\nskip_mechs_in_false_advance = false";
    let simulator = simulate(decoy, "");
    let mut probe = Probe::new(&simulator);
    let shape = |login: &probe::Login<'_>| {
        let mut package = login.package["Challenges"].clone();
        for mechanism in package[0]["Mechanisms"].as_array_mut().unwrap() {
            mechanism["MechanismId"] = Value::Null;
        }
        package
    };
    let first = shape(&probe.start("nobody@example.com"));
    let mut login = probe.start("Nobody@Example.com");
    assert_eq!(first, shape(&login));
    let pending = login.start_oob("SMS");
    assert_eq!(summary(&pending), "OobPending");
    assert!(simulator.phone().messages("").is_empty());
    assert_failure(&login.answer("UP", "guess"));
}

#[test]
fn user_names_have_no_letter_case() {
    let simulator = simulate("", r#"success_without_user = false"#);
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("ALICE@example.com");
    login.answer("UP", "correct horse");
    let reply = login.answer("SQ", json!("Rex"));
    assert_eq!(reply["Result"]["User"], "alice@example.com");
}

// Each mechanism

#[test]
fn a_success_says_all_that_a_live_one_says() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let host = probe.host.clone();
    let login = past_password(&mut probe);
    let body = json!({"SessionId": login.package["SessionId"], "MechanismId": login.id("SQ"), "Action": "Answer", "Answer": "Rex"});
    let reply = login.probe.post("/Security/AdvanceAuthentication", &body.to_string());
    let result = reply.json()["Result"].clone();
    let expected = json!({
        "AuthLevel": "Normal", "DisplayName": "alice", "Auth": result["Auth"], "Token": result["Token"],
        "UserId": result["UserId"], "EmailAddress": "alice@example.com", "UserDirectory": "CDS", "PodFqdn": host,
        "User": "alice@example.com", "CustomerID": "ABC1234", "SystemID": "ABC1234", "SourceDsType": "CDS",
        "Summary": "LoginSuccess",
    });
    assert_eq!(result, expected);
    let cookies: Vec<&str> =
        reply.all("set-cookie").iter().map(|one| one.split('=').next().unwrap()).collect();
    assert_eq!(cookies, [".ASPXAUTH", "antixss", "CCSID", "podloc", "userdata", "sessdata"]);
}

#[test]
fn platform_tokens_come_when_asked_for() {
    let simulator = simulate("", "");
    simulator.change_user("alice@example.com", &json!({"challenges": [["UP"]]}));
    let start = json!({"User": "alice@example.com", "PlatformTokenResponse": true, "MfaRequestor": "DeviceAgent"});
    let mut probe = Probe::new(&simulator);
    let package = probe.call("/security/startauthentication", &start)["Result"].clone();
    let mut login = probe::Login { probe: &mut probe, package };
    let reply = login.answer("UP", "correct horse");
    assert_eq!(reply["Result"]["TokenLifetime"], 900);
    assert!(reply["Result"]["RefreshToken"].is_string());
}

#[test]
fn a_text_message_takes_its_code() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    assert_eq!(login.start_oob("SMS")["Result"], json!({"Summary": "OobPending"}));
    assert_eq!(login.poll("SMS")["Result"], json!({"Summary": "OobPending"}));
    let message = simulator.phone().wait("alice@example.com", 0);
    assert_eq!((message.kind, message.code.len(), message.state), (Kind::Sms, 6, State::Pending));
    assert_eq!(summary(&login.answer("SMS", message.code)), "LoginSuccess");
    assert_eq!(simulator.phone().messages("alice@example.com")[0].state, State::Approved);
}

#[test]
fn a_mail_takes_its_code_of_eight_digits_or_its_link() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("EMAIL");
    let message = simulator.phone().wait("alice@example.com", 0);
    assert_eq!((message.kind, message.code.len()), (Kind::Email, 8));
    let link = message.link.strip_prefix(&simulator.phone_url()).unwrap();
    assert_eq!(phone_call(&simulator, &format!("GET {link}"), "").status, 200);
    assert_eq!(phone_call(&simulator, &format!("GET {link}"), "").status, 410);
    assert_eq!(summary(&login.poll("EMAIL")), "LoginSuccess");
}

#[test]
fn a_push_is_approved_or_its_code_typed() {
    let simulator = simulate("", r#"code = "123456""#);
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    assert_eq!(login.start_oob("OTP")["Result"], json!({"Summary": "OobPending"}));
    simulator.phone().approve(1);
    assert_eq!(summary(&login.poll("OTP")), "LoginSuccess");
    let mut login = past_password(&mut probe);
    login.start_oob("OTP");
    assert_eq!(simulator.phone().wait("alice@example.com", 1).kind, Kind::Push);
    assert_eq!(summary(&login.answer("OTP", "123456")), "LoginSuccess");
}

#[test]
fn a_denied_push_is_a_plain_failure_and_the_end() {
    let simulator = simulate("", r#"code = "123456""#);
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("OTP");
    simulator.phone().deny(1);
    assert_failure(&login.poll("OTP"));
    assert_failure(&login.answer("OTP", "123456"));
    assert_failure(&login.start_oob("SMS"));
}

#[test]
fn the_number_to_match_is_in_the_reply_and_on_the_phone() {
    let simulator = simulate("", "number_matching = true");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    let reply = login.start_oob("OTP");
    let number = simulator.phone().wait("alice@example.com", 0).number;
    assert_eq!(number.len(), 2);
    assert_eq!(reply["Result"], json!({"Summary": "OobPending", "GeneratedAuthValue": number}));
}

#[test]
fn a_call_is_approved_and_takes_no_code() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("PF");
    let message = simulator.phone().wait("alice@example.com", 0);
    assert_eq!((message.kind, message.code.as_str(), message.link.as_str()), (Kind::Call, "", ""));
    simulator.phone().approve(message.id);
    assert_eq!(summary(&login.poll("PF")), "LoginSuccess");
    let mut login = past_password(&mut probe);
    login.start_oob("PF");
    assert_failure(&login.answer("PF", ""));
}

#[test]
fn oath_wants_to_be_started_and_takes_codes_one_step_off() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    assert_failure(&login.answer("OATH", oath_code(SECRET, 0)));
    for (age, expected) in [(0, "LoginSuccess"), (30, "LoginSuccess"), (120, "Failure")] {
        let mut login = past_password(&mut probe);
        assert_eq!(summary(&login.start_oob("OATH")), "OobPending");
        assert_eq!(summary(&login.poll("OATH")), "OobPending");
        assert_eq!(summary(&login.answer("OATH", oath_code(SECRET, age))), expected);
    }
    assert!(simulator.phone().messages("").is_empty());
}

#[test]
fn a_fixed_oath_code_is_taken() {
    let simulator = simulate("", r#"oath_code = "424242""#);
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("OATH");
    assert_eq!(summary(&login.answer("OATH", "424242")), "LoginSuccess");
}

#[test]
fn one_question_takes_a_text() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    assert_eq!(summary(&past_password(&mut probe).answer("SQ", "Rex")), "LoginSuccess");
    assert_failure(&past_password(&mut probe).answer("SQ", "Fido"));
}

#[test]
fn several_questions_take_an_object() {
    let simulator = simulate("", "");
    let questions =
        json!([{"text": "First pet?", "answer": "Rex"}, {"text": "Street?", "answer": "Elm"}]);
    simulator.change_user("alice@example.com", &json!({"questions": questions}));
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    let challenges = login.package["Challenges"].clone();
    let mechanisms = challenges[1]["Mechanisms"].as_array().unwrap();
    let asked =
        mechanisms.iter().find(|one| one["Name"] == "SQ").unwrap()["MultipartMechanism"].clone();
    assert_eq!(asked["PromptSelectMech"], "Security Questions");
    let parts = asked["MechanismParts"].as_array().unwrap();
    assert_eq!(keys(&parts[0]), ["PromptMechChosen", "QuestionText", "Uuid"]);
    let answers = |last: &str| {
        let uuid = |index: usize| parts[index]["Uuid"].as_str().unwrap().to_string();
        json!(BTreeMap::from([(uuid(0), "Rex"), (uuid(1), last)]))
    };
    assert_eq!(summary(&login.answer("SQ", answers("Elm"))), "LoginSuccess");
    assert_failure(&past_password(&mut probe).answer("SQ", answers("Oak")));
}

#[test]
fn radius_takes_a_code_without_a_start_or_pushes() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    assert_eq!(summary(&past_password(&mut probe).answer("RADIUS", "4711")), "LoginSuccess");
    assert_failure(&past_password(&mut probe).answer("RADIUS", "4712"));
    let mut login = past_password(&mut probe);
    assert_eq!(summary(&login.answer("RADIUS", "push")), "OobPending");
    simulator.phone().approve(simulator.phone().wait("alice@example.com", 0).id);
    assert_eq!(summary(&login.poll("RADIUS")), "LoginSuccess");
}

#[test]
fn starting_again_sends_again_and_ends_the_first_message() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("SMS");
    login.start_oob("SMS");
    let messages = simulator.phone().messages("alice@example.com");
    assert_eq!((messages[0].state, messages[1].state), (State::Expired, State::Pending));
    assert_eq!(summary(&login.answer("SMS", messages[1].code.clone())), "LoginSuccess");
}

#[test]
fn things_approve_themselves_if_the_scenario_says_so() {
    let simulator = simulate("", "auto_approve = true");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("PF");
    assert_eq!(summary(&login.poll("PF")), "LoginSuccess");
}

#[test]
fn prompts_of_the_scenario_replace_both_of_ours() {
    let simulator = simulate("", r#"mechanism_prompt = { SMS = "\u001b[31mEvil" }"#);
    let mut probe = Probe::new(&simulator);
    let login = probe.start("alice@example.com");
    let sms = &login.package["Challenges"][1]["Mechanisms"][1];
    assert_eq!([&sms["PromptSelectMech"], &sms["PromptMechChosen"]], ["\u{1b}[31mEvil"; 2]);
}

#[test]
fn a_forgotten_password_is_no_login() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let reply = login.advance(&json!({"Action": "ForgotPassword"}));
    assert_eq!((&reply["success"], summary(&reply)), (&json!(true), "NoncommitalSuccess"));
    assert!(reply["Result"]["ClientMessage"].is_string());
    assert_failure(&login.answer("UP", "correct horse"));
}

#[test]
fn a_mechanism_of_a_later_challenge_is_refused() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    assert_failure(&login.start_oob("SMS"));
    assert!(simulator.phone().messages("").is_empty());
}

// Wrong answers

#[test]
fn without_continue_a_wrong_password_fails_at_once() {
    let simulator = simulate("continue_failed_sessions = false", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    assert_failure(&login.answer("UP", "wrong"));
    assert_failure(&login.answer("UP", "correct horse"));
}

#[test]
fn with_continue_and_skip_a_wrong_password_shows_at_the_very_end_and_sends_nothing() {
    let simulator = simulate("", r#"code = "123456""#);
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    assert_eq!(login.answer("UP", "wrong")["Result"], json!({"Summary": "StartNextChallenge"}));
    assert_eq!(login.start_oob("SMS")["Result"], json!({"Summary": "OobPending"}));
    assert_eq!(login.poll("SMS")["Result"], json!({"Summary": "OobPending"}));
    assert!(simulator.phone().messages("").is_empty());
    assert_failure(&login.answer("SMS", "123456"));
}

#[test]
fn with_continue_but_not_skip_the_push_is_really_sent_and_its_approval_fails() {
    let simulator = simulate("skip_mechs_in_false_advance = false", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    assert_eq!(summary(&login.answer("UP", "wrong")), "StartNextChallenge");
    login.start_oob("OTP");
    simulator.phone().approve(simulator.phone().wait("alice@example.com", 0).id);
    assert_failure(&login.poll("OTP"));
}

#[test]
fn a_secret_failure_looks_the_same_with_a_number_to_match() {
    let simulator = simulate("", "number_matching = true");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    login.answer("UP", "wrong");
    let reply = login.start_oob("OTP");
    assert_eq!(keys(&reply["Result"]), ["GeneratedAuthValue", "Summary"]);
}

#[test]
fn a_wrong_code_ends_the_session() {
    let simulator = simulate("", r#"code = "123456""#);
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("SMS");
    assert_failure(&login.answer("SMS", "654321"));
    assert_failure(&login.answer("SMS", "123456"));
    assert_eq!(simulator.phone().messages("alice@example.com")[0].state, State::Expired);
}

#[test]
fn a_locked_user_fails_with_every_right_answer() {
    let simulator = simulate("", "locked = true");
    let mut probe = Probe::new(&simulator);
    assert_failure(&past_password(&mut probe).answer("SQ", "Rex"));
    let simulator = simulate("continue_failed_sessions = false", "locked = true");
    let mut probe = Probe::new(&simulator);
    assert_failure(&probe.start("alice@example.com").answer("UP", "correct horse"));
}

#[test]
fn during_the_retry_waiting_time_the_right_password_fails() {
    let simulator = simulate("", "retry_waiting_time = 30");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    assert_eq!(login.package["RetryWaitingTime"], 30);
    assert_failure(&login.answer("UP", "correct horse"));
    simulator.pass_time(Duration::from_secs(31));
    let mut login = probe.start("alice@example.com");
    assert_eq!(login.package["RetryWaitingTime"], 0);
    assert_eq!(summary(&login.answer("UP", "correct horse")), "StartNextChallenge");
}

// Several operations at once

#[test]
fn password_and_start_go_together_and_the_reply_names_the_last() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let (password, mail) = (login.id("UP"), login.id("EMAIL"));
    let both = [
        json!({"Answer": "correct horse", "MechanismId": password, "Action": "Answer"}),
        json!({"MechanismId": mail, "Action": "StartOOB"}),
    ];
    let reply = login.several(&both);
    assert_eq!(reply["Result"], json!({"ResultAppliesTo": mail, "Summary": "OobPending"}));
    let code = simulator.phone().wait("alice@example.com", 0).code;
    let reply = login.answer("EMAIL", code);
    assert_eq!((summary(&reply), reply["Result"].get("ResultAppliesTo")), ("LoginSuccess", None));
}

#[test]
fn two_answers_go_together() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let both = [
        json!({"Answer": "correct horse", "MechanismId": login.id("UP"), "Action": "Answer"}),
        json!({"Answer": "Rex", "MechanismId": login.id("SQ"), "Action": "Answer"}),
    ];
    let reply = login.several(&both);
    assert_eq!(
        (summary(&reply), &reply["Result"]["ResultAppliesTo"]),
        ("LoginSuccess", &json!(login.id("SQ")))
    );
}

#[test]
fn a_wrong_password_among_several_is_hidden_or_fails_by_policy() {
    for (policy, expected) in [("", "OobPending"), ("continue_failed_sessions = false", "Failure")]
    {
        let simulator = simulate(policy, "");
        let mut probe = Probe::new(&simulator);
        let mut login = probe.start("alice@example.com");
        let both = [
            json!({"Answer": "wrong", "MechanismId": login.id("UP"), "Action": "Answer"}),
            json!({"MechanismId": login.id("SMS"), "Action": "StartOOB"}),
        ];
        assert_eq!(summary(&login.several(&both)), expected);
        assert!(simulator.phone().messages("").is_empty());
    }
}

#[test]
fn several_operations_stop_at_a_new_package_or_at_the_end() {
    for (alice, expected) in [
        (r#"{"new_package_after_password": [["SQ"]]}"#, "NewPackage"),
        (r#"{"challenges": [["UP", "SMS"]]}"#, "LoginSuccess"),
    ] {
        let simulator = simulate("", "");
        simulator.change_user("alice@example.com", &serde_json::from_str(alice).unwrap());
        let mut probe = Probe::new(&simulator);
        let mut login = probe.start("alice@example.com");
        let password = login.id("UP");
        let both = [
            json!({"Answer": "correct horse", "MechanismId": password, "Action": "Answer"}),
            json!({"MechanismId": login.id("SMS"), "Action": "StartOOB"}),
        ];
        let reply = login.several(&both);
        assert_eq!(
            (summary(&reply), &reply["Result"]["ResultAppliesTo"]),
            (expected, &json!(password))
        );
        assert!(simulator.phone().messages("").is_empty());
    }
}

#[test]
fn too_many_operations_are_refused_and_change_nothing() {
    for limit in [1, -1] {
        let simulator = simulate(&format!("batch_limit = {limit}"), "");
        let mut probe = Probe::new(&simulator);
        let mut login = probe.start("alice@example.com");
        let both = [
            json!({"Answer": "wrong", "MechanismId": login.id("UP"), "Action": "Answer"}),
            json!({"Answer": "Rex", "MechanismId": login.id("SQ"), "Action": "Answer"}),
        ];
        assert_failure(&login.several(&both));
        assert_eq!(summary(&login.answer("UP", "correct horse")), "StartNextChallenge");
    }
}

// Packages that change, other places

#[test]
fn a_new_package_in_mid_flow_keeps_the_session() {
    let simulator = simulate("", r#"new_package_after_password = [["SQ"], ["SMS"]]"#);
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let (session, old) = (login.package["SessionId"].clone(), login.id("SQ"));
    let reply = login.answer("UP", "correct horse");
    login.take_package(&reply);
    assert_eq!(login.package["SessionId"], session);
    assert_eq!(login.package["Challenges"].as_array().unwrap().len(), 2);
    assert_ne!(login.id("SQ"), old);
    assert_eq!(summary(&login.answer("SQ", "Rex")), "StartNextChallenge");
    login.start_oob("SMS");
    let code = simulator.phone().wait("alice@example.com", 0).code;
    assert_eq!(summary(&login.answer("SMS", code)), "LoginSuccess");
}

#[test]
fn a_forced_change_asks_for_a_new_password() {
    let simulator = simulate("", "password_change = true");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let reply = login.answer("UP", "correct horse");
    login.take_package(&reply);
    assert_eq!(summary(&login.answer("RESET", "battery staple")), "StartNextChallenge");
    assert_eq!(summary(&login.answer("SQ", "Rex")), "LoginSuccess");
    let mut login = probe.start("alice@example.com");
    assert_eq!(summary(&login.answer("UP", "battery staple")), "StartNextChallenge");
    assert_eq!(summary(&login.answer("SQ", "Rex")), "LoginSuccess");
}

#[test]
fn a_forced_change_after_a_wrong_password_changes_nothing() {
    let simulator = simulate("", "password_change = true");
    let mut probe = Probe::new(&simulator);
    let mut login = probe.start("alice@example.com");
    let reply = login.answer("UP", "wrong");
    login.take_package(&reply);
    login.answer("RESET", "mallory");
    assert_failure(&login.answer("SQ", "Rex"));
    simulator.change_user("alice@example.com", &json!({"password_change": false}));
    let mut login = probe.start("alice@example.com");
    login.answer("UP", "mallory");
    assert_failure(&login.answer("SQ", "Rex"));
}

#[test]
fn the_wrong_host_sends_elsewhere_until_asked_under_the_right_one() {
    let simulator = simulate(r#"redirect_to = "localhost:{port}/identity""#, "");
    let mut probe = Probe::new(&simulator);
    let there = format!("localhost:{}", simulator.port());
    let start = json!({"User": "alice@example.com", "Version": "1.0"});
    let reply = probe.call("/Security/StartAuthentication", &start);
    assert_eq!(
        (&reply["success"], &reply["Result"]),
        (&json!(true), &json!({"PodFqdn": format!("{there}/identity")}))
    );
    probe.host = there;
    assert_eq!(probe.start("alice@example.com").package["Summary"], "NewPackage");
}

#[test]
fn a_live_cookie_or_bearer_logs_in_without_challenges() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let reply = past_password(&mut probe).answer("SQ", "Rex");
    let auth = reply["Result"]["Auth"].as_str().unwrap().to_string();
    for header in
        [format!("Cookie: a=b; .ASPXAUTH={auth}\r\n"), format!("Authorization: Bearer {auth}\r\n")]
    {
        probe.headers = header;
        let reply =
            probe.call("/Security/StartAuthentication", &json!({"User": "mallory@example.com"}));
        assert_eq!(
            (summary(&reply), &reply["Result"]["User"]),
            ("LoginSuccess", &json!("alice@example.com"))
        );
        assert_eq!(reply["Result"].get("Challenges"), None);
    }
    assert_eq!(probe.post("/Security/Logout", "").status, 200);
    assert_eq!(probe.post("/Security/Logout", "").status, 401);
    assert_eq!(probe.start("alice@example.com").package["Summary"], "NewPackage");
}

#[test]
fn a_success_can_be_for_somebody_else_or_for_nobody() {
    let simulator = simulate(r#"identity_in_success = "mallory@example.com""#, "");
    let reply = past_password(&mut Probe::new(&simulator)).answer("SQ", "Rex");
    assert_eq!(reply["Result"]["User"], "mallory@example.com");
    let simulator = simulate("", "success_without_user = true");
    let reply = past_password(&mut Probe::new(&simulator)).answer("SQ", "Rex");
    assert_eq!((summary(&reply), reply["Result"].get("User")), ("LoginSuccess", None));
}

#[test]
fn a_token_of_a_success_tells_whose_it_is() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    assert_eq!(probe.post("/Security/Whoami", "{}").status, 401);
    probe.headers = "Authorization: Bearer nobody's\r\n".into();
    assert_eq!(probe.post("/Security/Whoami", "{}").status, 401);
    probe.headers.clear();
    let success = past_password(&mut probe).answer("SQ", "Rex")["Result"].clone();
    for key in ["Token", "Auth"] {
        let token = success[key].as_str().unwrap();
        probe.headers = format!("Authorization: Bearer {token}\r\n");
        let who = probe.call("/Security/Whoami", &json!({}))["Result"].clone();
        let expected = json!({
            "User": "alice@example.com", "UserUuid": success["UserId"], "TenantId": "ABC1234",
        });
        assert_eq!(who, expected, "{key}");
        assert_eq!(probe.post("/Security/Logout", "").status, 200);
        assert_eq!(probe.post("/Security/Whoami", "{}").status, 401);
    }
}

#[test]
fn a_token_can_be_somebody_elses() {
    let simulator = simulate(r#"identity_in_success = "mallory@example.com""#, "");
    let mut probe = Probe::new(&simulator);
    let success = past_password(&mut probe).answer("SQ", "Rex")["Result"].clone();
    let token = success["Token"].as_str().unwrap();
    probe.headers = format!("Authorization: Bearer {token}\r\n");
    let who = probe.call("/Security/Whoami", &json!({}));
    assert_eq!(who["Result"]["User"], "mallory@example.com");
}

// Federated users

fn start_federated(simulator: &Simulator, probe: &mut Probe) -> Value {
    probe.headers = "OobIdPAuth: true\r\n".into();
    let reply = probe.call("/Security/StartAuthentication", &json!({"User": "alice@example.com"}));
    assert_eq!(simulator.phone().messages("alice@example.com")[0].kind, Kind::Idp);
    reply["Result"].clone()
}

#[test]
fn a_federated_user_is_sent_to_the_provider_and_comes_back() {
    let simulator = simulate("", r#"federated = "wait""#);
    let mut probe = Probe::new(&simulator);
    let result = start_federated(&simulator, &mut probe);
    let expected = [
        "IdpLoginSessionId",
        "IdpOobAuthPinRequired",
        "IdpRedirectShortUrl",
        "IdpRedirectUrl",
        "IdpShortUrlId",
        "SessionId",
        "TenantId",
    ];
    assert_eq!(keys(&result), expected);
    assert_eq!(result["IdpOobAuthPinRequired"], false);
    let ask = json!({"SessionId": result["IdpLoginSessionId"]});
    let reply = probe.call("/Security/OobAuthStatus", &ask);
    assert_eq!((&reply["success"], &reply["Result"]), (&json!(true), &json!({"State": "Pending"})));
    simulator.phone().approve(1);
    let reply = probe.call("/Security/OobAuthStatus", &ask);
    assert_eq!(
        (&reply["Result"]["State"], &reply["Result"]["User"]),
        (&json!("Success"), &json!("alice@example.com"))
    );
    assert!(reply["Result"]["Token"].is_string());
}

#[test]
fn a_federated_user_who_is_refused_there_fails() {
    let simulator = simulate("", r#"federated = "wait""#);
    let mut probe = Probe::new(&simulator);
    let result = start_federated(&simulator, &mut probe);
    simulator.phone().deny(1);
    let reply =
        probe.call("/Security/OobAuthStatus", &json!({"SessionId": result["IdpLoginSessionId"]}));
    assert_eq!((&reply["success"], &reply["Result"]), (&json!(false), &json!({"State": "failed"})));
}

#[test]
fn the_pin_of_the_provider_logs_in_once() {
    let simulator = simulate("", r#"federated = "pin""#);
    let mut probe = Probe::new(&simulator);
    let result = start_federated(&simulator, &mut probe);
    assert_eq!(result["IdpOobAuthPinRequired"], true);
    let pin = simulator.phone().wait("alice@example.com", 0).pin;
    let answer = json!({"SessionId": result["IdpLoginSessionId"], "MechanismId": "OOBAUTHPIN", "Action": "Answer", "Answer": pin});
    assert_eq!(summary(&probe.call("/Security/AdvanceAuthentication", &answer)), "LoginSuccess");
    assert_failure(&probe.call("/Security/AdvanceAuthentication", &answer));
}

#[test]
fn a_wrong_pin_is_the_end() {
    let simulator = simulate("", r#"federated = "pin""#);
    let mut probe = Probe::new(&simulator);
    let result = start_federated(&simulator, &mut probe);
    let pin = simulator.phone().wait("alice@example.com", 0).pin;
    for pin in ["12345", &pin] {
        let answer = json!({"SessionId": result["IdpLoginSessionId"], "MechanismId": "OOBAUTHPIN", "Action": "Answer", "Answer": pin});
        assert_failure(&probe.call("/Security/AdvanceAuthentication", &answer));
    }
}

#[test]
fn without_its_header_a_federated_user_gets_the_long_address_alone() {
    let simulator = simulate("", r#"federated = "wait""#);
    let reply = Probe::new(&simulator)
        .call("/Security/StartAuthentication", &json!({"User": "alice@example.com"}));
    assert_eq!(keys(&reply["Result"]), ["IdpRedirectUrl", "SessionId", "TenantId"]);
}

// Service accounts

const SERVICE: &str = r#"
    [[client]]
    id = "service"
    secret = "hunter:2"
    app = "CountersignMFA"
    scopes = ["GenericMFA", "Policies"]
    [modifiers]
    second_factor = [["SQ", "OTP"]]
"#;

const GRANT: &str = "grant_type=client_credentials&scope=GenericMFA";

/// Its headers with a token of the service account.
fn authorized(probe: &mut Probe) {
    probe.headers = "Authorization: Basic c2VydmljZTpodW50ZXI6Mg==\r\n".into();
    let reply = probe.post("/OAuth2/Token/countersignmfa", GRANT);
    let token = reply.json()["access_token"].clone();
    let expected = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 31_536_000, "scope": "GenericMFA",
    });
    assert_eq!((reply.status, reply.json()), (200, expected));
    probe.headers = format!("Authorization: Bearer {}\r\n", token.as_str().unwrap());
}

#[test]
fn a_service_account_gets_a_token_by_header_or_form() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    authorized(&mut probe);
    probe.headers.clear();
    let form = format!("{GRANT}&client_id=service&client_secret=hunter%3A2");
    assert_eq!(probe.post("/oauth2/token/CountersignMFA", &form).status, 200);
}

#[test]
fn a_token_is_refused_with_the_reason() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    let identity = "client_id=service&client_secret=hunter%3A2";
    let cases = [
        ("CountersignMFA", "client_id=service&client_secret=wrong".into(), "invalid_client"),
        ("Other", identity.into(), "invalid_client"),
        ("CountersignMFA", format!("{identity}&grant_type=password"), "unsupported_grant_type"),
        (
            "CountersignMFA",
            format!("{identity}&grant_type=client_credentials&scope=all"),
            "invalid_scope",
        ),
    ];
    for (app, form, expected) in cases {
        let reply = probe.post(&format!("/oauth2/token/{app}"), &form);
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!(expected)));
    }
}

#[test]
fn a_challenge_on_demand_needs_a_token_and_gives_no_session() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    let ask =
        json!({"User": "alice@example.com", "arguments": null, "PolicyModifier": "second_factor"});
    assert_eq!(probe.post("/Security/OnDemandChallenge", &ask.to_string()).status, 401);
    authorized(&mut probe);
    let package = probe.call("/Security/OnDemandChallenge", &ask)["Result"].clone();
    let mut login = probe::Login { probe: &mut probe, package };
    assert_eq!(login.package["Challenges"].as_array().unwrap().len(), 1);
    let result = login.answer("SQ", "Rex")["Result"].clone();
    assert_eq!(
        (&result["Summary"], &result["AuthLevel"]),
        (&json!("LoginSuccess"), &json!("High"))
    );
    assert_eq!((result.get("Auth"), result.get("Token")), (None, None));
    let unknown = json!({"User": "alice@example.com", "PolicyModifier": "nothing"});
    assert_failure(&probe.call("/Security/OnDemandChallenge", &unknown));
}

#[test]
fn tokens_of_service_accounts_can_be_revoked() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    authorized(&mut probe);
    let status = |probe: &mut Probe| probe.post("/Policy/GetNicePlinks", "{}").status;
    assert_eq!(status(&mut probe), 200);
    simulator.revoke_tokens();
    assert_eq!(status(&mut probe), 401);
    authorized(&mut probe);
    assert_eq!(phone_call(&simulator, "DELETE /tokens", "").status, 200);
    assert_eq!(status(&mut probe), 401);
}

#[test]
fn a_service_account_calls_what_it_may() {
    let simulator =
        simulate("", &SERVICE.replace("[modifiers]", "calls = [\"Policy/\"]\n[modifiers]"));
    let mut probe = Probe::new(&simulator);
    authorized(&mut probe);
    assert_eq!(probe.post("/Security/OnDemandChallenge", "{}").status, 403);
    assert_eq!(probe.post("/Policy/GetNicePlinks", "{}").status, 200);
}

#[test]
fn a_challenge_policy_is_made_in_six_steps_and_then_used() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    assert_eq!(probe.post("/Policy/GetPolicyBlock", "{}").status, 401);
    authorized(&mut probe);
    let roles = probe.call("/RedRock/query", &json!({"Script": "Select * from Role"}));
    assert_eq!(roles["Result"]["Results"][0]["Entities"][0]["Type"], "Role");
    assert_eq!(
        probe.call("/Policy/GetUsingCloudMobileGP", &json!({}))["Result"]["useCloudGP"],
        true
    );
    let links = probe.call("/Policy/GetNicePlinks", &json!({}))["Result"]["Results"].clone();
    assert_eq!(links[0]["Row"]["PolicySet"], "/Policy/Default Policy");
    let name = json!({"name": "/Policy/Default Policy"});
    let block = probe.call("/api/idadmin/policy/getpolicyblock", &name)["Result"].clone();
    let added = probe.call("/Policy/AddAuthPolicyModifier", &json!({"PolicyModifier": "test1"}));
    assert_eq!((&added["success"], &added["Result"]), (&json!(true), &Value::Null));

    let mut policy = block.clone();
    policy["Settings"]["/Core/test1/AuthenticationEnabled"] = "true".into();
    let profile = block["AuthProfiles"][1]["Uuid"].clone();
    policy["Settings"]["/Core/test1/Authentication/AuthenticationRulesDefaultProfileId"] = profile;
    policy["Newpolicy"] = false.into();
    let body = json!({"policy": policy, "plinks": [links[0]["Row"]]});
    let saved = probe.call("/Policy/SavePolicyBlock3", &body);
    assert_ne!(saved["Result"]["RevStamp"], block["RevStamp"]);
    let late = probe.call("/Policy/SavePolicyBlock3", &body);
    assert_eq!(late["success"], false);
    assert_eq!(
        late["Message"],
        "The policy has been modified since it was read. Please reload it."
    );

    let ask = json!({"User": "alice@example.com", "PolicyModifier": "test1"});
    let package = probe.call("/Security/OnDemandChallenge", &ask)["Result"].clone();
    let names: Vec<_> = package["Challenges"][0]["Mechanisms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Name"])
        .collect();
    assert_eq!(names, ["OTP", "SMS", "EMAIL", "OATH", "PF"]);
}

fn read_default(probe: &mut Probe) -> Value {
    let name = json!({"name": "/Policy/Default Policy"});
    probe.call("/Policy/GetPolicyBlock", &name)["Result"].clone()
}

#[test]
fn somebody_else_may_be_faster_to_save() {
    let simulator = simulate("", SERVICE);
    let mut probe = Probe::new(&simulator);
    authorized(&mut probe);
    let block = read_default(&mut probe);
    simulator.meddle();
    let meddled = read_default(&mut probe);
    assert_ne!(block["RevStamp"], meddled["RevStamp"]);
    simulator.rival(1);
    let save = |probe: &mut Probe, block: &Value| {
        let body = json!({"policy": block, "plinks": []});
        probe.call("/Policy/SavePolicyBlock3", &body)["success"] == true
    };
    assert!(!save(&mut probe, &meddled));
    let again = read_default(&mut probe);
    assert!(save(&mut probe, &again));
    assert!(!save(&mut probe, &again));
}

#[test]
fn policies_are_for_administrators() {
    for (key, expected) in [("admin = true", 200), ("", 403)] {
        let simulator = simulate("", key);
        let mut probe = Probe::new(&simulator);
        let success = past_password(&mut probe).answer("SQ", "Rex")["Result"].clone();
        for token in ["Token", "Auth"] {
            let token = success[token].as_str().unwrap();
            probe.headers = format!("Authorization: Bearer {token}\r\n");
            assert_eq!(probe.post("/Policy/GetNicePlinks", "{}").status, expected);
        }
    }
    let simulator = simulate("no_token = true", "");
    let mut probe = Probe::new(&simulator);
    let success = past_password(&mut probe).answer("SQ", "Rex")["Result"].clone();
    assert_eq!((success.get("Token"), success["Auth"].is_string()), (None, true));
}

#[test]
fn there_are_other_policy_sets_and_other_places() {
    let set = "[[policy_set]]\npath = \"/Policy/Linux\"\nlink = \"Role\"\nroles = [\"Everybody\"]";
    let simulator = simulate("shared_services = true", &format!("{SERVICE}{set}"));
    let mut probe = Probe::new(&simulator);
    authorized(&mut probe);
    assert_eq!(probe.post("/Policy/GetNicePlinks", "{}").status, 404);
    let links = probe.call("/api/idadmin/Policy/GetNicePlinks", &json!({}));
    let row = &links["Result"]["Results"][1]["Row"];
    assert_eq!((&row["PolicySet"], &row["LinkType"]), (&json!("/Policy/Linux"), &json!("Role")));
    let roles = probe.call("/api/idadmin/RedRock/query", &json!({}));
    assert_eq!(row["Params"][0], roles["Result"]["Results"][0]["Row"]["ID"]);
}

// Ends

#[test]
fn a_session_ends_after_its_lifetime() {
    let simulator = simulate("session_lifetime = 60", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    simulator.pass_time(Duration::from_secs(60));
    assert_failure(&login.answer("SQ", "Rex"));
}

#[test]
fn a_message_expires_after_its_lifetime() {
    let simulator = simulate("oob_lifetime = 60", r#"code = "123456""#);
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("OTP");
    simulator.pass_time(Duration::from_secs(60));
    assert_eq!(simulator.phone().messages("alice@example.com")[0].state, State::Expired);
    assert_failure(&login.poll("OTP"));
}

#[test]
fn an_abandoned_session_is_gone_with_its_messages() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    login.start_oob("OTP");
    let body = json!({"TenantId": "ABC1234", "SessionId": login.package["SessionId"]});
    let reply = login.probe.call("/Security/CleanupAuthentication", &body);
    assert_eq!((&reply["success"], &reply["Result"]), (&json!(true), &Value::Null));
    assert_eq!(simulator.phone().messages("alice@example.com")[0].state, State::Expired);
    assert_failure(&login.poll("OTP"));
}

// HTTP

#[test]
fn letter_case_and_doubled_slashes_of_a_path_do_not_matter() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    for path in [
        "//Security/StartAuthentication",
        "/security//STARTAUTHENTICATION",
        "/Security/StartAuthentication?x=1",
    ] {
        assert_eq!(
            summary(&probe.call(path, &json!({"User": "alice@example.com"}))),
            "NewPackage",
            "{path}"
        );
    }
}

#[test]
fn all_calls_live_below_the_prefix() {
    let simulator = simulate(r#"prefix = "/identity""#, "");
    let mut probe = Probe::new(&simulator);
    let start = json!({"User": "alice@example.com"});
    assert_eq!(
        summary(&probe.call("/Identity//Security/StartAuthentication", &start)),
        "NewPackage"
    );
    assert_eq!(probe.post("/Security/StartAuthentication", &start.to_string()).status, 404);
}

#[test]
fn an_unknown_path_is_a_page_with_404() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let requests =
        [("POST", "/Security/Nothing"), ("GET", "/Security/StartAuthentication"), ("POST", "/")];
    for (method, path) in requests {
        let reply = probe.request(method, path, "{}");
        assert_eq!(
            (reply.status, reply.all("content-type")),
            (404, vec!["text/html; charset=utf-8"])
        );
        assert!(reply.body.starts_with("<!DOCTYPE html>"));
    }
    assert_eq!(
        probe.request("PUT", "/Security/StartAuthentication", r#"{"User":"x"}"#).status,
        200
    );
}

#[test]
fn replies_carry_the_headers_of_a_live_tenant() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    probe.headers = "X-CENTRIFY-NATIVE-CLIENT: true\r\n".into();
    let reply = probe.post("/Security/StartAuthentication", r#"{"User":"alice@example.com"}"#);
    let expected = [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("expires", "-1"),
        ("x-centrify-native-client", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(reply.all(name), [value]);
    }
    assert_eq!(reply.all("x-cfy-tx-id")[0].len(), 32);
    let session = reply.all("set-cookie")[0];
    assert!(
        session.starts_with("sessdata=")
            && session.ends_with("; path=/; secure; HttpOnly; SameSite=Lax")
    );
}

#[test]
fn unknown_keys_and_an_empty_answer_are_ignored() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    let start =
        json!({"MechanismId": login.id("SMS"), "Action": "StartOOB", "Answer": "", "Novelty": [1]});
    assert_eq!(summary(&login.advance(&start)), "OobPending");
}

#[test]
fn nonsense_for_a_body_is_a_failure_in_the_envelope() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    for body in ["", "[]", "{\"SessionId\":1}", "no json"] {
        assert_failure(&probe.post("/Security/AdvanceAuthentication", body).json());
    }
}

#[test]
fn a_strict_tenant_wants_both_native_client_headers() {
    let simulator = simulate("strict_headers = true", "");
    let mut probe = Probe::new(&simulator);
    let start = r#"{"User":"alice@example.com"}"#;
    probe.headers = "X-IDAP-NATIVE-CLIENT: true\r\n".into();
    assert_eq!(probe.post("/Security/StartAuthentication", start).status, 403);
    probe.headers += "X-CENTRIFY-NATIVE-CLIENT: true\r\n";
    assert_eq!(probe.post("/Security/StartAuthentication", start).status, 200);
}

#[test]
fn a_request_in_chunks_is_understood() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let head = "POST /Security/StartAuthentication HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reply = probe
        .raw(&format!("{head}9\r\n{{\"User\":\"\r\n13;x=y\r\nalice@example.com\"}}\r\n0\r\n\r\n"));
    assert_eq!(summary(&reply.json()), "NewPackage");
    assert_eq!(simulator.requests()[0].body, json!({"User": "alice@example.com"}));
    assert_eq!(probe.start("alice@example.com").package["Summary"], "NewPackage");
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let simulator = simulate("", "");
    let reply = Probe::new(&simulator).raw("no request at all\r\n\r\n");
    assert_eq!((reply.status, reply.all("connection")), (400, vec!["close"]));
}

#[test]
fn a_connection_closes_when_the_client_wants_it() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let reply =
        probe.raw("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(reply.all("connection"), ["close"]);
    assert_eq!(probe.stream().read(&mut [0]).unwrap(), 0);
}

// The log

#[test]
fn the_log_tells_what_came_and_how() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    probe.start("alice@example.com");
    probe.start("alice@example.com");
    Probe::new(&simulator).start("alice@example.com");
    let log = simulator.requests();
    let numbers: Vec<u64> = log.iter().map(|request| request.connection).collect();
    assert_eq!(numbers, [1, 1, 2]);
    let first = &log[0];
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("POST", "/Security/StartAuthentication")
    );
    assert_eq!(first.host, format!("127.0.0.1:{}", simulator.port()));
    assert_eq!(first.headers["content-length"], first.text.len().to_string());
    assert_eq!(first.body["User"], "alice@example.com");
    assert_eq!((first.writes, first.tls_handshake_full), (1, true));
}

#[test]
fn the_log_counts_the_records_of_a_request() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let stream = probe.stream();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\n").unwrap();
    stream.write_all(b"Content-Length: 2\r\n\r\n").unwrap();
    probe.raw("{}");
    assert_eq!(simulator.requests()[0].writes, 3);
}

#[test]
fn a_certificate_that_is_brought_along_is_shown() {
    let folder =
        std::path::Path::new("/tmp").join(format!("countersign-chain-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for (name, content) in [
        ("ca.pem", cert.pem()),
        ("chain.pem", cert.pem()),
        ("key.pem", signing_key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let simulator = simulate(&format!("chain = \"{}\"", folder.display()), "");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(simulator.ca_pem(), cert.pem());
    Probe::new(&simulator).start("alice@example.com");
}

#[test]
fn a_resumed_session_is_seen_as_one() {
    let simulator = simulate("", "");
    let config = trust(&simulator);
    for _ in 0..2 {
        Probe::with(&simulator, config.clone()).unwrap().start("alice@example.com");
    }
    let full: Vec<bool> =
        simulator.requests().iter().map(|request| request.tls_handshake_full).collect();
    assert_eq!(full, [true, false]);
    let counts = simulator.connections();
    assert_eq!((counts.accepted, counts.handshakes_full, counts.handshakes_resumed), (2, 1, 1));
}

#[test]
fn a_reply_is_one_record() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    probe.start("alice@example.com");
    let body = r#"{"User":"alice@example.com"}"#;
    let request = format!(
        "POST /Security/StartAuthentication HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let stream = probe.stream();
    stream.conn.writer().write_all(request.as_bytes()).unwrap();
    stream.conn.write_tls(&mut stream.sock).unwrap();
    let mut record = [0; 5];
    stream.sock.read_exact(&mut record).unwrap();
    let mut rest = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
    stream.sock.read_exact(&mut rest).unwrap();
    let whole = [&record[..], &rest].concat();
    stream.conn.read_tls(&mut whole.as_slice()).unwrap();
    stream.conn.process_new_packets().unwrap();
    let mut text = vec![0; 16 * 1024];
    let count = stream.conn.reader().read(&mut text).unwrap();
    assert!(text[..count].ends_with(br#""success":true}"#));
}

#[test]
fn hundreds_of_connections_are_served_at_once() {
    let simulator = simulate("", "auto_approve = true");
    let mut probes: Vec<Probe> = (0..200).map(|_| Probe::new(&simulator)).collect();
    assert_eq!(simulator.connections().open, 200);
    for probe in &mut probes {
        let mut login = past_password(probe);
        login.start_oob("OTP");
        assert_eq!(summary(&login.poll("OTP")), "LoginSuccess");
    }
    drop(probes);
    simulator.wait_for_open(0);
}

#[test]
fn a_dropped_simulator_closes_its_connections() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    probe.start("alice@example.com");
    let port = simulator.port();
    drop(simulator);
    let end = probe.stream().read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

// TLS

fn handshake_error(tenant: &str) -> String {
    let simulator = simulate(tenant, "");
    let outcome = Probe::with(&simulator, trust(&simulator));
    outcome.err().expect("the handshake fails")
}

#[test]
fn bad_certificates_are_bad_in_their_own_way() {
    let cases = [
        ("expired", "expired"),
        ("wrong_name", "not valid for name"),
        ("self_signed", "UnknownIssuer"),
        ("untrusted", "UnknownIssuer"),
    ];
    for (certificate, expected) in cases {
        let error = handshake_error(&format!("certificate = {certificate:?}"));
        assert!(error.contains(expected), "{certificate}: {error}");
    }
}

#[test]
fn a_tenant_can_answer_in_clear() {
    let error = handshake_error("plain_http = true");
    assert!(error.contains("InvalidContentType"), "{error}");
    let simulator = simulate("plain_http = true", "");
    let mut stream = TcpStream::connect(("127.0.0.1", simulator.port())).unwrap();
    stream.write_all(START.as_bytes()).unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
}

#[test]
fn either_version_of_tls_can_be_had() {
    let simulator = simulate("", "");
    assert!(Probe::new(&simulator).is_tls(ProtocolVersion::TLSv1_3));
    let old = trust_with(&simulator, &[&TLS12]);
    let mut probe = Probe::with(&simulator, old).unwrap();
    assert!(probe.is_tls(ProtocolVersion::TLSv1_2));
    probe.start("alice@example.com");
    let simulator = simulate(r#"tls = "1.2""#, "");
    assert!(Probe::new(&simulator).is_tls(ProtocolVersion::TLSv1_2));
}

#[test]
fn further_names_are_in_the_certificate() {
    let simulator = simulate(r#"names = ["tenant.test"]"#, "");
    let name = rustls::pki_types::ServerName::try_from("tenant.test").unwrap();
    let mut session = rustls::ClientConnection::new(trust(&simulator), name).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", simulator.port())).unwrap();
    session.complete_io(&mut stream).unwrap();
}

// Faults

const START: &str = "POST /Security/StartAuthentication HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n{\"User\":\"alice@example.com\"}";

fn spawned<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::Builder::new().spawn(work).unwrap()
}

/// What a start meets with one fault set; the one after it is answered well.
fn met(what: What) -> Result<probe::Reply, String> {
    let simulator = simulate("", "");
    simulator.fault(what.once());
    let result = Probe::new(&simulator).try_raw(START);
    assert_eq!(Probe::new(&simulator).start("alice@example.com").package["Summary"], "NewPackage");
    result
}

#[test]
fn a_status_comes_with_retry_after_and_a_page() {
    let reply = met(What::Status { code: 429, retry_after: Some(7), body: None }).unwrap();
    assert_eq!((reply.status, reply.all("retry-after")), (429, vec!["7"]));
    assert!(reply.body.starts_with("<html>"));
}

#[test]
fn a_reply_can_be_cut_before_or_in_its_body() {
    assert_eq!(met(What::CutBeforeReply).err().unwrap(), "");
    let part = met(What::CutMidBody).err().unwrap();
    assert!(part.starts_with("HTTP/1.1 200 OK\r\n") && !part.ends_with('}'), "{part}");
}

#[test]
fn a_connection_can_close_after_a_good_reply() {
    let simulator = simulate("", "");
    simulator.fault(What::CloseAfterReply.once());
    let mut probe = Probe::new(&simulator);
    let reply = probe.raw(START);
    assert_eq!((summary(&reply.json()), reply.all("connection")), ("NewPackage", vec![]));
    let end = probe.stream().read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_reply_can_be_no_http_or_no_json() {
    assert!(!met(What::Garbage).err().unwrap().contains("HTTP"));
    assert_eq!(met(What::Raw { bytes: "HTTP/1.1 2\r\n".into() }).err().unwrap(), "HTTP/1.1 2\r\n");
    let page = met(What::Html).unwrap();
    assert_eq!((page.status, page.all("content-type")), (200, vec!["text/html; charset=utf-8"]));
    assert!(serde_json::from_str::<Value>(&met(What::BadJson).unwrap().body).is_err());
}

#[test]
fn a_reply_can_be_any_json_or_very_long() {
    assert_eq!(
        met(What::Body { json: json!({"success": 1}) }).unwrap().json(),
        json!({"success": 1})
    );
    assert_eq!(met(What::Big { bytes: 300_000 }).unwrap().body.len(), 300_000);
}

#[test]
fn a_slow_or_dripping_reply_is_whole_in_the_end() {
    assert_eq!(summary(&met(What::Slow { millis: 1 }).unwrap().json()), "NewPackage");
    assert_eq!(summary(&met(What::Drip { millis: 0 }).unwrap().json()), "NewPackage");
}

#[test]
fn a_hanging_request_ends_with_the_simulator() {
    let simulator = simulate("", "");
    simulator.fault(What::Hang.once());
    let mut probe = Probe::new(&simulator);
    let waiting = spawned(move || probe.try_raw(START).err());
    simulator.wait_for_requests(1);
    drop(simulator);
    assert_eq!(waiting.join().unwrap().unwrap(), "");
}

#[test]
fn a_reply_can_name_another_session_or_no_user() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    simulator.fault(What::WrongSession.once().on_action("Answer"));
    let mut login = probe.start("alice@example.com");
    let reply = login.answer("UP", "correct horse");
    assert_eq!(summary(&reply), "StartNextChallenge");
    let named = reply["Result"]["SessionId"].as_str().unwrap();
    assert_ne!(named, login.package["SessionId"]);
    simulator.fault(What::DropUser.once());
    let reply = login.answer("SQ", "Rex");
    assert_eq!((summary(&reply), reply["Result"].get("User")), ("LoginSuccess", None));
}

#[test]
fn a_fault_waits_for_its_path_and_action_and_comes_so_many_times() {
    let simulator = simulate("", "");
    let busy = What::Status { code: 503, retry_after: None, body: None };
    simulator.fault(busy.once().on_path("security/advance").on_action("StartOOB").times(2));
    let mut probe = Probe::new(&simulator);
    let login = past_password(&mut probe);
    let body = json!({"SessionId": login.package["SessionId"], "MechanismId": login.id("SMS"), "Action": "StartOOB"});
    let statuses = [(); 3]
        .map(|()| login.probe.post("/Security/AdvanceAuthentication", &body.to_string()).status);
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(simulator.phone().messages("").len(), 1);
}

#[test]
fn a_fault_can_be_of_the_certificate() {
    let simulator = simulate("", "");
    simulator.fault(What::TlsWrongName.once());
    simulator.fault(What::TlsUntrusted.once());
    let errors = [(); 2].map(|()| Probe::with(&simulator, trust(&simulator)).err().unwrap());
    assert!(
        errors[0].contains("not valid for name") && errors[1].contains("UnknownIssuer"),
        "{errors:?}"
    );
    Probe::new(&simulator).start("alice@example.com");
}

// The phone over HTTP

#[test]
fn the_phone_waits_for_a_message_and_settles_it() {
    let simulator = simulate("", "");
    let mut probe = Probe::new(&simulator);
    let mut login = past_password(&mut probe);
    let nothing =
        phone_call(&simulator, "GET /messages?user=alice%40example.com&after=0&wait=0", "");
    assert_eq!(nothing.json(), json!([]));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            phone_call(&simulator, "GET /messages?user=alice@example.com&after=0&wait=30", "")
        });
        login.start_oob("OTP");
        let expected = json!([{
            "id": 1, "user": "alice@example.com", "kind": "push", "number": "", "code": simulator.phone().messages("")[0].code,
            "link": "", "pin": "", "state": "pending",
        }]);
        assert_eq!(waiting.join().unwrap().json(), expected);
    });
    assert_eq!(phone_call(&simulator, "POST /messages/1/approve", "").status, 200);
    let again = phone_call(&simulator, "POST /messages/1/deny", "");
    assert_eq!(
        (again.status, again.json()),
        (400, json!({"error": "message 1 is Approved already"}))
    );
    assert_eq!(
        phone_call(&simulator, "POST /messages/9/deny", "").json(),
        json!({"error": "no message 9"})
    );
    assert_eq!(summary(&login.poll("OTP")), "LoginSuccess");
}

#[test]
fn the_phone_refuses_pages_of_other_sites() {
    let simulator = simulate("", "");
    assert_eq!(
        phone_call(&simulator, "DELETE /faults\nOrigin: http://evil.example", "").status,
        403
    );
    assert_eq!(phone_call(&simulator, "DELETE /faults", "").status, 200);
}

#[test]
fn the_levers_work_over_http() {
    let simulator = simulate("session_lifetime = 60", "");
    let fault = r#"{"fault":"status","code":502,"path":"startauth"}"#;
    assert_eq!(phone_call(&simulator, "POST /faults", fault).status, 200);
    let bad = phone_call(&simulator, "POST /faults", r#"{"fault":"flood"}"#);
    assert!(bad.status == 400 && bad.body.contains("flood"));
    let mut probe = Probe::new(&simulator);
    assert_eq!(probe.raw(START).status, 502);
    let reply = phone_call(&simulator, "POST /users/alice%40example.com", r#"{"password":"new"}"#);
    assert_eq!(reply.status, 200);
    let unknown = phone_call(&simulator, "POST /users/alice@example.com", r#"{"colour":"red"}"#);
    assert!(unknown.status == 400 && unknown.body.contains("colour"), "{}", unknown.body);
    let mut login = probe.start("alice@example.com");
    login.answer("UP", "new");
    assert_eq!(phone_call(&simulator, "POST /clock", r#"{"seconds":61}"#).status, 200);
    assert_failure(&login.answer("SQ", "Rex"));
    let log = phone_call(&simulator, "GET /requests", "").json();
    assert_eq!((log.as_array().unwrap().len(), &log[2]["body"]["Answer"]), (4, &json!("new")));
    assert_eq!(phone_call(&simulator, "GET /connections", "").json()["accepted"], 1);
}

#[test]
fn the_page_is_self_contained() {
    let simulator = simulate("", "");
    let page = phone_call(&simulator, "GET /", "");
    assert_eq!((page.status, page.all("content-type")), (200, vec!["text/html; charset=utf-8"]));
    assert!(page.all("content-security-policy")[0].starts_with("default-src 'none'"));
    assert!(!page.body.contains("://"));
}

// The scenario

#[test]
fn the_demo_scenario_is_a_good_one() {
    let simulator = Simulator::start(include_str!("../../simulator/demo.toml"));
    let package = Probe::new(&simulator).start("bob@example.com").package;
    assert_eq!(package["Challenges"][1]["Mechanisms"][0]["PartialDeviceAddress"], "6098");
}

#[test]
fn unknown_keys_of_a_scenario_are_named() {
    let error = Scenario::parse("[tenant]\ncolour = \"red\"\n").unwrap_err();
    assert!(error.contains("unknown field `colour`"), "{error}");
    let error = Scenario::parse("[[user]]\nname = \"a\"\npasword = \"b\"\n").unwrap_err();
    assert!(error.contains("unknown field `pasword`"), "{error}");
}
