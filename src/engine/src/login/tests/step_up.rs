//! What a step-up asks of the user, and what is enough: something was shown before it, so a
//! possession has to be.
#![forbid(unsafe_code)]

use serde_json::json;

use super::package::{about, package, success, summary, with_result};
use super::world::{PASSWORD, USER, World, start, terms};
use crate::login::{Machine, Start};
use crate::policy::Mechanism::{Email, Oath, Otp, Sq, Up};
use crate::policy::{ClientAuth, Flow, OAuthClient, OnDemand};
use crate::refusal::Reason;
use crate::secret::Secret;

/// The machine's credentials.
pub const BASIC: &str = "Basic c3ZjQGV4YW1wbGUuY29tOnMzY3JldA==";
/// The token that it gets for them.
pub const BEARER: &str = "Bearer new";
/// The question for an authenticator's code.
pub const CODE_PROMPT: &str = "Code from an authenticator.\nVerification code: ";
const PASSWORD_PROMPT: &str = "Password of alice@example.com: ";

/// A step-up of a machine that has no token yet, for a user whose password the stack has not.
pub fn stepping_up(change: impl FnOnce(&mut OnDemand)) -> Start {
    let mut policy = OnDemand {
        client: OAuthClient {
            app: "mfa".into(),
            id: "svc@example.com".into(),
            secret_file: "/none".into(),
            scope: "GenericMFA".into(),
            auth: ClientAuth::Basic,
        },
        policy: "sudo".into(),
    };
    change(&mut policy);
    let mut terms = terms();
    terms.flow = Flow::OnDemand(policy);
    Start {
        password: None,
        machine: Some(Machine { secret: Secret::new("s3cret"), token: None }),
        ..start(terms)
    }
}

impl World {
    /// Expects the request for the challenges.
    #[track_caller]
    pub fn demands(self) -> Self {
        let body = format!(r#"{{"User":"{USER}","arguments":null,"PolicyModifier":"sudo"}}"#);
        self.sends("/Security/OnDemandChallenge", &body)
    }
}

/// A step-up with a kept token, that has got this package.
fn offered(change: impl FnOnce(&mut Start), challenges: &[&str]) -> World {
    let mut start = stepping_up(|_| ());
    start.machine =
        Some(Machine { secret: Secret::new("s3cret"), token: Some(Secret::new("new")) });
    change(&mut start);
    World::begun(start).speaking_as(BEARER).demands().replies(package(challenges))
}

fn one_factor(start: &mut Start) {
    start.terms.login.minimum_factors = 1;
}

/// The code of this mechanism is typed, and taken.
fn met_by_code(world: World, mechanism: &str) -> World {
    world
        .types("123456")
        .starts_oob(&format!("id-{mechanism}"))
        .replies(summary("OobPending"))
        .answers(&format!("id-{mechanism}"), "123456")
        .replies(success(USER))
}

#[test]
fn a_possession_is_the_second_factor_behind_what_came_before() {
    met_by_code(offered(|_| (), &["OATH"]).asks(CODE_PROMPT), "OATH").is_granted(&[Oath]);
}

#[test]
fn something_known_is_no_second_factor_and_neither_is_a_mail() {
    for (name, detail) in [("SQ", "SQ"), ("EMAIL", "EMAIL")] {
        offered(|_| (), &[name]).cleans_up().is_refused(Reason::TooFewFactors, detail);
    }
}

#[test]
fn a_policy_with_several_mechanisms_shows_those_that_are_enough() {
    offered(|_| (), &["SQ OATH EMAIL"])
        .asks(CODE_PROMPT)
        .logged(&[
            "offered: SQ,OATH,EMAIL",
            "left out: SQ (too few factors)",
            "left out: EMAIL (too few factors)",
        ])
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn where_one_factor_is_enough_anything_that_counts_is() {
    offered(one_factor, &["SQ"])
        .asks_hidden("Security question: ")
        .types("Rex")
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .is_granted(&[Sq]);
    let mail = |start: &mut Start| {
        one_factor(start);
        start.terms.login.email_counts = true;
    };
    let asked = offered(mail, &["EMAIL"])
        .asks("Press Enter for a mail: ")
        .presses_enter()
        .starts_oob("id-EMAIL")
        .replies(summary("OobPending"));
    asked
        .asks(
            "Mail sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("123456")
        .answers("id-EMAIL", "123456")
        .replies(success(USER))
        .is_granted(&[Email]);
}

#[test]
fn mail_proves_nothing_in_a_step_up_either() {
    offered(one_factor, &["EMAIL"]).cleans_up().is_refused(Reason::TooFewFactors, "EMAIL");
}

#[test]
fn a_success_before_the_possession_is_met_is_not_enough() {
    offered(|_| (), &["SQ", "OATH"])
        .asks_hidden("Security question: ")
        .types("Rex")
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .is_refused(Reason::TooFewFactors, "met: SQ");
}

#[test]
fn two_known_things_are_not_a_possession() {
    offered(|start| start.password = Some(Secret::new(PASSWORD)), &["UP", "SQ"])
        .cleans_up()
        .is_refused(Reason::TooFewFactors, "UP | SQ");
}

#[test]
fn a_policy_that_asks_for_the_password_gets_the_one_of_the_stack() {
    offered(
        |start| start.password = Some(Secret::new(PASSWORD)),
        &["UP", "OTP"],
    )
    .asks("Press Enter for a push to approve on your phone, or type its code.\nVerification code: ")
    .presses_enter()
    .answers_up_and_starts("id-OTP")
    .replies(about("id-OTP", "OobPending"))
    .tells(
        "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.",
    )
    .polls("id-OTP")
    .replies(success(USER))
    .rang(1)
    .is_granted(&[Up, Otp]);
}

#[test]
fn a_password_that_the_stack_has_not_is_asked_for_once_hidden_and_sent_whole() {
    offered(|_| (), &["UP", "OATH"])
        .asks_hidden(PASSWORD_PROMPT)
        .types("  two  spaces ")
        .asks(CODE_PROMPT)
        .types("123456")
        .advances(concat!(
            r#""MultipleOperations":[{"MechanismId":"id-UP","Action":"Answer","Answer":"  two  spaces "},"#,
            r#"{"MechanismId":"id-OATH","Action":"StartOOB"}]"#
        ))
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn an_empty_password_is_asked_for_again_until_it_is_enough() {
    offered(|_| (), &["UP", "OATH"])
        .asks_hidden(PASSWORD_PROMPT)
        .presses_enter()
        .asks_hidden(&format!("Nothing was typed.\n{PASSWORD_PROMPT}"))
        .types_useless("   ")
        .asks_hidden(&format!("Nothing was typed.\n{PASSWORD_PROMPT}"))
        .types_what_is_no_text()
        .cleans_up()
        .is_refused(Reason::Tries, "");
}

#[test]
fn the_password_that_was_asked_for_does_not_answer_another_question() {
    offered(|_| (), &["UP", "OATH"])
        .asks_hidden(PASSWORD_PROMPT)
        .types(PASSWORD)
        .asks(CODE_PROMPT)
        .types(PASSWORD)
        .cleans_up()
        .is_refused_like(Reason::Blind, "the password was given");
}

#[test]
fn a_policy_that_asks_for_the_password_again_gets_it_without_another_question() {
    let again =
        with_result(package(&["UP", "OATH"]), json!({"SessionId": super::package::SESSION}));
    offered(|_| (), &["UP"])
        .asks_hidden(PASSWORD_PROMPT)
        .types(PASSWORD)
        .answers("id-UP", PASSWORD)
        .replies(again)
        .asks(CODE_PROMPT)
        .types("123456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Up, Oath]);
}

#[test]
fn a_code_of_a_push_meets_a_step_up_and_rings_once() {
    let prompt =
        "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
    met_by_code(offered(|_| (), &["OTP"]).asks(prompt), "OTP").rang(1).is_granted(&[Otp]);
}
