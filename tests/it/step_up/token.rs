//! The machine's token: asked for once, kept, dropped; and its secret.

use simulator::{Spelling, What};

use super::*;

fn status(code: u16) -> What {
    What::Status { code, retry_after: None, body: None }
}

#[test]
fn a_token_is_asked_for_once_and_kept_for_the_next_login() {
    let rig = rig_for("code", "", "");
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    let expected = [&["token"][..], &BY_CODE, &BY_CODE].concat();
    assert_eq!(rig.actions(), expected);
    let files = state_files(&rig, "token-");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(files.iter().map(mode).collect::<Vec<_>>(), [0o600]);
    assert_eq!(mode(&rig.folder.path().join("state")), 0o700);
}

#[test]
fn the_secret_goes_to_the_token_endpoint_alone_and_the_token_everywhere_else() {
    let rig = rig_for("code", "", "");
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    let requests = rig.simulator.requests();
    let authorization = |at: usize| requests[at].headers["authorization"].clone();
    assert!(authorization(0).starts_with("Basic "));
    assert_eq!(requests[0].text, "grant_type=client_credentials&scope=mfa");
    assert!(authorization(1).starts_with("Bearer eyJ"));
    for (at, request) in requests.iter().enumerate().skip(1) {
        assert_eq!(authorization(at), authorization(1), "{}", request.path);
    }
    assert_eq!(rig.simulator.connections().accepted, 1);
}

#[test]
fn a_step_up_that_is_given_up_is_cleaned_up_in_the_machines_name() {
    let rig = rig_for("code", "", "");
    let mut person = Person::with(|_| None);
    assert_eq!(step_up(&sudo(&rig), &mut person), Err(Reason::Conversation));
    assert_eq!(rig.actions(), ["token", "OnDemandChallenge", "Cleanup"]);
    let cleanup = &rig.simulator.requests()[2];
    assert!(cleanup.headers["authorization"].starts_with("Bearer "));
}

#[test]
fn a_revoked_token_is_dropped_and_another_fetched_once() {
    let rig = rig_for("code", "", "");
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    let kept = fs::read(&state_files(&rig, "token-")[0]).unwrap();
    rig.simulator.revoke_tokens();
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    let expected = ["OnDemandChallenge", "token", "OnDemandChallenge"];
    assert_eq!(rig.actions()[4..7], expected);
    assert_ne!(fs::read(&state_files(&rig, "token-")[0]).unwrap(), kept);
}

#[test]
fn a_tenant_that_takes_no_token_is_asked_twice_and_no_token_is_left() {
    for code in [401, 403] {
        let rig = rig_for("code", "", "");
        assert_eq!(by_code(&rig), Ok("OATH".into()));
        rig.simulator.fault(status(code).once().on_path("ondemand").times(2));
        assert_eq!(unasked(&sudo(&rig)), Err(Reason::ClientRefused));
        let expected = ["OnDemandChallenge", "token", "OnDemandChallenge"];
        assert_eq!(rig.actions()[4..], expected);
        assert_eq!(state_files(&rig, "token-"), [""; 0].map(PathBuf::from));
        assert_eq!(by_code(&rig), Ok("OATH".into()), "mended since");
    }
}

#[test]
fn a_wrong_secret_is_the_machines_trouble_and_not_the_users() {
    let rig = rig_for("code", "", "");
    write_secret(&rig, "another", 0o600);
    let mut person = Person::answering(&[]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Err(Reason::ClientRefused));
    assert_eq!(rig.actions(), ["token"]);
    assert_eq!(person.seen, ["!The identity service can't be reached. Please try again later."]);
    rig.audit().assert(&[
        ("outcome", "error"),
        ("reason", "client_refused"),
        ("requests", "1"),
        ("detail", "token: invalid_client invalid client creds or client not allowed"),
    ]);
}

#[test]
fn a_client_that_may_not_ask_for_challenges_is_refused() {
    let machine = MACHINE.replace("scopes", "calls = [\"Policy/\"]\nscopes");
    let rig = Rig::new(&format!("{ALICE}{machine}"));
    write_secret(&rig, SECRET, 0o600);
    configure(&rig, "code", "", "");
    assert_eq!(unasked(&sudo(&rig)), Err(Reason::ClientRefused));
    assert_eq!(rig.actions(), ["token", "OnDemandChallenge"]);
    rig.audit().assert(&[(
        "detail",
        "OnDemandChallenge: HTTP status 403: does the scope mfa take Security/OnDemandChallenge?",
    )]);
}

#[test]
fn a_secret_that_is_missing_empty_or_open_to_others_lets_nobody_in_and_asks_nobody() {
    let rig = rig_for("code", "", "");
    let caller = sudo(&rig);
    for (content, mode) in [("", 0o600), ("\nx", 0o600), (SECRET, 0o640), (SECRET, 0o604)] {
        write_secret(&rig, content, mode);
        assert_eq!(unasked(&caller), Err(Reason::Misconfigured), "{mode:o}");
    }
    fs::remove_file(rig.folder.path().join("client-secret")).unwrap();
    assert_eq!(unasked(&caller), Err(Reason::Misconfigured));
    let target = rig.folder.write("elsewhere", SECRET);
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    let link = rig.folder.path().join("client-secret");
    std::os::unix::fs::symlink(target, link).unwrap();
    assert_eq!(unasked(&caller), Err(Reason::Misconfigured));
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn a_token_endpoint_that_can_not_be_believed_is_not() {
    for what in [
        What::Html,
        What::BadJson,
        What::CutMidBody,
        status(500),
        What::Body {
            json: serde_json::json!({"access_token": "a", "token_type": "mac", "expires_in": 60}),
        },
    ] {
        let rig = rig_for("code", "", "");
        rig.simulator.fault(what.clone().once());
        assert_eq!(unasked(&sudo(&rig)), Err(Reason::Misbehaved), "{what:?}");
        assert_eq!(state_files(&rig, "token-"), [""; 0].map(PathBuf::from));
    }
    let rig = rig_for("code", "", "");
    rig.simulator.fault(status(429).once());
    assert_eq!(unasked(&sudo(&rig)), Err(Reason::TenantThrottle));
    assert_eq!(state_files(&rig, "token-"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_success_for_somebody_else_is_none() {
    let scenario = format!("{ALICE}{MACHINE}")
        .replace("[tenant]\n", "[tenant]\nidentity_in_success = \"mallory@example.com\"\n");
    let rig = Rig::new(&scenario);
    write_secret(&rig, SECRET, 0o600);
    configure(&rig, "code", "", "");
    assert_eq!(by_code(&rig), Err(Reason::IdentityMismatch));
}

#[test]
fn a_policy_that_nobody_made_is_refused() {
    let rig = rig_for("nothing", "", "");
    assert_eq!(unasked(&sudo(&rig)), Err(Reason::StartRefused));
}

#[test]
fn a_password_of_the_stack_is_used_and_one_that_is_missing_asked_for() {
    for stacked in [true, false] {
        let rig = rig_for("password", "", "");
        let answers = [PASSWORD, CODE];
        let mut person = Person::answering(&answers[usize::from(stacked)..]);
        person.stacked = stacked;
        let met = step_up(&sudo(&rig), &mut person);
        assert_eq!(met, Ok("UP,OATH".into()), "{:?}", person.seen);
        let asked = person.saw("*Password of alice@example.com: ");
        assert_eq!(asked, !stacked);
        assert!(!person.saw("(password)"), "libpam's prompt");
    }
}

#[test]
fn what_sshd_sends_for_a_user_that_it_has_refused_asks_the_tenant_nothing() {
    let rig = rig_for("code", "", "");
    let mut person = Person::answering(&[]);
    person.password = Some(b"\x08\n\r\x7fINCORRECT");
    person.stacked = true;
    assert_eq!(step_up(&caller(&rig), &mut person), Err(Reason::PasswordJunk));
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn no_secret_reaches_the_log_not_even_with_debug() {
    let rig = rig_for("password", "", "");
    let mut lines = Vec::new();
    for _ in 0..2 {
        let mut person = Person::answering(&[PASSWORD, CODE]);
        assert_eq!(step_up(&sudo(&rig), &mut person), Ok("UP,OATH".into()));
        lines.extend(rig.lines());
        rig.simulator.revoke_tokens();
    }
    write_secret(&rig, "wr0ng", 0o600);
    assert_eq!(unasked(&sudo(&rig)), Err(Reason::ClientRefused));
    lines.extend(rig.lines());
    assert!(lines.len() > 15, "debug lines are there: {lines:?}");
    let requests = rig.simulator.requests();
    let authorizations = requests.iter().map(|request| request.headers["authorization"].clone());
    let mut secrets: Vec<_> =
        authorizations.map(|header| header.split(' ').nth(1).unwrap().to_owned()).collect();
    assert!(secrets.len() > 8);
    let sessions = requests.iter().filter_map(|r| r.body["SessionId"].as_str());
    secrets.extend(sessions.map(str::to_owned));
    secrets.extend([SECRET, "cret", "wr0ng", PASSWORD, "horse", CODE].map(str::to_owned));
    for secret in secrets {
        let told = lines.iter().find(|line| line.contains(&secret));
        assert_eq!(told, None, "{secret}");
    }
}

/// That a secret is in none of these texts, however it may be written.
fn assert_kept_out(secret: &str, of: &[String]) {
    let all = of.join("\n").to_lowercase();
    for spelling in Spelling::ALL {
        let written = spelling.of(secret).to_lowercase();
        assert!(!all.contains(&written), "{spelling:?} in {of:?}");
    }
}

#[test]
fn a_token_endpoint_that_repeats_the_request_puts_no_secret_into_the_log() {
    let secret = "c4nary s3cret+/77";
    for (client_auth, spelling) in ["basic", "body"]
        .into_iter()
        .flat_map(|auth| Spelling::ALL.map(|spelling| (auth, spelling)))
    {
        let rig = rig_for(&format!("code\"\nclient_auth = \"{client_auth}"), "", "");
        write_secret(&rig, secret, 0o600);
        let echo = What::Echo { spelling };
        rig.simulator.fault(echo.once().on_path("token"));
        assert_eq!(unasked(&sudo(&rig)), Err(Reason::ClientRefused));
        let lines = rig.lines();
        assert_kept_out(secret, &lines);
        let told = "(withheld: it repeats a secret of this login)";
        assert!(lines.iter().any(|line| line.contains(told)), "{lines:?}");
    }
}

#[test]
fn a_challenge_that_repeats_the_request_puts_no_token_into_a_prompt() {
    for spelling in Spelling::ALL {
        let rig = rig_for("code", "", "");
        let echo = What::Echo { spelling };
        rig.simulator.fault(echo.once().on_path("OnDemandChallenge"));
        let mut person = Person::answering(&[CODE]);
        assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
        let bearer = rig.simulator.requests()[1].headers["authorization"].clone();
        let token = bearer.split_once(' ').unwrap().1;
        let mut texts = rig.lines();
        texts.extend(person.seen.iter().cloned());
        assert!(person.saw("(\"...\")"), "{:?}", person.seen);
        assert_kept_out(&token[..24], &texts);
    }
}
