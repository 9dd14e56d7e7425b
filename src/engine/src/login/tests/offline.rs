//! No answer comes: when an offline code is asked for, and when it never is.
#![forbid(unsafe_code)]

use serde_json::json;

use super::package::{failed, ok, package};
use super::step_up::{BASIC, BEARER, stepping_up};
use super::world::{PASSWORD, World, cut, outage, response, start, terms};
use crate::local::offline::Receipt;
use crate::local::offline::rules::{Accepted, CodeRefusal, Kind};
use crate::login::{Before, Start};
use crate::policy::{Offline, Terms};
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::tenant::failure::{Failure, Local, Misbehaviour, Outage};
use crate::words;

const START: &str = "/Security/StartAuthentication";
const BODY: &str = r#"{"User":"alice@example.com","Version":"1.0"}"#;
const QUESTION: &str = "Tenant unreachable. Offline verification code: ";
const REFUSED: &str = "connection refused: 192.0.2.1:443";

fn allowed() -> Terms {
    Terms { offline: Some(Offline::default()), ..terms() }
}

fn world() -> World {
    World::begun(start(allowed())).sends(START, BODY)
}

fn good() -> Result<Receipt, CodeRefusal> {
    Ok(Receipt::for_tests(Accepted { kind: Kind::Code, login: 1, age: 60 }))
}

#[test]
fn a_code_stands_in_for_a_tenant_that_nobody_reaches() {
    world()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .types(" 287082 ")
        .redeems("287082", good())
        .is_granted_offline(REFUSED);
}

#[test]
fn every_kind_of_outage_counts_and_nothing_else() {
    for kind in Outage::ALL {
        world()
            .replies_with(Err(Failure::Outage(kind, "x".into())))
            .asks(QUESTION)
            .is_abandoned(Reason::Interrupted)
            .is_refused(Reason::Interrupted, "");
    }
    for kind in Misbehaviour::ALL {
        world()
            .replies_with(Err(Failure::Misbehaved(kind, "x".into())))
            .is_refused_like(Reason::Misbehaved, "");
    }
    for kind in Local::ALL {
        world()
            .replies_with(Err(Failure::Local(kind, "x".into())))
            .is_refused_like(Reason::Local, "");
    }
}

#[test]
fn whatever_a_tenant_says_is_no_outage() {
    let mut busy = response("");
    busy.status = 503;
    for status in [401, 403, 404, 500, 502, 503, 504] {
        let mut reply = response("{}");
        reply.status = status;
        let world = world().replies_with(Ok(reply));
        match status {
            // Busy, and then gone: it was there.
            503 => world
                .waits(1)
                .sends(START, BODY)
                .replies_with(Err(outage()))
                .is_refused(Reason::Outage, REFUSED),
            _ => world.is_refused_like(Reason::Misbehaved, "HTTP status"),
        }
    }
    world().replies(failed()).is_refused(Reason::StartRefused, "");
    world()
        .replies(ok(json!({"PodFqdn": "tenant.test"})))
        .sends(START, BODY)
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, REFUSED);
}

#[test]
fn a_line_that_is_cut_in_the_middle_is_no_outage() {
    for (failure, reason) in [(outage(), Reason::Outage), (cut(), Reason::Misbehaved)] {
        world()
            .replies(package(&["UP", "OATH"]))
            .asks("Code from an authenticator.\nVerification code: ")
            .types("287082")
            .answers_up_and_starts("id-OATH")
            .replies_with(Err(failure))
            .is_refused_like(reason, "");
    }
}

#[test]
fn nobody_is_asked_where_it_is_not_allowed_or_the_only_factor() {
    World::new().sends(START, BODY).replies_with(Err(outage())).is_refused(Reason::Outage, REFUSED);
    World::begun(Start { before: Before::Nothing, ..start(allowed()) })
        .sends(START, BODY)
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, REFUSED);
}

#[test]
fn a_code_that_was_used_before_is_said_to_be() {
    world()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .types("111111")
        .redeems("111111", Err(CodeRefusal::Replayed))
        .asks_again("That code was used before. Wait for the next one.\n", QUESTION)
        .types("111111")
        .redeems("111111", Err(CodeRefusal::Wrong))
        .asks(QUESTION)
        .types("111111")
        .redeems("111111", Err(CodeRefusal::Replayed))
        .is_refused(Reason::OfflineRefused, &format!("{}; {REFUSED}", CodeRefusal::Replayed));
}

#[test]
fn a_wrong_code_is_asked_for_again_and_looks_the_same_for_who_is_not_enrolled() {
    for (refusal, reason) in [
        (CodeRefusal::Wrong, Reason::OfflineRefused),
        (CodeRefusal::NotEnrolled, Reason::OfflineNotEnrolled),
    ] {
        let detail = format!("{refusal}; {REFUSED}");
        world()
            .replies_with(Err(outage()))
            .asks(QUESTION)
            .types("111111")
            .redeems("111111", Err(refusal.clone()))
            .asks(QUESTION)
            .types("222222")
            .redeems("222222", Err(refusal.clone()))
            .asks(QUESTION)
            .types("333333")
            .redeems("333333", Err(refusal))
            .is_refused(reason, &detail);
    }
}

#[test]
fn where_no_code_counts_none_is_asked_for_again() {
    for (refusal, reason) in [
        (CodeRefusal::Locked(30), Reason::OfflineLocked),
        (CodeRefusal::Disabled, Reason::OfflineLocked),
        (CodeRefusal::ClockWentBack, Reason::OfflineBlocked),
        (CodeRefusal::RefusedOnline(9), Reason::OfflineBlocked),
        (CodeRefusal::TooLongAgo(9), Reason::OfflineBlocked),
        (CodeRefusal::TooMany(10), Reason::OfflineBlocked),
        (CodeRefusal::Unusable("x".into()), Reason::OfflineUnusable),
    ] {
        let detail = format!("{refusal}; {REFUSED}");
        world()
            .replies_with(Err(outage()))
            .asks(QUESTION)
            .types("111111")
            .redeems("111111", Err(refusal))
            .is_refused(reason, &detail);
    }
}

#[test]
fn a_second_try_may_be_the_right_one() {
    world()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, QUESTION)
        .types("111111")
        .redeems("111111", Err(CodeRefusal::Wrong))
        .asks(QUESTION)
        .types("287082")
        .redeems("287082", good())
        .is_granted_offline(REFUSED);
}

#[test]
fn a_caller_that_answers_blindly_costs_no_try() {
    world()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .types(PASSWORD)
        .is_refused_like(Reason::Blind, "the password was given");
    world()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .presses_enter()
        .asks_again(words::NOTHING_TYPED, QUESTION)
        .types_what_is_no_text()
        .asks_again(words::UNFIT, QUESTION)
        .presses_enter()
        .is_refused(Reason::Tries, "");
}

/// A step-up, with a token that was kept or without.
fn on_demand(token: Option<&str>) -> World {
    let mut start = stepping_up(|_| ());
    start.terms.offline = Some(Offline::default());
    if let Some(machine) = &mut start.machine {
        machine.token = token.map(Secret::new);
    }
    let authorization = if token.is_some() { "Bearer kept" } else { BASIC };
    World::begun(start).speaking_as(authorization)
}

const TOKEN: &str = "/oauth2/token/mfa";
const GRANT: &str = "grant_type=client_credentials&scope=GenericMFA";

#[test]
fn a_step_up_is_the_same_until_anything_was_said() {
    on_demand(None)
        .sends(TOKEN, GRANT)
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .types("287082")
        .redeems("287082", good())
        .is_granted_offline(REFUSED);
    on_demand(Some("kept"))
        .demands()
        .replies_with(Err(outage()))
        .asks(QUESTION)
        .types("287082")
        .redeems("287082", good())
        .is_granted_offline(REFUSED);
    on_demand(None)
        .sends(TOKEN, GRANT)
        .replies(json!({"access_token": "new", "token_type": "Bearer", "expires_in": 3600}))
        .keeps(Some(("new", 3600)))
        .speaking_as(BEARER)
        .demands()
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, REFUSED);
    let mut stale = response("");
    stale.status = 401;
    on_demand(Some("kept"))
        .demands()
        .replies_with(Ok(stale))
        .keeps(None)
        .speaking_as(BASIC)
        .sends(TOKEN, GRANT)
        .replies_with(Err(outage()))
        .is_refused(Reason::Outage, REFUSED);
}
