//! The menu: what is in it, in which order, and what may be typed there.
#![forbid(unsafe_code)]

use serde_json::json;

use super::package::{about, mechanism, package, package_of, success, summary, with};
use super::world::{PASSWORD, USER, World};
use crate::policy::Labels;
use crate::policy::Mechanism::{Oath, Otp, Pf, Radius, Sms, Sq, Up};
use crate::refusal::Reason;

const THREE: &str = "1. push to approve on your phone\n2. code from an authenticator\n3. text message\n\
                     Choose 1-3 (Enter: 1), or type the code for 2.\nChoice or Verification code: ";
const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";

#[test]
fn the_preferred_mechanism_comes_first_and_is_what_enter_takes() {
    World::offered(package(&["UP", "SMS OATH OTP"]))
        .asks(THREE)
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn an_administrator_can_prefer_another_order_and_what_is_not_listed_comes_last() {
    World::on(|terms| terms.login.preferred = vec![Pf, Sms])
        .starts(package(&["UP", "OTP OATH SMS PF"]))
        .asks(
            "1. phone call\n2. text message\n3. push to approve on your phone\n4. code from an authenticator\n\
             Choose 1-4 (Enter: 1), or type the code for 4.\nChoice or Verification code: ",
        )
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_number_chooses() {
    World::offered(package(&["UP", "SMS OATH OTP"]))
        .asks(THREE)
        .types(" 3 ")
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
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
fn a_code_at_the_menu_goes_to_the_authenticator() {
    World::offered(package(&["UP", "SMS OATH OTP"]))
        .asks(THREE)
        .types("123 456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn four_digits_are_a_code_and_three_are_a_choice() {
    World::offered(package(&["UP", "SMS OATH OTP"]))
        .asks(THREE)
        .types("003")
        .answers_up_and_starts("id-SMS")
        .replies(summary("StartNextChallenge"))
        .starts_oob("id-SMS")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
    World::offered(package(&["UP", "SMS OATH OTP"]))
        .asks(THREE)
        .types("0003")
        .answers_up_and_starts("id-OATH")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
}

#[test]
fn a_code_at_the_menu_goes_to_radius_or_the_app_where_there_is_no_authenticator() {
    World::offered(package(&["UP", "OTP RADIUS SMS"]))
        .asks(
            "1. push to approve on your phone\n2. text message\n3. RADIUS code\n\
             Choose 1-3 (Enter: 1), or type the code for 3.\nChoice or Verification code: ",
        )
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
    World::offered(package(&["UP", "OTP SMS"]))
        .asks(
            "1. push to approve on your phone\n2. text message\n\
             Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
        )
        .types("123456")
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn where_nothing_has_a_code_yet_the_menu_asks_for_none() {
    World::on(|terms| terms.login.attempts = 2)
        .starts(package(&["UP", "SMS PF"]))
        .asks("1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .types("123456")
        .asks("That is not in the list.\n1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .types("1234")
        .cleans_up()
        .is_refused(Reason::Tries, "");
}

#[test]
fn what_is_no_choice_is_asked_again_and_three_times_is_enough() {
    for useless in [
        "0",
        "-1",
        "+1",
        "99",
        "4",
        "1e3",
        "１",
        "1; rm",
        "1.",
        "a",
        "\u{661}",
        &"9".repeat(65),
        &"x".repeat(511),
    ] {
        World::offered(package(&["UP", "SMS PF OTP"]))
            .asks(
                "1. push to approve on your phone\n2. text message\n3. phone call\n\
                 Choose 1-3 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
            )
            .types_useless(useless)
            .types_what_is_no_text()
            .types_useless(useless)
            .cleans_up()
            .is_refused(Reason::Tries, "");
    }
}

#[test]
fn useless_answers_count_for_the_whole_login() {
    World::on(|terms| terms.login.attempts = 3)
        .starts(package(&["UP", "SMS PF"]))
        .asks("1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .types("7")
        .asks("7 is not in the list.\n1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .types("8")
        .asks("8 is not in the list.\n1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .types("1")
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("ä")
        .asks_a_last_time("id-SMS")
        .is_refused(Reason::Tries, "");
}

#[test]
fn what_can_not_work_is_left_out_and_the_log_says_why() {
    let dead = [
        with(mechanism("SMS"), json!({"Enrolled": false})),
        with(mechanism("EMAIL"), json!({"AnswerType": null})),
        with(mechanism("PF"), json!({"MechanismId": ""})),
        with(mechanism("OATH"), json!({"AnswerType": "StartOob"})),
        with(mechanism("SQ"), json!({"AnswerType": "StartTextOob"})),
        json!({"Name": "Tele\npathy", "MechanismId": "x"}),
    ];
    let browser = ["U2F", "PASSKEY", "U2FONDEVICE", "DUO", "QR", "RESET"];
    let mechanisms = browser.into_iter().map(mechanism).chain(dead);
    let mechanisms = mechanisms.chain([mechanism("OTP"), mechanism("RADIUS")]);
    World::offered(package_of(vec![vec![mechanism("UP")], mechanisms.collect()]))
        .asks(
            "1. push to approve on your phone\n2. RADIUS code\n\
             Choose 1-2 (Enter: 1), or type the code for 2.\nChoice or Verification code: ",
        )
        .logged(&[
            "offered: UP | U2F,PASSKEY,U2FONDEVICE,DUO,QR,RESET,SMS,EMAIL,PF,OATH,SQ,Tele pathy,OTP,RADIUS",
            "left out: U2F (it can't work in a terminal)",
            "left out: PASSKEY (it can't work in a terminal)",
            "left out: U2FONDEVICE (it can't work in a terminal)",
            "left out: DUO (it can't work in a terminal)",
            "left out: QR (it can't work in a terminal)",
            "left out: RESET (a new password can't be set here)",
            "left out: SMS (the user is not enrolled)",
            "left out: EMAIL (it is offered in a way that can't be answered)",
            "left out: PF (it is offered in a way that can't be answered)",
            "left out: OATH (it is offered in a way that can't be answered)",
            "left out: SQ (it is offered in a way that can't be answered)",
            "left out: Tele pathy (it can't work in a terminal)",
        ])
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_mechanism_that_can_not_be_read_is_left_out_and_the_others_are_offered() {
    let garbled = [
        with(mechanism("SMS"), json!({"Enrolled": "true"})),
        with(mechanism("EMAIL"), json!({"MechanismId": 7})),
        json!({"Name": null, "MechanismId": "x", "AnswerType": "Text"}),
        json!({"MechanismId": "x"}),
        json!("OATH"),
    ];
    let mechanisms = garbled.into_iter().chain([mechanism("PF")]).collect();
    World::offered(package_of(vec![vec![mechanism("UP")], mechanisms]))
        .asks("Press Enter for a phone call, then confirm it there: ")
        .logged(&[
            "offered: UP | SMS,EMAIL,a mechanism,a mechanism,a mechanism,PF",
            "left out: SMS,EMAIL,a mechanism,a mechanism,a mechanism (the tenant's description of it can't be read)",
        ])
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn where_no_mechanism_of_a_challenge_can_be_read_the_password_is_not_sent() {
    let garbled = with(mechanism("OTP"), json!({"Enrolled": 1}));
    World::offered(package_of(vec![vec![mechanism("UP")], vec![garbled]]))
        .cleans_up()
        .is_refused(Reason::NothingUsable, "UP | OTP");
}

#[test]
fn a_login_that_offers_nothing_usable_ends_before_the_password_is_sent() {
    World::offered(package(&["UP", "U2F QR"]))
        .cleans_up()
        .logged(&[
            "offered: UP | U2F,QR",
            "left out: U2F (it can't work in a terminal)",
            "left out: QR (it can't work in a terminal)",
        ])
        .is_refused(Reason::NothingUsable, "UP | U2F,QR");
}

#[test]
fn a_forced_password_change_ends_the_login_and_says_so() {
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["RESET", "OTP"]))
        .cleans_up()
        .is_refused(Reason::PasswordChange, "RESET | OTP");
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(summary("NoncommitalSuccess"))
        .cleans_up()
        .is_refused(Reason::PasswordChange, "");
}

#[test]
fn the_password_is_taken_where_it_is_one_of_several_and_nothing_is_sent_to_a_phone() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["OTP SMS UP SQ"]))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_granted(&[Up]);
}

#[test]
fn the_password_is_not_given_twice_where_something_else_is_asked_for_too() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP", "UP SQ"]))
        .asks_hidden("Security question: ")
        .types("Rex")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}

#[test]
fn a_push_may_come_first_where_the_administrator_says_so() {
    World::on(|terms| terms.login.push_first = true)
        .starts(package(&["UP", "SMS OTP"]))
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn push_first_asks_all_the_same_where_a_typed_answer_is_preferred() {
    World::on(|terms| {
        terms.login.push_first = true;
        terms.login.preferred = vec![Radius];
    })
    .starts(package(&["UP", "OTP RADIUS"]))
    .asks(
        "1. RADIUS code\n2. push to approve on your phone\n\
         Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
    )
    .is_abandoned(Reason::Interrupted)
    .cleans_up()
    .is_refused(Reason::Interrupted, "");
}

#[test]
fn two_phones_are_two_choices_told_apart_by_their_labels() {
    let phone = |id: &str, label: &str| {
        with(mechanism("SMS"), json!({"MechanismId": id, "PromptSelectMech": label}))
    };
    let phones = vec![phone("p1", "SMS... 11"), phone("p2", "SMS... 22")];
    World::offered(package_of(vec![vec![mechanism("UP")], phones]))
        .asks(
            "1. text message (\"SMS... 11\")\n2. text message (\"SMS... 22\")\nChoose 1-2 (Enter: 1): ",
        )
        .types("2")
        .answers_up_and_starts("p2")
        .replies(about("p2", "OobPending"))
        .asks(
            "Text message sent (\"SMS... 22\"). Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("2468")
        .answers("p2", "2468")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn a_menu_has_eight_lines_at_most_and_still_fits_into_a_prompt() {
    let phone = |n: usize| {
        with(
            mechanism("SMS"),
            json!({"MechanismId": format!("p{n}"), "PromptSelectMech": "\u{1d54f}".repeat(500)}),
        )
    };
    let world =
        World::offered(package_of(vec![vec![mechanism("UP")], (0..32).map(phone).collect()]));
    let line = |n: usize| format!("{n}. text message (\"\u{1d54f}\u{1d54f}\u{1d54f}...\")\n");
    let lines: String = (1..=8).map(line).collect();
    world
        .asks(&format!("{lines}Choose 1-8 (Enter: 1): "))
        .types("9")
        .asks(&format!("9 is not in the list.\n{lines}Choose 1-8 (Enter: 1): "))
        .types("8")
        .answers_up_and_starts("p7")
        .is_abandoned(Reason::Deadline)
        .cleans_up()
        .is_refused(Reason::Deadline, "");
}

#[test]
fn the_first_challenge_may_be_the_one_that_asks() {
    World::offered(package(&["OTP", "UP"]))
        .asks("Press Enter for a push to approve on your phone, or type its code.\nVerification code: ")
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(summary("OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(summary("StartNextChallenge"))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_granted(&[Otp, Up]);
}

/// Two phones and a mailbox, under the tenant's own names.
fn labelled() -> serde_json::Value {
    let named = |name: &str, id: &str, label: &str| {
        let prompt = format!("Sent to {label}");
        let members =
            json!({"MechanismId": id, "PromptSelectMech": label, "PromptMechChosen": prompt});
        with(mechanism(name), members)
    };
    package_of(vec![
        vec![mechanism("UP")],
        vec![
            named("SMS", "p1", "XXX-1234"),
            named("SMS", "p2", "XXX-5678"),
            named("RADIUS", "r", "Token of alice"),
        ],
    ])
}

#[test]
fn a_stranger_reads_no_labels_where_the_administrator_says_so() {
    World::on(|terms| terms.login.labels = Labels::Known)
        .starts(labelled())
        .asks(
            "1. text message (\"no. 1\")\n2. text message (\"no. 2\")\n3. RADIUS code\n\
             Choose 1-3 (Enter: 1), or type the code for 3.\nChoice or Verification code: ",
        )
        .types("2")
        .answers_up_and_starts("p2")
        .replies(about("p2", "OobPending"))
        .asks(
            "Text message sent (\"no. 2\"). Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .is_abandoned(Reason::Interrupted)
        .asks_a_last_time("p2")
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_person_with_a_key_or_at_a_terminal_reads_the_labels() {
    let menu = "1. text message (\"XXX-1234\")\n2. text message (\"XXX-5678\")\n\
                3. RADIUS code (\"Token of alice\")\n\
                Choose 1-3 (Enter: 1), or type the code for 3.\nChoice or Verification code: ";
    for (stranger, labels) in [(false, Labels::Known), (true, Labels::Always)] {
        World::on(|terms| {
            terms.stranger = stranger;
            terms.login.labels = labels;
        })
        .starts(labelled())
        .asks(menu)
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
    }
}
