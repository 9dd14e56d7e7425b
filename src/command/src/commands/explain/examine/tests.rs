//! What is said of the rules agrees with what the judge makes of them, for every rule and every
//! person.

use std::path::Path;

use countersign::os;
use countersign::policy::{
    Account, DirectoryFailed, ExemptResult, Groups, Judgement, ListFailed, judge, parse,
};

use super::*;

/// Four accounts, two of them one; it knows no session.
struct System;

const ACCOUNTS: [(&str, u32, u32); 5] = [
    ("root", 0, 0),
    ("alice", 1000, 27),
    ("alice2", 1000, 27),
    ("bob", 1001, 100),
    ("backup", 34, 34),
];

impl Directory for System {
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed> {
        let found = ACCOUNTS.iter().find(|(name, _, _)| *name == user);
        Ok(found.map(|(_, uid, _)| *uid))
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed> {
        let groups = [("root", 0), ("sudo", 27), ("robots", 34), ("users", 100)];
        Ok(groups.iter().find(|(name, _)| *name == group).map(|(_, gid)| *gid))
    }

    fn groups_of(&self, account: &Account) -> Result<Groups, DirectoryFailed> {
        let found = ACCOUNTS.iter().filter(|(_, uid, _)| *uid == account.uid);
        let any: Vec<_> = found.map(|(_, _, gid)| *gid).collect();
        Ok(Groups { every: any.clone(), any })
    }

    fn origins(&self) -> Vec<Origin> {
        vec![Origin::Unclear]
    }

    fn listed(&self, _: &Path, _: &str) -> Result<Option<String>, ListFailed> {
        Ok(None)
    }

    fn behind(&self) -> Date {
        os::day(0)
    }
}

const BASE: &str = "[tenant]\nurl = 'https://abc1234.id.cyberark.cloud'\n[users]\ntemplate = '{user}@example.com'\n";

fn subject(user: &str, uid: u32, rhost: &str) -> Subject {
    Subject {
        account: account(user, uid),
        caller: None,
        public_keys: Vec::new(),
        service: "sshd".into(),
        rhost: Some(rhost.into()),
        has_terminal: false,
        // 2026-12-31.
        today: os::day(1_798_675_200),
    }
}

/// An account that its own name led to.
fn account(name: &str, uid: u32) -> Account {
    Account { uid, name: name.into(), typed: name.into() }
}

fn alice() -> Subject {
    subject("alice", 1000, "192.0.2.7")
}

fn alice_to_root() -> Subject {
    Subject { caller: Some(account("alice", 1000)), rhost: None, ..subject("root", 0, "") }
}
const USERS: [&str; 3] = ["", "users = ['alice', 'backup']\n", "users = ['bob']\n"];
const GROUPS: [&str; 2] = ["", "groups = ['sudo', 'robots']\n"];
const NETWORKS: [&str; 2] = ["", "networks = ['192.0.2.0/24']\n"];
const ENDS: [&str; 3] = ["", "until = 2026-12-30\n", "until = 2026-12-31\n"];

/// Every rule with at least one condition.
fn rules() -> Vec<String> {
    let mut rules = Vec::new();
    for users in USERS {
        for groups in GROUPS {
            for networks in NETWORKS {
                rules.push(format!("{users}{groups}{networks}"));
            }
        }
    }
    rules.retain(|rule| !rule.is_empty());
    rules
}

fn people() -> Vec<Subject> {
    let mut people = Vec::new();
    for rhost in ["192.0.2.7", "198.51.100.7", "host.example", ""] {
        for (user, uid) in [("alice", 1000), ("alice2", 1000), ("bob", 1001), ("backup", 34)] {
            people.push(subject(user, uid, rhost));
        }
    }
    people.push(alice_to_root());
    people
}

#[test]
fn the_rule_that_decides_is_the_last_that_was_examined() {
    let mut decided = [0, 0, 0];
    for exempt in rules() {
        for require in rules() {
            for end in ENDS {
                let text = format!(
                    "{BASE}[users.names]\nroot = 'r@example.com'\n[[exempt]]\nname = 'e'\n{exempt}{end}[[require]]\nname = 'r'\n{require}"
                );
                let policy = parse(text.as_bytes()).unwrap();
                for subject in people() {
                    let system = System;
                    let ruling = judge(&policy, &subject, &system);
                    let examined = examine(&policy, &subject, &system);
                    let last = examined.last().unwrap();
                    let holds = matches!(last.found, Match::Holds(_));
                    let expected = match &ruling.judgement {
                        Ok(Judgement::Exempt { rule, result: ExemptResult::Ignore })
                            if rule == "e" =>
                        {
                            decided[0] += 1;
                            (List::Exempt, true)
                        }
                        Ok(Judgement::Exempt { .. }) => {
                            decided[1] += 1;
                            (List::Require, false)
                        }
                        Ok(Judgement::Require(_)) => {
                            decided[2] += 1;
                            (List::Require, true)
                        }
                        Err(refusal) => panic!("{refusal}"),
                    };
                    assert_eq!((last.list, holds), expected, "{text}\n{subject:?}\n{examined:?}");
                }
            }
        }
    }
    assert!(decided.iter().all(|count| *count > 100), "{decided:?}");
}

fn misses(rest: &str, subject: &Subject) -> Vec<String> {
    let policy = parse(format!("{BASE}{rest}").as_bytes()).unwrap();
    let examined = examine(&policy, subject, &System);
    let misses = examined.iter().flat_map(|examined| match &examined.found {
        Match::Holds(_) => Vec::new(),
        Match::Misses(misses) => misses.iter().map(ToString::to_string).collect(),
    });
    misses.collect()
}

#[test]
fn each_condition_that_is_not_met_is_said() {
    let all = "[[exempt]]\nusers = ['bob']\ngroups = ['robots', 'root']\nnetworks = ['10.0.0.0/8']\nuntil = 2026-12-30\n";
    assert_eq!(
        misses(all, &alice()),
        [
            "network 10.0.0.0/8 does not hold 192.0.2.7",
            "does not name \"alice\"",
            "\"alice\" is not in robots, root",
            "ended with 2026-12-30",
        ]
    );
    let local = Subject { rhost: None, ..alice() };
    assert_eq!(
        misses("[[exempt]]\nnetworks = ['10.0.0.0/8', '192.0.2.0/24']\n", &local),
        ["networks 10.0.0.0/8, 192.0.2.0/24 do not hold a session from a place that is not known"]
    );
}
