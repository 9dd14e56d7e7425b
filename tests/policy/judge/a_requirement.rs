//! Who must, if not every user.

use super::*;

#[test]
fn exempts_whom_no_rule_names() {
    let rest = "[[require]]\nusers = ['root']\n[[require]]\ngroups = ['sudo']\n";
    assert_eq!(required(rest, &alice()), "alice@example.com");
    assert_eq!(judged(rest, &bob()), exempt("require"));
    let rest = "[[require]]\ngroups = ['sudo', 'robots']\n";
    assert_eq!(required(rest, &alice()), "alice@example.com");
}

#[test]
fn is_not_escaped_by_another_name_of_the_same_account() {
    let rest = "[[require]]\nusers = ['alice']\n";
    assert_eq!(required(rest, &subject("alice2", 1000, "")), "alice2@example.com");
    assert_eq!(required(rest, &subject("alice", 1002, "")), "alice@example.com");
    assert_eq!(judged(rest, &bob()), exempt("require"));
}

#[test]
fn by_network_holds_if_the_origin_cannot_be_told() {
    let rest = "[[require]]\nnetworks = ['0.0.0.0/0', '::/0']\n";
    for rhost in ["192.0.2.1", "2001:db8::1", "attacker.example", "fe80::1%eth0", "\n"] {
        assert_eq!(
            required(rest, &subject("alice", 1000, rhost)),
            "alice@example.com",
            "{rhost:?}"
        );
    }
    let rest = "[[require]]\nnetworks = ['10.0.0.0/8']\n";
    assert_eq!(judged(rest, &alice()), exempt("require"));
    assert_eq!(required(rest, &subject("alice", 1000, "::ffff:10.1.2.3")), "alice@example.com");
}

#[test]
fn that_names_what_another_one_names_looks_nothing_up_again() {
    let rule = |number| {
        format!(
            "[[require]]\nname = '{number}'\nusers = ['root', 'x{number}']\ngroups = ['sudo']\n"
        )
    };
    let exemption = "[[exempt]]\ngroups = ['sudo', 'robots']\n";
    let system = System::default();
    let rules = format!("{}{}{exemption}", rule(1), rule(2));
    let ruling = ruling_by(&system, &rules, &bob());
    assert_eq!(ruling.notes.len(), 2);
    assert_eq!(
        system.asked.into_inner(),
        ["gid of sudo", "groups of bob", "gid of robots", "uid of root", "uid of x1", "uid of x2",]
    );
}

#[test]
fn with_a_typing_error_exempts_nobody() {
    for (rule, said) in [
        ("users = ['alcie']", "rule \"admins\" names an unknown user \"alcie\""),
        ("groups = ['suod']", "rule \"admins\" names an unknown group \"suod\""),
        ("users = ['alice']\ngroups = ['suod']", "rule \"admins\" names an unknown group \"suod\""),
        (
            "groups = ['suod']\nnetworks = ['10.0.0.0/8']",
            "rule \"admins\" names an unknown group \"suod\"",
        ),
    ] {
        let Err(refusal) = judged(&format!("[[require]]\nname = 'admins'\n{rule}\n"), &bob())
        else {
            panic!("{rule}")
        };
        assert_eq!(
            (refusal.reason().code(), refusal.to_string().as_str()),
            ("misconfigured", said)
        );
    }
}

#[test]
fn with_a_typing_error_still_holds_for_whom_it_names() {
    let rest = "[[require]]\nname = 'admins'\nusers = ['alice', 'carol']\n";
    let ruling = ruling_by(&System::default(), rest, &alice());
    assert!(matches!(ruling.judgement, Ok(Judgement::Require(_))));
    let (rule, user) = ("admins".into(), "carol".into());
    assert_eq!(ruling.notes, [Note::UnknownUser { rule, user }]);
}

#[test]
fn is_not_confused_with_an_exemption_for_an_unknown_group() {
    let rest =
        "[[exempt]]\nname = 'x'\ngroups = ['gone']\n[[require]]\nname = 'x'\ngroups = ['sudo']\n";
    assert_eq!(judged(rest, &bob()), exempt("require"));
}

#[test]
fn never_exempts_if_the_directory_fails() {
    let broken = System { broken: true, ..System::default() };
    for rule in ["users = ['root']", "groups = ['sudo']"] {
        let judgement = ruling_by(&broken, &format!("[[require]]\n{rule}\n"), &bob()).judgement;
        assert!(matches!(judgement, Err(NoTerms::DirectoryFailed(_))), "{judgement:?}");
    }
}
