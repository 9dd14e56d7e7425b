//! How often a phone rings, over several logins.

use crate::rig::person::with_phone;

use super::*;

const QUIET: &str = "?Nothing is sent to your phone for another ";
const TEXT: &str = "?1. text message (\"SMS... XXX-1234\")\n2. code from an authenticator";

fn messages(rig: &Rig) -> usize {
    rig.simulator.phone().messages(NAME).len()
}

/// A text message is sent, and another code typed than it holds.
fn wrong_code(rig: &Rig) {
    let mut person = Person::answering(&["1", "000000"]);
    let met = step_up(&sudo(rig), &mut person);
    assert_eq!(met, Err(Reason::AnswerRefused), "{:?}", person.seen);
}

#[test]
fn a_budget_that_is_used_up_by_one_login_holds_for_the_next_and_a_success_refills_it() {
    let rig = rig_for("message", "preferred = [\"SMS\"]", "[push]\ncount = 1");
    wrong_code(&rig);
    assert_eq!(messages(&rig), 1);
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
    assert!(person.seen[0].starts_with(QUIET), "{:?}", person.seen);
    assert!(!person.saw("text message"), "{:?}", person.seen);
    assert_eq!(messages(&rig), 1);
    let mut person = Person::answering(&["1", "424242"]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("SMS".into()));
    assert!(person.seen[0].starts_with(TEXT), "{:?}", person.seen);
    assert_eq!(messages(&rig), 2);
}

#[test]
fn the_budget_is_one_for_all_services_terminals_and_flows() {
    let rig = rig_for(
        "message",
        "preferred = [\"SMS\"]",
        "[push]\ncount = 1\n\n[service.sshd.login]\nflow = \"login\"",
    );
    wrong_code(&rig);
    let keys = serde_json::json!({ "challenges": [["UP"], ["SMS"]] });
    rig.simulator.change_user(NAME, &keys);
    let mut person = Person::answering(&[]);
    assert_eq!(step_up(&caller(&rig), &mut person), Err(Reason::PushBudget));
    assert_eq!(
        person.seen,
        ["(password)", "!Nothing can be sent to your phone for another 10 min."]
    );
    assert_eq!(rig.actions()[4..], ["Start", "Cleanup"], "no password sent");
    assert_eq!(messages(&rig), 1);
}

#[test]
fn a_push_that_was_denied_is_followed_by_a_pause() {
    let rig = rig_for("push", "", "[push]\npause = \"1h\"");
    let mut person = Person::answering(&["1"]);
    let met =
        with_phone(&rig, |phone, push| phone.deny(push.id), || step_up(&sudo(&rig), &mut person));
    assert_eq!(met, Err(Reason::ApprovalRefused));
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
    let hour = format!("{QUIET}60 min: the last request was not approved. Codes still work.\n");
    assert!(person.seen[0].starts_with(&hour), "{:?}", person.seen);
    assert_eq!(messages(&rig), 1);
}

#[test]
fn a_budget_of_nothing_is_no_matter_of_time() {
    let rig = rig_for("push", "", "[push]\ncount = 0");
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
    assert_eq!(
        person.seen,
        ["?Nothing can be sent to your phone from here.\n\
          Code from an authenticator (\"OATH OTP Client\").\nVerification code: "]
    );
}

#[test]
fn a_state_in_other_hands_allows_no_push_and_a_code_works() {
    let rig = rig_for("push", "remember = \"10m\"", "");
    let state = rig.folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    for _ in 0..2 {
        let mut person = Person::answering(&[CODE]);
        assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
        assert!(
            person.seen[0].starts_with("?Nothing can be sent to your phone from here.\n"),
            "{:?}",
            person.seen
        );
        let lines = rig.lines();
        let said = lines.iter().filter(|line| line.contains("state: "));
        assert_eq!(said.count(), 1, "{lines:?}");
    }
    assert_eq!(messages(&rig), 0);
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
}

#[test]
fn a_damaged_budget_allows_nothing_and_is_left_as_it_is() {
    let rig = rig_for("message", "preferred = [\"SMS\"]", "");
    wrong_code(&rig);
    let file = state_files(&rig, "pushes-").pop().unwrap();
    fs::write(&file, "{").unwrap();
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OATH".into()));
    assert!(!person.saw("text message"), "{:?}", person.seen);
    assert_eq!(fs::read(&file).unwrap(), b"{");
}
