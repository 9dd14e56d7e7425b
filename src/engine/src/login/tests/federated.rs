//! Users who log in at another identity provider.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::{Value, json};

use super::package::{SESSION, failed, ok, package, success, summary, with_result};
use super::world::{USER, World, cut, response};
use crate::refusal::Reason;
use crate::tenant::http::Response;
use crate::words;

const URL: &str = "https://tenant.test/s/x1";
const PIN: &str =
    "Log in at https://tenant.test/s/x1\nand type the PIN that it shows.\nVerification code: ";
const BROWSER: &str = "Log in at https://tenant.test/s/x1\nthen press Enter: ";

fn federated(url: &str, pin: bool) -> Value {
    ok(json!({
        "IdpRedirectUrl": "https://idp.test/saml?SAMLRequest=x", "IdpRedirectShortUrl": url,
        "IdpShortUrlId": "x1", "SessionId": SESSION, "IdpOobAuthPinRequired": pin,
        "IdpLoginSessionId": "L1", "TenantId": "ABC1234"
    }))
}

fn allowed(pin: bool) -> World {
    World::on(|terms| terms.login.federated = true).starts(federated(URL, pin))
}

/// The PIN is typed and sent.
fn pinned() -> World {
    allowed(true)
        .shows_page(URL)
        .asks(PIN)
        .types(" 12 34 ")
        .sends(
            "/Security/AdvanceAuthentication",
            r#"{"TenantId":"ABC1234","SessionId":"L1","MechanismId":"OOBAUTHPIN","Action":"Answer","Answer":"1234","PersistentLogin":false}"#,
        )
}

/// Enter is pressed, and the status asked for.
fn awaited() -> World {
    allowed(false).shows_page(URL).asks(BROWSER).presses_enter().asks_status()
}

impl World {
    #[track_caller]
    pub fn asks_status(self) -> Self {
        self.sends("/Security/OobAuthStatus", r#"{"SessionId":"L1"}"#)
    }
}

/// The page was left, and the success names no user but has a token.
fn nameless() -> World {
    awaited()
        .replies(with_result(state("Success"), json!({"User": null})))
        .speaking_as("Bearer eyJ")
        .sends("/Security/Whoami", "{}")
}

fn who(user: &str, tenant: &str) -> Value {
    ok(json!({"User": user, "UserUuid": "11111111-2222", "TenantId": tenant}))
}

fn state(state: &str) -> Value {
    with_result(success(USER), json!({"State": state, "Summary": null}))
}

#[test]
fn a_federated_user_is_refused_by_default_and_no_page_is_shown() {
    for pin in [true, false] {
        World::offered(federated(URL, pin)).is_refused(Reason::Federated, "");
    }
}

#[test]
fn a_user_of_another_provider_with_nothing_to_wait_for_is_refused_as_one() {
    let redirect = ok(json!({"Redirect": "https://idp.test/sso", "TenantId": "ABC1234"}));
    for allowed in [true, false] {
        World::on(|terms| terms.login.federated = allowed)
            .starts(redirect.clone())
            .is_refused(Reason::Federated, "the tenant names no page to wait for");
    }
}

#[test]
fn the_pin_of_the_page_lets_the_user_in() {
    pinned().replies(success(USER)).is_granted(&[]);
}

#[test]
fn a_wrong_pin_or_a_pin_that_leads_nowhere_does_not() {
    pinned().replies(failed()).is_refused(Reason::AnswerRefused, "");
    for reply in [
        summary("OobPending"),
        summary("StartNextChallenge"),
        summary("NoncommitalSuccess"),
        with_result(package(&["UP"]), json!({"SessionId": "L1"})),
    ] {
        pinned().replies(reply).is_refused(Reason::Misbehaved, "a PIN that leads nowhere");
    }
    pinned().replies_with(Err(cut())).is_refused(Reason::Misbehaved, "connection cut: end of file");
}

#[test]
fn a_pin_that_is_none_is_asked_for_again() {
    allowed(true)
        .shows_page(URL)
        .asks(PIN)
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, PIN)
        .types("１２３４")
        .asks_again(words::NO_PIN, PIN)
        .types_what_is_no_text()
        .is_refused(Reason::Tries, "");
}

#[test]
fn the_identity_and_the_session_are_bound_here_too() {
    pinned()
        .replies(success("mallory@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
    pinned()
        .replies(with_result(success(USER), json!({"SessionId": "L2"})))
        .is_refused(Reason::SessionMismatch, "the reply names another session");
    pinned()
        .replies(with_result(success(USER), json!({"TenantId": "XYZ"})))
        .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
    pinned().replies(with_result(success(USER), json!({"ResultAppliesTo": "id-OTP"}))).is_refused(
        Reason::SessionMismatch,
        "the reply is about a mechanism that was not asked for",
    );
    awaited()
        .replies(with_result(state("Success"), json!({"User": null, "Token": null})))
        .is_refused(Reason::IdentityMismatch, "the tenant named no user");
    World::on(|terms| {
        terms.login.federated = true;
        terms.tenant.id = Some("XYZ".into());
    })
    .sends(
        "/Security/StartAuthentication",
        r#"{"TenantId":"XYZ","User":"alice@example.com","Version":"1.0"}"#,
    )
    .replies(federated(URL, true))
    .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
}

#[test]
fn a_login_in_the_browser_is_awaited() {
    awaited()
        .replies(state("Pending"))
        .waits(1)
        .asks_status()
        .replies(state("Pending"))
        .waits(1)
        .asks_status()
        .replies(state("Success"))
        .is_granted(&[]);
}

#[test]
fn after_half_a_minute_the_page_is_shown_again() {
    let mut world = awaited();
    for _ in 0..30 {
        world = world.replies(state("Pending")).waits(1).asks_status();
    }
    world
        .replies(state("Pending"))
        .asks_again("You are not logged in there yet.\n", BROWSER)
        .presses_enter()
        .asks_status()
        .replies(state("Pending"))
        .waits(1)
        .asks_status()
        .is_abandoned(Reason::Deadline)
        .asks_status()
        .replies(state("Pending"))
        .is_refused(Reason::Deadline, "");
}

#[test]
fn whatever_is_typed_at_the_browser_prompt_means_that_it_is_done() {
    allowed(false)
        .shows_page(URL)
        .asks(BROWSER)
        .types("ok")
        .asks_status()
        .replies(state("Success"))
        .is_granted(&[]);
}

#[test]
fn a_login_in_the_browser_that_fails_is_refused() {
    awaited().replies(failed()).is_refused(Reason::ApprovalRefused, "");
    for word in ["failed", "Failure"] {
        awaited().replies(state(word)).is_refused(Reason::ApprovalRefused, "");
    }
}

#[test]
fn a_state_in_another_spelling_or_an_unknown_one_is_waited_for() {
    awaited()
        .replies(state("pending"))
        .waits(1)
        .asks_status()
        .replies(state("InProgress"))
        .waits(1)
        .asks_status()
        .replies(state("Success "))
        .waits(1)
        .asks_status()
        .replies(state("success"))
        .is_granted(&[]);
}

#[test]
fn a_bad_line_does_not_end_a_login_in_the_browser_at_once() {
    let busy = Response { status: 429, retry_after: Some(Duration::from_secs(4)), ..response("") };
    awaited()
        .replies_with(Ok(busy))
        .waits(4)
        .asks_status()
        .replies_with(Ok(Response { status: 502, ..response("") }))
        .waits(1)
        .asks_status()
        .replies_with(Err(cut()))
        .waits(1)
        .asks_status()
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
}

#[test]
fn an_odd_url_is_not_shown() {
    let long = format!("https://tenant.test/{}", "x".repeat(8192));
    for url in [
        "http://tenant.test/s/x1",
        "https://tenant.test/\u{1b}[2J",
        "https://tenant.test/s x",
        "https://tenant.test\\@evil.test/",
        "https://tenant.test@evil.test/",
        "https://t\u{e9}nant.test/",
        "https://",
        "https:///evil.test",
        "javascript:alert(1)",
        "HTTPS://tenant.test",
        "",
        &long,
    ] {
        World::on(|terms| terms.login.federated = true)
            .starts(federated(url, true))
            .is_refused(Reason::Misbehaved, "a federated login with an odd URL");
    }
}

#[test]
fn a_federated_login_that_is_given_up_has_no_session_to_clean_up() {
    allowed(true)
        .shows_page(URL)
        .asks(PIN)
        .is_abandoned(Reason::Interrupted)
        .is_refused(Reason::Interrupted, "");
    for world in [awaited(), awaited().replies(state("Pending"))] {
        let world = world.is_abandoned(Reason::Deadline).asks_status();
        world.replies(state("Pending")).is_refused(Reason::Deadline, "");
    }
    pinned().is_abandoned(Reason::Deadline).is_refused(Reason::Deadline, "");
}

#[test]
fn a_success_that_names_nobody_is_asked_whose_token_it_gave() {
    nameless().replies(who(USER, "ABC1234")).is_granted(&[]);
    nameless().replies(who("ALICE@Example.com", "abc1234")).is_granted(&[]);
    let pinned = pinned()
        .replies(with_result(success(USER), json!({"User": null})))
        .speaking_as("Bearer eyJ")
        .sends("/Security/Whoami", "{}");
    pinned.replies(who(USER, "ABC1234")).is_granted(&[]);
}

#[test]
fn a_success_that_names_somebody_is_not_asked_again() {
    awaited()
        .replies(with_result(state("Success"), json!({"User": "mallory"})))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory\"");
}

#[test]
fn a_token_of_somebody_else_or_of_another_tenant_is_refused() {
    nameless()
        .replies(who("mallory@example.com", "ABC1234"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
    // The tenant that the page belonged to is the one, whether or not the configuration names it.
    nameless()
        .replies(who(USER, "XYZ9999"))
        .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
}

#[test]
fn a_token_that_is_nobodys_lets_nobody_in() {
    for reply in [failed(), ok(json!({"TenantId": "ABC1234"})), ok(json!({"User": null}))] {
        nameless().replies(reply).is_refused(Reason::Misbehaved, "a token that is for no user");
    }
    let unauthorized = Response { status: 401, ..response("<html>") };
    nameless().replies_with(Ok(unauthorized)).is_refused(Reason::Misbehaved, "HTTP status 401");
    nameless()
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
    nameless().is_abandoned(Reason::Deadline).is_refused(Reason::Deadline, "");
}

#[test]
fn a_denial_in_the_browser_is_seen_though_the_login_ends_before_it_is_asked_for() {
    let asked = || allowed(false).shows_page(URL).asks(BROWSER);
    for world in [asked(), awaited(), awaited().replies(state("Pending"))] {
        world
            .is_abandoned(Reason::Interrupted)
            .asks_status()
            .replies(state("Failed"))
            .is_refused(Reason::ApprovalRefused, "");
    }
    for success in [state("Success"), with_result(state("Success"), json!({"User": null}))] {
        awaited()
            .is_abandoned(Reason::Interrupted)
            .asks_status()
            .replies(success)
            .is_refused(Reason::Interrupted, "");
    }
}
