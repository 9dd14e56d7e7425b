//! Replies as live tenants send them, and as none should.
#![forbid(unsafe_code)]

use super::*;

/// A start reply with these challenges, as JSON text.
fn start_with(challenges: &str) -> String {
    format!(
        r#"{{"success":true,"Result":{{"Version":"1.0","SessionId":"S1","Challenges":{challenges},
        "Summary":"NewPackage","TenantId":"ABC1234"}},"Message":null,"ErrorID":null}}"#
    )
}

fn start(json: &str) -> Result<Started, Malformed> {
    started(json.as_bytes())
}

fn advance(json: &str) -> Result<Outcome, Malformed> {
    advanced(json.as_bytes()).map(|advanced| advanced.outcome)
}

fn package_of(json: &str) -> Package {
    match start(json) {
        Ok(Started::Package(package)) => package,
        other => panic!("no package: {other:?}"),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Malformed>) -> String {
    result.unwrap_err().0
}

fn text(text: &str) -> ServerText {
    ServerText::new(text.into())
}

#[test]
fn a_package_of_a_live_tenant_is_read_with_all_that_matters_in_it() {
    let package = package_of(
        r#"{"success":true,"Result":{
          "ClientHints":{"PersistDefault":false,"AllowPersist":true,"AllowForgotPassword":true},
          "Version":"1.0","SessionId":"8vwknPnxZ0ywsj95Y6-uK1kIr6XbtufC310N6qiE8Lc1",
          "EventDescription":null,"RetryWaitingTime":0,"SecurityImageName":null,"AllowLoginMfaCache":false,
          "Challenges":[
            {"Mechanisms":[{"AnswerType":"Text","Name":"UP","PromptMechChosen":"Enter Password",
              "PromptSelectMech":"Password","MechanismId":"Vu71O06uC0K9","Enrolled":true}]},
            {"Mechanisms":[{"AnswerType":"StartTextOob","Name":"EMAIL","PartialAddress":"mail.test",
              "MaskedEmailAddress":"a***@mail.test","PromptMechChosen":"Mail sent to a***@mail.test.",
              "PromptSelectMech":"Email... @mail.test","MechanismId":"9dPq"},
             {"AnswerType":"StartOob","Name":"PF","PartialPhoneNumber":"44","MechanismId":"pf","Enrolled":false}]}],
          "Summary":"NewPackage","TenantId":"ABC1234"},
         "Message":null,"MessageID":null,"Exception":null,"ErrorID":null,"ErrorCode":null,
         "IsSoftError":false,"InnerExceptions":null}"#,
    );
    let offer = |id: &str, name, answer| Offer {
        id: id.into(),
        name: Name::Known(name),
        answer,
        label: None,
        prompt: None,
        question: None,
        parts: Vec::new(),
        enrolled: true,
    };
    let password = Offer {
        label: Some(text("Password")),
        prompt: Some(text("Enter Password")),
        ..offer("Vu71O06uC0K9", Mechanism::Up, AnswerType::Text)
    };
    let mail = Offer {
        label: Some(text("Email... @mail.test")),
        prompt: Some(text("Mail sent to a***@mail.test.")),
        ..offer("9dPq", Mechanism::Email, AnswerType::StartTextOob)
    };
    let call = Offer {
        label: Some(text("44")),
        enrolled: false,
        ..offer("pf", Mechanism::Pf, AnswerType::StartOob)
    };
    assert_eq!(
        package,
        Package {
            session: Some("8vwknPnxZ0ywsj95Y6-uK1kIr6XbtufC310N6qiE8Lc1".into()),
            tenant_id: Some("ABC1234".into()),
            challenges: vec![
                Challenge { offers: vec![password] },
                Challenge { offers: vec![mail, call] }
            ],
            retry_after: 0,
        }
    );
}

#[test]
fn names_and_answer_types_are_read_in_any_case_and_the_unknown_ones_kept_apart() {
    let package = package_of(&start_with(
        r#"[{"Mechanisms":[
          {"Name":"oath","MechanismId":"1","AnswerType":"starttextoob"},
          {"Name":"Sms","MechanismId":"2","AnswerType":"TEXT"},
          {"Name":"reset","MechanismId":"3","AnswerType":"Text"},
          {"Name":"PASSKEY","MechanismId":"4"},
          {"Name":"UP ","MechanismId":"5","AnswerType":"Text "}]}]"#,
    ));
    let seen: Vec<_> = package.challenges[0]
        .offers
        .iter()
        .map(|offer| (offer.name.clone(), offer.answer))
        .collect();
    assert_eq!(
        seen,
        [
            (Name::Known(Mechanism::Oath), AnswerType::StartTextOob),
            (Name::Known(Mechanism::Sms), AnswerType::Text),
            (Name::Reset, AnswerType::Text),
            (Name::Other(text("PASSKEY")), AnswerType::Unknown),
            (Name::Other(text("UP ")), AnswerType::Unknown),
        ]
    );
}

#[test]
fn a_mechanism_without_a_line_that_says_so_names_its_phone_or_address() {
    let label = |members: &str| {
        let mechanism =
            format!(r#"[{{"Mechanisms":[{{"Name":"SMS","MechanismId":"1",{members}}}]}}]"#);
        let mut package = package_of(&start_with(&mechanism));
        package.challenges.remove(0).offers.remove(0).label
    };
    for (members, shown) in [
        (r#""PartialDeviceAddress":"XX-23""#, "XX-23"),
        (r#""PartialPhoneNumber":"44""#, "44"),
        (r#""PartialAddress":"mail.test""#, "mail.test"),
        (r#""PartialAddress":"mail.test","MaskedEmailAddress":"a***@mail.test""#, "a***@mail.test"),
        (r#""UiPrompt":"Token of the works council""#, "Token of the works council"),
        (r#""PromptSelectMech":" ","PartialDeviceAddress":"23""#, "23"),
        (r#""PromptSelectMech":"Text message","PartialDeviceAddress":"23""#, "Text message 23"),
        (
            r#""PromptSelectMech":"SMS... XXX-1234","PartialDeviceAddress":"1234""#,
            "SMS... XXX-1234",
        ),
        (
            r#""PromptSelectMech":"Mail... @mail.test","PartialAddress":"mail.test","MaskedEmailAddress":"a***@mail.test""#,
            "Mail... @mail.test",
        ),
        (r#""PromptSelectMech":"SMS","PartialDeviceAddress":1234,"UiPrompt":[1]"#, "SMS"),
    ] {
        assert_eq!(label(members), Some(text(shown)), "{members}");
    }
    for members in
        [r#""PromptSelectMech":null,"PartialDeviceAddress":null"#, r#""PartialDeviceAddress":"""#]
    {
        assert_eq!(label(members), None, "{members}");
    }
}

#[test]
fn security_questions_come_with_their_ids() {
    let package = package_of(&start_with(
        r#"[{"Mechanisms":[{"AnswerType":"Text","Name":"SQ","MechanismId":"1","Question":"Pet?",
          "PromptMechChosen":"Answer security question 'Pet?':",
          "MultipartMechanism":{"PromptSelectMech":"Security Questions","MechanismParts":[
            {"Uuid":"id1","QuestionText":"Pet","PromptMechChosen":"Answer 'Pet':"},
            {"Uuid":"id2","QuestionText":"Town","PromptMechChosen":null}]}}]}]"#,
    ));
    let offer = &package.challenges[0].offers[0];
    assert_eq!(offer.question, Some(text("Pet?")));
    assert_eq!(offer.parts, [("id1".to_owned(), text("Pet")), ("id2".to_owned(), text("Town"))]);
}

#[test]
fn null_stands_for_a_missing_value_wherever_one_may_be_missing() {
    let package = package_of(
        r#"{"success":true,"Result":{"SessionId":null,"TenantId":null,"RetryWaitingTime":null,
        "PodFqdn":null,"IdpRedirectUrl":null,"IdpRedirectShortUrl":null,"GeneratedAuthValue":null,
        "ResultAppliesTo":null,"User":null,"State":null,"Summary":"NewPackage","Challenges":[
        {"Mechanisms":[{"Name":"SQ","MechanismId":"1","AnswerType":null,"PromptSelectMech":null,
        "PromptMechChosen":null,"Enrolled":null,"Question":null,"MultipartMechanism":null}]}]}}"#,
    );
    let offer = &package.challenges[0].offers[0];
    assert_eq!((package.session, package.tenant_id), (None, None));
    assert_eq!((&offer.label, offer.enrolled, offer.answer), (&None, true, AnswerType::Unknown));
    let parts = r#"[{"Mechanisms":[{"Name":"SQ","MechanismId":"1","MultipartMechanism":{"MechanismParts":null}}]}]"#;
    assert!(package_of(&start_with(parts)).challenges[0].offers[0].parts.is_empty());
    assert_eq!(
        advance(
            r#"{"success":true,"Result":{"Summary":"OobPending","GeneratedAuthValue":null,"Challenges":null}}"#
        ),
        Ok(Outcome::Pending(None))
    );
}

#[test]
fn null_is_refused_where_something_must_be() {
    for json in [
        r#"null"#,
        r#"{"success":null,"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#,
        r#"{"success":true,"Result":null}"#,
        r#"{"success":true}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":null}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":[null]}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":[{"Mechanisms":null}]}}"#,
    ] {
        assert!(start(json).is_err(), "{json}");
        assert!(advance(json).is_err(), "{json}");
        if !json.contains("NewPackage") {
            assert!(status(json.as_bytes()).is_err(), "{json}");
        }
    }
}

#[test]
fn only_a_true_success_counts() {
    let perfect = |success: &str| {
        format!(r#"{{"success":{success},"Result":{{"Summary":"LoginSuccess","User":"a@b"}}}}"#)
    };
    let identity = Identity { user: Some("a@b".into()), token: None };
    assert_eq!(advance(&perfect("true")), Ok(Outcome::Success(identity)));
    assert_eq!(advance(&perfect("false")), Ok(Outcome::Failed));
    for success in ["\"true\"", "1", "0", "null", "\"false\"", "[]", "{}", "True", "TRUE"] {
        assert!(advance(&perfect(success)).is_err(), "{success}");
    }
    let missing = r#"{"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#;
    assert_eq!(refusal(advance(missing)), "JSON of another shape (line 1, column 50)");
    let capital = r#"{"Success":true,"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#;
    assert!(advance(capital).is_err());
}

#[test]
fn a_summary_is_one_of_the_known_words_in_any_case_and_nothing_like_it_is_a_success() {
    let with = |summary: &str| {
        advance(&format!(r#"{{"success":true,"Result":{{"Summary":{summary},"User":"a@b"}}}}"#))
    };
    let success = || Outcome::Success(Identity { user: Some("a@b".into()), token: None });
    for summary in ["\"LoginSuccess\"", "\"loginsuccess\"", "\"LOGINSUCCESS\""] {
        assert_eq!(with(summary), Ok(success()), "{summary}");
    }
    for summary in [
        "\"LoginSuccess \"",
        "\" LoginSuccess\"",
        "\"Login Success\"",
        "\"LoginSuccess\\u0000\"",
        "\"Login\\u017fuccess\"",
        "\"Success\"",
        "\"LoginSuccessPending\"",
        "\"PendingOOB\"",
        "\"\"",
        "null",
    ] {
        assert_eq!(with(summary), Ok(Outcome::Unknown), "{summary}");
    }
    for summary in ["Failure", "failure", "LoginFailure", "UNDEFINED", "CannotSatisfyChallenges"] {
        let reply =
            format!(r#"{{"success":true,"Result":{{"Summary":"{summary}","User":"a@b"}}}}"#);
        assert_eq!(advance(&reply), Ok(Outcome::Failed), "{summary}");
        assert_eq!(start(&reply), Ok(Started::Failed), "{summary}");
    }
    for summary in ["[\"LoginSuccess\"]", "{\"LoginSuccess\":true}", "true", "1"] {
        assert!(refusal(with(summary)).starts_with("JSON of another shape"), "{summary}");
    }
    assert_eq!(with("\"StartNextChallenge\""), Ok(Outcome::NextChallenge));
    assert_eq!(with("\"startnextchallenge\""), Ok(Outcome::NextChallenge));
    assert_eq!(with("\"NoncommitalSuccess\""), Ok(Outcome::NotALogin));
    assert_eq!(with("\"noncommitalsuccess\""), Ok(Outcome::NotALogin));
    assert_eq!(with("\"OOBPENDING\""), Ok(Outcome::Pending(None)));
    let package = start_with("[]").replace("NewPackage", "newpackage");
    assert!(matches!(start(&package), Ok(Started::Package(_))));
    let unasked = r#"{"success":true,"Result":{"Summary":"loginsuccess","User":"a@b"}}"#;
    assert_eq!(start(unasked), Ok(Started::Unasked));
}

#[test]
fn the_failure_envelope_is_a_failure_whatever_else_it_says() {
    for json in [
        r#"{"success":false}"#,
        r#"{"success":false,"Result":null,"Message":"no"}"#,
        r#"{"success":false,"Result":{"Summary":"Failure"},"ErrorID":"9e3f:68f2"}"#,
        r#"{"success":false,"Result":{"Summary":"NewPackage","Challenges":[]}}"#,
        r#"{"success":false,"Result":{"PodFqdn":"evil.test"}}"#,
        r#"{"success":false,"Result":"no"}"#,
        r#"{"success":false,"Result":[]}"#,
        r#"{"success":false,"Result":["no",{"Summary":"LoginSuccess","User":"a@b"}]}"#,
        r#"{"success":false,"Result":{"Summary":["LoginSuccess"],"State":1,"User":2}}"#,
        r#"{"success":false,"Result":5,"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#,
    ] {
        assert_eq!(start(json), Ok(Started::Failed), "{json}");
        assert_eq!(advance(json), Ok(Outcome::Failed), "{json}");
        assert_eq!(status(json.as_bytes()), Ok(Status::Failed), "{json}");
    }
}

#[test]
fn keys_that_come_twice_are_refused() {
    for json in [
        r#"{"success":false,"success":true,"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#,
        r#"{"success":true,"success":false,"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#,
        r#"{"success":true,"Result":{"Summary":"Failure"},"Result":{"Summary":"LoginSuccess","User":"a@b"}}"#,
        r#"{"success":true,"Result":{"Summary":"Failure","Summary":"LoginSuccess","User":"a@b"}}"#,
        r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":"mallory@b","User":"a@b"}}"#,
        r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":"a@b","User":null}}"#,
    ] {
        assert!(refusal(advance(json)).starts_with("JSON of another shape"), "{json}");
    }
}

#[test]
fn an_array_is_no_object() {
    // serde would take it for the fields in their order.
    let two = r#"[true,{"Summary":"LoginSuccess","User":"a@b"}]"#;
    assert!(advance(two).is_err());
    let fourteen =
        r#"["LoginSuccess",null,null,null,null,null,null,null,"a@b",null,null,null,null,null]"#;
    let json = format!(r#"{{"success":true,"Result":{fourteen}}}"#);
    assert!(advance(&json).is_err());
    assert!(start(&start_with(r#"[[[]]]"#)).is_err());
    assert!(start(&start_with(r#"[[[{"Name":"UP","MechanismId":"1"}]]]"#)).is_err());
    assert_left_out(r#"["UP","1","Text",null,null,true,null,null]"#, "");
    assert!(advance(r#"[false,"no"]"#).is_err());
}

/// A package with this in the place of a mechanism, and one that is fine beside it.
#[track_caller]
fn assert_left_out(mechanism: &str, name: &str) {
    let fine = r#"{"Name":"OATH","MechanismId":"2","AnswerType":"StartTextOob"}"#;
    let package = package_of(&start_with(&format!(r#"[{{"Mechanisms":[{mechanism},{fine}]}}]"#)));
    let offers = &package.challenges[0].offers;
    assert_eq!(offers[0], Offer::garbled(name.into()), "{mechanism}");
    assert_eq!(offers[1].name, Name::Known(Mechanism::Oath), "{mechanism}");
}

#[test]
fn one_mechanism_that_can_not_be_read_leaves_the_others() {
    for (mechanism, name) in [
        (r#"{"Name":null,"MechanismId":"1"}"#, ""),
        (r#"{"Name":"SMS","MechanismId":null}"#, "SMS"),
        (r#"{"Name":"SMS"}"#, "SMS"),
        (r#"{"MechanismId":"1"}"#, ""),
        (r#"{"Name":5,"MechanismId":"1"}"#, ""),
        (r#"{"Name":"SMS","MechanismId":1}"#, "SMS"),
        (r#"{"Name":"SMS","MechanismId":"1","Enrolled":"true"}"#, "SMS"),
        (r#"{"Name":"SMS","MechanismId":"1","AnswerType":7}"#, "SMS"),
        (r#"{"Name":"SMS","MechanismId":"1","PromptSelectMech":["x"]}"#, "SMS"),
        (r#"{"Name":"SMS","MechanismId":"1","MechanismId":"2"}"#, "SMS"),
        (
            r#"{"Name":"SQ","MechanismId":"1","MultipartMechanism":{"MechanismParts":[{"Uuid":"1"}]}}"#,
            "SQ",
        ),
        (r#"{"Name":"SQ","MechanismId":"1","MultipartMechanism":{"MechanismParts":[null]}}"#, "SQ"),
        (r#""SMS""#, ""),
        ("null", ""),
        ("5", ""),
        ("[]", ""),
    ] {
        assert_left_out(mechanism, name);
    }
}

#[test]
fn values_of_another_type_are_refused() {
    for json in [
        r#""LoginSuccess""#,
        r#"true"#,
        r#"{"success":true,"Result":"LoginSuccess"}"#,
        r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":["a@b"]}}"#,
        r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":{"User":"a@b"}}}"#,
        r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":1}}"#,
        r#"{"success":true,"Result":{"Summary":"OobPending","GeneratedAuthValue":-1}}"#,
        r#"{"success":true,"Result":{"Summary":"OobPending","GeneratedAuthValue":4.2}}"#,
        r#"{"success":true,"Result":{"Summary":"OobPending","GeneratedAuthValue":["42"]}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":{}}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":[],"RetryWaitingTime":-1}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":[],"RetryWaitingTime":"30"}}"#,
        r#"{"success":true,"Result":{"Summary":"NewPackage","Challenges":[],"RetryWaitingTime":1e99}}"#,
        r#"{"success":true,"Result":{"Summary":"OobPending","SessionId":1}}"#,
    ] {
        assert!(refusal(advance(json)).starts_with("JSON of another shape"), "{json}");
    }
}

#[test]
fn what_is_no_json_is_told_by_its_place_and_never_quoted() {
    let secret = "hunter2";
    let told = [
        (format!(")]}}'{{\"{secret}\":1}}"), "not JSON (line 1, column 1)"),
        (format!("<html>{secret}"), "not JSON (line 1, column 1)"),
        (format!("{{\"success\":\"{secret}\"}}"), "JSON of another shape (line 1, column 20)"),
        (
            format!("{{\n\"success\":true,\"Result\":\"{secret}"),
            "JSON that ends too early (line 2, column 32)",
        ),
        (String::new(), "JSON that ends too early (line 1, column 0)"),
        ("{\"success\":false} {}".into(), "not JSON (line 1, column 19)"),
    ];
    for (json, expected) in told {
        assert_eq!(refusal(advance(&json)), expected);
        assert!(!refusal(start(&json)).contains(secret));
    }
    assert!(advanced(b"\xff\xfe{\0}").is_err());
    assert!(advanced(b"{\"success\":true,\"Result\":{\"Summary\":\"Login\xffSuccess\"}}").is_err());
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    let nested = |depth: usize| {
        format!(
            r#"{{"success":false,"Message":{}{}}}"#,
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    assert_eq!(advance(&nested(16)), Ok(Outcome::Failed));
    assert_eq!(refusal(advance(&nested(17))), "nested too deeply");
    assert_eq!(refusal(advance(&nested(100_000))), "nested too deeply");
    assert_eq!(refusal(start(&"{\"a\":".repeat(50_000))), "nested too deeply");
    // Brackets in a text are no nesting, also behind an escaped quote.
    for begin in [r"", r#"\""#, r#"\\\""#, r"\\"] {
        let text = format!(r#"{{"success":false,"Message":"{begin}{}"}}"#, "[{".repeat(99));
        assert_eq!(advance(&text), Ok(Outcome::Failed), "{begin}");
    }
    let ended = format!(r#"{{"success":false,"Message":"\\",{}"#, "[{".repeat(99));
    assert_eq!(refusal(advance(&ended)), "nested too deeply");
}

#[test]
fn huge_arrays_are_refused() {
    let mechanism = r#"{"Name":"OTP","MechanismId":"1","AnswerType":"StartTextOob"}"#;
    let challenge =
        |count: usize| format!(r#"{{"Mechanisms":[{}]}}"#, vec![mechanism; count].join(","));
    let challenges = |count: usize| format!("[{}]", vec![challenge(1); count].join(","));
    assert!(start(&start_with(&challenges(32))).is_ok());
    assert_eq!(refusal(start(&start_with(&challenges(33)))), "a package with too many challenges");
    assert!(start(&start_with(&format!("[{}]", challenge(32)))).is_ok());
    assert_eq!(
        refusal(start(&start_with(&format!("[{}]", challenge(4000))))),
        "a challenge with too many mechanisms"
    );
    assert_eq!(
        refusal(start(&start_with(r#"[{"Mechanisms":[]}]"#))),
        "a challenge without mechanisms"
    );
    let part = r#"{"Uuid":"1","QuestionText":"?"}"#;
    let questions = |count: usize| {
        start_with(&format!(
            r#"[{{"Mechanisms":[{{"Name":"SQ","MechanismId":"1","MultipartMechanism":{{"MechanismParts":[{}]}}}}]}}]"#,
            vec![part; count].join(",")
        ))
    };
    assert!(start(&questions(32)).is_ok());
    let too_many = package_of(&questions(33));
    assert_eq!(too_many.challenges[0].offers, [Offer::garbled("SQ".into())]);
}

#[test]
fn a_number_to_match_is_a_text_or_a_number_that_can_be_seen() {
    let with = |number: &str| {
        advance(&format!(
            r#"{{"success":true,"Result":{{"Summary":"OobPending","GeneratedAuthValue":{number}}}}}"#
        ))
    };
    assert_eq!(with(r#""07""#), Ok(Outcome::Pending(Some(text("07")))));
    assert_eq!(with("42"), Ok(Outcome::Pending(Some(text("42")))));
    for nothing in [r#""""#, r#"" ""#, r#""\u200b\u202e""#, "null"] {
        assert_eq!(with(nothing), Ok(Outcome::Pending(None)), "{nothing}");
    }
}

#[test]
fn only_a_pod_name_without_anything_else_is_a_redirect() {
    assert_eq!(
        start(r#"{"success":true,"Result":{"PodFqdn":"pod7.test/identity"}}"#),
        Ok(Started::Redirect("pod7.test/identity".into()))
    );
    let both = r#"{"success":true,"Result":{"PodFqdn":"pod7.test","SessionId":"S1","Summary":"NewPackage","Challenges":[]}}"#;
    assert!(matches!(start(both), Ok(Started::Package(_))));
    for neither in [
        r#"{"success":true,"Result":{"PodFqdn":"pod7.test","Challenges":[]}}"#,
        r#"{"success":true,"Result":{"PodFqdn":"pod7.test","Summary":"OobPending"}}"#,
        r#"{"success":true,"Result":{"Summary":"StartNextChallenge"}}"#,
        r#"{"success":true,"Result":{}}"#,
    ] {
        assert_eq!(
            refusal(start(neither)),
            "a start reply that is no package, redirect or federated login",
            "{neither}"
        );
    }
}

#[test]
fn a_redirect_of_the_delinea_platform_leads_elsewhere() {
    for json in [
        r#"{"success":true,"Result":{"Redirect":"https://idp.test/sso","Challenges":null}}"#,
        r#"{"success":true,"Result":{"Redirect":"https://idp.test/sso","Challenges":[],"Summary":"NewPackage"}}"#,
    ] {
        assert_eq!(start(json), Ok(Started::Elsewhere), "{json}");
    }
    for nothing in ["null", r#""""#] {
        let json =
            start_with("[]").replace("\"Version\"", &format!("\"Redirect\":{nothing},\"Version\""));
        assert!(matches!(start(&json), Ok(Started::Package(_))), "{json}");
    }
    let unasked = r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":"a@b","Redirect":"https://idp.test"}}"#;
    assert_eq!(start(unasked), Ok(Started::Unasked));
}

#[test]
fn a_success_that_nobody_was_challenged_for_is_told_apart() {
    let json = r#"{"success":true,"Result":{"Summary":"LoginSuccess","User":"a@b","PodFqdn":"pod7.test",
      "Auth":"F67A","IdpRedirectUrl":"https://idp.test","Challenges":[]}}"#;
    assert_eq!(start(json), Ok(Started::Unasked));
}

#[test]
fn a_federated_user_comes_with_a_short_url_and_a_session() {
    let json = r#"{"success":true,"Result":{"IdpRedirectUrl":"https://idp.test/saml?SAMLRequest=x",
      "IdpRedirectShortUrl":"https://tenant.test/s/x1","IdpShortUrlId":"x1","SessionId":"S1",
      "IdpOobAuthPinRequired":true,"IdpLoginSessionId":"L1","TenantId":"ABC1234"},"Message":null}"#;
    let federated = |pin| {
        Ok(Started::Federated(Federated {
            session: "L1".into(),
            tenant_id: Some("ABC1234".into()),
            url: text("https://tenant.test/s/x1"),
            pin,
        }))
    };
    assert_eq!(start(json), federated(true));
    assert_eq!(start(&json.replace("\"IdpOobAuthPinRequired\":true,", "")), federated(false));
    assert_eq!(
        refusal(start(&json.replace("IdpRedirectShortUrl", "Other"))),
        "a federated login without a short URL"
    );
    assert_eq!(
        refusal(start(&json.replace("IdpLoginSessionId", "Other"))),
        "a federated login without a session"
    );
}

#[test]
fn what_is_no_success_and_no_known_failure_of_a_federated_login_is_pending() {
    let with = |state: &str| {
        status(
            format!(r#"{{"success":true,"Result":{{"State":"{state}","User":"a@b"}}}}"#).as_bytes(),
        )
    };
    for state in ["Success", "success", "SUCCESS"] {
        let user = Some("a@b".into());
        let identity = Identity { user, token: None };
        assert_eq!(with(state), Ok(Status::Success(identity)), "{state}");
    }
    for state in [
        "Pending",
        "pending",
        "PENDING",
        "InProgress",
        "",
        "LoginSuccess",
        "Success ",
        "\u{17f}uccess",
    ] {
        assert_eq!(with(state), Ok(Status::Pending), "{state}");
    }
    for state in ["failed", "Failed", "FAILURE"] {
        assert_eq!(with(state), Ok(Status::Failed), "{state}");
    }
    for stateless in ["{}", r#"{"State":null,"Summary":"LoginSuccess","User":"a@b"}"#] {
        let reply = format!(r#"{{"success":true,"Result":{stateless}}}"#);
        assert_eq!(status(reply.as_bytes()), Ok(Status::Pending), "{stateless}");
    }
    for forged in [
        r#"{"success":"true","Result":{"State":"Success","User":"a@b"}}"#,
        r#"{"Result":{"State":"Success","User":"a@b"}}"#,
        r#"{"success":true,"Result":{"State":["Success"],"User":"a@b"}}"#,
        r#"{"success":true,"Result":{"State":"Pending","State":"Success","User":"a@b"}}"#,
    ] {
        assert!(status(forged.as_bytes()).is_err(), "{forged}");
    }
    let failed = br#"{"success":false,"Result":{"State":"Success","User":"a@b"}}"#;
    assert_eq!(status(failed), Ok(Status::Failed));
}

#[test]
fn an_advance_reply_carries_what_it_says_about_itself() {
    let reply = advanced(
        br#"{"success":true,"Result":{"ResultAppliesTo":"M2","SessionId":"S1","TenantId":"T1","Summary":"OobPending"}}"#,
    );
    assert_eq!(
        reply,
        Ok(Advanced {
            applies_to: Some("M2".into()),
            session: Some("S1".into()),
            tenant_id: Some("T1".into()),
            outcome: Outcome::Pending(None),
        })
    );
}

#[test]
fn a_sample_without_its_envelope_is_no_reply() {
    // Some pages of the documentation leave the envelope away, and write booleans as Python does.
    assert!(advance(r#"{"Summary":"OobPending"}"#).is_err());
    assert!(
        start(r#"{"ClientHints":{"AllowPersist":True},"Challenges":[],"Summary":"NewPackage"}"#)
            .is_err()
    );
}

/// Also where nothing looks: in a key that is not known, in a value that is passed over.
#[test]
fn a_reply_is_text_as_a_whole() {
    for (bytes, why) in [
        (&b"{\"success\":false,\"\xff\":1}"[..], "not UTF-8"),
        (b"{\"success\":false,\"Other\":[\"\xe9\"]}", "not UTF-8"),
        (b"{\"success\":false,\"Other\":\"\\ud800\"}", "half a character (a lone surrogate)"),
        (b"\xef\xbb\xbf{\"success\":false}", "not JSON (line 1, column 1)"),
        (b"{\"success\":false,\"Other\":\"\0\"}", "not JSON (line 1, column 26)"),
    ] {
        assert_eq!(super::advanced(bytes).unwrap_err().0, why);
    }
    let bytes =
        b"{\"success\":true,\"Result\":{\"Summary\":\"LoginSuccess\",\"User\":\"a\",\"\x80\":1}}";
    assert_eq!(super::advanced(bytes).unwrap_err().0, "not UTF-8");
}
