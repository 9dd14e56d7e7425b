//! The first reply: a package, a redirect, another provider, or nothing of the sort.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::{Value, json};

use super::package::{SESSION, failed, ok, package, success, summary, with_result};
use super::world::{PASSWORD, USER, World, cut, outage, response};
use crate::policy::Mechanism::Up;
use crate::policy::TenantUrl;
use crate::refusal::Reason;
use crate::tenant::http::Response;

const START: &str = "/Security/StartAuthentication";
const BODY: &str = r#"{"User":"alice@example.com","Version":"1.0"}"#;

fn redirect(host: &str) -> Value {
    ok(json!({"PodFqdn": host}))
}

fn allowing(hosts: &[&str]) -> World {
    let hosts: Vec<_> = hosts.iter().map(|host| TenantUrl::parse_host(host).unwrap()).collect();
    World::on(|terms| {
        terms.tenant.redirect_hosts = hosts;
        terms.login.minimum_factors = 1;
    })
}

#[test]
fn a_success_that_nobody_was_challenged_for_is_refused() {
    World::offered(success(USER)).is_refused(Reason::SuccessUnasked, "");
}

#[test]
fn a_refused_start_is_a_refusal() {
    World::offered(failed()).is_refused(Reason::StartRefused, "");
    let undefined = json!({"success": false, "Result": {"Summary": "Undefined"}});
    World::offered(undefined).is_refused(Reason::StartRefused, "");
}

#[test]
fn a_start_that_makes_no_sense_ends_the_login() {
    World::offered(summary("OobPending")).is_refused(
        Reason::Misbehaved,
        "a start reply that is no package, redirect or federated login",
    );
    for id in [json!(null), json!("")] {
        let mut nameless = package(&["UP"]);
        nameless["Result"]["SessionId"] = id;
        World::offered(nameless).is_refused(Reason::Misbehaved, "a package without a session");
    }
}

#[test]
fn a_configured_tenant_id_is_sent_and_must_come_back() {
    let named = |reply| {
        World::on(|terms| {
            terms.tenant.id = Some("ABC1234".into());
            terms.login.minimum_factors = 1;
        })
        .sends(START, r#"{"TenantId":"ABC1234","User":"alice@example.com","Version":"1.0"}"#)
        .replies(reply)
    };
    named(with_result(package(&["UP"]), json!({"TenantId": "XYZ9999"})))
        .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
    named(with_result(package(&["UP"]), json!({"TenantId": null})))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_granted(&[Up]);
    named(package(&["UP"])).answers("id-UP", PASSWORD).replies(success(USER)).is_granted(&[Up]);
}

#[test]
fn a_tenant_id_that_nobody_knows_is_not_sent() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(with_result(package(&["UP"]), json!({"TenantId": null})))
        .sends(
            "/Security/AdvanceAuthentication",
            &format!(
                r#"{{"SessionId":"{SESSION}","MechanismId":"id-UP","Action":"Answer","Answer":"{PASSWORD}","PersistentLogin":false}}"#
            ),
        )
        .replies(success(USER))
        .is_granted(&[Up]);
}

#[test]
fn nobody_at_home_is_an_outage_and_anybody_else_is_not() {
    World::new()
        .sends(START, BODY)
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, "connection refused: 192.0.2.1:443");
    World::new()
        .sends(START, BODY)
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
    for (status, detail) in [
        (204, "HTTP status 204"),
        (302, "HTTP status 302"),
        (401, "HTTP status 401"),
        (500, "HTTP status 500"),
    ] {
        let reply = Response { status, ..response(package(&["UP"]).to_string()) };
        World::new()
            .sends(START, BODY)
            .replies_with(Ok(reply))
            .is_refused(Reason::Misbehaved, detail);
    }
    let page = Response {
        content_type: Some("text/html".into()),
        ..response(package(&["UP"]).to_string())
    };
    World::new()
        .sends(START, BODY)
        .replies_with(Ok(page))
        .is_refused(Reason::Misbehaved, "a reply of type \"text/html\"");
}

#[test]
fn a_busy_tenant_is_asked_three_times() {
    let busy = |seconds: u64| {
        Ok(Response {
            status: 503,
            retry_after: Some(Duration::from_secs(seconds)),
            ..response("")
        })
    };
    World::new()
        .sends(START, BODY)
        .replies_with(busy(2))
        .waits(2)
        .sends(START, BODY)
        .replies_with(busy(45))
        .waits(45)
        .sends(START, BODY)
        .replies_with(busy(2))
        .is_refused(
            Reason::Misbehaved,
            "HTTP status 503: the tenant is too busy, the tenant asks to wait 2 s",
        );
}

#[test]
fn a_wait_that_is_longer_than_the_login_is_not_begun() {
    let busy = |status: u16| {
        Ok(Response { status, retry_after: Some(Duration::from_secs(999)), ..response("") })
    };
    for status in [429, 503] {
        World::new()
            .sends(START, BODY)
            .replies_with(busy(status))
            .has_no_time_for_a_wait()
            .is_refused(
                Reason::TenantThrottle,
                "the tenant asks to wait 999 s, longer than the login may take",
            );
    }
}

#[test]
fn a_redirect_is_followed_to_a_host_that_the_administrator_named() {
    allowing(&["pod7.test:8443/identity"])
        .sends(START, BODY)
        .replies(redirect("pod7.test:8443/identity"))
        .sends_to("https://pod7.test:8443/identity", START, BODY)
        .replies(package(&["UP"]))
        .logged(&["redirected to pod7.test:8443/identity", "offered: UP"])
        .sends_to(
            "https://pod7.test:8443/identity",
            "/Security/AdvanceAuthentication",
            &format!(
                r#"{{"TenantId":"ABC1234","SessionId":"{SESSION}","MechanismId":"id-UP","Action":"Answer","Answer":"{PASSWORD}","PersistentLogin":false}}"#
            ),
        )
        .replies(success(USER))
        .is_granted(&[Up]);
}

#[test]
fn a_redirect_to_another_host_is_refused_and_nothing_is_sent_there() {
    for host in [
        "evil.test",
        "pod7.test.evil.test",
        "pod7.test:444",
        "pod7.test/other",
        "alice@pod7.test",
        "http://pod7.test",
        "127.0.0.1",
        "localhost",
        "pod7.test?x",
        "",
    ] {
        allowing(&["pod7.test"]).sends(START, BODY).replies(redirect(host)).is_refused(
            Reason::RedirectRefused,
            &format!("to {host}, which is not in redirect_hosts"),
        );
    }
    allowing(&[])
        .sends(START, BODY)
        .replies(redirect("evil.test/\u{1b}[2J\n"))
        .is_refused(Reason::RedirectRefused, "to evil.test/ [2J, which is not in redirect_hosts");
}

#[test]
fn a_redirect_in_a_circle_ends_after_three_hops() {
    allowing(&["pod7.test"])
        .sends(START, BODY)
        .replies(redirect("pod7.test"))
        .sends_to("https://pod7.test", START, BODY)
        .replies(redirect("tenant.test"))
        .sends(START, BODY)
        .replies(redirect("https://TENANT.test/"))
        .sends(START, BODY)
        .replies(redirect("pod7.test"))
        .is_refused(Reason::RedirectRefused, "to pod7.test, after 3 others");
}

#[test]
fn what_a_success_says_about_its_pod_is_no_redirect() {
    allowing(&["pod7.test"])
        .sends(START, BODY)
        .replies(with_result(package(&["UP"]), json!({"PodFqdn": "pod7.test"})))
        .answers("id-UP", PASSWORD)
        .replies(with_result(success(USER), json!({"PodFqdn": "pod7.test"})))
        .is_granted(&[Up]);
}
