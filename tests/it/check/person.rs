//! What is said of a user's mechanisms.

use serde_json::json;

use super::image::{Image, plain};
use crate::rig::{ALICE, Rig, user};

/// What is said about the user, and the exit code.
fn said(rig: &Rig, user: &str) -> (Vec<[String; 3]>, i32) {
    let config = rig.config();
    let (out, _, code) =
        plain(&["--config", config.to_str().unwrap(), "check", "--user", user, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let about = findings.filter(|finding| finding["id"] == "user").map(|finding| {
        ["severity", "what", "why"].map(|key| finding[key].as_str().unwrap().to_owned())
    });
    (about.collect(), code)
}

fn one(severity: &str, what: &str, why: &str) -> Vec<[String; 3]> {
    vec![[severity, what, why].map(str::to_owned)]
}

#[test]
fn what_a_user_is_offered_is_said_and_nobody_is_let_in_or_called() {
    let rig = Rig::new(ALICE);
    assert_eq!(
        said(&rig, &user()),
        (
            one(
                "note",
                "alice@example.com is offered UP, then OATH",
                "this can be enough for what the policy demands"
            ),
            0
        )
    );
    assert!(rig.actions().contains(&"Start".to_owned()), "{:?}", rig.actions());
    assert!(
        !rig.actions().iter().any(|action| action.contains("Answer") || action.contains("OOB"))
    );
}

#[test]
fn where_answers_travel_together_check_and_setup_name_the_switch_for_it() {
    let note = "password and second factor are sent in one request";
    let named = |rig: &Rig| {
        let config = rig.config();
        let user = user();
        let arguments = ["--config", config.to_str().unwrap(), "check", "--user", &user];
        plain(&arguments).0.contains(note)
    };
    let rig = Rig::new(ALICE);
    assert!(named(&rig));
    rig.configure("[tenant]\nmultiple_operations = \"off\"");
    assert!(!named(&rig));
    rig.configure("");
    rig.simulator.change_user("alice@example.com", &json!({ "challenges": [["OATH"]] }));
    assert!(!named(&rig), "one challenge has nothing to travel with");
}

#[test]
fn what_can_not_be_enough_is_an_error_and_an_unknown_user_a_warning() {
    let rig = Rig::new(&ALICE.replace("[\"OATH\"]", "[\"SQ\"]"));
    assert_eq!(
        said(&rig, &user()),
        (
            one(
                "error",
                "alice@example.com is offered UP, then SQ",
                "this can't be enough for what the policy demands"
            ),
            1
        )
    );
    assert_eq!(
        said(&rig, "no-such-user"),
        (
            one(
                "warning",
                "there is no user no-such-user",
                "the tenant was not asked about this user"
            ),
            0
        )
    );
}

#[test]
fn whom_nobody_would_ask_is_told_with_the_options_that_there_are() {
    let exempt = "[[exempt]]\nname = \"backup\"\nusers = [\"root\"]\n";
    for (more, [user, test_user], check, setup) in [
        (
            exempt,
            ["root"; 2],
            "name a user who is not exempt with --user",
            "name a user who is not exempt with --test-user, or give --without-tenant",
        ),
        (
            "",
            ["no-such-user"; 2],
            "name a user of this machine with --user",
            "name a user of this machine with --test-user",
        ),
        (
            "",
            ["nobody", "root"],
            "map the name in [users] of countersign.toml(5), or name another user with --user",
            "say what the tenant calls the user with --name USER=NAME, or name another user with --test-user",
        ),
    ] {
        let rig = Rig::new(ALICE);
        rig.configure(more);
        let config = rig.config();
        let config = config.to_str().unwrap();
        let (out, _, _) = plain(&["--config", config, "check", "--user", user]);
        assert!(out.contains(&format!("  do: {check}\n")), "{out}");
        let image = Image::new();
        image.configure(more);
        let (_, err, code) =
            image.run(&["setup", "--service", "rig", "--test-user", test_user, "--dry-run"]);
        assert_eq!(code, 1);
        assert!(err.ends_with(&format!("\nhint: {setup}\n")), "{err}");
    }
}
