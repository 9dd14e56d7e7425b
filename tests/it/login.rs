//! Whole logins: the real loop, real HTTPS, the simulator for a tenant and a script for a person.

use std::time::Duration;

use countersign::host::authenticate;
use countersign::refusal::Reason;
use serde_json::json;

use crate::rig::person::{NAME, Person, caller, log_in, outcome, with_phone};
use crate::rig::{ALICE, CODE, PASSWORD, Rig, user};
use simulator::{Kind, What};

/// Alice with other keys of a user's table.
fn alice(keys: serde_json::Value) -> Rig {
    alice_with(keys, "")
}

fn alice_with(keys: serde_json::Value, more: &str) -> Rig {
    let rig = Rig::with(ALICE, more);
    rig.simulator.change_user(NAME, &keys);
    rig
}

#[test]
fn an_approved_push_lets_alice_in_with_one_connection_and_three_requests_of_one_write_each() {
    let rig = alice(json!({ "challenges": [["UP"], ["OTP"]], "auto_approve": true }));
    let mut person = Person::answering(&[""]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OTP".into()));
    assert_eq!(rig.actions(), ["Start", "Answer+StartOOB", "Poll"]);
    let connections = rig.simulator.connections();
    assert_eq!((connections.accepted, connections.handshakes_full), (1, 1));
    assert!(rig.simulator.requests().iter().all(|request| request.writes == 1));
    assert_eq!(
        person.seen,
        [
            "(password)",
            "?Press Enter for a push to approve on your phone (\"Mobile Authenticator\"), or type its code.\nVerification code: ",
        ]
    );
}

#[test]
fn a_push_that_is_approved_while_we_wait_lets_alice_in() {
    let rig = alice(json!({ "challenges": [["UP"], ["OTP"]] }));
    let mut person = Person::answering(&[""]);
    let met = with_phone(&rig, |phone, push| phone.approve(push.id), || log_in(&rig, &mut person));
    assert_eq!(met, Ok("UP,OTP".into()));
    rig.audit().assert(&[("outcome", "granted"), ("mechanisms", "UP,OTP"), ("tx", "")]);
}

#[test]
fn a_push_that_is_denied_ends_the_login() {
    let rig = alice(json!({ "challenges": [["UP"], ["OTP"]] }));
    let mut person = Person::answering(&[""]);
    let met = with_phone(&rig, |phone, push| phone.deny(push.id), || log_in(&rig, &mut person));
    assert_eq!(met, Err(Reason::ApprovalRefused));
    let audit = rig.audit();
    audit.assert(&[
        ("outcome", "denied"),
        ("reason", "approval_refused"),
        ("mechanisms", "UP,OTP"),
    ]);
    assert_eq!(audit.field("tx").len(), 32, "the tenant's transaction: {}", audit.0);
    assert!(
        !person.seen.last().unwrap().starts_with('!'),
        "a refusal tells nothing: {:?}",
        person.seen
    );
}

#[test]
fn a_number_to_match_is_said_once_in_the_prompt() {
    let rig = alice(json!({ "challenges": [["UP"], ["OTP"]], "number_matching": true }));
    let mut answered = 0;
    let mut number = String::new();
    let mut person = Person::with(|question| {
        answered += 1;
        if answered == 2 {
            let push = rig.simulator.phone().wait(NAME, 0);
            assert!(
                question.contains(&format!("Choose {} on your phone", push.number)),
                "{question}"
            );
            number = push.number.clone();
            rig.simulator.phone().approve(push.id);
        }
        Some(String::new())
    });
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OTP".into()));
    let seen = std::mem::take(&mut person.seen);
    drop(person);
    let said = seen.iter().filter(|line| line.contains(&number)).count();
    assert_eq!(said, 1, "{seen:?}");
}

#[test]
fn a_text_message_is_met_by_its_code_or_by_its_link() {
    for by_link in [false, true] {
        let rig = alice(json!({ "challenges": [["UP"], ["SMS"]] }));
        let mut asked = 0;
        let mut person = Person::with(|_| {
            asked += 1;
            if asked == 1 {
                assert!(rig.simulator.phone().messages(NAME).is_empty(), "nothing before Enter");
                return Some(String::new());
            }
            let message = rig.simulator.phone().wait(NAME, 0);
            assert_eq!(message.kind, Kind::Sms);
            if by_link {
                rig.simulator.phone().approve(message.id);
                return Some(String::new());
            }
            Some(format!(" {} ", message.code))
        });
        assert_eq!(log_in(&rig, &mut person), Ok("UP,SMS".into()), "by link: {by_link}");
        let last = rig.actions().pop().unwrap();
        assert_eq!(last, if by_link { "Poll" } else { "Answer" });
    }
}

#[test]
fn a_menu_takes_a_number_a_code_or_enter() {
    let offered = json!({ "challenges": [["UP"], ["SMS", "OATH", "PF", "U2F", "OTP"]], "auto_approve": true });
    for (answers, met, preferred) in [
        (vec![CODE], "UP,OATH", "Answer+StartOOB"),
        (vec![""], "UP,OTP", "Answer+StartOOB"),
        (vec!["4"], "UP,PF", "Answer+StartOOB"),
        (vec!["3", "424242"], "UP,SMS", "Answer+StartOOB"),
        (vec!["9", "0", "2", CODE], "UP,OATH", "Answer+StartOOB"),
    ] {
        let rig = alice_with(offered.clone(), "[login]\nattempts = 3");
        let mut person = Person::answering(&answers);
        assert_eq!(log_in(&rig, &mut person), Ok(met.into()), "{answers:?} {:?}", person.seen);
        assert_eq!(rig.actions()[1], preferred);
        let menu = &person.seen[1];
        assert!(menu.starts_with("?1. push to approve on your phone"), "{menu}");
        assert!(menu.contains("\n2. code from an authenticator"), "{menu}");
        assert!(
            menu.ends_with(
                "Choose 1-4 (Enter: 1), or type the code for 2.\nChoice or Verification code: "
            ),
            "{menu}"
        );
        assert!(!menu.contains("U2F"), "{menu}");
    }
}

#[test]
fn every_mechanism_of_a_terminal_works() {
    for (mechanism, answers) in [
        ("RADIUS", vec!["radius-77"]),
        ("OTP", vec!["424242"]),
        ("PF", vec![""]),
        ("OATH", vec!["287 082"]),
        ("EMAIL", vec!["", "424242"]),
    ] {
        let rig = alice_with(
            json!({ "challenges": [["UP"], [mechanism]], "auto_approve": mechanism == "PF" }),
            "[login]\nemail_counts = true",
        );
        let mut person = Person::answering(&answers);
        assert_eq!(log_in(&rig, &mut person), Ok(format!("UP,{mechanism}")), "{:?}", person.seen);
    }
}

#[test]
fn a_radius_push_is_waited_for() {
    let rig = alice(json!({ "challenges": [["UP"], ["RADIUS"]] }));
    let mut person = Person::answering(&["push"]);
    let met = with_phone(&rig, |phone, push| phone.approve(push.id), || log_in(&rig, &mut person));
    assert_eq!(met, Ok("UP,RADIUS".into()));
}

#[test]
fn security_questions_are_asked_one_by_one_and_not_shown() {
    let questions =
        json!([{ "text": "First pet?", "answer": "Rex" }, { "text": "Where?", "answer": "Rome" }]);
    let rig = alice_with(
        json!({ "challenges": [["UP"], ["SQ"]], "questions": questions }),
        "[login]\nminimum_factors = 1",
    );
    let mut person = Person::answering(&["Rex", "Rome"]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,SQ".into()));
    assert!(person.seen[1].starts_with("*Security question (\"First pet?\")"), "{:?}", person.seen);
    let mut person = Person::answering(&["Rex", "Paris"]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::AnswerRefused));
    assert!(!person.saw("A code works once"), "{:?}", person.seen);
}

#[test]
fn a_wrong_password_is_found_out_at_the_end_and_nothing_is_sent_before() {
    let rig = alice(json!({ "challenges": [["UP"], ["SMS"]], "password": "another" }));
    let mut person = Person::answering(&["", "424242"]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::AnswerRefused));
    assert!(rig.simulator.phone().messages(NAME).is_empty());
    assert!(person.saw("Nothing arrives? Start again and check the password."));
    assert!(person.saw("!A code works once. If yours was used before, wait for the next one."));
    rig.audit().assert(&[("reason", "answer_refused"), ("mechanisms", "UP,SMS")]);
}

#[test]
fn a_wrong_code_and_an_unknown_user_and_a_locked_one_look_the_same() {
    let mut transcripts = Vec::new();
    for keys in [json!({}), json!({ "locked": true }), json!({ "name": "somebody@else" })] {
        let rig = alice(json!({ "challenges": [["UP"], ["OATH"]] }));
        let config = rig.config();
        if keys.get("name").is_some() {
            let text = std::fs::read_to_string(&config).unwrap();
            rig.folder.write("countersign.toml", &text.replace(NAME, "nobody@example.com"));
        } else {
            rig.simulator.change_user(NAME, &keys);
        }
        let mut person = Person::answering(&["111111", "111111"]);
        assert!(log_in(&rig, &mut person).is_err());
        transcripts.push(person.seen.len());
    }
    assert_eq!(transcripts[0], transcripts[1]);
}

#[test]
fn without_batches_every_operation_goes_alone() {
    let scenario = ALICE.replace("[tenant]\n", "[tenant]\nbatch_limit = -1\n");
    let rig = Rig::with(&scenario, "[tenant]\nmultiple_operations = \"off\"");
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
    assert_eq!(rig.actions(), ["Start", "Answer", "StartOOB", "Answer"]);
}

#[test]
fn a_typed_code_can_travel_with_the_password() {
    let rig = Rig::with(ALICE, "[tenant]\nmultiple_operations = \"code\"");
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
    assert_eq!(rig.actions(), ["Start", "Answer+StartOOB+Answer"]);
}

#[test]
fn a_new_package_after_the_password_is_followed() {
    let rig = alice(json!({ "challenges": [["UP"]], "new_package_after_password": [["OATH"]] }));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()), "{:?}", rig.actions());
}

#[test]
fn a_redirect_is_followed_to_a_named_host_and_to_no_other() {
    let scenario = ALICE.replace("[tenant]\n", "[tenant]\nredirect_to = \"localhost:{port}\"\n");
    let rig = Rig::new(&scenario);
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::RedirectRefused));
    rig.audit().assert(&[("outcome", "error"), ("reason", "redirect_refused")]);
    let port = rig.simulator.port();
    rig.configure(&format!("[tenant]\nredirect_hosts = [\"localhost:{port}\"]"));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
}

#[test]
fn a_federated_user_types_the_pin_of_the_page_or_waits_for_it() {
    for way in ["pin", "wait"] {
        let rig = alice_with(json!({ "federated": way }), "[login]\nfederated = true");
        let mut person = Person::with(|question| {
            assert!(question.contains("https://"), "{question}");
            let message = rig.simulator.phone().wait(NAME, 0);
            assert_eq!(message.kind, Kind::Idp);
            if way == "pin" {
                return Some(message.pin);
            }
            rig.simulator.phone().approve(message.id);
            Some(String::new())
        });
        assert_eq!(log_in(&rig, &mut person), Ok(String::new()), "{way}");
        assert!(person.saw("\u{2584}"), "a picture for the phone's camera: {:?}", person.seen);
    }
}

#[test]
fn a_federated_user_is_refused_where_nobody_allowed_it() {
    let rig = alice(json!({ "federated": "pin" }));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Federated));
}

#[test]
fn a_success_for_somebody_else_is_none() {
    let scenario =
        ALICE.replace("[tenant]\n", "[tenant]\nidentity_in_success = \"mallory@example.com\"\n");
    let rig = Rig::new(&scenario);
    assert_eq!(log_in(&rig, &mut Person::answering(&[CODE])), Err(Reason::IdentityMismatch));
    let scenario = ALICE.replace("[tenant]\n", "[tenant]\nno_token = true\n");
    let rig = Rig::new(&scenario);
    rig.simulator.change_user(NAME, &json!({ "success_without_user": true }));
    assert_eq!(log_in(&rig, &mut Person::answering(&[CODE])), Err(Reason::IdentityMismatch));
}

#[test]
fn a_success_with_a_token_and_no_name_is_asked_whose_token_it_is() {
    let rig = alice(json!({ "success_without_user": true }));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
    assert_eq!(rig.actions().last().map(String::as_str), Some("Whoami"));
    let scenario =
        ALICE.replace("[tenant]\n", "[tenant]\nidentity_in_success = \"mallory@example.com\"\n");
    let rig = Rig::new(&scenario);
    rig.simulator.change_user(NAME, &json!({ "success_without_user": true }));
    assert_eq!(log_in(&rig, &mut Person::answering(&[CODE])), Err(Reason::IdentityMismatch));
}

#[test]
fn one_factor_is_not_enough_unless_the_administrator_says_so() {
    let rig = alice(json!({ "challenges": [["UP"]] }));
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Err(Reason::TooFewFactors));
    let rig = alice_with(json!({ "challenges": [["UP"]] }), "[login]\nminimum_factors = 1");
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Ok("UP".into()));
    let rig = alice(json!({ "challenges": [["UP"], ["EMAIL"]] }));
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Err(Reason::TooFewFactors));
    assert_eq!(rig.actions(), ["Start", "Cleanup"], "the password stays here");
}

#[test]
fn a_password_that_must_be_changed_and_a_user_with_nothing_usable_get_words_that_help() {
    let rig = alice(json!({ "password_change": true, "challenges": [["UP"]] }));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::PasswordChange));
    assert!(person.saw("!Your password must be changed first"));
    let rig = alice(json!({ "challenges": [["UP"], ["U2F", "DUO"]] }));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::NothingUsable));
    assert!(person.saw("!None of your second factors works here"));
    let audit = rig.audit();
    audit.assert(&[("reason", "nothing_usable"), ("detail", "UP | U2F,DUO")]);
}

#[test]
fn a_tenant_that_asks_to_wait_is_not_asked_again() {
    let rig = alice(json!({ "retry_waiting_time": 30 }));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::TenantThrottle));
    assert!(person.saw("!The identity service asks to wait"));
}

#[test]
fn what_is_not_a_reply_is_a_refusal() {
    for (what, reason) in [
        (What::Status { code: 500, retry_after: None, body: None }, Reason::Misbehaved),
        (What::Status { code: 302, retry_after: None, body: None }, Reason::Misbehaved),
        (What::Html, Reason::Misbehaved),
        (What::BadJson, Reason::Misbehaved),
        (What::Garbage, Reason::Misbehaved),
        (What::CutBeforeReply, Reason::Misbehaved),
        (What::CutMidBody, Reason::Misbehaved),
        (What::TlsWrongName, Reason::Misbehaved),
        (What::TlsUntrusted, Reason::Misbehaved),
        (What::Big { bytes: 400_000 }, Reason::Misbehaved),
        (
            What::Body {
                json: json!({ "success": true, "Result": { "Summary": "LoginSuccess", "User": NAME } }),
            },
            Reason::SuccessUnasked,
        ),
    ] {
        let rig = Rig::new(ALICE);
        rig.simulator.fault(what.clone().once());
        let mut person = Person::answering(&[]);
        assert_eq!(log_in(&rig, &mut person), Err(reason), "{what:?}");
    }
}

#[test]
fn a_reply_for_another_session_is_a_refusal() {
    let rig = Rig::new(ALICE);
    rig.simulator.fault(What::WrongSession.once().on_path("advance"));
    assert_eq!(log_in(&rig, &mut Person::answering(&[CODE])), Err(Reason::SessionMismatch));
}

#[test]
fn a_busy_tenant_is_asked_again_and_a_broken_poll_is_repeated() {
    let rig = alice(json!({ "challenges": [["UP"], ["OTP"]], "auto_approve": true }));
    rig.simulator.fault(
        What::Status { code: 503, retry_after: Some(1), body: None }.once().on_path("start"),
    );
    rig.simulator.fault(What::CutBeforeReply.once().on_action("Poll"));
    let met = log_in(&rig, &mut Person::answering(&[""]));
    assert!(matches!(met, Ok(_) | Err(Reason::ApprovalRefused)), "{met:?}");
    assert_eq!(rig.actions(), ["Start", "Start", "Answer+StartOOB", "Poll", "Poll"]);
}

#[test]
fn a_tenant_that_is_not_there_is_an_outage() {
    let rig = Rig::new(ALICE);
    let config = std::fs::read_to_string(rig.config()).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("https://{closed}");
    rig.folder.write("countersign.toml", &config.replace(&rig.simulator.url(), &url));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Outage));
    rig.audit().assert(&[("outcome", "error"), ("reason", "outage"), ("requests", "1")]);
    assert!(person.saw("!The identity service can't be reached."));
}

#[test]
fn passwords_that_can_not_be_one_never_leave_the_machine() {
    let too_long = [b'x'; 512];
    let cases: [(&[u8], Reason); 7] = [
        (b"", Reason::PasswordEmpty),
        (&too_long, Reason::PasswordTooLong),
        (b"caf\xe9", Reason::PasswordNotUtf8),
        (b"\x08\n\r\x7fINCORRECT\x08\n\r\x7fINC", Reason::PasswordJunk),
        (b"\x08", Reason::PasswordJunk),
        (b"\x08\n", Reason::PasswordJunk),
        (b"\x08\n\r", Reason::PasswordJunk),
    ];
    for (password, reason) in cases {
        let rig = Rig::new(ALICE);
        let mut person = Person::answering(&[]);
        person.password = Some(password);
        assert_eq!(log_in(&rig, &mut person), Err(reason));
        assert_eq!(rig.simulator.connections().accepted, 0);
        rig.audit().assert(&[("reason", reason.code()), ("requests", "0")]);
    }
}

#[test]
fn the_longest_password_is_sent_whole() {
    let longest = "p\u{e4}".repeat(170) + "x";
    assert_eq!(longest.len(), 511);
    let rig = alice(json!({ "password": longest }));
    let mut person = Person::answering(&[CODE]);
    person.password = Some(longest.as_bytes());
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
}

#[test]
fn a_caller_that_answers_blindly_costs_the_tenant_nothing() {
    for answer in [Some(PASSWORD.to_owned()), None] {
        let rig = Rig::new(ALICE);
        let mut person = Person::with(|_| answer.clone());
        let reason = if answer.is_some() { Reason::Blind } else { Reason::Conversation };
        assert_eq!(log_in(&rig, &mut person), Err(reason));
        assert_eq!(rig.actions(), ["Start", "Cleanup"]);
    }
}

#[test]
fn a_user_that_another_module_swaps_is_not_let_in() {
    let rig = Rig::new(ALICE);
    let mut person = Person::answering(&[CODE]);
    person.user = Some("root2".into());
    assert_eq!(log_in(&rig, &mut person), Err(Reason::UserChanged));
}

#[test]
fn a_user_that_nobody_knows_gets_the_same_prompt_and_no_request() {
    let rig = Rig::new(ALICE);
    for name in ["no-such-user", "bob@corp.example", "../x", "a\nb", "-f", "ALICE"] {
        let mut person = Person::answering(&[]);
        let mut caller = caller(&rig);
        caller.user = Ok(name.into());
        assert_eq!(outcome(authenticate(&caller, &mut person).verdict), Err(Reason::UnknownUser));
        assert_eq!(person.seen, ["(password)"]);
    }
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn a_user_without_a_name_in_the_tenant_is_refused_after_the_prompt() {
    let rig = Rig::new(ALICE);
    let mut caller = caller(&rig);
    caller.user = Ok("nobody".into());
    let mut person = Person::answering(&[]);
    assert_eq!(outcome(authenticate(&caller, &mut person).verdict), Err(Reason::NameNotMapped));
    assert_eq!(person.seen, ["(password)"]);
    rig.audit().assert(&[("reason", "name_not_mapped"), ("user", "nobody"), ("requests", "0")]);
}

#[test]
fn an_exempt_user_is_asked_nothing_and_the_log_names_the_rule() {
    let user = user();
    let rig = Rig::with(
        ALICE,
        &format!(
            "[[exempt]]\nname = \"robots\"\nusers = [\"{user}\"]\nnetworks = [\"192.0.2.0/24\"]"
        ),
    );
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Ok("exempt by robots".into()));
    assert_eq!(person.seen, [""; 0]);
    assert_eq!(rig.simulator.connections().accepted, 0);
    rig.audit().assert(&[("outcome", "exempt"), ("reason", "rule"), ("rule", "robots")]);
}

/// What is left out of a menu is told with `debug` alone.
#[test]
fn a_login_writes_one_line_to_the_log() {
    let offered = json!({ "challenges": [["UP"], ["OATH", "EMAIL"]], "extra_mechanisms": ["U2F"] });
    for is_debug in [false, true] {
        let rig = alice(offered.clone());
        let mut caller = caller(&rig);
        caller.arguments.retain(|argument| is_debug || argument != "debug");
        let mut person = Person::answering(&[CODE]);
        assert_eq!(outcome(authenticate(&caller, &mut person).verdict), Ok("UP,OATH".into()));
        let lines = rig.lines();
        assert_eq!(lines.len() == 1, !is_debug, "{lines:#?}");
        assert_eq!(lines.iter().any(|line| line.contains("left out: U2F")), is_debug);
    }
}

#[test]
fn a_service_has_its_own_settings() {
    let rig = Rig::with(
        ALICE,
        "[service.sshd.login]\nminimum_factors = 1\n\n[service.sudo.login]\necho_codes = false",
    );
    rig.simulator.change_user(NAME, &json!({ "challenges": [["UP"]] }));
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Ok("UP".into()));
    let mut sudo = caller(&rig);
    sudo.service = "sudo".into();
    rig.simulator.change_user(NAME, &json!({ "challenges": [["UP"], ["OATH"]] }));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(outcome(authenticate(&sudo, &mut person).verdict), Ok("UP,OATH".into()));
    assert!(person.seen[1].starts_with('*'), "{:?}", person.seen);
}

#[test]
fn a_configuration_that_is_missing_or_wrong_or_in_other_hands_lets_nobody_in() {
    let rig = Rig::new(ALICE);
    let good = std::fs::read_to_string(rig.config()).unwrap();
    let cases = ["", "[tenant]\nurl = \"http://x\"\nfial_mode = 1\n", "url = "];
    for content in cases {
        rig.folder.write("countersign.toml", content);
        let mut person = Person::answering(&[]);
        assert_eq!(log_in(&rig, &mut person), Err(Reason::Misconfigured), "{content}");
        assert_eq!(
            person.seen,
            ["!Login is not set up correctly on this system. Ask your administrator."]
        );
    }
    let path = rig.folder.write("countersign.toml", &good);
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&path, mode(0o666)).unwrap();
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Err(Reason::Misconfigured));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(log_in(&rig, &mut Person::answering(&[])), Err(Reason::Misconfigured));
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn an_argument_that_is_not_known_lets_nobody_in() {
    let rig = Rig::new(ALICE);
    let mut caller = caller(&rig);
    caller.arguments.push("nullok".into());
    let verdict = authenticate(&caller, &mut Person::answering(&[])).verdict;
    assert_eq!(outcome(verdict), Err(Reason::BadArgument));
}

#[test]
fn no_secret_reaches_the_log_not_even_with_debug() {
    let rig = alice(json!({ "challenges": [["UP"], ["SMS"]] }));
    let mut person = Person::answering(&["", "424242"]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,SMS".into()));
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains("): login ")) {
        lines.push(rig.line());
    }
    assert!(lines.len() > 4, "debug lines are there: {lines:?}");
    let session = rig.simulator.requests()[1].body["SessionId"].as_str().unwrap().to_owned();
    for secret in [PASSWORD, "horse", "424242", session.as_str()] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret}: {lines:?}");
    }
}

/// Alice's second factor is a RADIUS server whose push is answered once it is approved.
fn held(more: &str) -> Rig {
    let keys = json!({ "challenges": [["UP"], ["RADIUS"]], "radius_holds": true });
    alice_with(keys, more)
}

#[test]
fn an_answer_that_waits_for_a_person_may_take_longer_than_a_request() {
    for word in ["push", "phone"] {
        let rig = held("[tenant]\nrequest_timeout = \"1s\"");
        let answers = [word];
        let mut person = Person::answering(&answers);
        let met = with_phone(
            &rig,
            |phone, message| {
                // The time itself is the event: the user takes longer than `request_timeout`.
                #[expect(clippy::disallowed_methods, reason = "time has to pass")]
                std::thread::sleep(Duration::from_millis(1500));
                phone.approve(message.id);
            },
            || log_in(&rig, &mut person),
        );
        assert_eq!(met, Ok("UP,RADIUS".into()), "{:?}", person.seen);
        assert_eq!(rig.actions(), ["Start", "Answer", "Answer"]);
    }
}

#[test]
fn an_answer_that_a_person_has_denied_is_refused() {
    let rig = held("");
    let answers = ["push"];
    let mut person = Person::answering(&answers);
    let met =
        with_phone(&rig, |phone, message| phone.deny(message.id), || log_in(&rig, &mut person));
    assert_eq!(met, Err(Reason::ApprovalRefused));
}

#[test]
fn the_deadline_ends_the_wait_for_an_answer_that_the_tenant_holds() {
    let rig = held("[tenant]\nrequest_timeout = \"1s\"\n\n[login]\ndeadline = \"10s\"");
    let answers = ["push"];
    let mut person = Person::answering(&answers);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Deadline));
    assert!(person.saw("!That took too long"));
    assert_eq!(rig.actions().last().map(String::as_str), Some("Cleanup"));
}

#[test]
fn a_tenant_that_asks_to_wait_longer_than_the_login_ends_it_at_once() {
    for tenant in ["", "retry_after_as_date = true\n"] {
        let scenario = ALICE.replace("[tenant]\n", &format!("[tenant]\n{tenant}"));
        let rig = Rig::new(&scenario);
        rig.simulator.change_user(NAME, &json!({ "challenges": [["UP"], ["OTP"]] }));
        let busy = What::Status { code: 429, retry_after: Some(3600), body: None };
        rig.simulator.fault(busy.once().on_action("Poll"));
        let mut person = Person::answering(&[""]);
        assert_eq!(log_in(&rig, &mut person), Err(Reason::TenantThrottle));
        assert!(person.saw("!The identity service asks to wait"));
        assert_eq!(rig.actions().last().map(String::as_str), Some("Cleanup"));
        let audit = rig.audit();
        assert!(audit.field("detail").starts_with("the tenant asks to wait 3"), "{}", audit.0);
    }
}

#[test]
fn a_tenant_that_limits_polls_is_asked_as_often_as_it_likes() {
    for tenant in ["poll_every = 1500\n", "poll_every = 1500\nretry_after_as_date = true\n"] {
        let scenario = ALICE.replace("[tenant]\n", &format!("[tenant]\n{tenant}"));
        let rig = Rig::new(&scenario);
        rig.simulator.change_user(NAME, &json!({ "challenges": [["UP"], ["OTP"]] }));
        let mut person = Person::answering(&[""]);
        let met = with_phone(
            &rig,
            |phone, message| {
                // Start, both together, and Polls: the third one comes too soon.
                rig.simulator.wait_for_requests(5);
                phone.approve(message.id);
            },
            || log_in(&rig, &mut person),
        );
        assert_eq!(met, Ok("UP,OTP".into()));
    }
}

#[test]
fn words_of_other_tenants_for_a_denied_and_an_expired_push_are_refusals() {
    let words = "denied_word = \"OobDenied\"\nexpired_word = \"OobExpired\"\n";
    let scenario = ALICE.replace("[tenant]\n", &format!("[tenant]\n{words}"));
    for denied in [true, false] {
        let rig = Rig::new(&scenario);
        rig.simulator.change_user(NAME, &json!({ "challenges": [["UP"], ["OTP"]] }));
        let mut person = Person::answering(&[""]);
        let met = with_phone(
            &rig,
            |phone, message| {
                if denied {
                    phone.deny(message.id)
                } else {
                    rig.simulator.pass_time(Duration::from_secs(301))
                }
            },
            || log_in(&rig, &mut person),
        );
        assert_eq!(met, Err(Reason::ApprovalRefused));
    }
}

#[test]
fn the_deadline_ends_a_login_that_nobody_approves() {
    let rig = alice_with(
        json!({ "challenges": [["UP"], ["OTP"]] }),
        "[login]\ndeadline = \"10s\"\npoll_interval = \"5s\"",
    );
    let mut person = Person::answering(&[""]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Deadline));
    assert!(person.saw("!That took too long"));
    assert_eq!(rig.actions().last().map(String::as_str), Some("Cleanup"));
    rig.audit().assert(&[("reason", "deadline")]);
}

#[test]
fn a_federated_user_whom_the_success_does_not_name_is_named_by_its_token() {
    let named = |tenant: &str| {
        let scenario = ALICE.replace("[tenant]\n", &format!("[tenant]\n{tenant}\n"));
        let rig = Rig::with(&scenario, "[login]\nfederated = true");
        let keys =
            json!({ "federated": "wait", "auto_approve": true, "success_without_user": true });
        rig.simulator.change_user(NAME, &keys);
        let met = log_in(&rig, &mut Person::answering(&[""]));
        assert_eq!(rig.actions(), ["Start", "OobAuthStatus", "Whoami"]);
        assert_eq!(rig.simulator.requests()[2].text, "{}");
        met
    };
    assert_eq!(named(""), Ok(String::new()));
    let mallory = "identity_in_success = \"mallory@example.com\"";
    assert_eq!(named(mallory), Err(Reason::IdentityMismatch));
}

#[test]
fn a_token_that_nobody_knows_names_nobody() {
    let rig = alice_with(
        json!({ "federated": "wait", "auto_approve": true, "success_without_user": true }),
        "[login]\nfederated = true",
    );
    rig.simulator
        .fault(What::Status { code: 401, retry_after: None, body: None }.once().on_path("whoami"));
    let met = log_in(&rig, &mut Person::answering(&[""]));
    assert_eq!(met, Err(Reason::Misbehaved));
}

#[test]
fn a_defect_is_a_refusal_with_a_line_in_the_log() {
    let rig = Rig::new(ALICE);
    let mut person = Person::with(|_| panic!("on purpose"));
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Panic));
    rig.audit().assert(&[("outcome", "error"), ("reason", "panic")]);
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
}

#[test]
fn a_name_comes_from_the_file_of_names_and_a_second_line_for_it_is_refused() {
    let names = |rig: &Rig, text: &str| rig.folder.write("names", text);
    let rig = Rig::new(ALICE);
    let file = names(&rig, &format!("other\tx@example.com\n{}\talice@example.com\n", user()));
    let table = format!("names = {{ {} = \"alice@example.com\" }}", user());
    let text = std::fs::read_to_string(rig.config()).unwrap();
    assert!(text.contains(&table), "{text}");
    let line = format!("names_file = \"{}\"", file.display());
    rig.folder.write("countersign.toml", &text.replace(&table, &line));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(log_in(&rig, &mut person), Ok("UP,OATH".into()));
    names(&rig, &format!("{0}\talice@example.com\n{0}\tx@example.com\n", user()));
    let mut person = Person::answering(&[]);
    assert_eq!(log_in(&rig, &mut person), Err(Reason::Misconfigured));
}
