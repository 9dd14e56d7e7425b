//! Several operations in one request, and which of them a reply is about.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::package::{
    about, failed, mechanism, package, package_of, success, summary, with, with_result,
};
use super::world::{PASSWORD, USER, World};
use crate::policy::Batch;
use crate::policy::Mechanism::{Oath, Otp, Radius, Sq, Up};
use crate::refusal::Reason;

const BEGIN: &str =
    "Press Enter for a push to approve on your phone, or type its code.\nVerification code: ";
const PUSH: &str = "Waiting for your approval on the phone; Ctrl-C stops. Nothing arrives? Start again and check the password.";
const OATH: &str = "Code from an authenticator.\nVerification code: ";

fn on(batch: Batch, challenges: &[&str]) -> World {
    World::on(|terms| terms.tenant.multiple_operations = batch).starts(package(challenges))
}

fn success_about(mechanism: &str) -> Value {
    with_result(success(USER), json!({"ResultAppliesTo": mechanism}))
}

/// Password and push are out.
fn pushed() -> World {
    on(Batch::Start, &["UP", "OTP"]).asks(BEGIN).presses_enter().answers_up_and_starts("id-OTP")
}

/// Password, start and code are out.
fn coded() -> World {
    on(Batch::Code, &["UP", "OATH"])
        .asks(OATH)
        .types("123456")
        .answers_up_and_starts_with("id-OATH", "123456")
}

#[test]
fn without_batches_each_operation_goes_alone() {
    on(Batch::Off, &["UP", "OATH"])
        .asks(OATH)
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
}

#[test]
fn password_start_and_code_travel_together_where_that_is_allowed() {
    coded().replies(success_about("id-OATH")).is_granted(&[Up, Oath]);
}

#[test]
fn a_typed_answer_travels_with_the_password_where_that_is_allowed() {
    on(Batch::Code, &["UP", "RADIUS"])
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .advances(concat!(
            r#""MultipleOperations":[{"MechanismId":"id-UP","Action":"Answer","Answer":"correct horse"},"#,
            r#"{"MechanismId":"id-RADIUS","Action":"Answer","Answer":"123456"}]"#
        ))
        .replies(success_about("id-RADIUS"))
        .is_granted(&[Up, Radius]);
}

#[test]
fn a_code_is_sent_again_where_the_tenant_stopped_after_the_start() {
    coded()
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(success(USER))
        .is_granted(&[Up, Oath]);
    coded()
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(summary("OobPending"))
        .cleans_up()
        .is_refused(Reason::AnswerRefused, "Answer OATH");
}

#[test]
fn what_the_tenant_did_not_come_to_is_sent_again() {
    for reply in [
        about("id-UP", "StartNextChallenge"),
        // Without a name it can be about the first of them only: nothing was answered after it.
        summary("StartNextChallenge"),
    ] {
        pushed()
            .replies(reply.clone())
            .starts_oob("id-OTP")
            .replies(summary("OobPending"))
            .tells(PUSH)
            .polls("id-OTP")
            .replies(success(USER))
            .is_granted(&[Up, Otp]);
        coded()
            .replies(reply)
            .advances(concat!(
                r#""MultipleOperations":[{"MechanismId":"id-OATH","Action":"StartOOB"},"#,
                r#"{"MechanismId":"id-OATH","Action":"Answer","Answer":"123456"}]"#
            ))
            .replies(success_about("id-OATH"))
            .is_granted(&[Up, Oath]);
    }
}

#[test]
fn nobody_is_asked_again_for_what_the_tenant_did_not_come_to() {
    let parts = json!({"MechanismParts": [
        {"Uuid": "a", "QuestionText": "Pet"}, {"Uuid": "b", "QuestionText": "Town"}]});
    let questions = with(mechanism("SQ"), json!({"MultipartMechanism": parts}));
    let answers = r#""MechanismId":"id-SQ","Action":"Answer","Answer":{"a":"Rex","b":"Rome"}"#;
    World::on(|terms| {
        terms.tenant.multiple_operations = Batch::Code;
        terms.login.minimum_factors = 1;
    })
    .starts(package_of(vec![vec![mechanism("UP")], vec![questions]]))
    .asks_hidden("Security question (\"Pet\"): ")
    .types("Rex")
    .asks_hidden("Security question (\"Town\"): ")
    .types("Rome")
    .advances(&format!(
        r#""MultipleOperations":[{{"MechanismId":"id-UP","Action":"Answer","Answer":"{PASSWORD}"}},{{{answers}}}]"#
    ))
    .replies(about("id-UP", "StartNextChallenge"))
    .advances(answers)
    .replies(success(USER))
    .is_granted(&[Up, Sq]);
}

#[test]
fn a_success_after_the_first_of_several_operations_does_not_count_the_others() {
    for world in [pushed(), coded()] {
        world.replies(success_about("id-UP")).is_refused(Reason::TooFewFactors, "met: UP");
    }
}

#[test]
fn a_success_that_names_no_operation_counts_the_first_alone() {
    for world in [pushed(), coded()] {
        world.replies(success(USER)).is_refused(Reason::TooFewFactors, "met: UP");
    }
}

#[test]
fn a_started_mechanism_is_not_met_by_its_start() {
    pushed().replies(success_about("id-OTP")).is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn a_package_that_names_no_operation_counts_the_first_alone() {
    coded().replies(package(&["SQ"])).cleans_up().is_refused(Reason::TooFewFactors, "SQ");
}

#[test]
fn a_reply_about_a_mechanism_that_was_not_asked_for_is_not_ours() {
    let detail = "the reply is about a mechanism that was not asked for";
    for said in ["OobPending", "StartNextChallenge"] {
        pushed()
            .replies(about("id-SMS", said))
            .cleans_up()
            .is_refused(Reason::SessionMismatch, detail);
    }
    pushed()
        .replies(success_about("id-SMS"))
        .cleans_up()
        .is_refused(Reason::SessionMismatch, detail);
    pushed()
        .replies(about("id-OTP", "OobPending"))
        .tells(PUSH)
        .polls("id-OTP")
        .replies(about("id-UP", "OobPending"))
        .cleans_up()
        .is_refused(Reason::SessionMismatch, detail);
}

#[test]
fn a_password_is_nothing_to_wait_for() {
    pushed()
        .replies(about("id-UP", "OobPending"))
        .cleans_up()
        .is_refused(Reason::AnswerRefused, "Answer UP");
}

#[test]
fn the_reason_of_a_refused_batch_is_its_answer() {
    pushed()
        .replies(failed())
        .is_refused(Reason::AnswerRefused, "in one request: Answer UP, StartOOB OTP");
    coded()
        .replies(failed())
        .is_refused(Reason::AnswerRefused, "in one request: Answer UP, StartOOB OATH, Answer OATH");
}

#[test]
fn a_start_that_is_refused_alone_is_told_apart() {
    World::offered(package(&["OTP", "UP"]))
        .asks(BEGIN)
        .presses_enter()
        .starts_oob("id-OTP")
        .replies(failed())
        .is_refused(Reason::MechanismRefused, "StartOOB OTP");
}
