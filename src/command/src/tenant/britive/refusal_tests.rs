//! Every error of the API, word by word.

use super::*;

fn refusal(status: u16, code: Option<&str>, kind: Kind) -> Refusal {
    Refusal {
        kind,
        status,
        speaks: true,
        code: code.map(|code| ServerText::new(code.to_owned())),
        message: Some(ServerText::new("The tenant's \"own\" \u{1b}[31mwords\r\n.".to_owned())),
    }
}

/// The sentence, and what to do.
fn told(refusal: Refusal) -> (String, &'static str) {
    let problem = Problem::Refused(refusal);
    (problem.to_string(), problem.hint())
}

#[test]
fn every_code_that_is_known_is_a_sentence_with_what_to_do() {
    let code_hint =
        "wait for the next code, and check the clock of the device that shows the codes";
    let whole = "check that it is whole, or make a new one in the Britive portal";
    let new = "make a new one in the Britive portal";
    let expected = [
        (
            "AU-0000",
            "the tenant does not accept the token",
            "check that britive.url is the tenant that the token is for",
        ),
        (
            "AU-0003",
            "the tenant does not know the user of this token",
            "use the token of a user who is still there",
        ),
        (
            "AU-0004",
            "the user of this token is disabled",
            "ask an administrator of the Britive tenant",
        ),
        (
            "AU-0007",
            "the bearer token is not valid, or not any more",
            "log in to Britive again for a new one",
        ),
        ("AU-0009", "the code is wrong, or was used before", code_hint),
        ("AU-0010", "no authenticator is registered", "register one: countersign britive register"),
        ("AU-0015", "the tenant does not know this API token", whole),
        ("AU-0016", "the API token was revoked", new),
        ("AU-0017", "the API token has expired", new),
        ("AU-0018", "the API token is not valid", whole),
        ("AU-0021", "the account is locked", "wait, or ask an administrator of the Britive tenant"),
        (
            "MFA-0001",
            "an authenticator is registered already, or a registration was begun",
            "remove it: countersign britive remove; without its codes, an administrator can: countersign britive admin-remove",
        ),
        (
            "PE-0028",
            "the tenant asks for a step-up first",
            "run countersign britive step-up, and then this again",
        ),
        ("MAINT0001", "the tenant is under maintenance", "try again later"),
    ];
    assert_eq!(expected.map(|(code, ..)| code), KNOWN.map(|(code, _)| code));
    for (code, sentence, hint) in expected {
        for status in [200, 401, 503] {
            let said = told(refusal(status, Some(code), Kind::Own));
            assert_eq!(said, (format!("{sentence} ({code})"), hint));
        }
    }
}

#[test]
fn a_code_that_is_not_known_is_shown_with_the_tenants_words_made_harmless() {
    let (sentence, hint) = told(refusal(400, Some("E1003\n\u{202e}"), Kind::Own));
    assert_eq!(
        sentence,
        "the tenant did not understand the request (HTTP status 400, E1003: \"The tenant's 'own' [31mwords .\")"
    );
    assert_eq!(hint, "check that britive.url is the address of a Britive tenant");
    let long = "x".repeat(1000);
    let mut refusal = refusal(400, Some(&long), Kind::Own);
    refusal.message = Some(ServerText::new(long));
    let (sentence, _) = told(refusal);
    assert!(sentence.len() < 320, "{sentence}");
}

#[test]
fn a_status_without_a_code_is_a_sentence_too() {
    let code_hint =
        "wait for the next code, and check the clock of the device that shows the codes";
    let (url, admin) = (
        "check that britive.url is the address of a Britive tenant",
        "ask an administrator of the Britive tenant",
    );
    let unclear = "the code is wrong, or the token is not good for this";
    for (status, kind, sentence, hint) in [
        (400, Kind::Own, "the tenant did not understand the request", url),
        (
            400,
            Kind::Verify,
            "the tenant did not understand the verification of the code",
            "Britive does not document it: ask Britive, and set britive.verify_action and britive.verify_key",
        ),
        (
            401,
            Kind::Own,
            "the token is not valid",
            "check that it is whole, or make a new one in the Britive portal",
        ),
        (401, Kind::Code, unclear, code_hint),
        (403, Kind::Code, unclear, code_hint),
        (401, Kind::Verify, unclear, code_hint),
        (403, Kind::Generate, "the user of this token may not do that", admin),
        (
            404,
            Kind::Code,
            "no authenticator is registered",
            "register one: countersign britive register",
        ),
        (
            404,
            Kind::Other,
            "no authenticator is registered for this user, or there is no such user",
            "see the user's page in the Britive portal for the id",
        ),
        (405, Kind::Own, "the tenant did not understand the request", url),
        (
            409,
            Kind::Generate,
            "an authenticator is registered already, or a registration was begun",
            "remove it: countersign britive remove; without its codes, an administrator can: countersign britive admin-remove",
        ),
        (429, Kind::Own, "the tenant is asked too often", "wait a minute, then try again"),
        (500, Kind::Own, "the tenant has trouble of its own", "try again later"),
        (503, Kind::Own, "the tenant has trouble of its own", "try again later"),
        (302, Kind::Own, "the tenant answered what it should not", url),
    ] {
        let said = told(refusal(status, None, kind));
        assert_eq!(said, (format!("{sentence} (HTTP status {status})"), hint));
    }
}

#[test]
fn what_stands_before_the_api_does_not_speak_for_it() {
    let silent = |status, kind| Refusal { speaks: false, ..refusal(status, None, kind) };
    let (sentence, _) = told(silent(404, Kind::Code));
    assert_eq!(sentence, "there is no such API at this address (HTTP status 404)");
    let (sentence, _) = told(silent(403, Kind::Code));
    assert_eq!(sentence, "the user of this token may not do that (HTTP status 403)");
    assert!(
        !silent(404, Kind::Own).finds_nothing() && refusal(404, None, Kind::Own).finds_nothing()
    );
}

#[test]
fn only_a_code_can_be_a_wrong_code() {
    for (status, code, kind, expected) in [
        (403, Some("AU-0009"), Kind::Verify, true),
        (200, Some("au-0009"), Kind::Code, true),
        (401, None, Kind::Verify, true),
        (401, Some("AU-0017"), Kind::Verify, false),
        (401, None, Kind::Own, false),
        (400, None, Kind::Verify, false),
        (503, Some("MAINT0001"), Kind::Verify, false),
    ] {
        let refusal = refusal(status, code, kind);
        assert_eq!(refusal.is_wrong_code(), expected, "{refusal:?}");
    }
}

#[test]
fn who_does_not_answer_is_said_to_be_silent() {
    use countersign::tenant::failure::{Failure, Local, Misbehaviour, Outage};
    let detail = || "127.0.0.1:443".to_owned();
    for (failure, sentence, hint) in [
        (
            Failure::Outage(Outage::Refused, detail()),
            "no answer from the Britive tenant: connection refused: 127.0.0.1:443",
            "check britive.url and the network",
        ),
        (
            Failure::Misbehaved(Misbehaviour::Certificate, detail()),
            "no answer from the Britive tenant: certificate refused: 127.0.0.1:443",
            "check britive.url, and britive.ca_file if the certificate is of a CA of your own",
        ),
        (
            Failure::Local(Local::Permission, detail()),
            "no answer from the Britive tenant: forbidden by SELinux or a firewall: 127.0.0.1:443",
            "see to this machine first",
        ),
    ] {
        let problem = Problem::Failed(failure);
        assert_eq!((problem.to_string().as_str(), problem.hint()), (sentence, hint));
    }
}
