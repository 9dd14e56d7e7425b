//! Waiting for an approval, on a good line and on a bad one.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::json;

use super::super::pace::{PATIENT, pause};
use super::package::{about, failed, number, package, success, summary, with_result};
use super::world::{PASSWORD, USER, World, cut, outage, response};
use crate::policy::Mechanism::{Otp, Radius, Up};
use crate::policy::Terms;
use crate::refusal::Reason;
use crate::tenant::failure::{Failure, Local, Misbehaviour};
use crate::tenant::http::Response;
use crate::words;

const BEGIN: &str =
    "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";
/// Between two questions while people approve.
const DENSE: Duration = Duration::from_millis(750);
const MATCH: &str = "Choose 42 on your phone, then press Enter, or type its code.\nNothing arrives? Start again and check the password.\nVerification code: ";

/// A push is on its way, and the first poll is out.
fn polled() -> World {
    polled_with(|_| ())
}

/// The same on other terms.
fn polled_with(change: impl FnOnce(&mut Terms)) -> World {
    World::on(change)
        .starts(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
}

fn busy(status: u16, retry_after: Option<u64>) -> Response {
    Response {
        status,
        content_type: Some("text/html".into()),
        retry_after: retry_after.map(Duration::from_secs),
        ..response("<html>")
    }
}

const NOT_YET: &str = "Not approved yet. Nothing arrives? Start again and check the password.\n\
                       Press Enter to wait on, type a code, or stop with Ctrl-C.\nVerification code: ";

/// Half a minute of questions, all answered with "pending"; `asked` of them have gone before.
fn half_a_minute(mut world: World, asked: u16) -> (World, u16) {
    let (mut time, mut asked) = (Duration::ZERO, asked);
    while time < Duration::from_secs(30) {
        let wait = pause(Duration::from_secs(1), asked);
        world = world.replies(summary("OobPending")).waits_for(wait).polls("id-OTP");
        (time, asked) = (time + wait, asked + 1);
    }
    (world.replies(summary("OobPending")), asked)
}

#[test]
fn after_half_a_minute_the_user_is_asked_whether_to_wait_on_and_then_it_is_polled_slower() {
    let (world, first) = half_a_minute(polled(), 1);
    let world = world.notes("OTP is not approved yet").asks(NOT_YET);
    let (world, second) = half_a_minute(world.presses_enter().polls("id-OTP"), PATIENT + 1);
    let world = world.notes("OTP is not approved yet").asks(NOT_YET);
    assert_eq!((first, second - PATIENT), (31, 16));
    world
        .rang(1)
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .rang(1)
        .is_granted(&[Up, Otp]);
}

#[test]
fn time_that_replies_take_is_waited_too() {
    polled()
        .replies(summary("OobPending"))
        .waits(2)
        .polls("id-OTP")
        .takes(Duration::from_secs(28))
        .replies(summary("OobPending"))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Err(cut()))
        .notes("OTP is not approved yet")
        .asks(NOT_YET)
        .is_abandoned(Reason::Interrupted)
        .asks_a_last_time("id-OTP")
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_code_is_typed_in_place_of_an_approval_that_does_not_come() {
    let (world, _) = half_a_minute(polled(), 1);
    world
        .notes("OTP is not approved yet")
        .asks(NOT_YET)
        .types("\u{e4}")
        .asks_again(words::NO_CODE, NOT_YET)
        .types("123456")
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_number_to_match_is_shown_again_where_its_approval_does_not_come() {
    let again = NOT_YET.replace("yet.", "yet. Choose 42 on your phone.");
    let world = World::offered(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(number(json!("42")))
        .asks(MATCH)
        .presses_enter()
        .polls("id-OTP");
    let (world, _) = half_a_minute(world, 1);
    world
        .notes("OTP is not approved yet")
        .asks(&again)
        .types("42")
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn where_there_is_no_code_nothing_but_enter_waits_on() {
    use super::package::{mechanism, package_of, with};
    let push = with(mechanism("OTP"), json!({"AnswerType": "StartOob"}));
    let world = World::offered(package_of(vec![vec![mechanism("UP")], vec![push]]))
        .asks("Press Enter for a push to approve on your phone: ")
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP");
    let ask = "Not approved yet. Nothing arrives? Start again and check the password.\n\
               Press Enter to wait on, or stop with Ctrl-C: ";
    let (world, _) = half_a_minute(world, 1);
    world
        .notes("OTP is not approved yet")
        .asks(ask)
        .types("123456")
        .asks_again(words::JUST_ENTER, ask)
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn an_administrator_can_have_the_approval_awaited_without_a_word() {
    let mut world = polled_with(|terms| terms.login.approval_wait = terms.login.deadline);
    for question in 1..60 {
        let pause = pause(Duration::from_secs(1), question);
        world = world.replies(summary("OobPending")).waits_for(pause).polls("id-OTP");
    }
    world.replies(success(USER)).is_granted(&[Up, Otp]);
}

/// When the tenant is asked, from the first question on, while replies take no time.
fn questions(interval: Duration) -> Vec<Duration> {
    let mut at = Duration::ZERO;
    let waits = (1..120).map(|asked| {
        at += pause(interval, asked);
        at
    });
    [Duration::ZERO].into_iter().chain(waits).collect()
}

#[test]
fn the_first_minute_of_a_push_is_asked_for_densely_then_rarely() {
    let millis: Vec<_> =
        questions(Duration::from_secs(1)).iter().map(|at| at.as_millis()).collect();
    assert_eq!(millis[..10], [0, 2000, 2750, 3500, 4250, 5000, 6000, 7000, 8000, 9000]);
    assert_eq!(millis[28..33], [28_000, 29_000, 30_000, 31_000, 33_000]);
}

#[test]
fn no_wait_is_asked_for_more_often_than_the_interval_says() {
    for millis in [1000, 1200, 1500, 1999, 2000, 2500, 7000, 10_000] {
        let interval = Duration::from_millis(millis);
        for (number, at) in questions(interval).iter().enumerate() {
            let fair = interval * u32::try_from(number).unwrap();
            assert!(*at >= fair, "question {number} at {at:?} of {interval:?}");
        }
    }
}

#[test]
fn an_approval_by_anybody_who_is_looking_is_seen_half_a_second_later() {
    let asked = questions(Duration::from_secs(1));
    let delay = |millis: u64| {
        let approved = Duration::from_millis(millis);
        let seen = asked.iter().find(|at| **at >= approved).unwrap();
        *seen - approved
    };
    let mean = |from: u64, to: u64| {
        let all = (from..to).map(delay).sum::<Duration>();
        all / u32::try_from(to - from).unwrap()
    };
    assert_eq!(mean(3000, 5000).as_millis(), 343);
    assert_eq!(mean(5000, 30_000).as_millis(), 499);
    assert_eq!(mean(3000, 30_000).as_millis(), 487);
}

#[test]
fn a_poll_in_words_of_another_version_goes_on_and_lets_no_user_in() {
    polled()
        .replies(summary("oobpending"))
        .waits(2)
        .polls("id-OTP")
        .replies(summary("PendingOOB"))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies(with_result(success(USER), json!({"Summary": "Success"})))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies(with_result(success(USER), json!({"Summary": null})))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies(with_result(success(USER), json!({"Summary": "loginSUCCESS"})))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_failure_in_other_words_is_one() {
    for word in ["failure", "LoginFailure", "Undefined"] {
        polled()
            .replies(with_result(success(USER), json!({"Summary": word})))
            .is_refused(Reason::ApprovalRefused, "Poll OTP");
    }
    for result in [json!("no"), json!([]), json!(null)] {
        polled()
            .replies(json!({"success": false, "Result": result}))
            .is_refused(Reason::ApprovalRefused, "Poll OTP");
    }
}

#[test]
fn a_push_nobody_answers_expires() {
    polled()
        .replies(summary("OobPending"))
        .is_abandoned(Reason::Deadline)
        .asks_a_last_time("id-OTP")
        .is_refused(Reason::Deadline, "");
}

#[test]
fn a_denied_push_is_refused_and_there_is_nothing_left_to_clean_up() {
    polled().replies(failed()).is_refused(Reason::ApprovalRefused, "Poll OTP");
}

#[test]
fn the_interval_is_the_administrators() {
    World::on(|terms| terms.login.poll_interval = Duration::from_secs(7))
        .starts(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .waits(7)
        .polls("id-OTP")
        .replies_with(Ok(busy(429, Some(3))))
        .waits(7)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_busy_tenant_is_asked_again_when_it_says_so() {
    polled_with(|terms| terms.login.approval_wait = terms.login.deadline)
        .replies_with(Ok(busy(429, Some(3))))
        .waits(3)
        .polls("id-OTP")
        .replies_with(Ok(busy(503, Some(40))))
        .waits(40)
        .polls("id-OTP")
        .replies_with(Ok(busy(429, None)))
        .waits(1)
        .polls("id-OTP")
        .replies_with(Ok(busy(503, Some(0))))
        .waits(1)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_tenant_that_asks_to_wait_for_a_week_ends_the_login_at_once() {
    polled()
        .replies_with(Ok(busy(429, Some(604_800))))
        .has_no_time_for_a_wait()
        .cleans_up()
        .is_refused_for(
            604_800,
            Reason::TenantThrottle,
            "the tenant asks to wait 604800 s, longer than the login may take",
        );
}

#[test]
fn a_poll_is_repeated_after_the_tenant_has_stumbled_but_not_for_ever() {
    for status in [500, 502, 504] {
        polled()
            .replies_with(Ok(busy(status, None)))
            .waits(2)
            .polls("id-OTP")
            .replies_with(Ok(busy(status, None)))
            .waits_for(DENSE)
            .polls("id-OTP")
            .replies(summary("OobPending"))
            .waits_for(DENSE)
            .polls("id-OTP")
            .replies_with(Ok(busy(status, None)))
            .waits_for(DENSE)
            .polls("id-OTP")
            .replies_with(Err(cut()))
            .waits_for(DENSE)
            .polls("id-OTP")
            .replies_with(Ok(busy(status, None)))
            .cleans_up()
            .is_refused(Reason::Misbehaved, &format!("HTTP status {status}"));
    }
}

#[test]
fn an_approval_with_another_status_is_none() {
    let approved = |status| Response { status, ..response(success(USER).to_string()) };
    polled()
        .replies_with(Ok(approved(500)))
        .waits(2)
        .polls("id-OTP")
        .replies_with(Ok(approved(502)))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Ok(approved(504)))
        .cleans_up()
        .is_refused(Reason::Misbehaved, "HTTP status 504");
}

#[test]
fn a_poll_is_repeated_after_a_broken_connection_but_not_for_ever() {
    let timeout = || Failure::Misbehaved(Misbehaviour::Timeout, "15 s".into());
    polled()
        .replies_with(Err(cut()))
        .waits(2)
        .polls("id-OTP")
        .replies_with(Err(timeout()))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Err(outage()))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Err(cut()))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
}

#[test]
fn an_outage_in_the_middle_ends_the_login_without_a_word_to_nobody() {
    polled()
        .replies_with(Err(outage()))
        .waits(2)
        .polls("id-OTP")
        .replies_with(Err(outage()))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, "connection refused: 192.0.2.1:443");
}

#[test]
fn what_is_no_reply_ends_the_polling() {
    for (status, detail) in [(501, "HTTP status 501"), (401, "HTTP status 401")] {
        let reply = Response { status, ..response(success(USER).to_string()) };
        polled().replies_with(Ok(reply)).cleans_up().is_refused(Reason::Misbehaved, detail);
    }
    polled()
        .replies_with(Err(Failure::Misbehaved(Misbehaviour::Certificate, "expired".into())))
        .cleans_up()
        .is_refused(Reason::Misbehaved, "certificate refused: expired");
    polled()
        .replies_with(Err(Failure::Local(Local::NoTime, "0 s".into())))
        .cleans_up()
        .is_refused(Reason::Local, "no time left: 0 s");
}

#[test]
fn an_answer_is_never_repeated() {
    let answered = || World::offered(package(&["UP"])).answers("id-UP", PASSWORD);
    answered()
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
    answered()
        .replies_with(Ok(busy(429, Some(1))))
        .cleans_up()
        .is_refused(Reason::TenantThrottle, "HTTP status 429, the tenant asks to wait 1 s");
    for status in [500, 502, 504] {
        answered()
            .replies_with(Ok(busy(status, None)))
            .cleans_up()
            .is_refused(Reason::Misbehaved, &format!("HTTP status {status}"));
    }
}

#[test]
fn a_number_to_match_is_said_and_asked_in_the_prompt() {
    for value in [json!("42"), json!(42)] {
        World::offered(package(&["UP", "OTP"]))
            .asks(BEGIN)
            .presses_enter()
            .answers_up_and_starts("id-OTP")
            .replies(number(value))
            .asks(MATCH)
            .presses_enter()
            .polls("id-OTP")
            .replies(summary("OobPending"))
            .waits(2)
            .polls("id-OTP")
            .replies(success(USER))
            .is_granted(&[Up, Otp]);
    }
}

#[test]
fn a_number_that_comes_with_the_first_poll_is_shown_once() {
    polled()
        .replies(number(json!("42")))
        .asks(MATCH)
        .presses_enter()
        .polls("id-OTP")
        .replies(number(json!("42")))
        .waits(2)
        .polls("id-OTP")
        .replies(number(json!("43")))
        .waits_for(DENSE)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn the_number_of_the_next_push_is_shown_too() {
    World::offered(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(number(json!("42")))
        .asks(MATCH)
        .presses_enter()
        .polls("id-OTP")
        .replies(package(&["OTP"]))
        .starts_oob("id-OTP")
        .replies(summary("OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(number(json!("77")))
        .asks("Choose 77 on your phone, then press Enter, or type its code.\nNothing arrives? Start again and check the password.\nVerification code: ")
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_number_that_is_typed_has_been_seen() {
    World::offered(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(number(json!("42")))
        .asks(MATCH)
        .types(" 42 ")
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

/// A code was typed where a number is to be matched.
fn coded(challenges: &[&str]) -> World {
    World::on(|terms| terms.login.preferred = vec![Otp])
        .starts(package(challenges))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(number(json!("42")))
        .asks(MATCH)
        .types("123456")
        .polls("id-OTP")
}

#[test]
fn a_code_may_be_typed_in_place_of_the_number() {
    coded(&["UP", "OTP"])
        .replies(number(json!("42")))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_code_that_comes_after_a_denial_does_not_hide_it() {
    coded(&["UP", "OTP"]).replies(failed()).is_refused(Reason::ApprovalRefused, "Poll OTP");
}

#[test]
fn a_code_that_comes_after_the_approval_is_not_sent() {
    coded(&["UP", "OTP"]).replies(success(USER)).is_granted(&[Up, Otp]);
    coded(&["UP", "OTP", "SMS"])
        .replies(summary("StartNextChallenge"))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .starts_oob("id-SMS")
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
    coded(&["UP", "OTP"])
        .is_abandoned(Reason::Interrupted)
        .asks_a_last_time("id-OTP")
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_code_goes_out_late_where_the_tenant_is_busy_and_never_after_another_prompt() {
    coded(&["UP", "OTP"])
        .replies_with(Ok(busy(429, Some(3))))
        .waits(3)
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
    coded(&["UP", "OTP"])
        .replies_with(Ok(busy(429, Some(30))))
        .waits(30)
        .polls("id-OTP")
        .replies_with(Err(cut()))
        .notes("OTP is not approved yet")
        .types("654321")
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .answers("id-OTP", "654321")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn where_there_is_no_code_none_is_sent() {
    use super::package::{mechanism, package_of, with};
    let push = with(mechanism("OTP"), json!({"AnswerType": "StartOob"}));
    World::offered(package_of(vec![vec![mechanism("UP")], vec![push]]))
        .asks("Press Enter for a push to approve on your phone: ")
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(number(json!("42")))
        .asks("Choose 42 on your phone. Nothing arrives? Start again and check the password.\nThen press Enter: ")
        .types("123456")
        .asks_again(words::JUST_ENTER, "Choose 42 on your phone. Nothing arrives? Start again and check the password.\nThen press Enter: ")
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

/// A push is on its way where a number is demanded.
fn demanding() -> World {
    World::on(|terms| terms.login.require_number_match = true)
        .starts(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
}

#[test]
fn a_demanded_number_may_come_with_the_first_poll() {
    demanding()
        .replies(about("id-OTP", "OobPending"))
        .polls("id-OTP")
        .replies(number(json!("42")))
        .asks(MATCH)
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_push_without_the_demanded_number_counts_for_nothing() {
    for reply in [
        summary("OobPending"),
        number(json!("")),
        number(json!(" \u{200b}")),
        summary("StartNextChallenge"),
        package(&["OTP"]),
    ] {
        demanding()
            .replies(about("id-OTP", "OobPending"))
            .polls("id-OTP")
            .replies(reply)
            .cleans_up()
            .is_refused(Reason::NumberMissing, "");
    }
    demanding()
        .replies(about("id-OTP", "OobPending"))
        .polls("id-OTP")
        .replies(success(USER))
        .is_refused(Reason::NumberMissing, "");
    demanding()
        .replies(about("id-OTP", "OobPending"))
        .polls("id-OTP")
        .replies(failed())
        .is_refused(Reason::ApprovalRefused, "Poll OTP");
}

#[test]
fn a_number_is_not_demanded_of_a_typed_code() {
    World::on(|terms| terms.login.require_number_match = true)
        .starts(package(&["UP", "OTP"]))
        .asks(BEGIN)
        .types("123456")
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_push_by_way_of_radius_needs_the_demanded_number_too() {
    let world = || {
        World::on(|terms| terms.login.require_number_match = true)
            .starts(package(&["UP", "RADIUS"]))
            .asks("RADIUS code.\nVerification code: ")
            .types("push")
            .answers("id-UP", PASSWORD)
            .replies(summary("StartNextChallenge"))
            .answers("id-RADIUS", "push")
            .replies(summary("OobPending"))
            .polls("id-RADIUS")
    };
    world().replies(success(USER)).is_refused(Reason::NumberMissing, "");
    let held = || {
        World::on(|terms| terms.login.require_number_match = true)
            .starts(package(&["UP", "RADIUS"]))
            .asks("RADIUS code.\nVerification code: ")
            .types("push")
            .answers("id-UP", PASSWORD)
            .replies(summary("StartNextChallenge"))
            .answers("id-RADIUS", "push")
    };
    held().replies(success(USER)).is_refused(Reason::NumberMissing, "");
    held().replies(summary("StartNextChallenge")).cleans_up().is_refused(Reason::NumberMissing, "");
    held().replies(failed()).is_refused(Reason::ApprovalRefused, "Answer RADIUS");
    world()
        .replies(number(json!(42)))
        .asks("Choose 42 on your phone, then press Enter, or type its code.\nNothing arrives? Start again and check the password.\nVerification code: ")
        .presses_enter()
        .polls("id-RADIUS")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}
