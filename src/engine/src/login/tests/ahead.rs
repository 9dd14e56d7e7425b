//! What may be sent before a code is asked for, and whose password waits for it.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::json;

use super::package::{
    about, failed, mechanism, package, package_of, success, summary, with_result,
};
use super::world::{PASSWORD, USER, World, start, terms};
use crate::local::budget::Allowance;
use crate::policy::Batch;
use crate::policy::Mechanism::{Oath, Radius, Up};
use crate::refusal::Reason;
use crate::words;

const OATH: &str = "Code from an authenticator.\nVerification code: ";

/// A user at a terminal of this machine, or with a key.
fn known(challenges: &[&str]) -> World {
    World::on(|terms| terms.stranger = false).starts(package(challenges))
}

fn authenticator_started(world: World) -> World {
    world.answers_up_and_starts("id-OATH").replies(about("id-OATH", "OobPending"))
}

fn is_let_in_by_its_code(world: World) {
    world
        .types("123456")
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn the_password_of_somebody_who_is_no_stranger_leaves_before_the_code_is_asked_for() {
    let started = authenticator_started(known(&["UP", "OATH"]));
    is_let_in_by_its_code(started.asks(OATH));
}

#[test]
fn a_strangers_password_waits_for_the_code() {
    World::offered(package(&["UP", "OATH"]))
        .asks(OATH)
        .types(PASSWORD)
        .cleans_up()
        .is_refused(Reason::Blind, "the password was given as the answer to another question");
}

#[test]
fn a_password_that_may_travel_with_the_code_waits_for_it() {
    World::on(|terms| {
        terms.stranger = false;
        terms.tenant.multiple_operations = Batch::Code;
    })
    .starts(package(&["UP", "OATH"]))
    .asks(OATH)
    .types("123456")
    .answers_up_and_starts_with("id-OATH", "123456")
    .replies(with_result(success(USER), json!({"ResultAppliesTo": "id-OATH"})))
    .is_granted(&[Up, Oath]);
}

#[test]
fn nothing_that_rings_is_started_before_somebody_asked_for_it() {
    for (name, question) in [
        (
            "OTP",
            "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ",
        ),
        ("SMS", "Press Enter for a text message: "),
        ("PF", "Press Enter for a phone call, then confirm it there: "),
    ] {
        known(&["UP", name])
            .asks(question)
            .rang(0)
            .is_abandoned(Reason::Conversation)
            .cleans_up()
            .is_refused(Reason::Conversation, "");
    }
}

#[test]
fn of_several_mechanisms_one_is_chosen_first() {
    let asked = known_menu()
        .asks(
            "1. code from an authenticator\n2. RADIUS code\n\
             Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
        )
        .types("1")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .asks(OATH);
    is_let_in_by_its_code(asked);
}

fn known_menu() -> World {
    World::on(|terms| terms.stranger = false).starts(package_of(vec![
        vec![mechanism("UP")],
        vec![mechanism("OATH"), mechanism("RADIUS")],
    ]))
}

#[test]
fn a_password_that_the_tenant_refuses_at_once_is_not_given_away() {
    let refused =
        || known(&["UP", "OATH"]).answers_up_and_starts("id-OATH").replies(failed()).asks(OATH);
    refused()
        .types("123456")
        .is_refused(Reason::AnswerRefused, "in one request: Answer UP, StartOOB OATH");
    refused()
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, OATH)
        .types("123456")
        .is_refused(Reason::AnswerRefused, "in one request: Answer UP, StartOOB OATH");
    refused()
        .types(PASSWORD)
        .is_refused(Reason::Blind, "the password was given as the answer to another question");
}

#[test]
fn a_refusal_after_the_code_is_one_at_once() {
    authenticator_started(known(&["UP", "OATH"]))
        .asks(OATH)
        .types("123456")
        .answers("id-OATH", "123456")
        .replies(failed())
        .is_refused(Reason::AnswerRefused, "Answer OATH");
}

#[test]
fn a_package_that_replaces_what_went_ahead_is_followed() {
    known(&["UP", "OATH"])
        .answers_up_and_starts("id-OATH")
        .replies(package(&["SMS"]))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .starts_oob("id-SMS")
        .replies(failed())
        .is_refused(Reason::MechanismRefused, "StartOOB SMS");
    let asked = known(&["UP", "OATH"])
        .answers_up_and_starts("id-OATH")
        .replies(package(&["OATH"]))
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .asks(OATH);
    is_let_in_by_its_code(asked);
}

#[test]
fn without_batches_the_password_goes_ahead_alone() {
    World::on(|terms| {
        terms.stranger = false;
        terms.tenant.multiple_operations = Batch::Off;
    })
    .starts(package(&["UP", "OATH"]))
    .answers("id-UP", PASSWORD)
    .replies(summary("StartNextChallenge"))
    .starts_oob("id-OATH")
    .replies(summary("OobPending"))
    .asks(OATH)
    .types("123456")
    .answers("id-OATH", "123456")
    .replies(success(USER))
    .is_granted(&[Up, Oath]);
}

#[test]
fn only_an_authenticator_is_started_ahead() {
    known(&["UP", "RADIUS"])
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn where_the_phone_may_not_ring_the_question_for_the_code_says_so() {
    let mut terms = terms();
    terms.stranger = false;
    let mut start = start(terms);
    start.allowance = Allowance::Over(Duration::from_secs(200));
    let offered =
        package_of(vec![vec![mechanism("UP")], vec![mechanism("OTP"), mechanism("OATH")]]);
    authenticator_started(World::begun(start).starts(offered))
        .asks(
            "Nothing is sent to your phone for another 4 min: too many requests went unapproved. Codes still work.\n\
             Code from an authenticator.\nVerification code: ",
        )
        .types("123456")
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}
