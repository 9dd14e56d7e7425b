//! What is said of the rules agrees with what the judge makes of them, for every rule and every
//! person.

use countersign::policy::{ExemptResult, Judgement, List, Match, Subject, examine, judge, parse};

use super::*;

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
                let policy = parse(text.as_bytes()).expect("a policy");
                for subject in people() {
                    let system = System::default();
                    let ruling = judge(&policy, &subject, &system);
                    let examined = examine(&policy, &subject, &system);
                    let last = examined.last().expect("a rule");
                    let holds = matches!(last.found, Match::Holds(_));
                    let expected = match &ruling.judgement {
                        Judgement::Exempt { rule, result: ExemptResult::Ignore } if rule == "e" => {
                            decided[0] += 1;
                            (List::Exempt, true)
                        }
                        Judgement::Exempt { .. } => {
                            decided[1] += 1;
                            (List::Require, false)
                        }
                        Judgement::Require(_) => {
                            decided[2] += 1;
                            (List::Require, true)
                        }
                        Judgement::Refuse(refusal) => panic!("{refusal}"),
                    };
                    assert_eq!((last.list, holds), expected, "{text}\n{subject:?}\n{examined:?}");
                }
            }
        }
    }
    assert!(decided.iter().all(|count| *count > 100), "{decided:?}");
}

fn misses(rest: &str, subject: &Subject) -> Vec<String> {
    let policy = parse(format!("{BASE}{rest}").as_bytes()).expect("a policy");
    let examined = examine(&policy, subject, &System::default());
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
