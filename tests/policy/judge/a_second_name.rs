//! An account that has several names, or several spellings of one: the uid is what rules and names
//! are about.

use super::*;

/// Every name that leads to alice: a second entry with her uid, and spellings of a directory
/// without case.
const ALICES: [&str; 4] = ["alice2", "Alice", "ALICE", "alice@corp.example"];

#[test]
fn is_required_as_the_account_is() {
    for rule in ["users = ['alice']", "users = ['alice2']", "groups = ['sudo']"] {
        let rest = format!("[[require]]\n{rule}\n");
        for name in ALICES {
            let found = required(&rest, &typed(name, "alice", 1000));
            assert_eq!(found, "alice@example.com", "{rule} {name}");
        }
    }
}

#[test]
fn is_exempt_as_the_account_is_and_not_by_itself() {
    let by_account = "[[exempt]]\nname = 'ops'\nusers = ['alice']\n";
    for name in ALICES {
        let alias = typed(name, "alice", 1000);
        assert_eq!(judged(by_account, &alias), exempt("ops"), "{name}");
        let by_itself = format!("[[exempt]]\nusers = ['{name}']\n");
        assert_eq!(required(&by_itself, &alias), "alice@example.com", "{name}");
        assert_eq!(required(&by_itself, &alice()), "alice@example.com", "{name}");
    }
}

#[test]
fn is_called_in_the_tenant_as_the_account_is() {
    let names = "[users.names]\nalice = 'a@example.org'\nalice2 = 'other@example.org'\nroot = 'r@example.org'\n";
    for name in ALICES {
        let terms = only(judged(names, &typed(name, "alice", 1000)));
        assert_eq!(terms.tenant_user, "a@example.org", "{name}");
        assert_eq!(terms.person.name, "alice");
    }
    // Whatever it is called, uid 0 is root.
    assert_eq!(required(names, &typed("toor", "root", 0)), "r@example.org");
    let toor = "[users.names]\ntoor = 'r@example.org'\n";
    assert_eq!(judged(toor, &typed("toor", "root", 0)), root_not_mapped("root"));
}

#[test]
fn in_other_groups_is_required_for_either_and_exempt_for_what_both_have() {
    for name in ["carl", "carl-admin"] {
        let carl = || typed(name, "carl", 1003);
        for group in ["sudo", "robots", "users"] {
            let rest = format!("[[require]]\ngroups = ['{group}']\n");
            assert_eq!(required(&rest, &carl()), "carl@example.com", "{group}");
        }
        for group in ["sudo", "robots"] {
            let rest = format!("[[exempt]]\ngroups = ['{group}']\n");
            assert_eq!(required(&rest, &carl()), "carl@example.com", "{group}");
        }
        let rest = "[[exempt]]\ngroups = ['users']\n";
        assert_eq!(judged(rest, &carl()), exempt("exempt[1]"));
    }
}

#[test]
fn of_the_user_who_calls_is_nobody_else() {
    let alias = Subject {
        caller: Some(Account { typed: "alice2".into(), ..account("alice", 1000) }),
        ..alice()
    };
    let terms = only(judged("[login]\nperson = 'both'\n", &alias));
    assert!(terms.is_pam_user);
}
