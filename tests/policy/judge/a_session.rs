//! A rule by network, where the program names no remote host: it is about where the login session
//! came from.

use super::*;

const REMOTE: &str = "[[require]]\nnetworks = ['0.0.0.0/0', '::/0']\n";
const OFFICE: &str = "[[exempt]]\nname = 'office'\nnetworks = ['10.0.0.0/8', 'fe80::/10']\n";

/// By sudo, in a session from these places.
fn by_sudo(rest: &str, origins: &[Origin]) -> Judged {
    let system = System { origins: origins.to_vec(), ..System::default() };
    let mut judgements = Vec::new();
    for rhost in [None, Some(String::new())] {
        let sudo = Subject { rhost, ..alice() };
        judgements.push(ruling_by(&system, rest, &sudo).judgement);
    }
    assert_eq!(judgements.first(), judgements.last());
    judgements.remove(0)
}

fn from(address: &str) -> Origin {
    let origin = Origin::of(Some(address));
    assert!(matches!(origin, Origin::Address(_)), "{address}");
    origin
}

#[test]
fn from_a_network_is_required_and_exempt_as_the_login_was() {
    assert!(matches!(by_sudo(REMOTE, &[from("192.0.2.7")]), Ok(Judgement::Require(_))));
    assert_eq!(by_sudo(REMOTE, &[Origin::Local]), exempt("require"));
    for inside in ["10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", "fe80::1"] {
        assert_eq!(by_sudo(OFFICE, &[from(inside)]), exempt("office"), "{inside}");
    }
    for outside in [from("192.0.2.7"), Origin::Local, Origin::Unclear] {
        assert!(matches!(by_sudo(OFFICE, &[outside]), Ok(Judgement::Require(_))));
    }
}

#[test]
fn that_is_not_known_is_required_and_never_exempt() {
    assert!(matches!(by_sudo(REMOTE, &[Origin::Unclear]), Ok(Judgement::Require(_))));
    let some = "[[require]]\nnetworks = ['192.0.2.0/24']\n";
    assert!(matches!(by_sudo(some, &[Origin::Unclear]), Ok(Judgement::Require(_))));
    let all = "[[exempt]]\nnetworks = ['0.0.0.0/0', '::/0']\n";
    assert!(matches!(by_sudo(all, &[Origin::Unclear]), Ok(Judgement::Require(_))));
}

#[test]
fn beside_another_is_required_for_either_and_exempt_for_both() {
    let both = [from("10.1.2.3"), from("192.0.2.7")];
    assert!(matches!(by_sudo(OFFICE, &both), Ok(Judgement::Require(_))));
    assert_eq!(by_sudo(OFFICE, &[from("10.1.2.3"), from("10.9.9.9")]), exempt("office"));
    let mixed = [Origin::Local, from("192.0.2.7")];
    assert!(matches!(by_sudo(REMOTE, &mixed), Ok(Judgement::Require(_))));
}

#[test]
fn is_looked_for_only_by_a_rule_that_needs_it() {
    let system = System::default();
    let sudo = Subject { rhost: None, ..alice() };
    let _ = ruling_by(&system, "[[exempt]]\nusers = ['bob']\n", &sudo);
    let _ = ruling_by(&system, OFFICE, &alice());
    assert_eq!(system.asked.take(), Vec::<String>::new());
    let _ = ruling_by(&system, OFFICE, &sudo);
    assert_eq!(system.asked.take(), ["origins"]);
}
