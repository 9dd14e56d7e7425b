//! Each mechanism, in each way in which it may be offered.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::package::{about, mechanism, package, package_of, success, summary, with};
use super::world::{PASSWORD, USER, World};
use crate::policy::Mechanism::{Email, Oath, Otp, Pf, Radius, Sms, Sq, Up};
use crate::refusal::Reason;
use crate::tenant::http::Patience;
use crate::words;

const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";

/// The password, then this mechanism.
fn then(mechanism: Value) -> World {
    World::offered(package_of(vec![vec![super::package::mechanism("UP")], vec![mechanism]]))
}

/// A mechanism that is offered with another `AnswerType`.
fn answered_by(name: &str, answer: &str) -> Value {
    with(mechanism(name), json!({"AnswerType": answer}))
}

/// Terms on which a security question or a mail is enough.
fn lenient(mechanism: Value) -> World {
    World::on(|terms| {
        terms.login.minimum_factors = 1;
    })
    .starts(package_of(vec![vec![super::package::mechanism("UP")], vec![mechanism]]))
}

#[test]
fn one_security_question_is_asked_hidden_and_answered_by_a_text() {
    let question = json!({"Question": "First pet?", "PromptMechChosen": "Answer security question 'First pet?':"});
    lenient(with(mechanism("SQ"), question))
        .asks_hidden("Security question (\"First pet?\"): ")
        .types(" Rex the Great ")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex the Great")
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}

#[test]
fn a_security_question_in_its_prompt_alone_is_asked_in_those_words() {
    lenient(with(mechanism("SQ"), json!({"PromptMechChosen": "Pet?"})))
        .asks_hidden("Security question (\"Pet?\"): ")
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_security_question_without_a_text_is_asked_all_the_same() {
    lenient(mechanism("SQ"))
        .asks_hidden("Security question: ")
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

fn questions(texts: &[(&str, &str)]) -> Value {
    let parts: Vec<_> =
        texts.iter().map(|(uuid, text)| json!({"Uuid": uuid, "QuestionText": text})).collect();
    json!({"Question": "unused", "MultipartMechanism": {"MechanismParts": parts}})
}

#[test]
fn several_security_questions_are_asked_in_turn_and_answered_together() {
    let questions = questions(&[("id1", "Pet"), ("id2", "Town"), ("id3", "Car")]);
    lenient(with(mechanism("SQ"), questions))
        .asks_hidden("Security question (\"Pet\"): ")
        .types("Rex")
        .asks_hidden("Security question (\"Town\"): ")
        .presses_enter()
        .asks_hidden("Nothing was typed.\nSecurity question (\"Town\"): ")
        .types("Rome")
        .asks_hidden("Security question (\"Car\"): ")
        .types("\"")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .advances(
            r#""MechanismId":"id-SQ","Action":"Answer","Answer":{"id1":"Rex","id2":"Rome","id3":"\""}"#,
        )
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}

#[test]
fn the_only_part_of_a_security_question_is_answered_by_a_text() {
    lenient(with(mechanism("SQ"), questions(&[("id1", "Pet")])))
        .asks_hidden("Security question (\"Pet\"): ")
        .types("Rex")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}

#[test]
fn a_mail_can_be_confirmed_by_its_link() {
    World::on(|terms| terms.login.email_counts = true)
        .starts(package(&["UP", "EMAIL"]))
        .asks("Press Enter for a mail: ")
        .presses_enter()
        .answers_up_and_starts("id-EMAIL")
        .replies(about("id-EMAIL", "OobPending"))
        .asks(
            "Mail sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\n\
             Verification code: ",
        )
        .presses_enter()
        .polls("id-EMAIL")
        .replies(success(USER))
        .is_granted(&[Up, Email]);
}

#[test]
fn a_phone_call_is_awaited() {
    then(mechanism("PF"))
        .asks("Press Enter for a phone call, then confirm it there: ")
        .presses_enter()
        .answers_up_and_starts("id-PF")
        .replies(about("id-PF", "OobPending"))
        .tells("Calling your phone; Ctrl-C stops. No call? Start again and check the password.")
        .polls("id-PF")
        .replies(success(USER))
        .is_granted(&[Up, Pf]);
}

#[test]
fn a_phone_call_with_a_code_takes_either() {
    then(answered_by("PF", "StartTextOob"))
        .asks("Press Enter for a phone call: ")
        .presses_enter()
        .answers_up_and_starts("id-PF")
        .replies(about("id-PF", "OobPending"))
        .asks(
            "Calling your phone. Type the code that you hear, or press Enter once you have confirmed.\n\
             Nothing arrives? Start again and check the password.\n\
             Verification code: ",
        )
        .types("4711")
        .answers("id-PF", "4711")
        .replies(success(USER))
        .is_granted(&[Up, Pf]);
}

#[test]
fn a_radius_code_is_a_text() {
    then(with(mechanism("RADIUS"), json!({"PromptMechChosen": "Enter passcode"})))
        .asks("RADIUS code (\"Enter passcode\").\nVerification code: ")
        .types("12 34 56")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn a_word_to_a_radius_server_starts_a_push() {
    then(mechanism("RADIUS"))
        .asks("RADIUS code.\nVerification code: ")
        .types("push")
        .answers("id-UP", PASSWORD)
        .with_patience(Patience::Request)
        .replies(summary("StartNextChallenge"))
        .tells(PUSH)
        .answers("id-RADIUS", "push")
        .with_patience(Patience::Person)
        .replies(summary("OobPending"))
        .polls("id-RADIUS")
        .with_patience(Patience::Request)
        .replies(summary("OobPending"))
        .waits(2)
        .polls("id-RADIUS")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn a_radius_server_may_hold_its_answer_until_the_user_has_approved() {
    for word in ["push", "Push2", "phone", "1"] {
        then(mechanism("RADIUS"))
            .asks("RADIUS code.\nVerification code: ")
            .types(word)
            .answers("id-UP", PASSWORD)
            .replies(summary("StartNextChallenge"))
            .tells(PUSH)
            .answers("id-RADIUS", word)
            .with_patience(Patience::Person)
            .replies(success(USER))
            .is_granted(&[Up, Radius]);
    }
    // Some ask for an approval by themselves, whatever was typed.
    then(mechanism("RADIUS"))
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "123456")
        .with_patience(Patience::Person)
        .replies(success("mallory@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
}

#[test]
fn a_radius_passphrase_need_not_look_like_a_code() {
    then(mechanism("RADIUS"))
        .asks("RADIUS code.\nVerification code: ")
        .types("grüne Äpfel")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-RADIUS", "grüne Äpfel")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn a_radius_server_that_is_started_takes_code_and_approval() {
    then(answered_by("RADIUS", "StartTextOob"))
        .asks("Press Enter to begin with RADIUS, or type its code.\nVerification code: ")
        .presses_enter()
        .answers_up_and_starts("id-RADIUS")
        .replies(about("id-RADIUS", "OobPending"))
        .asks("RADIUS: type its code, or approve it and press Enter.\nVerification code: ")
        .presses_enter()
        .polls("id-RADIUS")
        .replies(success(USER))
        .is_granted(&[Up, Radius]);
}

#[test]
fn an_authenticator_has_no_approval_so_enter_is_no_answer() {
    then(mechanism("OATH"))
        .asks("Code from an authenticator.\nVerification code: ")
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, "Code from an authenticator.\nVerification code: ")
        .types("   ")
        .asks_again(words::NOTHING_TYPED, "Code from an authenticator.\nVerification code: ")
        .types("987654")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "987654")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn an_authenticator_that_was_chosen_without_a_code_is_asked_for_one() {
    World::offered(package(&["UP", "OATH PF"]))
        .asks(
            "1. code from an authenticator\n2. phone call\n\
             Choose 1-2 (Enter: 1), or type the code for 1.\nChoice or Verification code: ",
        )
        .types("1")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .asks("Code from an authenticator.\nVerification code: ")
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, "Code from an authenticator.\nVerification code: ")
        .types("987654")
        .answers("id-OATH", "987654")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn a_push_without_a_code_says_nothing_of_one() {
    then(answered_by("OTP", "StartOob"))
        .asks("Press Enter for a push to approve on your phone: ")
        .types("123456")
        .asks_again(words::JUST_ENTER, "Press Enter for a push to approve on your phone: ")
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn what_is_no_number_makes_no_phone_ring_and_is_not_sent() {
    const BEGIN: &str =
        "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
    then(mechanism("OTP"))
        .asks(BEGIN)
        .types("yes")
        .asks_again(words::NO_CODE, BEGIN)
        .types("1")
        .asks_again(words::NO_CODE, BEGIN)
        .types("another pass 9")
        .cleans_up()
        .is_refused(Reason::Tries, "");
}

#[test]
fn the_code_of_the_app_can_be_typed_instead_of_a_push() {
    then(mechanism("OTP"))
        .asks("Press Enter for a push to approve on your phone, or type its code.\nVerification code: ")
        .types("123 456")
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .answers("id-OTP", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_mechanism_that_is_offered_as_a_text_is_asked_for_at_once_and_never_started() {
    let prompts = [
        ("SMS", Sms, "Code from the text message"),
        ("OTP", Otp, "Code from the app on your phone"),
        ("OATH", Oath, "Code from an authenticator"),
        ("PF", Pf, "Code from the phone call"),
        ("EMAIL", Email, "Code from the mail"),
    ];
    for (name, met, prompt) in prompts {
        World::on(|terms| terms.login.email_counts = true)
            .starts(package_of(vec![vec![mechanism("UP")], vec![answered_by(name, "Text")]]))
            .asks(&format!("{prompt}.\nVerification code: "))
            .types("11 22 33")
            .answers("id-UP", PASSWORD)
            .replies(summary("StartNextChallenge"))
            .answers(&format!("id-{name}"), "112233")
            .replies(success(USER))
            .is_granted(&[Up, met]);
    }
}

#[test]
fn a_link_without_a_code_is_awaited_in_words_that_name_it() {
    let waiting = |where_: &str| {
        format!(
            "Waiting until you follow the link in the {where_}; Ctrl-C stops. Nothing arrives? Start again and check the password."
        )
    };
    for (name, met, where_) in [("SMS", Sms, "text message"), ("EMAIL", Email, "mail")] {
        World::on(|terms| terms.login.email_counts = true)
            .starts(package_of(vec![vec![mechanism("UP")], vec![answered_by(name, "StartOob")]]))
            .asks(&format!("Press Enter for a {where_}, then follow its link: "))
            .presses_enter()
            .answers_up_and_starts(&format!("id-{name}"))
            .replies(about(&format!("id-{name}"), "OobPending"))
            .tells(&waiting(where_))
            .polls(&format!("id-{name}"))
            .replies(success(USER))
            .is_granted(&[Up, met]);
    }
}

#[test]
fn the_tenants_labels_are_shown_in_quotes_and_made_harmless() {
    let evil = "phone\u{1b}[2J\")\nPassword for root: \u{202e}";
    then(with(mechanism("SMS"), json!({"PromptSelectMech": evil})))
        .asks("Press Enter for a text message (\"phone [2J') Password for root:\"): ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(
            "Text message sent (\"phone [2J') Password for root:\"). Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("1234")
        .answers("id-SMS", "1234")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn codes_are_hidden_where_the_administrator_wants_that() {
    World::on(|terms| terms.login.echo_codes = false)
        .starts(package(&["UP", "OATH"]))
        .asks_hidden("Code from an authenticator.\nVerification code: ")
        .types("987654")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "987654")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn a_code_is_printable_and_of_bounded_length_or_it_is_asked_for_again() {
    let ask = "Text message sent. Type its code, or follow its link and press Enter.\n\
               Nothing arrives? Start again and check the password.\nVerification code: ";
    let longest = "7".repeat(64);
    World::on(|terms| terms.login.attempts = 5)
        .starts(package(&["UP", "SMS"]))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(ask)
        .types("１２３４５６")
        .asks_again(words::NO_CODE, ask)
        .types("123\u{7}456")
        .asks_again(words::NO_CODE, ask)
        .types(&"7".repeat(65))
        .asks_again(words::NO_CODE, ask)
        .types_what_is_no_text()
        .asks_again(words::UNFIT, ask)
        .types(&longest)
        .answers("id-SMS", &longest)
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn a_code_that_is_no_number_keeps_its_gaps() {
    then(mechanism("SMS"))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types(" ab 12 ")
        .answers("id-SMS", "ab 12")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}
