//! How a login ends before its time: abandoned at any step, or given to a caller that reads no
//! prompts.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::json;

use super::package::{about, failed, number, package, summary};
use super::world::{PASSWORD, USER, World, cut, response};
use crate::refusal::Reason;
use crate::tenant::http::Response;
use crate::words;

const BEGIN: &str = "Press Enter for a push to your phone, or type its code.\nVerification code: ";
const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";
const BLIND: &str = "the password was given as the answer to another question";

fn begun() -> World {
    World::offered(package(&["UP", "OTP"])).asks(BEGIN)
}

fn pushed() -> World {
    begun().presses_enter().answers_up_and_starts("id-OTP")
}

fn polled() -> World {
    pushed().replies(about("id-OTP", "OobPending")).tells(PUSH).polls("id-OTP")
}

#[test]
fn before_there_is_a_session_there_is_nothing_to_clean_up() {
    let started = || {
        World::new().sends(
            "/Security/StartAuthentication",
            &format!(r#"{{"User":"{USER}","Version":"1.0"}}"#),
        )
    };
    started().is_abandoned(Reason::Deadline).is_refused(Reason::Deadline, "");
    let busy = Response { status: 503, retry_after: Some(Duration::from_secs(2)), ..response("") };
    started()
        .replies_with(Ok(busy))
        .is_abandoned(Reason::Interrupted)
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_login_that_is_given_up_at_any_step_is_cleaned_up_once() {
    let at_each_step = [
        begun(),
        pushed(),
        polled(),
        polled().replies(summary("OobPending")),
        pushed().replies(number(json!("42"))),
        World::offered(package(&["UP", "SMS PF"])),
        World::offered(package(&["UP", "RADIUS"])),
        World::offered(package(&["UP"])),
    ];
    for world in at_each_step {
        world.is_abandoned(Reason::Interrupted).cleans_up().is_refused(Reason::Interrupted, "");
    }
}

#[test]
fn a_cleanup_that_is_abandoned_keeps_the_first_reason() {
    let cleaning = || {
        polled().is_abandoned(Reason::Interrupted).sends(
            "/Security/CleanupAuthentication",
            r#"{"TenantId":"ABC1234","SessionId":"8vwknPnxZ0ywsj95Y6-uK1kI"}"#,
        )
    };
    cleaning().is_abandoned(Reason::Deadline).is_refused(Reason::Interrupted, "");
    for reply in [
        Err(cut()),
        Ok(response("")),
        Ok(response(failed().to_string())),
        Ok(response(super::package::success(USER).to_string())),
    ] {
        cleaning().replies_with(reply).is_refused(Reason::Interrupted, "");
    }
}

#[test]
fn what_the_tenant_has_ended_is_not_cleaned_up() {
    pushed()
        .replies(failed())
        .is_refused(Reason::AnswerRefused, "in one request: Answer UP, StartOOB OTP");
    polled().replies(failed()).is_refused(Reason::ApprovalRefused, "Poll OTP");
    polled()
        .replies(super::package::success("mallory@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(super::package::success(USER))
        .is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn a_password_given_to_any_other_question_is_not_sent_anywhere() {
    let at_each_question = [
        begun(),
        World::offered(package(&["UP", "SMS PF"])),
        World::offered(package(&["UP", "OATH OTP"])),
        World::offered(package(&["UP", "RADIUS"])),
        World::on(|terms| terms.login.minimum_factors = 1).starts(package(&["UP", "SQ"])),
        pushed().replies(number(json!("42"))),
        World::offered(package(&["UP", "SMS"]))
            .asks("Press Enter for a text message: ")
            .presses_enter()
            .answers_up_and_starts("id-SMS")
            .replies(about("id-SMS", "OobPending")),
    ];
    for world in at_each_question {
        world.types(PASSWORD).cleans_up().is_refused(Reason::Blind, BLIND);
    }
}

#[test]
fn a_password_given_as_the_pin_of_another_provider_is_not_sent_anywhere() {
    use super::package::ok;
    for pin in [true, false] {
        let page = ok(json!({
            "IdpRedirectShortUrl": "https://tenant.test/s/x1", "IdpLoginSessionId": "L1",
            "IdpOobAuthPinRequired": pin
        }));
        World::on(|terms| terms.login.federated = true)
            .starts(page)
            .shows_page("https://tenant.test/s/x1")
            .types(PASSWORD)
            .is_refused(Reason::Blind, BLIND);
    }
}

#[test]
fn a_robot_that_only_presses_enter_or_talks_nonsense_comes_to_an_end() {
    World::offered(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, "RADIUS code.\nVerification code: ")
        .types(" \t ")
        .asks_again(words::NOTHING_TYPED, "RADIUS code.\nVerification code: ")
        .types_what_is_no_text()
        .cleans_up()
        .is_refused(Reason::Tries, "");
    World::on(|terms| terms.login.attempts = 1)
        .starts(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .presses_enter()
        .cleans_up()
        .is_refused(Reason::Tries, "");
}
