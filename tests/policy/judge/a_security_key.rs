//! What a key in a FIDO authenticator counts for.

use super::*;

const SECURITY_KEY: &str = "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k";
const OTHER: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn security_key() -> PublicKey {
    PublicKey { is_security_key: true, ..a_key(SECURITY_KEY) }
}

fn with(keys: Vec<PublicKey>, subject: Subject) -> Subject {
    Subject { public_keys: keys, ..subject }
}

/// Whether the key counts, and whether it is enough.
fn worth(setting: &str, keys: Vec<PublicKey>) -> Option<bool> {
    let text = format!("[login]\n{setting}\n");
    let Ok(Judgement::Require(required)) = judged(&text, &with(keys, alice())) else {
        panic!("required")
    };
    let shown = required.first.security_key.as_ref();
    let shown = shown.inspect(|key| assert_eq!(key.fingerprint, SECURITY_KEY));
    assert_eq!(required.met_by_key().is_some(), shown.is_some_and(|key| key.is_enough));
    shown.map(|key| key.is_enough)
}

#[test]
fn counts_for_what_the_administrator_says() {
    for (setting, expected) in [
        ("", None),
        ("security_key = 'off'", None),
        ("security_key = 'factor'", Some(false)),
        ("security_key = 'enough'", Some(true)),
    ] {
        assert_eq!(worth(setting, vec![security_key()]), expected, "{setting}");
        assert_eq!(worth(setting, vec![a_key(OTHER), security_key()]), expected, "{setting}");
        assert_eq!(worth(setting, vec![a_key(OTHER)]), None, "{setting}");
        assert_eq!(worth(setting, Vec::new()), None, "{setting}");
    }
}

/// Where the policy asks about two people, the key is one person's.
#[test]
fn of_one_person_meets_nothing_for_another() {
    let text = "[login]\nperson = 'both'\nsecurity_key = 'enough'\n[users.names]\nroot = 'admin@example.com'\n";
    let subject = with(vec![security_key()], alice_to_root());
    let Ok(Judgement::Require(required)) = judged(text, &subject) else { panic!("required") };
    assert_eq!(required.first.security_key, None);
    assert_eq!(required.met_by_key(), None);
}

/// A key lets in no account that has no name at the tenant.
#[test]
fn is_no_name() {
    let text = "[login]\nsecurity_key = 'enough'\n";
    let root = with(vec![security_key()], subject("root", 0, "192.0.2.7"));
    assert_eq!(judged(text, &root), root_not_mapped("root"));
}

#[test]
fn and_another_have_one_owner_together() {
    let owners = |other: &str| {
        let keys = format!(
            "[users.keys]\n'{SECURITY_KEY}' = 'alice@example.org'\n'{OTHER}' = '{other}'\n"
        );
        judged(&keys, &with(vec![a_key(OTHER), security_key()], bob()))
    };
    assert_eq!(only(owners("Alice@Example.org")).tenant_user, "Alice@Example.org");
    let expected = NoTerms::SeveralOwners {
        owners: ["carol@example.org", "alice@example.org"].map(Into::into),
    };
    assert_eq!(owners("carol@example.org"), Err(expected));
}
