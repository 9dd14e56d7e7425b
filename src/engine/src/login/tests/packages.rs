//! Packages that replace others, challenges that follow each other, and where that ends.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::package::{
    SESSION, about, mechanism, package, package_of, success, summary, with, with_result,
};
use super::world::{PASSWORD, USER, World, response};
use crate::local::budget::Allowance;
use crate::login::{self, Notice, Step};
use crate::policy::Batch;
use crate::policy::Mechanism::{Oath, Otp, Radius, Sms, Sq, Up};
use crate::refusal::Reason;
use crate::secret::Secret;

const BEGIN: &str =
    "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";
const OATH: &str = "Code from an authenticator.\nVerification code: ";

/// `package` in answer to the operation with this mechanism.
fn instead(mechanism: &str, package: Value) -> Value {
    with_result(package, json!({"ResultAppliesTo": mechanism}))
}

#[test]
fn a_package_after_the_password_is_followed() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["OATH"]))
        .asks(OATH)
        .types("123456")
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn a_choice_holds_for_the_package_that_replaces_the_one_it_was_made_from() {
    World::offered(package(&["UP", "OTP SMS"]))
        .asks(
            "1. push to approve on your phone\n2. text message\n\
             Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
        )
        .types("2")
        .answers_up_and_starts("id-SMS")
        .replies(instead("id-UP", package(&["OTP SMS"])))
        .starts_oob("id-SMS")
        .replies(summary("OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("2468")
        .answers("id-SMS", "2468")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn a_choice_holds_once_because_each_push_needs_a_word_of_the_users() {
    World::offered(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(instead("id-UP", package(&["OTP"])))
        .starts_oob("id-OTP")
        .replies(package(&["OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(package(&["OTP"]))
        .asks(BEGIN)
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_choice_of_one_phone_is_not_taken_for_another() {
    let phone = |label: &str| with(mechanism("SMS"), json!({"PromptSelectMech": label}));
    World::offered(package_of(vec![vec![mechanism("UP")], vec![phone("11")]]))
        .asks("Press Enter for a text message (\"11\"): ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(instead("id-UP", package_of(vec![vec![phone("22")]])))
        .asks("Press Enter for a text message (\"22\"): ")
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_typed_code_goes_over_into_the_package_that_replaces_the_first() {
    for batch in [Batch::Off, Batch::Start, Batch::Code] {
        let world = World::on(|terms| terms.tenant.multiple_operations = batch)
            .starts(package(&["UP", "OATH"]))
            .asks(OATH)
            .types("123456");
        let (world, reply) = match batch {
            Batch::Off => (world.answers("id-UP", PASSWORD), package(&["OATH"])),
            Batch::Start => {
                (world.answers_up_and_starts("id-OATH"), instead("id-UP", package(&["OATH"])))
            }
            Batch::Code => (
                world.answers_up_and_starts_with("id-OATH", "123456"),
                instead("id-UP", package(&["OATH"])),
            ),
        };
        let world = world.replies(reply);
        let world = match batch {
            Batch::Off | Batch::Start => world
                .starts_oob("id-OATH")
                .replies(summary("OobPending"))
                .answers("id-OATH", "123456")
                .replies(success(USER)),
            Batch::Code => world
                .advances(
                    r#""MultipleOperations":[{"MechanismId":"id-OATH","Action":"StartOOB"},{"MechanismId":"id-OATH","Action":"Answer","Answer":"123456"}]"#,
                )
                .replies(about_success("id-OATH")),
        };
        world.is_granted(&[Up, Oath]);
    }
}

fn about_success(mechanism: &str) -> Value {
    with_result(success(USER), json!({"ResultAppliesTo": mechanism}))
}

#[test]
fn an_answer_to_a_text_mechanism_goes_over_too() {
    World::offered(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(package(&["OTP RADIUS"]))
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn a_code_never_goes_over_to_another_mechanism() {
    World::on(|terms| terms.login.push_first = true)
        .starts(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(package(&["OTP"]))
        .starts_oob("id-OTP")
        .replies(summary("OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_package_in_the_middle_of_a_poll_is_followed_and_the_choice_holds() {
    World::offered(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .waits(2)
        .polls("id-OTP")
        .replies(package(&["UP", "OTP"]))
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Up, Otp]);
}

#[test]
fn an_approval_that_was_awaited_when_the_package_was_replaced_does_not_count() {
    World::offered(package(&["OTP", "UP"]))
        .asks(BEGIN)
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(summary("OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn a_choice_whose_answer_was_taken_is_not_made_again() {
    World::offered(package(&["OATH", "UP"]))
        .asks(OATH)
        .types("123456")
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(package(&["OATH", "UP"]))
        .asks(OATH)
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn the_password_is_sent_twice_at_most() {
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["UP"]))
        .cleans_up()
        .is_refused(Reason::AnswerRefused, "the tenant asks for the password again and again");
}

#[test]
fn the_password_is_not_sent_again_where_a_second_factor_is_what_is_missing() {
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["UP OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(summary("OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn three_challenges_are_met_in_their_order() {
    World::offered(package(&["UP", "SQ", "OATH"]))
        .asks_hidden("Security question: ")
        .types("Rex")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex")
        .replies(summary("StartNextChallenge"))
        .asks(OATH)
        .types("123456")
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Sq, Oath]);
}

#[test]
fn a_challenge_that_was_never_named_is_not_met() {
    World::offered(package(&["UP", "OATH"]))
        .asks(OATH)
        .types("123456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(summary("StartNextChallenge"))
        .cleans_up()
        .is_refused(Reason::Misbehaved, "the tenant goes on to a challenge that it never named");
}

#[test]
fn a_start_alone_meets_no_challenge() {
    World::offered(package(&["OTP", "UP"]))
        .asks(BEGIN)
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(summary("StartNextChallenge"))
        .cleans_up()
        .is_refused(Reason::Misbehaved, "the tenant goes on where nothing was answered");
}

#[test]
fn a_package_without_challenges_is_refused_at_any_point() {
    World::offered(package(&[])).cleans_up().is_refused(Reason::NothingOffered, "");
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&[]))
        .cleans_up()
        .is_refused(Reason::NothingOffered, "");
}

#[test]
fn a_tenant_that_asks_to_wait_is_not_bothered() {
    let throttled = with_result(package(&["UP", "OTP"]), json!({"RetryWaitingTime": 30}));
    World::offered(throttled.clone()).cleans_up().is_refused_for(
        30,
        Reason::TenantThrottle,
        "the tenant asks to wait 30 s",
    );
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(throttled)
        .cleans_up()
        .is_refused_for(30, Reason::TenantThrottle, "the tenant asks to wait 30 s");
}

/// Whatever is asked, Enter is pressed; whatever is sent gets the same reply.
fn turns_against(first: Value, ever: Value) -> (usize, Reason, String) {
    let mut terms = super::world::terms();
    terms.login.attempts = 200;
    let mut step = login::start(super::world::start(terms));
    let mut reply = first.to_string();
    let mut requests = 0;
    loop {
        step = match step {
            Step::Send(_, awaited) => {
                requests += 1;
                assert!(requests < 50, "the login keeps turning");
                let body = std::mem::replace(&mut reply, ever.to_string());
                awaited.reply(Ok(response(body)))
            }
            Step::Tell(Notice::Log(line) | Notice::Debug(line), told) => {
                assert!(line.len() < 1024, "{line}");
                told.told()
            }
            Step::Tell(_, told) => told.told(),
            Step::Ask(_, awaited) => awaited.answer(Secret::new("123456")),
            Step::Wait(time, awaited) => awaited.elapsed(time),
            Step::Spend(awaited) => awaited.answer(Allowance::Free),
            Step::Keep(_, told) => told.told(),
            Step::Done(Ok(_)) => panic!("let in"),
            Step::Redeem(..) => panic!("an offline code, although the tenant answered"),
            Step::Done(Err(refusal)) => return (requests, refusal.reason, refusal.detail),
        };
    }
}

#[test]
fn a_tenant_that_keeps_a_login_turning_is_left_after_eight_rounds() {
    let same = package(&["OATH", "UP"]);
    let (requests, reason, detail) = turns_against(same.clone(), same);
    assert_eq!((reason, detail.as_str()), (Reason::Misbehaved, "too many challenges in one login"));
    // One to start, one in each round, and the cleanup.
    assert_eq!(requests, 10);
    let nine = package(&[
        "RADIUS", "RADIUS", "RADIUS", "RADIUS", "RADIUS", "RADIUS", "RADIUS", "RADIUS", "RADIUS",
    ]);
    let many = package_of(vec![vec![mechanism("RADIUS")]; 32]);
    for offered in [nine, many] {
        let next = summary("StartNextChallenge");
        let (requests, reason, detail) = turns_against(offered, next);
        assert_eq!(
            (reason, detail.as_str()),
            (Reason::Misbehaved, "too many challenges in one login")
        );
        assert_eq!(requests, 10);
    }
}

#[test]
fn a_long_package_makes_short_log_lines() {
    let long = with(mechanism("OTP"), json!({"Name": "\u{1f98a}".repeat(500)}));
    let package = package_of(vec![vec![long; 32]; 32]);
    let (requests, reason, _) = turns_against(package.clone(), package);
    assert_eq!((requests, reason), (2, Reason::NothingUsable));
}

#[test]
fn a_package_may_come_without_its_session_once_that_is_known() {
    let bare = with_result(package(&["OATH"]), json!({"SessionId": null, "TenantId": null}));
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(bare)
        .asks(OATH)
        .types("123456")
        .advances(r#""MechanismId":"id-OATH","Action":"StartOOB""#)
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
    assert!(!SESSION.is_empty());
}
