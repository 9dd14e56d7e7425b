//! What it takes besides the tenant's word: enough factors, the right user, our session.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::package::{about, mechanism, ok, package, package_of, success, summary, with_result};
use super::world::{PASSWORD, USER, World, response};
use crate::policy::Mechanism::{Email, Oath, Sq, Up};
use crate::policy::Terms;
use crate::refusal::Reason;

/// Password and code are sent, and the tenant replies this to the code.
fn answered(reply: &Value) -> World {
    answered_with(|_| (), reply)
}

fn answered_with(change: impl FnOnce(&mut Terms), reply: &Value) -> World {
    World::on(change)
        .starts(package(&["UP", "OATH"]))
        .asks("Code from an authenticator.\nVerification code: ")
        .types("123456")
        .answers_up_and_starts("id-OATH")
        .replies(about("id-OATH", "OobPending"))
        .answers("id-OATH", "123456")
        .replies(reply.clone())
}

#[test]
fn the_password_alone_is_not_enough_where_two_factors_are_demanded() {
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn a_success_straight_after_the_password_skips_no_factor() {
    World::offered(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn a_success_straight_after_the_password_is_enough_where_one_factor_is() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP", "RADIUS"]))
        .asks("RADIUS code.\nVerification code: ")
        .types("123456")
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_granted(&[Up]);
}

#[test]
fn password_and_security_question_are_one_kind_of_factor() {
    World::offered(package(&["UP", "SQ"]))
        .cleans_up()
        .logged(&["offered: UP | SQ", "left out: SQ (too few factors)"])
        .is_refused(Reason::TooFewFactors, "UP | SQ");
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP", "SQ"]))
        .asks_hidden("Security question: ")
        .types("Rex")
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", "Rex")
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}

#[test]
fn mail_is_no_second_factor_unless_the_administrator_says_so() {
    World::offered(package(&["UP", "EMAIL"]))
        .cleans_up()
        .logged(&["offered: UP | EMAIL", "left out: EMAIL (too few factors)"])
        .is_refused(Reason::TooFewFactors, "UP | EMAIL");
    World::on(|terms| terms.login.email_counts = true)
        .starts(package(&["UP", "EMAIL"]))
        .asks("Press Enter for a mail: ")
        .presses_enter()
        .answers_up_and_starts("id-EMAIL")
        .replies(about("id-EMAIL", "OobPending"))
        .asks(
            "Mail sent. Type its code, or follow its link and press Enter.\n\
             Nothing arrives? Start again and check the password.\nVerification code: ",
        )
        .types("12345678")
        .answers("id-EMAIL", "12345678")
        .replies(success(USER))
        .is_granted(&[Up, Email]);
}

#[test]
fn mail_alone_is_no_factor_at_all() {
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["EMAIL"]))
        .cleans_up()
        .logged(&["offered: EMAIL", "left out: EMAIL (too few factors)"])
        .is_refused(Reason::TooFewFactors, "EMAIL");
    World::on(|terms| {
        terms.login.minimum_factors = 1;
        terms.login.email_counts = true;
    })
    .starts(package(&["EMAIL"]))
    .asks("Press Enter for a mail: ")
    .is_abandoned(Reason::Interrupted)
    .cleans_up()
    .is_refused(Reason::Interrupted, "");
}

#[test]
fn one_mechanism_twice_is_one_factor() {
    World::offered(package(&["OATH", "OATH"]))
        .asks("Code from an authenticator.\nVerification code: ")
        .types("123456")
        .starts_oob("id-OATH")
        .replies(summary("OobPending"))
        .answers("id-OATH", "123456")
        .replies(summary("StartNextChallenge"))
        .cleans_up()
        .is_refused(Reason::TooFewFactors, "OATH | OATH");
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success(USER))
        .is_refused(Reason::TooFewFactors, "met: UP,UP");
}

#[test]
fn a_minimum_of_nothing_is_a_minimum_of_one() {
    World::on(|terms| terms.login.minimum_factors = 0)
        .starts(package(&["EMAIL"]))
        .cleans_up()
        .is_refused(Reason::TooFewFactors, "EMAIL");
}

#[test]
fn what_would_not_be_enough_is_not_in_the_last_menu_and_the_log_says_so() {
    World::offered(package(&["UP", "EMAIL SQ SMS PF"]))
        .asks("1. text message\n2. phone call\nChoose 1-2 (Enter: 1): ")
        .logged(&[
            "offered: UP | EMAIL,SQ,SMS,PF",
            "left out: EMAIL (too few factors)",
            "left out: SQ (too few factors)",
        ])
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
    World::offered(package(&["UP", "EMAIL SQ SMS PF", "OATH"]))
        .asks("1. text message\n2. phone call\n3. mail\n4. security question\nChoose 1-4 (Enter: 1): ")
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_success_for_somebody_else_is_none() {
    for (user, shown) in [
        ("mallory@example.com", "mallory@example.com"),
        ("alice@example.com.evil.test", "alice@example.com.evil.test"),
        ("alice", "alice"),
        (" alice@example.com", "alice@example.com"),
        ("alice@example.com\u{0}", "alice@example.com"),
        ("\u{ff41}lice@example.com", "\u{ff41}lice@example.com"),
        ("", ""),
        ("root\n\u{1b}[2J", "root [2J"),
    ] {
        answered(&success(user))
            .is_refused(Reason::IdentityMismatch, &format!("the tenant let in \"{shown}\""));
    }
}

#[test]
fn a_success_for_nobody_is_none() {
    for changes in
        [json!({"User": null, "Token": null}), json!({"User": null, "Token": null, "user": USER})]
    {
        let nobody = with_result(success(USER), changes);
        answered(&nobody).is_refused(Reason::IdentityMismatch, "the tenant named no user");
    }
    let explicit = json!({"success": true, "Result": {"Summary": "LoginSuccess", "User": null}});
    answered(&explicit).is_refused(Reason::IdentityMismatch, "the tenant named no user");
}

/// The tenant has let in a user that it does not name, and has given a token.
fn nameless() -> World {
    answered(&with_result(success(USER), json!({"User": null})))
        .speaking_as("Bearer eyJ")
        .sends("/Security/Whoami", "{}")
}

fn who(user: &str, tenant: &str) -> Value {
    super::package::ok(json!({"User": user, "TenantId": tenant}))
}

#[test]
fn a_success_that_names_no_user_is_asked_whose_token_it_gave() {
    nameless().replies(who(USER, "ABC1234")).is_granted(&[Up, Oath]);
    nameless()
        .replies(who("mallory@example.com", "ABC1234"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
    nameless()
        .replies(who(USER, "XYZ9999"))
        .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
    nameless()
        .replies(super::package::failed())
        .is_refused(Reason::Misbehaved, "a token that is for no user");
    nameless()
        .replies_with(Err(super::world::cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
    nameless().is_abandoned(Reason::Deadline).is_refused(Reason::Deadline, "");
}

#[test]
fn a_token_of_the_right_user_is_no_factor() {
    World::offered(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(with_result(success(USER), json!({"User": null})))
        .speaking_as("Bearer eyJ")
        .sends("/Security/Whoami", "{}")
        .replies(who(USER, "ABC1234"))
        .is_refused(Reason::TooFewFactors, "met: UP");
}

#[test]
fn the_tenant_folds_the_case_of_a_name_and_so_do_we() {
    answered(&success("Alice@EXAMPLE.com")).is_granted(&[Up, Oath]);
}

#[test]
fn letters_beyond_ascii_are_the_same_or_they_are_not() {
    let named = |ours: &str| {
        let ours = ours.to_owned();
        World::on(move |terms| {
            terms.login.minimum_factors = 1;
            terms.tenant_user = ours;
        })
    };
    named("j\u{fc}rgen@example.com")
        .sends(
            "/Security/StartAuthentication",
            "{\"User\":\"j\u{fc}rgen@example.com\",\"Version\":\"1.0\"}",
        )
        .replies(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success("J\u{fc}RGEN@example.com"))
        .is_granted(&[Up]);
    named("\u{212a}@example.com")
        .sends(
            "/Security/StartAuthentication",
            "{\"User\":\"\u{212a}@example.com\",\"Version\":\"1.0\"}",
        )
        .replies(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies(success("k@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"k@example.com\"");
}

#[test]
fn a_success_needs_nothing_but_the_user() {
    let bare = ok(json!({"Summary": "LoginSuccess", "User": USER}));
    answered(&bare).is_granted(&[Up, Oath]);
}

#[test]
fn a_reply_from_another_session_or_tenant_is_not_ours() {
    let others = [
        (json!({"SessionId": "another"}), "the reply names another session"),
        (json!({"SessionId": ""}), "the reply names another session"),
        (json!({"TenantId": "XYZ9999"}), "the reply names another tenant id"),
        (json!({"TenantId": ""}), "the reply names another tenant id"),
    ];
    for (other, detail) in others {
        for reply in [
            success(USER),
            summary("StartNextChallenge"),
            summary("OobPending"),
            package(&["OATH"]),
        ] {
            answered(&with_result(reply, other.clone()))
                .cleans_up()
                .is_refused(Reason::SessionMismatch, detail);
        }
    }
    let ours = json!({"SessionId": super::package::SESSION, "TenantId": "abc1234"});
    answered(&with_result(success(USER), ours)).is_granted(&[Up, Oath]);
}

#[test]
fn a_success_is_one_only_if_it_is_said_exactly() {
    let shape = "JSON of another shape";
    let said = |success: Value| json!({"success": success, "Result": {"Summary": "LoginSuccess", "User": USER}});
    answered(&said(json!(true))).is_granted(&[Up, Oath]);
    answered(&said(json!(false))).is_refused(Reason::AnswerRefused, "Answer OATH");
    for success in [json!("true"), json!(1), json!(null)] {
        answered(&said(success)).cleans_up().is_refused_like(Reason::Misbehaved, shape);
    }
    answered(&json!({"Result": {"Summary": "LoginSuccess", "User": USER}}))
        .cleans_up()
        .is_refused_like(Reason::Misbehaved, shape);
    answered(&with_result(success(USER), json!({"Summary": ["LoginSuccess"]})))
        .cleans_up()
        .is_refused_like(Reason::Misbehaved, shape);
    for word in ["loginsuccess", "LOGINSUCCESS"] {
        answered(&with_result(success(USER), json!({"Summary": word}))).is_granted(&[Up, Oath]);
    }
    for word in ["Success", "LoginSuccess ", "Login\u{17f}uccess", ""] {
        answered(&with_result(success(USER), json!({"Summary": word})))
            .cleans_up()
            .is_refused(Reason::Misbehaved, "an advance reply with an unknown summary");
    }
}

#[test]
fn two_factors_are_something_known_and_something_had() {
    use crate::login::proof::enough;
    use crate::policy::Mechanism::{self, Otp, Pf, Radius, Sms};
    let had = [Otp, Sms, Oath, Pf, Radius];
    let mut terms = super::world::terms();
    for first in Mechanism::ALL {
        for second in Mechanism::ALL {
            let known = [Up, Sq].contains(&first) || [Up, Sq].contains(&second);
            let owned = had.contains(&first) || had.contains(&second);
            let mail = first == Email || second == Email;
            let met = [first, second];
            terms.login.minimum_factors = 2;
            terms.login.email_counts = false;
            assert_eq!(enough(&terms, &met), known && owned, "{met:?}");
            terms.login.email_counts = true;
            assert_eq!(enough(&terms, &met), known && (owned || mail), "{met:?}");
            terms.login.minimum_factors = 1;
            assert!(enough(&terms, &met), "{met:?}");
            terms.login.minimum_factors = 3;
            assert!(!enough(&terms, &met), "{met:?}");
        }
    }
    terms.login.minimum_factors = 1;
    assert!(!enough(&terms, &[]));
}

#[test]
fn another_provider_proves_nothing_where_that_is_not_allowed() {
    use crate::login::proof::prove_federated;
    use crate::tenant::reply::Identity;
    let identity = Identity { user: Some(USER.into()), token: None };
    let mut terms = super::world::terms();
    let refusal = prove_federated(&terms, &identity).unwrap_err();
    assert_eq!(refusal.reason, Reason::Federated);
    terms.login.federated = true;
    assert!(prove_federated(&terms, &identity).is_ok());
}

/// The code is answered by a perfect success in these clothes.
fn dressed(status: u16, content_type: Option<&str>) -> World {
    let mut reply = response(success(USER).to_string());
    reply.status = status;
    reply.content_type = content_type.map(str::to_owned);
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package(&["UP"]))
        .answers("id-UP", PASSWORD)
        .replies_with(Ok(reply))
}

#[test]
fn a_success_comes_with_status_200_and_as_json() {
    for kind in
        ["application/json", "Application/JSON;charset=utf-8", "application/json ; charset=utf-8"]
    {
        dressed(200, Some(kind)).is_granted(&[Up]);
    }
    for status in [201, 204, 301, 302, 400, 401, 403, 500, 502] {
        dressed(status, Some("application/json"))
            .cleans_up()
            .is_refused(Reason::Misbehaved, &format!("HTTP status {status}"));
    }
    dressed(429, Some("application/json"))
        .cleans_up()
        .is_refused(Reason::TenantThrottle, "HTTP status 429");
    dressed(503, Some("application/json"))
        .cleans_up()
        .is_refused(Reason::Misbehaved, "HTTP status 503: the tenant is too busy");
    for (kind, shown) in [
        (Some("text/html"), "text/html"),
        (Some("text/html; application/json"), "text/html; application/json"),
        (Some("application/json-seq"), "application/json-seq"),
        (Some("application/jsonp"), "application/jsonp"),
        (Some(""), ""),
        (None, ""),
    ] {
        dressed(200, kind)
            .cleans_up()
            .is_refused(Reason::Misbehaved, &format!("a reply of type \"{shown}\""));
    }
}

#[test]
fn a_page_in_place_of_a_reply_is_never_repeated() {
    for body in ["<html>hunter2", ")]}'\n{}", ""] {
        World::offered(package(&["UP"]))
            .answers("id-UP", PASSWORD)
            .replies_with(Ok(response(body)))
            .cleans_up()
            .is_refused_like(
                Reason::Misbehaved,
                if body.is_empty() { "JSON that ends too early" } else { "not JSON" },
            );
    }
}

#[test]
fn an_answer_with_quotes_in_it_stays_an_answer() {
    let evil = r#"Rex","Action":"Poll","x":"\"#;
    World::on(|terms| terms.login.minimum_factors = 1)
        .starts(package_of(vec![vec![mechanism("UP")], vec![mechanism("SQ")]]))
        .asks_hidden("Security question: ")
        .types(evil)
        .answers("id-UP", PASSWORD)
        .replies(summary("StartNextChallenge"))
        .answers("id-SQ", r#"Rex\",\"Action\":\"Poll\",\"x\":\"\\"#)
        .replies(success(USER))
        .is_granted(&[Up, Sq]);
}
