//! What the tenant is asked for, and how long a success counts.

use std::time::Duration;

use countersign::policy::Flow;

use super::*;

const ON_DEMAND: &str = "[on_demand]\napp = 'a'\nclient_id = 'c'\nclient_secret_file = '/s'\nscope = 's'\npolicy = 'p'\n\
                         [users.names]\nroot = 'admin@example.com'\n";

fn rest(login: &str) -> String {
    format!("{ON_DEMAND}[login]\n{login}\n")
}

/// With a key that sshd has verified.
fn with_key(subject: Subject) -> Subject {
    Subject {
        public_keys: vec![a_key("SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k")],
        ..subject
    }
}

fn word(flow: &Flow) -> &'static str {
    match flow {
        Flow::Login => "login",
        Flow::OnDemand(_) => "on-demand",
    }
}

#[test]
fn depends_on_a_public_key() {
    for (flow, after_public_key) in [
        ("login", "login"),
        ("login", "on-demand"),
        ("on-demand", "login"),
        ("on-demand", "on-demand"),
    ] {
        let rest = rest(&format!("flow = '{flow}'\nafter_public_key = '{after_public_key}'"));
        assert_eq!(word(&only(judged(&rest, &alice())).flow), flow);
        assert_eq!(word(&only(judged(&rest, &with_key(alice()))).flow), after_public_key);
    }
}

#[test]
fn comes_with_all_that_it_needs() {
    let terms = only(judged(&rest("flow = 'on-demand'"), &alice()));
    let Flow::OnDemand(on_demand) = terms.flow else { panic!("on demand") };
    assert_eq!((on_demand.client.app.as_str(), on_demand.policy.as_str()), ("a", "p"));
}

#[test]
fn of_a_caller_who_is_somebody_else_is_not_changed_by_the_key_of_the_user() {
    let rest = rest("after_public_key = 'on-demand'\nperson = 'both'");
    let Ok(Judgement::Require(required)) = judged(&rest, &with_key(alice_to_root())) else {
        panic!("required")
    };
    assert_eq!(word(&required.first.flow), "login");
    assert_eq!(word(&required.second.expect("two people").flow), "on-demand");
}

#[test]
fn never_makes_an_exemption() {
    for login in ["flow = 'on-demand'", "after_public_key = 'on-demand'", "remember = '1h'"] {
        for subject in [alice(), with_key(alice())] {
            assert_eq!(required(&rest(login), &subject), "alice@example.com");
        }
    }
}

#[test]
fn counts_as_long_as_the_service_says() {
    let rest = rest("remember = '1h'\nssh_counts = true\n[service.su.login]\nremember = '0s'");
    let terms = only(judged(&rest, &alice()));
    assert_eq!((terms.remember, terms.ssh_counts), (Duration::from_secs(3600), true));
    let su = Subject { service: "su".into(), ..alice() };
    let terms = only(judged(&rest, &su));
    assert_eq!((terms.remember, terms.ssh_counts), (Duration::ZERO, false));
}
