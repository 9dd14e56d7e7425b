//! The usual logins: one challenge, two challenges, a refusal.
#![forbid(unsafe_code)]

use super::package::{about, failed, package, success, summary};
use super::world::{PASSWORD, USER, World};
use crate::policy::Mechanism::{Oath, Otp, Sms, Up};
use crate::refusal::Reason;

const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";

#[test]
fn the_password_and_a_push_travel_together_after_the_users_last_key() {
    World::offered(package(&["UP", "OTP"]))
        .asks("Press Enter for a push to approve on your phone, or type its code.\nVerification code: ")
        .presses_enter()
        .answers_up_and_starts("id-OTP")
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(summary("OobPending"))
        .waits(2)
        .polls("id-OTP")
        .replies(success(USER))
        .is_granted(&[Up, Otp]);
}

#[test]
fn a_text_message_takes_its_code_after_it_was_sent() {
    World::offered(package(&["UP", "SMS"]))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\n\
             Verification code: ",
        )
        .types(" 123 456 ")
        .answers("id-SMS", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Sms]);
}

#[test]
fn a_code_that_is_typed_at_the_first_prompt_needs_no_second_one() {
    World::offered(package(&["UP", "OATH"]))
        .asks("Code from an authenticator.\nVerification code: ")
        .types("123456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn a_single_challenge_with_the_password_is_enough_where_one_factor_is() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_granted(&[Up]);
}

#[test]
fn a_wrong_password_or_code_is_refused_without_a_word_about_which() {
    World::offered(package(&["UP", "SMS"]))
        .asks("Press Enter for a text message: ")
        .presses_enter()
        .answers_up_and_starts("id-SMS")
        .replies(about("id-SMS", "OobPending"))
        .asks(
            "Text message sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\n\
             Verification code: ",
        )
        .types("000000")
        .answers("id-SMS", "000000")
        .replies(failed())
        .is_refused(Reason::AnswerRefused, "Answer SMS");
}
