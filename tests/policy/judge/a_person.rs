//! The person that the tenant is asked about.

use super::*;

const ROOT: &str = "[users.names]\nroot = 'admin@example.com'\n";
const WHOM: [&str; 4] = ["auto", "user", "caller", "both"];

fn rest(whom: &str, more: &str) -> String {
    format!("{ROOT}[login]\nperson = '{whom}'\n{more}")
}

/// Each person who is asked about, in order: the name in the tenant, and whether the stack's password
/// is theirs.
fn asked(judgement: Judged) -> Vec<(String, bool)> {
    let Ok(Judgement::Require(required)) = judgement else { panic!("{judgement:?}") };
    let terms = std::iter::once(required.first).chain(required.second);
    terms.map(|terms| (terms.tenant_user, terms.is_pam_user)).collect()
}

fn caller(user: &str, uid: u32) -> Subject {
    Subject { caller: Some(account(user, uid)), ..alice_to_root() }
}

#[test]
fn is_chosen_by_the_policy() {
    let alice = || ("alice@example.com".to_owned(), false);
    let root = || ("admin@example.com".to_owned(), true);
    for (whom, expected) in [
        ("auto", vec![alice()]),
        ("user", vec![root()]),
        ("caller", vec![alice()]),
        ("both", vec![alice(), root()]),
    ] {
        let judgement = judged(&rest(whom, ""), &alice_to_root());
        assert_eq!(asked(judgement), expected, "{whom}");
    }
    assert_eq!(asked(judged(ROOT, &alice_to_root())), [alice()]);
}

#[test]
fn is_named_in_the_terms() {
    let Ok(Judgement::Require(required)) = judged(&rest("both", ""), &alice_to_root()) else {
        panic!("required")
    };
    assert_eq!(required.first.person, account("alice", 1000));
    let second = required.second.expect("two people");
    assert_eq!(second.person, account("root", 0));
}

#[test]
fn is_the_user_or_nobody_without_a_caller() {
    let root = Subject { caller: None, ..alice_to_root() };
    for whom in ["auto", "user"] {
        let terms = only(judged(&rest(whom, ""), &root));
        assert_eq!((terms.tenant_user.as_str(), terms.is_pam_user), ("admin@example.com", true));
    }
    for whom in ["caller", "both"] {
        let judgement = judged(&rest(whom, ""), &root);
        assert_eq!(judgement, Err(NoTerms::NoCaller), "{whom}");
    }
    assert_eq!(NoTerms::NoCaller.reason().code(), "no_caller");
    assert_eq!(
        NoTerms::NoCaller.to_string(),
        "login.person asks about the caller, which this program does not name"
    );
}

#[test]
fn is_never_let_in_for_want_of_a_caller_by_a_rule() {
    let rules = "[[exempt]]\nusers = ['alice', 'root']\n[[require]]\nusers = ['bob']\n";
    let root = Subject { caller: None, ..alice_to_root() };
    for whom in ["caller", "both"] {
        let judgement = judged(&rest(whom, rules), &root);
        assert_eq!(judgement, Err(NoTerms::NoCaller), "{whom}");
    }
}

#[test]
fn is_asked_about_once_if_the_caller_is_the_user() {
    for whom in WHOM {
        let sudo = Subject { caller: Some(account("alice", 1000)), ..alice() };
        let terms = only(judged(&rest(whom, ""), &sudo));
        assert_eq!((terms.tenant_user.as_str(), terms.is_pam_user), ("alice@example.com", true));
    }
}

/// Another name of the same account adds no person, and brings no rule or name of its own.
#[test]
fn is_the_user_under_the_name_that_pam_has_if_the_uid_is_the_same() {
    let rules = "[[exempt]]\nusers = ['alice']\n";
    for whom in WHOM {
        let alias = Subject { caller: Some(account("alice", 1000)), ..subject("alice2", 1000, "") };
        let terms = only(judged(&rest(whom, rules), &alias));
        assert_eq!(terms.person, account("alice2", 1000), "{whom}");
        assert_eq!((terms.tenant_user.as_str(), terms.is_pam_user), ("alice2@example.com", true));
        let toor = Subject { caller: Some(account("root", 0)), ..subject("toor", 0, "") };
        assert_eq!(judged(&rest(whom, rules), &toor), root_not_mapped("toor"), "{whom}");
    }
}

#[test]
fn of_the_same_name_but_another_uid_is_somebody_else() {
    let other = Subject { caller: Some(account("alice", 1002)), ..alice() };
    let Ok(Judgement::Require(required)) = judged(&rest("both", ""), &other) else {
        panic!("required")
    };
    assert!(!required.first.is_pam_user);
    assert!(required.second.expect("two people").is_pam_user);
}

#[test]
fn who_is_the_user_is_judged_without_regard_to_the_caller() {
    let rules = "[[exempt]]\nusers = ['backup']\nresult = 'success'\n\
                 [[exempt]]\ngroups = ['sudo']\n[[require]]\nusers = ['root']\n";
    let expected = judged(&rest("user", rules), &subject("root", 0, ""));
    for caller in [
        None,
        Some(account("backup", 34)),
        Some(account("alice", 1000)),
        Some(account("nobody-here", 65534)),
        Some(account("", u32::MAX)),
        Some(account("root", 1000)),
    ] {
        let su = Subject { caller, ..subject("root", 0, "") };
        assert_eq!(judged(&rest("user", rules), &su), expected, "{su:?}");
    }
}

#[test]
fn who_calls_is_judged_as_the_caller() {
    let rules = "[[exempt]]\nname = 'ops'\ngroups = ['sudo']\n[[exempt]]\nname = 'root'\nusers = ['root']\n";
    for whom in ["auto", "caller"] {
        let rest = rest(whom, rules);
        assert_eq!(judged(&rest, &alice_to_root()), exempt("ops"), "{whom}");
        // Root's own exemption is of no use to those who become root.
        let terms = only(judged(&rest, &caller("bob", 1001)));
        assert_eq!(terms.tenant_user, "bob@example.com", "{whom}");
    }
}

#[test]
fn who_calls_must_if_a_requirement_names_the_caller() {
    let rules = "[[require]]\ngroups = ['sudo']\n";
    let rest = rest("auto", rules);
    assert_eq!(asked(judged(&rest, &alice_to_root())).len(), 1);
    assert_eq!(judged(&rest, &caller("bob", 1001)), exempt("require"));
}

#[test]
fn who_becomes_an_account_that_a_requirement_names_must_too() {
    let rest = rest("auto", "[[require]]\nusers = ['root']\n");
    let terms = only(judged(&rest, &caller("bob", 1001)));
    assert_eq!(terms.tenant_user, "bob@example.com");
}

#[test]
fn who_is_exempt_exempts_nobody_else() {
    let ops = "[[exempt]]\nname = 'ops'\nusers = ['alice']\n";
    let ruling = ruling_by(&System::default(), &rest("both", ops), &alice_to_root());
    assert_eq!(asked(ruling.judgement), [("admin@example.com".to_owned(), true)]);
    assert_eq!(said(&ruling.notes), ["rule \"ops\" exempts \"alice\", one of two people"]);

    let root = "[[exempt]]\nname = 'console'\nusers = ['root']\nresult = 'success'\n";
    let ruling = ruling_by(&System::default(), &rest("both", root), &alice_to_root());
    assert_eq!(asked(ruling.judgement), [("alice@example.com".to_owned(), false)]);
    assert_eq!(said(&ruling.notes), ["rule \"console\" exempts \"root\", one of two people"]);

    let admins = "[[require]]\nusers = ['root']\n";
    let ruling = ruling_by(&System::default(), &rest("both", admins), &alice_to_root());
    assert_eq!(asked(ruling.judgement), [("admin@example.com".to_owned(), true)]);
    assert_eq!(said(&ruling.notes), ["rule \"require\" exempts \"alice\", one of two people"]);
}

fn said(notes: &[Note]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn is_nobody_if_both_are_exempt_and_a_success_only_if_both_are_one() {
    let rules = |alice: &str, root: &str| {
        let alice = format!("[[exempt]]\nname = 'a'\nusers = ['alice']\nresult = '{alice}'\n");
        format!("{alice}[[exempt]]\nname = 'r'\nusers = ['root']\nresult = '{root}'\n")
    };
    for (alice, root, rule, result) in [
        ("ignore", "ignore", "a", ExemptResult::Ignore),
        ("ignore", "success", "a", ExemptResult::Ignore),
        ("success", "ignore", "r", ExemptResult::Ignore),
        ("success", "success", "r", ExemptResult::Success),
    ] {
        let rest = rest("both", &rules(alice, root));
        let ruling = ruling_by(&System::default(), &rest, &alice_to_root());
        let rule = rule.into();
        assert_eq!(ruling.judgement, Ok(Judgement::Exempt { rule, result }));
        assert_eq!(
            said(&ruling.notes),
            [
                "rule \"a\" exempts \"alice\", one of two people",
                "rule \"r\" exempts \"root\", one of two people"
            ]
        );
    }
}

#[test]
fn who_has_no_name_in_the_tenant_is_refused_whoever_the_other_is() {
    let refused = |user: &str, uid| {
        let rules = "[[exempt]]\nusers = ['root', 'alice']\nresult = 'success'\n";
        judged(&rest("both", rules), &caller(user, uid))
    };
    let user = "Bob".to_owned();
    assert_eq!(refused("Bob", 1001), Err(NoTerms::NameNotMapped { user }));
    let both = "[login]\nperson = 'both'\n";
    assert_eq!(judged(both, &alice_to_root()), root_not_mapped("root"));
    let exempt_caller = format!("{both}[[exempt]]\nusers = ['alice']\n");
    assert_eq!(judged(&exempt_caller, &alice_to_root()), root_not_mapped("root"));
}

#[test]
fn who_calls_as_root_needs_an_entry_like_the_user() {
    let su_bob = Subject { caller: Some(account("root", 0)), ..bob() };
    for whom in ["auto", "caller", "both"] {
        let login = format!("[login]\nperson = '{whom}'\n");
        assert_eq!(judged(&login, &su_bob), root_not_mapped("root"), "{whom}");
    }
    let terms = only(judged(&rest("auto", ""), &su_bob));
    assert_eq!((terms.tenant_user.as_str(), terms.is_pam_user), ("admin@example.com", false));
}

#[test]
fn is_named_in_a_refusal_short_and_printable() {
    let hostile = format!("\u{1b}[31m\n{}", "x".repeat(4096));
    let Err(refusal) = judged(ROOT, &caller(&hostile, 1002)) else { panic!("refused") };
    let shown = "x".repeat(42);
    assert_eq!(
        refusal.to_string(),
        format!(
            "\"\\u{{1b}}[31m\\n{shown}...\" has no entry in users.names or users.keys, and no template takes the name"
        )
    );
}

/// A typing error in a requirement is found for the second person as it is for the first.
#[test]
fn is_doubtful_for_both_if_a_rule_is() {
    let rules = "[[exempt]]\nusers = ['alice']\n[[require]]\nname = 'admins'\ngroups = ['suod']\n";
    let Err(refusal) = judged(&rest("both", rules), &alice_to_root()) else { panic!("refused") };
    assert_eq!(
        (refusal.reason().code(), refusal.to_string().as_str()),
        ("misconfigured", "rule \"admins\" names an unknown group \"suod\"")
    );
    let rules = "[[exempt]]\ngroups = ['gone']\n";
    let ruling = ruling_by(&System::default(), &rest("both", rules), &alice_to_root());
    assert_eq!(said(&ruling.notes), ["rule \"exempt[1]\" names an unknown group \"gone\""]);
    assert_eq!(asked(ruling.judgement).len(), 2);
}

#[test]
fn is_looked_up_under_the_own_name() {
    let system = System::default();
    let _ =
        ruling_by(&system, &rest("both", "[[exempt]]\ngroups = ['robots']\n"), &alice_to_root());
    assert_eq!(system.asked.into_inner(), ["gid of robots", "groups of alice", "groups of root"]);
    let broken = System { broken: true, ..System::default() };
    for whom in WHOM {
        let rest = rest(whom, "[[exempt]]\ngroups = ['robots']\n");
        let judgement = ruling_by(&broken, &rest, &alice_to_root()).judgement;
        assert!(matches!(judgement, Err(NoTerms::DirectoryFailed(_))), "{whom}: {judgement:?}");
    }
}

#[test]
fn is_chosen_for_each_service() {
    let rest = rest("user", "[service.su.login]\nperson = 'both'\n");
    let su = Subject { service: "su".into(), ..alice_to_root() };
    assert_eq!(asked(judged(&rest, &su)).len(), 2);
    assert_eq!(asked(judged(&rest, &alice_to_root())).len(), 1);
}
