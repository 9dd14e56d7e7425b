//! A step-up's beginning: the machine's own token, and the challenges that it asks for.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::package::{failed, mechanism, ok, package, package_of, success, with_result};
use super::step_up::{BASIC, BEARER, CODE_PROMPT, stepping_up};
use super::world::{USER, World, cut, outage, response};
use crate::login::{Machine, Start};
use crate::policy::ClientAuth;
use crate::policy::Mechanism::Oath;
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;

/// The token of an earlier login.
const KEPT: &str = "Bearer kept";

/// A step-up of a machine that has a token of an earlier login.
fn with_kept_token() -> World {
    let mut start = stepping_up(|_| ());
    start.machine =
        Some(Machine { secret: Secret::new("s3cret"), token: Some(Secret::new("kept")) });
    World::begun(start).speaking_as(KEPT).demands()
}

/// The machine's first step-up: it asks for a token.
fn without_token() -> World {
    World::begun(stepping_up(|_| ())).speaking_as(BASIC).asks_token()
}

/// It has got one, and asks for the challenges.
fn with_new_token() -> World {
    without_token().replies(token()).keeps(Some(("new", 3600))).speaking_as(BEARER).demands()
}

fn token() -> Value {
    json!({"access_token": "new", "token_type": "Bearer", "expires_in": 3600, "scope": "GenericMFA"})
}

fn status(status: u16) -> Result<Response, Failure> {
    Ok(Response { status, content_type: Some("text/html".into()), ..response("<html>") })
}

impl World {
    /// Expects the request for a token.
    #[track_caller]
    fn asks_token(self) -> Self {
        self.sends("/oauth2/token/mfa", "grant_type=client_credentials&scope=GenericMFA")
    }

    /// The challenge of the package is met by a code.
    #[track_caller]
    fn meets_the_challenge(self) {
        self.replies(package(&["OATH"]))
            .asks(CODE_PROMPT)
            .types("123456")
            .starts_oob("id-OATH")
            .replies(super::package::summary("OobPending"))
            .answers("id-OATH", "123456")
            .replies(success(USER))
            .rang(0)
            .is_granted(&[Oath]);
    }
}

#[test]
fn a_kept_token_is_used_and_every_request_carries_it() {
    with_kept_token().meets_the_challenge();
}

#[test]
fn without_a_token_one_is_asked_for_with_the_secret_and_kept() {
    with_new_token().meets_the_challenge();
}

#[test]
fn the_secret_goes_into_the_body_where_the_administrator_says_so() {
    let body = "grant_type=client_credentials&scope=GenericMFA&client_id=svc%40example.com&client_secret=s3cret";
    World::begun(stepping_up(|policy| policy.client.auth = ClientAuth::Body))
        .sends("/oauth2/token/mfa", body)
        .replies(token())
        .keeps(Some(("new", 3600)))
        .speaking_as(BEARER)
        .demands()
        .meets_the_challenge();
}

#[test]
fn a_step_up_that_is_given_up_is_cleaned_up_with_the_token_that_opened_it() {
    with_kept_token()
        .replies(package(&["OATH"]))
        .asks(CODE_PROMPT)
        .is_abandoned(Reason::Interrupted)
        .cleans_up()
        .is_refused(Reason::Interrupted, "");
}

#[test]
fn a_token_that_the_tenant_no_longer_takes_is_dropped_and_fetched_once_more() {
    for refused in [401, 403] {
        with_kept_token()
            .replies_with(status(refused))
            .keeps(None)
            .speaking_as(BASIC)
            .asks_token()
            .replies(token())
            .keeps(Some(("new", 3600)))
            .speaking_as(BEARER)
            .demands()
            .meets_the_challenge();
    }
}

#[test]
fn a_new_token_that_the_tenant_does_not_take_is_dropped_and_the_end() {
    for refused in [401, 403] {
        let detail = format!(
            "OnDemandChallenge: HTTP status {refused}: does the scope GenericMFA take Security/OnDemandChallenge?"
        );
        with_new_token()
            .replies_with(status(refused))
            .keeps(None)
            .is_refused(Reason::ClientRefused, &detail);
        with_kept_token()
            .replies_with(status(refused))
            .keeps(None)
            .speaking_as(BASIC)
            .asks_token()
            .replies(token())
            .keeps(Some(("new", 3600)))
            .speaking_as(BEARER)
            .demands()
            .replies_with(status(refused))
            .keeps(None)
            .is_refused(Reason::ClientRefused, &detail);
    }
}

#[test]
fn without_a_secret_nothing_is_asked() {
    let start = Start { machine: None, ..stepping_up(|_| ()) };
    World::begun(start).is_refused(Reason::Misconfigured, "no client secret");
}

#[test]
fn a_client_that_the_tenant_refuses_is_refused_with_its_words_made_harmless() {
    let refusal =
        json!({"error": "invalid_client", "error_description": "\u{1b}[31mwrong\n creds"});
    for status in [400, 401, 200] {
        let reply = Response { status, ..response(refusal.to_string()) };
        without_token()
            .replies_with(Ok(reply))
            .is_refused(Reason::ClientRefused, "token: invalid_client [31mwrong creds");
    }
}

#[test]
fn what_is_no_bearer_token_is_none() {
    for (changes, detail) in [
        (json!({"access_token": null}), "no token: access_token is missing"),
        (json!({"access_token": "a b"}), "no token: access_token is no token"),
        (json!({"token_type": "mac"}), "no token: token_type is not Bearer"),
        (json!({"expires_in": 0}), "no token: expires_in is absurd"),
        (json!({"expires_in": 1_000_000_000_000_u64}), "no token: expires_in is absurd"),
        (json!({"expires_in": -1}), "no token: not JSON of its shape (line 1)"),
    ] {
        without_token()
            .replies(super::package::with(token(), changes))
            .is_refused(Reason::Misbehaved, detail);
    }
}

#[test]
fn a_token_endpoint_that_is_none_is_not_believed() {
    without_token()
        .replies_with(Ok(response("<html>")))
        .is_refused(Reason::Misbehaved, "no token: not JSON of its shape (line 1)");
    without_token().replies_with(status(429)).is_refused(Reason::TenantThrottle, "HTTP status 429");
    without_token()
        .replies_with(status(503))
        .is_refused(Reason::Misbehaved, "HTTP status 503: the tenant is too busy");
    without_token()
        .replies_with(Err(cut()))
        .is_refused(Reason::Misbehaved, "connection cut: end of file");
    without_token().replies_with(Err(outage())).is_refused_like(Reason::Outage, "");
}

#[test]
fn a_challenge_that_leads_elsewhere_leads_nowhere() {
    for reply in [
        ok(json!({"PodFqdn": "tenant.test"})),
        ok(json!({"IdpRedirectShortUrl": "https://tenant.test/s", "IdpLoginSessionId": "L1"})),
    ] {
        with_kept_token()
            .replies(reply)
            .is_refused(Reason::Misbehaved, "a challenge that leads elsewhere");
    }
}

#[test]
fn a_success_without_a_challenge_is_none() {
    with_kept_token().replies(success(USER)).is_refused(Reason::SuccessUnasked, "");
}

#[test]
fn a_challenge_that_the_tenant_refuses_is_refused() {
    with_kept_token().replies(failed()).is_refused(Reason::StartRefused, "");
    with_kept_token().replies_with(status(500)).is_refused(Reason::Misbehaved, "HTTP status 500");
    with_kept_token().replies(package(&[])).cleans_up().is_refused(Reason::NothingOffered, "");
    with_kept_token()
        .replies(with_result(package(&["OATH"]), json!({"SessionId": null})))
        .is_refused(Reason::Misbehaved, "a package without a session");
}

#[test]
fn a_challenge_of_another_tenant_is_not_ours() {
    let mut start = stepping_up(|_| ());
    start.terms.tenant.id = Some("XYZ9999".into());
    World::begun(start)
        .speaking_as(BASIC)
        .asks_token()
        .replies(token())
        .keeps(Some(("new", 3600)))
        .speaking_as(BEARER)
        .demands()
        .replies(package(&["OATH"]))
        .is_refused(Reason::SessionMismatch, "the reply names another tenant id");
}

#[test]
fn a_step_up_of_somebody_else_is_none() {
    let met = || {
        with_kept_token()
            .replies(package_of(vec![vec![super::package::with(
                mechanism("OATH"),
                json!({"AnswerType": "Text"}),
            )]]))
            .asks(CODE_PROMPT)
            .types("123456")
            .answers("id-OATH", "123456")
    };
    met()
        .replies(success("mallory@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
    met()
        .replies(with_result(success(USER), json!({"User": null, "Token": null})))
        .is_refused(Reason::IdentityMismatch, "the tenant named no user");
    // A token of this machine's client is not the user's.
    met()
        .replies(with_result(success(USER), json!({"User": null})))
        .speaking_as("Bearer eyJ")
        .sends("/Security/Whoami", "{}")
        .replies(ok(json!({"User": "svc@example.com", "TenantId": "ABC1234"})))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"svc@example.com\"");
    met()
        .replies(with_result(success(USER), json!({"SessionId": "another"})))
        .cleans_up()
        .is_refused(Reason::SessionMismatch, "the reply names another session");
}

/// A kept token, a code that is offered as a text, and the code sent.
fn code_sent() -> World {
    with_kept_token()
        .replies(package_of(vec![vec![super::package::with(
            mechanism("OATH"),
            json!({"AnswerType": "Text"}),
        )]]))
        .asks(CODE_PROMPT)
        .types("123456")
        .answers("id-OATH", "123456")
}

#[test]
fn an_operation_that_the_token_is_not_good_for_is_sent_once_more_without_it() {
    for refused in [401, 403] {
        code_sent()
            .replies_with(status(refused))
            .speaking_as_nobody()
            .answers("id-OATH", "123456")
            .logged(&[
                "offered: OATH",
                &format!(
                    "AdvanceAuthentication: HTTP status {refused} to this machine's token: once more without it"
                ),
            ])
            .replies(success(USER))
            .is_granted(&[Oath]);
    }
}

#[test]
fn a_tenant_that_refuses_the_operation_both_ways_is_told_of_with_the_scope() {
    for refused in [401, 403] {
        code_sent()
            .replies_with(status(403))
            .speaking_as_nobody()
            .answers("id-OATH", "123456")
            .replies_with(status(refused))
            .cleans_up()
            .is_refused(
                Reason::ClientRefused,
                &format!(
                    "AdvanceAuthentication: HTTP status {refused}: does the scope GenericMFA take \
                     Security/AdvanceAuthentication?"
                ),
            );
    }
}

#[test]
fn a_success_under_403_is_none_and_one_without_the_token_is_bound_all_the_same() {
    let forged = || Ok(Response { status: 403, ..response(success(USER).to_string()) });
    code_sent()
        .replies_with(forged())
        .speaking_as_nobody()
        .answers("id-OATH", "123456")
        .replies_with(forged())
        .cleans_up()
        .is_refused_like(Reason::ClientRefused, "AdvanceAuthentication: HTTP status 403");
    code_sent()
        .replies_with(status(401))
        .speaking_as_nobody()
        .answers("id-OATH", "123456")
        .replies(success("mallory@example.com"))
        .is_refused(Reason::IdentityMismatch, "the tenant let in \"mallory@example.com\"");
}

#[test]
fn a_token_may_be_below_api() {
    const BODY: &str = "grant_type=client_credentials&scope=GenericMFA";
    let elsewhere =
        || without_token().replies_with(status(404)).sends("/api/oauth2/token/mfa", BODY);
    elsewhere()
        .replies(token())
        .keeps(Some(("new", 3600)))
        .speaking_as(BEARER)
        .demands()
        .meets_the_challenge();
    elsewhere()
        .replies_with(status(404))
        .is_refused(Reason::Misbehaved, "no token: not JSON of its shape (line 1)");
}
