//! `countersign mechanisms`, as it is typed, against a simulated tenant: what is printed, and what
//! the tenant was asked.

use std::process::Command;

use crate::rig::{ALICE, Rig, user};
use serde_json::json;
use simulator::What;

/// Standard output, standard error and exit code. The user is written as USER, the tenant as
/// TENANT.
fn run(rig: &Rig, arguments: &str) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("--config")
        .arg(rig.config())
        .arg("mechanisms")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&rig.simulator.url(), "TENANT")
            .replace(rig.folder.path().to_str().unwrap(), "DIR")
    };
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[track_caller]
fn prints(rig: &Rig, arguments: &str, expected: &str) {
    let all = (expected.to_owned(), String::new(), 0);
    assert_eq!(run(rig, arguments), all);
}

#[track_caller]
fn fails(rig: &Rig, arguments: &str, expected: &str) {
    let all = (String::new(), expected.to_owned(), 1);
    assert_eq!(run(rig, arguments), all);
}

const MANY: &str = r#"
[tenant]
id = "ABC1234"
[[user]]
name = "alice@example.com"
password = "correct horse"
challenges = [["UP"], ["OTP", "EMAIL", "OATH"]]
extra_mechanisms = ["U2F"]
oath_code = "287082"
mechanism_prompt = { OTP = "Alice's \u001b[31m\"phone\"" }
[[user]]
name = "bob@example.com"
challenges = [["UP"], ["EMAIL"]]
[[user]]
name = "carol@example.org"
federated = "pin"
[[user]]
name = "late@example.com"
retry_waiting_time = 30
"#;

#[test]
fn what_is_offered_is_listed_and_the_session_is_abandoned() {
    let rig = Rig::new(MANY);
    prints(
        &rig,
        &user(),
        "alice@example.com at TENANT, for the service login:\n\
         Challenge 1\n\
         \x20 UP     counts as something known (\"Password\")\n\
         Challenge 2, one of\n\
         \x20 OTP    counts as something owned (\"Alice's [31m'phone'\")\n\
         \x20 EMAIL  counts for nothing (login.email_counts) (\"Email... @example.com\")\n\
         \x20 OATH   counts as something owned (\"OATH OTP Client\")\n\
         \x20 U2F    no use: it can't work in a terminal (\"FIDO2 Security Key\")\n\
         The policy demands two factors of different kinds: this can be enough.\n",
    );
    assert_eq!(rig.actions(), ["Start", "Cleanup"]);
    let asked = rig.simulator.requests();
    assert_eq!(asked[0].body["User"], "alice@example.com");
    assert!(asked[1].body["SessionId"].is_string());
}

#[test]
fn programs_get_an_object() {
    let rig = Rig::new(MANY);
    let (out, err, code) = run(&rig, "--tenant-user bob@example.com --service sudo --json");
    assert_eq!((err.as_str(), code), ("", 0));
    let seen: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        seen,
        json!({
            "user": null, "tenant_user": "bob@example.com", "service": "sudo", "tenant": "TENANT",
            "challenges": [
                [{"name": "UP", "label": "Password", "usable": true, "why_not": null, "counts_as": "knowledge"}],
                [{"name": "EMAIL", "label": "Email... @example.com", "usable": true, "why_not": null, "counts_as": null}],
            ],
            "elsewhere": false, "wait_seconds": 0, "minimum_factors": 2, "can_be_enough": false,
        })
    );
}

#[test]
fn a_push_that_would_come_first_is_not_sent() {
    let scenario = MANY.replace(r#"[["UP"], ["OTP""#, r#"[["OTP"], ["UP""#);
    let rig = Rig::with(&scenario, "[login]\npush_first = true");
    let (out, _, code) = run(&rig, &user());
    assert!(out.starts_with("alice@example.com at TENANT"), "{out}");
    assert_eq!((rig.actions(), code), (vec!["Start".into(), "Cleanup".into()], 0));
}

#[test]
fn what_a_step_up_asks_for_is_looked_at_with_the_clients_token() {
    let rig = Rig::new(&format!(
        "{ALICE}\n[[client]]\nid = \"machine\"\nsecret = \"s\"\napp = \"mfa\"\nscopes = [\"all\"]\n\
         [modifiers]\nsudo = [[\"OATH\", \"SMS\"]]\n"
    ));
    let file = rig.folder.write("secret", "s\n");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    rig.configure(&format!(
        "[on_demand]\napp = \"mfa\"\nclient_id = \"machine\"\nclient_secret_file = \"{}\"\nscope = \"all\"\n\
         policy = \"sudo\"\n\n[service.sudo.login]\nflow = \"on-demand\"",
        file.display()
    ));
    prints(
        &rig,
        &format!("{} --service sudo", user()),
        "alice@example.com at TENANT, for the service sudo:\n\
         Challenge 1, one of\n\
         \x20 OATH   counts as something owned (\"OATH OTP Client\")\n\
         \x20 SMS    counts as something owned (\"SMS... XXX-1234\")\n\
         The policy demands something owned: this can be enough.\n",
    );
    assert_eq!(rig.actions(), ["mfa", "OnDemandChallenge", "Cleanup"]);
}

#[test]
fn somebody_of_another_identity_provider_is_said_to_be_elsewhere() {
    let rig = Rig::new(MANY);
    prints(
        &rig,
        "--tenant-user carol@example.org",
        "carol@example.org at TENANT, for the service login:\n\
         \x20 logs in at another identity provider\n\
         login.federated does not allow that.\n",
    );
    rig.configure("[login]\nfederated = true");
    let (out, _, _) = run(&rig, "--tenant-user carol@example.org");
    assert!(out.ends_with("\nlogin.federated allows that.\n"), "{out}");
    assert_eq!(rig.actions(), ["Start", "Start"]);
}

#[test]
fn a_wait_that_the_tenant_asks_for_is_told() {
    let rig = Rig::new(MANY);
    prints(
        &rig,
        "--tenant-user late@example.com",
        "late@example.com at TENANT, for the service login:\n\
         Challenge 1\n\
         \x20 UP     counts as something known (\"Password\")\n\
         Challenge 2\n\
         \x20 OTP    counts as something owned (\"Mobile Authenticator\")\n\
         For 30 s the tenant refuses this user even the right answers.\n\
         The policy demands two factors of different kinds: this can be enough.\n",
    );
}

#[test]
fn who_is_not_asked_about_is_told_so() {
    let rig = Rig::new(MANY);
    fails(
        &rig,
        "no.body",
        "countersign: there is no user no.body\n\
         hint: name a user of this machine, or one of the tenant with --tenant-user\n",
    );
    fails(
        &rig,
        "nobody",
        "countersign: \"nobody\" has no entry in users.names or users.keys, and no template takes the name\n\
         hint: map the name in [users] of countersign.toml(5), or name a user of the tenant with --tenant-user\n",
    );
    let me = user();
    rig.configure(&format!("[[exempt]]\nname = \"me\"\nusers = [\"{me}\"]"));
    fails(
        &rig,
        &me,
        &format!(
            "countersign: {me} is exempt for the service login by the rule me: the tenant is not asked\n\
             hint: name a user of the tenant with --tenant-user: rules exempt users of this machine alone\n"
        ),
    );
    assert_eq!(rig.actions(), Vec::<String>::new());
}

#[test]
fn a_tenant_that_does_not_answer_as_one_is_told_with_what_to_do() {
    let rig = Rig::new(MANY);
    rig.simulator.fault(What::Html.once());
    fails(
        &rig,
        &user(),
        "countersign: the reply can't be trusted: a reply of type \"text/html; charset=utf-8\"\n\
         hint: are tenant.url and tenant.ca_file right? Is there a proxy in between?\n",
    );
    let envelope = json!({"success": false, "Result": null});
    rig.simulator.fault(What::Body { json: envelope }.once());
    fails(
        &rig,
        &user(),
        "countersign: the tenant refused to start the login\n\
         hint: look at the user and the login policies in the tenant's portal\n",
    );
    rig.configure("[tenant]\nconnect_timeout = \"2s\"");
    let config = std::fs::read_to_string(rig.config()).unwrap();
    let dead = config.replace(&rig.simulator.url(), "https://127.0.0.1:1");
    rig.folder.write("countersign.toml", &dead);
    fails(
        &rig,
        &user(),
        "countersign: the tenant can't be reached: connection refused: 127.0.0.1:1: Connection refused (os error 111)\n\
         hint: is tenant.url right, and is the network up?\n",
    );
}

/// What another tenant offers is not this user's.
#[test]
fn an_offer_that_can_t_be_believed_is_none() {
    let rig = Rig::new(MANY);
    let text = std::fs::read_to_string(rig.config()).unwrap();
    let other = text.replacen("[tenant]\n", "[tenant]\nid = \"XYZ9999\"\n", 1);
    std::fs::write(rig.config(), other).unwrap();
    let (out, err, code) = run(&rig, &user());
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("reply belongs to another session, or to another tenant"), "{err}");
}
