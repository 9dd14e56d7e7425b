//! How a login ends before its time: abandoned at any step, or given to a caller that reads no
//! prompts.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::json;

use super::package::{about, failed, number, package, success, summary};
use super::world::{PASSWORD, USER, World, cut, response};
use crate::refusal::Reason;
use crate::tenant::http::Response;
use crate::words;

const BEGIN: &str =
    "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
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

fn matching() -> World {
    pushed().replies(number(json!("42")))
}

fn texted() -> World {
    World::offered(package(&["UP", "SMS"]))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
}

/// A login at each step at which an approval is on its way.
fn awaiting() -> Vec<(World, &'static str)> {
    let busy = Response { status: 429, ..response("") };
    let asked_whether_to_wait = polled()
        .replies(summary("OobPending"))
        .waits(2)
        .polls("id-OTP")
        .takes(Duration::from_secs(28))
        .replies(summary("OobPending"))
        .waits_for(Duration::from_millis(750))
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .notes("OTP is not approved yet");
    vec![
        (polled(), "id-OTP"),
        (polled().replies(summary("OobPending")), "id-OTP"),
        (polled().replies_with(Err(cut())), "id-OTP"),
        (polled().replies_with(Ok(busy)), "id-OTP"),
        (asked_whether_to_wait, "id-OTP"),
        (matching(), "id-OTP"),
        (texted(), "id-SMS"),
    ]
}

#[test]
fn a_denial_is_seen_though_the_login_ends_before_the_next_question_about_it() {
    for reason in [Reason::Interrupted, Reason::Deadline, Reason::Conversation] {
        for (world, started) in awaiting() {
            let what = format!("Poll {}", started.trim_start_matches("id-"));
            world
                .is_abandoned(reason)
                .polls(started)
                .replies(failed())
                .is_refused(Reason::ApprovalRefused, &what);
        }
    }
}

#[test]
fn a_denial_is_seen_though_the_user_types_what_ends_the_login() {
    for what in [PASSWORD, "ä"] {
        World::on(|terms| terms.login.attempts = 1)
            .starts(package(&["UP", "OTP"]))
            .asks(BEGIN)
            .presses_enter()
            .answers_up_and_starts("id-OTP")
            .replies(number(json!("42")))
            .types(what)
            .polls("id-OTP")
            .replies(failed())
            .is_refused(Reason::ApprovalRefused, "Poll OTP");
    }
}

#[test]
fn an_approval_after_the_end_of_a_login_lets_no_user_in() {
    for (world, started) in awaiting() {
        world
            .is_abandoned(Reason::Interrupted)
            .polls(started)
            .replies(success(USER))
            .is_refused(Reason::Interrupted, "");
    }
}

#[test]
fn a_login_that_is_over_asks_about_an_approval_once_and_tells_the_tenant_that_it_is_over() {
    for reply in [
        Ok(response(summary("OobPending").to_string())),
        Ok(response(number(json!("7")).to_string())),
        Ok(response(summary("StartNextChallenge").to_string())),
        Ok(response(package(&["UP", "OTP"]).to_string())),
        Ok(Response { status: 429, ..response("") }),
        Ok(Response { status: 502, ..response("") }),
    ] {
        polled()
            .is_abandoned(Reason::Interrupted)
            .polls("id-OTP")
            .replies_with(reply)
            .cleans_up()
            .is_refused(Reason::Interrupted, "");
    }
    // The line is broken: no user is told.
    polled()
        .is_abandoned(Reason::Interrupted)
        .polls("id-OTP")
        .replies_with(Err(cut()))
        .is_refused(Reason::Interrupted, "");
    polled()
        .is_abandoned(Reason::Interrupted)
        .polls("id-OTP")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_login_in_which_nothing_is_on_its_way_asks_about_no_approval() {
    let code = World::offered(package(&["UP", "OATH"]));
    for world in [begun(), code, World::offered(package(&["UP", "SMS PF"]))] {
        world.is_abandoned(Reason::Interrupted).cleans_up().is_refused(Reason::Interrupted, "");
    }
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
        begun().is_abandoned(Reason::Interrupted).sends(
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
    ];
    for world in at_each_question {
        world.types(PASSWORD).cleans_up().is_refused(Reason::Blind, BLIND);
    }
    for (world, started) in [(matching(), "id-OTP"), (texted(), "id-SMS")] {
        world.types(PASSWORD).asks_a_last_time(started).is_refused(Reason::Blind, BLIND);
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
        let world = World::on(|terms| terms.login.federated = true)
            .starts(page)
            .shows_page("https://tenant.test/s/x1")
            .types(PASSWORD);
        let world =
            if pin { world } else { world.asks_status().replies(ok(json!({"State": "Pending"}))) };
        world.is_refused(Reason::Blind, BLIND);
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
