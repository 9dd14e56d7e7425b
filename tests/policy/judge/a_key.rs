//! Whose public key it is, where several people share an account.

use super::*;

const ALICES: &str = "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k";
const BOBS: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const UNKNOWN: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn keys() -> String {
    format!("[users.keys]\n'{ALICES}' = 'alice@example.org'\n'{BOBS}' = 'bob@example.org'\n")
}

fn with(key: &str, subject: Subject) -> Subject {
    Subject { public_keys: vec![a_key(key)], ..subject }
}

fn root() -> Subject {
    subject("root", 0, "192.0.2.7")
}

#[test]
fn tells_who_wants_to_be_root() {
    assert_eq!(required(&keys(), &with(ALICES, root())), "alice@example.org");
    assert_eq!(required(&keys(), &with(BOBS, root())), "bob@example.org");
}

#[test]
fn that_nobody_knows_makes_nobody_root() {
    for key in [UNKNOWN, "", "SHA256:", &ALICES.to_lowercase(), &ALICES[7..], &format!("{ALICES}=")]
    {
        assert_eq!(judged(&keys(), &with(key, root())), root_not_mapped("root"), "{key}");
    }
    assert_eq!(judged(&keys(), &root()), root_not_mapped("root"));
}

#[test]
fn comes_behind_the_name_and_before_the_template() {
    let names = format!("[users.names]\nroot = 'admin@example.com'\n{}", keys());
    assert_eq!(required(&names, &with(ALICES, root())), "admin@example.com");
    assert_eq!(required(&names, &with(BOBS, alice())), "bob@example.org");
    assert_eq!(required(&names, &with(UNKNOWN, alice())), "alice@example.com");
}

#[test]
fn says_nothing_about_a_caller_who_is_somebody_else() {
    let keys = format!("{}[login]\nperson = 'both'\n", keys());
    let Ok(Judgement::Require(required)) = judged(&keys, &with(BOBS, alice_to_root())) else {
        panic!("required")
    };
    assert_eq!(required.first.tenant_user, "alice@example.com");
    assert_eq!(required.second.expect("two people").tenant_user, "bob@example.org");
    let root_calls = Subject { caller: Some(account("root", 0)), ..with(ALICES, bob()) };
    assert_eq!(judged(&keys, &root_calls), root_not_mapped("root"));
}

#[test]
fn changes_no_rule() {
    let rules = format!("{}[[exempt]]\nname = 'ops'\nusers = ['alice']\n", keys());
    assert_eq!(required(&rules, &with(ALICES, root())), "alice@example.org");
    assert_eq!(judged(&rules, &with(BOBS, alice())), exempt("ops"));
}

#[test]
fn has_an_owner_for_each_service() {
    let keys = format!("{}[service.su.users.keys]\n'{ALICES}' = 'adm-alice@example.org'\n", keys());
    let su = Subject { service: "su".into(), ..root() };
    assert_eq!(required(&keys, &with(ALICES, su.clone())), "adm-alice@example.org");
    assert_eq!(required(&keys, &with(BOBS, su)), "bob@example.org");
    assert_eq!(required(&keys, &with(ALICES, root())), "alice@example.org");
}
