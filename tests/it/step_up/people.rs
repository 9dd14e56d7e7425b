//! Who is asked: the caller, the user, both; and what sshd says of keys.

use super::*;

/// A key, and its fingerprint as `ssh-keygen -l` shows it.
const KEY: &str =
    "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";
const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

/// Every user has a name in the tenant.
fn rig_of(login: &str) -> Rig {
    rig_for("code", login, "[users]\ntemplate = \"{user}@example.com\"")
}

/// su, as the account nobody runs it to become Alice.
fn su(rig: &Rig) -> Caller {
    Caller {
        service: "su".into(),
        ruser: Some("nobody".into()),
        real_uid: uid_of("nobody"),
        ..sudo(rig)
    }
}

/// The users that the tenant was asked about.
fn asked_about(rig: &Rig) -> Vec<String> {
    let requests = rig.simulator.requests();
    let users = requests.iter().filter_map(|r| r.body["User"].as_str());
    users.map(str::to_owned).collect()
}

#[test]
fn the_caller_is_asked_where_there_is_one() {
    let rig = rig_of("");
    let mut person = Person::answering(&["424243"]);
    assert_eq!(step_up(&su(&rig), &mut person), Ok("OATH".into()));
    assert_eq!(asked_about(&rig), ["nobody@example.com"]);
    rig.audit().assert(&[("user", user().as_str()), ("tenant_user", "nobody@example.com")]);
}

#[test]
fn a_caller_who_is_not_the_one_who_runs_the_program_is_refused() {
    let rig = rig_of("");
    for (ruser, real_uid) in [("nobody", 4242), ("no-such-user", uid_of("nobody")), ("root\n", 0)] {
        let caller = Caller { ruser: Some(ruser.into()), real_uid, ..su(&rig) };
        assert_eq!(unasked(&caller), Err(Reason::CallerMismatch), "{ruser}");
        let audit = rig.audit();
        audit.assert(&[("reason", "caller_mismatch"), ("outcome", "denied")]);
    }
    assert_eq!(rig.simulator.connections().accepted, 0);
}

/// As polkit 127 and later: its helper is root's, and names the user who calls.
#[test]
fn where_the_account_is_asked_about_a_caller_whom_the_kernel_does_not_see_is_no_refusal() {
    let rig = rig_of("person = \"user\"");
    let polkit = |ruser: &str| Caller {
        service: "polkit-1".into(),
        ruser: Some(ruser.into()),
        real_uid: 4242,
        ..sudo(&rig)
    };
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&polkit("nobody"), &mut person), Ok("OATH".into()));
    configure(&rig, "code", "", "");
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&polkit(&user()), &mut person), Ok("OATH".into()));
    assert_eq!(asked_about(&rig), [NAME, NAME]);
    for whom in ["auto", "caller", "both"] {
        configure(&rig, "code", &format!("person = \"{whom}\""), "");
        assert_eq!(unasked(&polkit("nobody")), Err(Reason::CallerMismatch), "{whom}");
    }
}

#[test]
fn a_caller_on_another_machine_is_no_matter_of_ours() {
    let rig = rig_of("");
    let caller = Caller { rhost: Some("192.0.2.7".into()), ..su(&rig) };
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&caller, &mut person), Ok("OATH".into()));
    assert_eq!(asked_about(&rig), [NAME]);
    configure(&rig, "code", "person = \"caller\"", "");
    assert_eq!(unasked(&caller), Err(Reason::NoCaller));
}

#[test]
fn both_are_asked_one_after_the_other_and_both_must_be_let_in() {
    let rig = rig_of("person = \"both\"");
    let mut person = Person::answering(&["424243", CODE]);
    assert_eq!(step_up(&su(&rig), &mut person), Ok("OATH".into()));
    assert_eq!(asked_about(&rig), ["nobody@example.com", NAME]);
    let line = rig.lines().pop().unwrap();
    assert!(line.ends_with("detail=\"nobody@example.com has met OATH\""), "{line}");
    assert!(line.contains("tenant_user=\"nobody@example.com,alice@example.com\""), "{line}");
}

#[test]
fn where_the_first_is_refused_the_second_is_never_asked() {
    let rig = rig_of("person = \"both\"");
    let mut person = Person::answering(&["000000"]);
    assert_eq!(step_up(&su(&rig), &mut person), Err(Reason::AnswerRefused));
    assert_eq!(asked_about(&rig), ["nobody@example.com"]);
    let line = rig.lines().pop().unwrap();
    assert!(!line.contains("has met"), "{line}");
    let mut person = Person::answering(&["424243", "000000"]);
    assert_eq!(step_up(&su(&rig), &mut person), Err(Reason::AnswerRefused));
    let line = rig.lines().pop().unwrap();
    let first = "; nobody@example.com has met OATH\"";
    assert!(line.ends_with(first), "{line}");
}

#[test]
fn two_people_are_asked_again_whatever_they_have_confirmed() {
    let rig = rig_of("person = \"both\"\nremember = \"10m\"");
    for _ in 0..2 {
        let mut person = Person::answering(&["424243", CODE]);
        assert_eq!(step_up(&su(&rig), &mut person), Ok("OATH".into()));
    }
}

#[test]
fn who_has_confirmed_becoming_one_user_is_asked_again_for_another() {
    let rig = rig_of("remember = \"10m\"");
    let mut person = Person::answering(&["424243"]);
    assert_eq!(step_up(&su(&rig), &mut person), Ok("OATH".into()));
    assert_eq!(unasked(&su(&rig)), Ok("remembered".into()));
    let other = Caller { user: Ok("daemon".into()), ..su(&rig) };
    let mut person = Person::answering(&["424243"]);
    person.user = Some("daemon".into());
    assert_eq!(step_up(&other, &mut person), Ok("OATH".into()));
}

/// sshd, after this key.
fn after_key(rig: &Rig) -> Caller {
    Caller { ssh_auth_info: Some(KEY.into()), ..caller(rig) }
}

#[test]
fn after_a_key_a_step_up_is_enough_and_without_one_the_password_is_asked_for() {
    let after = "after_public_key = \"on-demand\"\nflow = \"login\"";
    let rig = rig_for("code", "", "");
    let text = fs::read_to_string(rig.config()).unwrap();
    let text = text.replace("flow = \"on-demand\"", after);
    rig.folder.write("countersign.toml", &text);
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&after_key(&rig), &mut person), Ok("OATH".into()));
    assert!(!person.saw("(password)"));
    for without in [
        caller(&rig),
        Caller { ssh_auth_info: Some("password\n".into()), ..caller(&rig) },
        // A program other than sshd can put there what it likes.
        Caller { tty: Some("/dev/pts/3".into()), ..after_key(&rig) },
        Caller { tty: None, ..after_key(&rig) },
    ] {
        let mut person = Person::answering(&[CODE]);
        assert_eq!(step_up(&without, &mut person), Ok("UP,OATH".into()));
        assert!(person.saw("(password)"));
    }
}

#[test]
fn who_has_no_name_in_the_tenant_is_prompted_as_others_are() {
    let after = "after_public_key = \"on-demand\"\nflow = \"login\"";
    let rig = rig_for("code", "", "");
    let text = fs::read_to_string(rig.config()).unwrap();
    let text = text.replace("flow = \"on-demand\"", after);
    rig.folder.write("countersign.toml", &text);
    for (caller, seen) in [(caller(&rig), vec!["(password)"]), (after_key(&rig), vec![])] {
        let caller = Caller { user: Ok("nobody".into()), ..caller };
        let mut person = Person::answering(&[]);
        assert_eq!(step_up(&caller, &mut person), Err(Reason::NameNotMapped));
        assert_eq!(person.seen, seen);
    }
}

#[test]
fn an_account_that_several_share_is_whose_key_it_was() {
    let keys = format!("[users.keys]\n\"{FINGERPRINT}\" = \"{NAME}\"");
    let rig = rig_for("code", "after_public_key = \"on-demand\"", &keys);
    let shared = |caller: Caller| Caller { user: Ok("nobody".into()), ..caller };
    let mut person = Person::answering(&[CODE]);
    person.user = Some("nobody".into());
    let met = step_up(&shared(after_key(&rig)), &mut person);
    assert_eq!(met, Ok("OATH".into()), "{:?}", person.seen);
    assert_eq!(asked_about(&rig), [NAME]);
    for other in [caller(&rig), Caller { tty: Some("/dev/pts/3".into()), ..after_key(&rig) }] {
        assert_eq!(unasked(&shared(other)), Err(Reason::NameNotMapped));
    }
}
