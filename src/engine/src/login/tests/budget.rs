//! What makes a phone ring is counted before it is sent, each time, and left out where there is no
//! budget for it.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde_json::json;

use super::package::{
    about, mechanism, number, package, package_of, success, summary, with, with_result,
};
use super::world::{PASSWORD, USER, World, start, terms};
use crate::local::budget::Allowance::{self, Free, Never, Over};
use crate::policy::Mechanism::{self, Oath, Otp, Radius, Sms, Sq, Up};
use crate::policy::{Batch, Terms};
use crate::refusal::Reason;

const FOUR_MINUTES: Allowance = Over(Duration::from_secs(200));
const QUIET: &str = "Nothing is sent to your phone for another 4 min: too many requests went unapproved. Codes still work.\n";
const FROM_HERE: &str = "Nothing can be sent to your phone from here.\n";
const OATH: &str = "Code from an authenticator.\nVerification code: ";
const PUSH: &str =
    "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
const WAITING: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";

/// What rings when it is started, and how it is offered alone.
const RINGING: [(&str, &str, &str); 6] = [
    ("OTP", "StartTextOob", PUSH),
    ("SMS", "StartTextOob", "Press Enter for a text message: "),
    ("EMAIL", "StartTextOob", "Press Enter for a mail: "),
    ("PF", "StartOob", "Press Enter for a phone call, then confirm it there: "),
    ("RADIUS", "StartOob", "Press Enter to begin with RADIUS, then approve on your phone: "),
    (
        "RADIUS",
        "StartTextOob",
        "Press Enter to begin with RADIUS, or type its code.\nVerification code: ",
    ),
];

/// A login whose budget was so at its start.
fn with_budget(allowance: Allowance, change: impl FnOnce(&mut Terms)) -> World {
    let mut terms = terms();
    terms.login.email_counts = true;
    change(&mut terms);
    let mut start = start(terms);
    start.allowance = allowance;
    World::begun(start)
}

fn free() -> World {
    with_budget(Free, |_| ())
}

/// A password, and one other mechanism that is answered like this.
fn second(name: &str, answer: &str) -> serde_json::Value {
    let offer = with(mechanism(name), json!({"AnswerType": answer}));
    package_of(vec![vec![mechanism("UP")], vec![offer]])
}

/// The code of an authenticator is typed, and taken.
fn met_by_code(world: World) {
    world
        .types("123456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn each_start_that_rings_is_counted_before_it_is_sent() {
    for (name, answer, prompt) in RINGING {
        free()
            .starts(second(name, answer))
            .asks(prompt)
            .rang(0)
            .presses_enter()
            .rang(1)
            .answers_up_and_starts(&format!("id-{name}"))
            .is_abandoned(Reason::Deadline)
            .cleans_up()
            .is_refused(Reason::Deadline, "");
    }
}

#[test]
fn what_does_not_ring_is_not_counted() {
    met_by_code(free().starts(package(&["UP", "OATH"])).asks(OATH).rang(0));
    let world = free().starts(package(&["UP", "OATH"])).asks(OATH);
    world
        .types("123456")
        .rang(0)
        .answers_up_and_starts("id-OATH")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
    with_budget(Never, |terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP", "SQ"]))
        .asks_hidden("Nothing can be sent to your phone from here.\nSecurity question: ")
        .types("Rex")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .rang(0)
        .is_granted(&[Up, Sq]);
}

#[test]
fn a_code_typed_for_a_push_is_counted_too_for_the_push_is_sent() {
    free()
        .starts(package(&["UP", "OTP"]))
        .asks(PUSH)
        .types("424242")
        .rang(1)
        .answers_up_and_starts("id-OTP")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
}

#[test]
fn without_a_budget_the_menu_has_nothing_that_rings_and_says_why() {
    for (allowance, sentence) in [
        (FOUR_MINUTES, QUIET),
        (Never, FROM_HERE),
        (
            Over(Duration::from_secs(90)),
            "Nothing is sent to your phone for another 90 s: too many requests went unapproved. Codes still work.\n",
        ),
    ] {
        let world = with_budget(allowance, |_| ())
            .starts(package(&["UP", "OTP OATH SMS EMAIL PF"]))
            .logged(&[
                "offered: UP | OTP,OATH,SMS,EMAIL,PF",
                "left out: OTP (push budget)",
                "left out: SMS (push budget)",
                "left out: EMAIL (push budget)",
                "left out: PF (push budget)",
            ])
            .asks(&format!("{sentence}{OATH}"))
            .rang(0);
        met_by_code(world);
    }
    with_budget(FOUR_MINUTES, |_| ())
        .starts(package(&["UP", "OTP OATH RADIUS"]))
        .asks(&format!(
            "{QUIET}1. code from an authenticator\n2. RADIUS code\n\
             Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: "
        ))
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn where_only_what_rings_is_offered_the_login_ends_before_the_password_is_sent() {
    for allowance in [FOUR_MINUTES, Never] {
        with_budget(allowance, |_| ())
            .starts(package(&["UP", "OTP SMS"]))
            .cleans_up()
            .rang(0)
            .is_refused(Reason::PushBudget, "UP | OTP,SMS");
    }
}

#[test]
fn a_budget_that_is_used_up_meanwhile_leaves_what_does_not_ring() {
    for (allowance, sentence) in [(FOUR_MINUTES, QUIET), (Never, FROM_HERE)] {
        for attempts in [1, 3] {
            let world = with_budget(Free, |terms| terms.login.attempts = attempts)
                .allows(&[allowance])
                .starts(package(&["UP", "OTP OATH"]))
                .asks(
                    "1. push to approve on your phone\n2. code from an authenticator\n\
                     Choose 1-2 (Enter: 1), or type the code for 2.\nChoice or Verification code: ",
                )
                .presses_enter()
                .rang(1)
                .asks(&format!("{sentence}{OATH}"));
            met_by_code(world);
        }
    }
}

#[test]
fn a_budget_that_is_used_up_meanwhile_ends_a_login_that_has_nothing_else() {
    for (name, answer, prompt) in RINGING {
        for allowance in [FOUR_MINUTES, Never] {
            free()
                .allows(&[allowance])
                .starts(second(name, answer))
                .asks(prompt)
                .presses_enter()
                .rang(1)
                .cleans_up()
                .is_refused(Reason::PushBudget, &format!("UP | {name}"));
        }
    }
}

#[test]
fn a_push_that_comes_first_is_counted_and_does_not_come_without_a_budget() {
    with_budget(Free, |terms| terms.login.push_first = true)
        .starts(package(&["UP", "OTP OATH"]))
        .answers_up_and_starts("id-OTP")
        .rang(1)
        .replies(about("id-OTP", "OobPending"))
        .tells(WAITING)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
    for allowance in [FOUR_MINUTES, Never] {
        let sentence = crate::words::quiet(allowance, true);
        for (at_start, then) in [(allowance, Free), (Free, allowance)] {
            let world = with_budget(at_start, |terms| terms.login.push_first = true)
                .allows(&[then])
                .starts(package(&["UP", "OTP OATH"]))
                .asks(&format!("{sentence}{OATH}"));
            met_by_code(world);
        }
    }
}

#[test]
fn a_code_is_asked_for_before_anything_is_started_even_where_a_push_comes_first() {
    let world = with_budget(Free, |terms| terms.login.push_first = true)
        .starts(package(&["UP", "OATH"]))
        .asks(OATH);
    met_by_code(world);
}

#[test]
fn a_word_to_a_radius_server_is_counted_and_a_code_is_not() {
    let asked = |allowed: &[Allowance]| {
        free()
            .allows(allowed)
            .starts(package(&["UP", "RADIUS"]))
            .asks("RADIUS code.\nVerification code: ")
    };
    for (typed, rings) in [("push", 1), ("1", 1), ("12", 1), ("1234", 0), ("123 456", 0)] {
        let world = asked(&[])
            .types(typed)
            .rang(rings)
            .answers("id-UP", PASSWORD)
            .replies(summary("StartNextChallenge"));
        told(world, rings)
            .answers("id-RADIUS", &typed.replace(' ', ""))
            .replies(success(USER))
            .is_granted(&[Up, Radius]);
    }
    asked(&[FOUR_MINUTES])
        .types("push")
        .asks(&format!("{QUIET}RADIUS code.\nVerification code: "))
        .types("123456")
        .rang(1)
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

/// Expects that the user is told of an approval, where the answer asks for one.
fn told(world: World, rings: usize) -> World {
    match rings {
        0 => world,
        _ => world.tells(WAITING),
    }
}

#[test]
fn who_asks_for_a_push_again_and_again_without_a_budget_is_refused() {
    let quiet = format!("{QUIET}RADIUS code.\nVerification code: ");
    free()
        .allows(&[FOUR_MINUTES; 4])
        .starts(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .types("push")
        .asks(&quiet)
        .types("push")
        .asks(&quiet)
        .types("push")
        .asks(&quiet)
        .types("push")
        .rang(4)
        .cleans_up()
        .is_refused_for(200, Reason::PushBudget, "");
}

/// A RADIUS server that wants to be started, and was.
fn started(allowed: &[Allowance]) -> World {
    free()
        .allows(allowed)
        .starts(second("RADIUS", "StartTextOob"))
        .asks(RINGING[5].2)
        .types_useless("push")
        .rang(0)
        .presses_enter()
        .rang(1)
        .answers_up_and_starts("id-RADIUS")
        .replies(about("id-RADIUS", "OobPending"))
        .asks(STARTED)
}

const STARTED: &str = "RADIUS: type its code, or approve it and press Enter.\nVerification code: ";

#[test]
fn a_word_to_a_radius_server_that_was_started_is_counted_besides_the_start() {
    for (typed, rings) in [("push", 2), ("2", 2), ("123456", 1)] {
        told(started(&[]).types(typed).rang(rings), rings - 1)
            .answers("id-RADIUS", typed)
            .replies(success(USER))
            .is_granted(&[Up, Radius]);
    }
    started(&[Free, FOUR_MINUTES])
        .types("push")
        .rang(2)
        .asks(&format!("{QUIET}{STARTED}"))
        .types("123456")
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

/// As a program does that gives the password to whatever asks: in a step-up it is not known that it
/// is one.
#[test]
fn what_is_no_number_makes_no_phone_ring_and_is_not_sent() {
    free()
        .starts(package(&["UP", "OTP"]))
        .asks(PUSH)
        .types_useless("another pass 9")
        .types_useless("123")
        .types("yes")
        .rang(0)
        .cleans_up()
        .is_refused(Reason::Tries, "");
}

/// A push was chosen, and the tenant replaces the package instead of sending it.
fn replaced(allowed: &[Allowance], by: &str) -> World {
    free()
        .allows(allowed)
        .starts(package(&["UP", "OTP"]))
        .asks(PUSH)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(with_result(package(&[by]), json!({"ResultAppliesTo": "id-UP"})))
}

#[test]
fn what_is_started_again_for_a_new_package_is_counted_again() {
    replaced(&[], "OTP")
        .rang(2)
        .starts_oob("id-OTP")
        .replies(number(json!("42")))
        .asks("Choose 42 on your phone, then press Enter, or type its code.\nNothing arrives? Start again and check the password.\nVerification code: ")
        .presses_enter()
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
    replaced(&[Free, FOUR_MINUTES], "OTP").rang(2).cleans_up().is_refused_for(
        200,
        Reason::PushBudget,
        "OTP",
    );
    replaced(&[Free, FOUR_MINUTES], "OTP OATH")
        .asks(&format!("{QUIET}{OATH}"))
        .types("123456")
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .rang(2)
        .is_granted(&[Up, Oath]);
}

/// The RADIUS server took a word, and the tenant replaces the package by one in which the server is
/// to be started.
#[test]
fn a_word_is_not_sent_again_with_a_start_that_rings_by_itself() {
    for batch in [Batch::Off, Batch::Start, Batch::Code] {
        let world = with_budget(Free, |terms| terms.tenant.multiple_operations = batch)
            .starts(package(&["UP", "RADIUS"]))
            .asks("RADIUS code.\nVerification code: ")
            .types("push")
            .rang(1);
        let world = match batch {
            Batch::Off | Batch::Start => world.answers("id-UP", PASSWORD),
            Batch::Code => told(world, 1).advances(
                r#""MultipleOperations":[{"MechanismId":"id-UP","Action":"Answer","Answer":"correct horse"},{"MechanismId":"id-RADIUS","Action":"Answer","Answer":"push"}]"#,
            ),
        };
        let offer = with(mechanism("RADIUS"), json!({"AnswerType": "StartTextOob"}));
        let other = package_of(vec![vec![offer]]);
        let world = world
            .replies(with_result(other, json!({"ResultAppliesTo": "id-UP"})))
            .rang(2)
            .starts_oob("id-RADIUS")
            .replies(about("id-RADIUS", "OobPending"))
            .asks(STARTED)
            .types("push")
            .rang(3);
        told(world, 1)
            .answers("id-RADIUS", "push")
            .replies(success(USER))
            .is_granted(&[Up, Radius]);
    }
}

/// The code of a text message that came by itself is not the one of the next, either.
#[test]
fn a_code_is_not_sent_again_with_a_start_that_sends_another_one() {
    let offer = |answer: &str| with(mechanism("SMS"), json!({"AnswerType": answer}));
    free()
        .starts(package_of(vec![vec![mechanism("UP")], vec![offer("Text")]]))
        .asks("Code from the text message.\nVerification code: ")
        .types("246810")
        .answers("id-UP", PASSWORD)
        .replies(package_of(vec![vec![offer("StartTextOob")]]))
        .rang(1)
        .starts_oob("id-SMS")
        .replies(summary("OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("135791")
        .answers("id-SMS", "135791")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn every_mechanism_is_known_to_ring_or_not() {
    let known: Vec<_> = RINGING.iter().map(|(name, ..)| *name).collect();
    let silent = [Mechanism::Up, Mechanism::Sq, Mechanism::Oath];
    for mechanism in Mechanism::ALL {
        assert!(known.contains(&mechanism.name()) || silent.contains(&mechanism));
    }
}
