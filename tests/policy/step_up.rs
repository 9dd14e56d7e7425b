//! Flows, which person they are about, and how long a success counts.

use std::path::Path;
use std::time::Duration;

use countersign::policy::{ClientAuth, OAuthClient, SecurityKey, StepUp, Whom};

use super::*;

const ON_DEMAND: &str = "[on_demand]\napp = 'countersign'\nclient_id = 'countersign@example.com'\n\
    client_secret_file = '/etc/countersign/client-secret'\nscope = 'a b'\npolicy = 'Step up'\n";

#[test]
fn is_a_whole_login_about_whoever_calls_if_nobody_says_otherwise() {
    let StepUp { flow, after_public_key, security_key, person, remember, ssh_counts } =
        settings("").step_up;
    assert_eq!(security_key, SecurityKey::Off);
    assert_eq!((flow, after_public_key), (Flow::Login, Flow::Login));
    assert_eq!((person, remember, ssh_counts), (Whom::Auto, Duration::ZERO, false));
}

#[test]
fn on_demand_has_all_that_it_needs() {
    let settings = settings(&format!("[login]\nflow = 'on-demand'\n{ON_DEMAND}"));
    assert_eq!(
        on_demand(&settings),
        OnDemand {
            client: OAuthClient {
                app: "countersign".into(),
                id: "countersign@example.com".into(),
                secret_file: Path::new("/etc/countersign/client-secret").into(),
                scope: "a b".into(),
                auth: ClientAuth::Basic,
            },
            policy: "Step up".into(),
        }
    );
    assert_eq!(settings.step_up.after_public_key, Flow::Login);
}

#[test]
fn is_read_word_by_word() {
    for (word, whom) in
        [("auto", Whom::Auto), ("user", Whom::User), ("caller", Whom::Caller), ("both", Whom::Both)]
    {
        let settings = settings(&format!("[login]\nperson = '{word}'\n"));
        assert_eq!(settings.step_up.person, whom);
    }
    let rest = format!("[login]\nflow = 'on-demand'\n{ON_DEMAND}client_auth = 'body'\n");
    assert_eq!(on_demand(&settings(&rest)).client.auth, ClientAuth::Body);
    let remembered = settings("[login]\nremember = '10m'\nssh_counts = true\n").step_up;
    assert_eq!(remembered.remember, Duration::from_secs(600));
    assert!(remembered.ssh_counts);
}

#[test]
fn on_demand_says_what_it_lacks_where_it_is_asked_for() {
    for (rest, error) in [
        (
            "[login]\nflow = 'on-demand'\n",
            "line 4: login.flow: missing for \"on-demand\": on_demand.app, on_demand.client_id, \
             on_demand.client_secret_file, on_demand.scope, on_demand.policy",
        ),
        (
            "[on_demand]\napp = 'x'\nclient_id = 'y'\nscope = 'z'\npolicy = 'p'\n\
             [login]\nafter_public_key = 'on-demand'\n",
            "line 9: login.after_public_key: missing for \"on-demand\": on_demand.client_secret_file",
        ),
        (
            "[on_demand]\napp = 'x'\nclient_id = 'y'\nclient_secret_file = '/z'\npolicy = 'p'\n\
             [service.sudo.login]\nflow = 'on-demand'\n",
            "line 9: service.sudo.login.flow: missing for \"on-demand\": on_demand.scope",
        ),
        (
            "[service.sudo.on_demand]\napp = 'x'\nclient_id = 'y'\nclient_secret_file = '/z'\n\
             [service.su.login]\nflow = 'on-demand'\n[service.sudo.login]\nflow = 'on-demand'\n",
            "line 8: service.su.login.flow: missing for \"on-demand\": on_demand.app, on_demand.client_id, \
             on_demand.client_secret_file, on_demand.scope, on_demand.policy\n\
             line 10: service.sudo.login.flow: missing for \"on-demand\": on_demand.scope, on_demand.policy",
        ),
    ] {
        assert_eq!(errors_behind_tenant(rest), error);
    }
}

/// A service that completes the table helps itself alone: the rest of the file still lacks
/// something.
#[test]
fn on_demand_of_all_services_is_not_completed_by_one() {
    let rest = "[login]\nflow = 'on-demand'\n[service.sudo.login]\nattempts = 1\n\
                [service.sudo.on_demand]\napp = 'x'\nclient_id = 'y'\nclient_secret_file = '/z'\nscope = 's'\npolicy = 'p'\n";
    assert_eq!(
        errors_behind_tenant(rest),
        "line 4: login.flow: missing for \"on-demand\": on_demand.app, on_demand.client_id, \
         on_demand.client_secret_file, on_demand.scope, on_demand.policy"
    );
}

#[test]
fn on_demand_may_be_completed_by_the_service_that_asks_for_it() {
    let policy = policy(format!(
        "{TENANT}[on_demand]\napp = 'x'\nclient_id = 'y'\nclient_secret_file = '/z'\nscope = 's'\n\
         [service.sudo.login]\nflow = 'on-demand'\n[service.sudo.on_demand]\npolicy = 'sudo'\nscope = 't'\n"
    ));
    let sudo = on_demand(policy.for_service("sudo"));
    assert_eq!(
        (sudo.client.app.as_str(), sudo.client.scope.as_str(), sudo.policy.as_str()),
        ("x", "t", "sudo")
    );
    assert_eq!(policy.for_service("sshd").step_up.flow, Flow::Login);
}

#[test]
fn on_demand_is_inherited_with_what_the_service_changes() {
    let policy = policy(format!(
        "{TENANT}[login]\nflow = 'on-demand'\nafter_public_key = 'on-demand'\n{ON_DEMAND}\
         [service.sudo.on_demand]\npolicy = 'sudo'\n\
         [service.su.login]\nflow = 'login'\n"
    ));
    assert_eq!(on_demand(policy.for_service("sshd")).policy, "Step up");
    let sudo = policy.for_service("sudo");
    assert_eq!(on_demand(sudo).policy, "sudo");
    assert_eq!(sudo.step_up.after_public_key, sudo.step_up.flow);
    let su = policy.for_service("su");
    assert_eq!(su.step_up.flow, Flow::Login);
    assert!(matches!(su.step_up.after_public_key, Flow::OnDemand(_)));
}

#[test]
fn on_demand_that_nobody_asks_for_need_not_be_whole() {
    assert_eq!(settings("[on_demand]\napp = 'x'\n").step_up, StepUp::default());
}

#[test]
fn says_what_was_expected_and_what_is_there() {
    let app = "app: expected the id of an OAuth application, of letters, digits and - _ ., found";
    let scope = "scope: expected one scope, or several with a space between, found";
    let name = "expected a name such as \"countersign@example.com\", found";
    let policy = "policy: expected the name of a challenge policy, found";
    for (line, error) in [
        ("app = ''", format!("{app} \"\"")),
        ("app = '.'", format!("{app} \".\"")),
        ("app = '..'", format!("{app} \"..\"")),
        ("app = 'a/b'", format!("{app} \"a/b\"")),
        ("app = 'a b'", format!("{app} \"a b\"")),
        ("app = 'a?x=y'", format!("{app} \"a?x=y\"")),
        ("app = 'a%2fb'", format!("{app} \"a%2fb\"")),
        ("app = 'jürgen'", format!("{app} \"j\\u{{fc}}rgen\"")),
        ("app = 1", format!("{app} the integer 1")),
        ("client_id = ''", format!("client_id: {name} \"\"")),
        ("client_id = 'a:b'", format!("client_id: {name} \"a:b\"")),
        ("client_id = 'a b'", format!("client_id: {name} \"a b\"")),
        ("client_id = \"a\\n\"", format!("client_id: {name} \"a\\n\"")),
        ("scope = ''", format!("{scope} \"\"")),
        ("scope = ' a'", format!("{scope} \" a\"")),
        ("scope = 'a  b'", format!("{scope} \"a  b\"")),
        ("scope = 'a\"b'", format!("{scope} \"a\\\"b\"")),
        ("scope = \"a\\tb\"", format!("{scope} \"a\\tb\"")),
        ("scope = ['a']", format!("{scope} a list")),
        ("policy = ''", format!("{policy} \"\"")),
        ("policy = ' x'", format!("{policy} \" x\"")),
        ("policy = 'a/b'", format!("{policy} \"a/b\"")),
        ("policy = \"\\u202ex\"", format!("{policy} \"\\u{{202e}}x\"")),
        (
            "client_secret_file = 'secret'",
            "client_secret_file: expected an absolute path without \"..\", found \"secret\"".into(),
        ),
        (
            "client_auth = 'post'",
            "client_auth: expected one of \"basic\", \"body\", found \"post\"".into(),
        ),
    ] {
        let text = errors_behind_tenant(&format!("[on_demand]\n{line}\n"));
        assert_eq!(text, format!("line 4: on_demand.{error}"));
    }
    for (line, error) in [
        ("flow = 'ondemand'", "flow: expected one of \"login\", \"on-demand\", found \"ondemand\""),
        (
            "after_public_key = false",
            "after_public_key: expected one of \"login\", \"on-demand\", found the boolean false",
        ),
        (
            "person = 'root'",
            "person: expected one of \"auto\", \"user\", \"caller\", \"both\", found \"root\"",
        ),
        ("remember = '721m'", "remember: expected a duration from 0s to 12h, found \"721m\""),
        ("ssh_counts = 'yes'", "ssh_counts: expected true or false, found \"yes\""),
    ] {
        let text = errors_behind_tenant(&format!("[login]\n{line}\n"));
        assert_eq!(text, format!("line 4: login.{error}"));
    }
}

#[test]
fn on_demand_takes_what_tenants_have() {
    let longest = "a".repeat(128);
    for app in ["a", "A-b_c.9", ".a", longest.as_str()] {
        settings(&format!("[on_demand]\napp = '{app}'\n"));
    }
    for scope in ["a", "a:b/c ~d", "!#[]"] {
        settings(&format!("[on_demand]\nscope = '{scope}'\n"));
    }
    for policy in ["test1", "Step up (sudo)", "Schrittweise Prüfung"] {
        settings(&format!("[on_demand]\npolicy = '{policy}'\n"));
    }
    for (key, length) in [("app", 129), ("client_id", 257), ("scope", 257), ("policy", 129)] {
        let long = "a".repeat(length);
        let text = errors_behind_tenant(&format!("[on_demand]\n{key} = '{long}'\n"));
        assert!(text.ends_with("aaa...\""), "{text}");
    }
}

/// What is wrong is not missing: the file is refused for one reason and not for two.
#[test]
fn on_demand_with_a_wrong_value_has_one_error() {
    let rest = ON_DEMAND.replace("'countersign'", "'..'");
    let refused = "line 4: on_demand.app: expected the id of an OAuth application, of letters, digits and - _ ., found \"..\"";
    for asking in ["[login]\nflow = 'on-demand'\n", "[service.sudo.login]\nflow = 'on-demand'\n"] {
        assert_eq!(errors_behind_tenant(&format!("{rest}{asking}")), refused);
    }
}

#[test]
fn never_repeats_what_could_be_a_secret() {
    assert_eq!(
        errors_behind_tenant(
            "[on_demand]\nclient_secret = 'hunter2'\n[service.sudo.on_demand]\nsecret = 'hunter2'\n\
             [push]\nclient_secret = 'hunter2'\n"
        ),
        "line 4: on_demand.client_secret: unknown key, did you mean \"client_secret_file\"; \
         secrets belong in a file of their own that the configuration names\n\
         line 6: service.sudo.on_demand.secret: unknown key, expected one of app, client_id, client_secret_file, scope, \
         client_auth, policy; secrets belong in a file of their own that the configuration names\n\
         line 8: push.client_secret: unknown key, expected one of count, window, pause; \
         secrets belong in a file of their own that the configuration names"
    );
}

#[test]
fn counts_ssh_only_where_something_is_remembered() {
    let said =
        "nothing is remembered, set remember to the time that a login counts, such as \"10m\"";
    assert_eq!(
        errors_behind_tenant("[login]\nssh_counts = true\n"),
        format!("line 4: login.ssh_counts: {said}")
    );
    assert_eq!(
        errors_behind_tenant("[login]\nremember = '0m'\nssh_counts = true\n"),
        format!("line 5: login.ssh_counts: {said}")
    );
    assert_eq!(
        errors_behind_tenant(
            "[login]\nremember = '1h'\n[service.su.login]\nremember = '0s'\nssh_counts = true\n"
        ),
        format!("line 7: service.su.login.ssh_counts: {said}")
    );
    assert_eq!(
        errors_behind_tenant("[login]\nssh_counts = true\n[service.su.login]\nremember = '1h'\n"),
        format!("line 4: login.ssh_counts: {said}")
    );
}

#[test]
fn of_a_service_that_remembers_nothing_counts_no_ssh() {
    let policy = policy(format!(
        "{TENANT}[login]\nremember = '1h'\nssh_counts = true\n\
         [service.su.login]\nremember = '0s'\n[service.sudo.login]\nremember = '5m'\n"
    ));
    let counts = |service| policy.for_service(service).step_up.ssh_counts;
    assert_eq!(["sshd", "su", "sudo"].map(counts), [true, false, true]);
}
