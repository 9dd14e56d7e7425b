//! The calls for challenge policies against the documentation's own samples ("On Demand
//! Challenges"), with what it leaves out by "..." left out, and replies that are not as they should
//! be.

use countersign::tenant::http::Response;

use super::refusal::Kind;
use super::wire::{self, Call};
use super::{Block, Json, Links, Name, New, Problem, Rule};

const DEFAULT: &str = "/Policy/Default Policy";

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!($name, ".json"))
    };
}

fn response(body: &str) -> Response {
    Response {
        status: 200,
        content_type: Some("application/json; charset=utf-8".into()),
        transaction: Some("0123456789abcdef".into()),
        retry_after: None,
        date: None,
        body: body.into(),
    }
}

fn result(kind: Kind, body: &str) -> Json {
    wire::result(kind, &response(body)).unwrap()
}

/// The policy set of the samples.
fn block() -> Block {
    Block::read(result(Kind::Block, sample!("block")), DEFAULT).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// What `Call` says, and what the sample says, as values.
#[track_caller]
fn assert_sent(call: &Call<'_>, sample: &str) {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&call.body()), value(sample));
}

#[test]
fn requests_are_those_of_the_samples() {
    assert_sent(&Call::Roles, sample!("roles_request"));
    assert_sent(&Call::Links, sample!("links_request"));
    assert_sent(&Call::Block(DEFAULT), sample!("block_request"));
    assert_sent(&Call::Register("test1"), sample!("register_request"));
}

#[test]
fn roles_and_policy_sets_are_read_from_the_samples() {
    let roles = wire::roles(&result(Kind::Roles, sample!("roles"))).unwrap();
    let role = (roles[0].id.as_str(), roles[0].name.as_str(), roles[0].description.as_str());
    assert_eq!(role, ("18240b41_cea1_4fb6_80d7_de847c152d82", "App Gateway Devs", ""));
    let own = result(Kind::OwnPolicies, sample!("own_policies"));
    assert_eq!(wire::own_policies(&own), Some(true));
    let links = Links::read(&result(Kind::Links, sample!("links"))).unwrap();
    let link = links.iter().next().unwrap();
    assert_eq!((link.path().as_deref(), link.kind().as_str()), (Some(DEFAULT), "Global"));
    assert_eq!(wire::stamp(&result(Kind::Save, sample!("saved"))).unwrap(), "636549980660000000");
    assert!(result(Kind::Register, sample!("registered")).is_null());
}

/// The sample of the request holds what the sample of the block holds, in its order, but for two
/// ids that its author has blotted out in different ways, and for profiles and links that it leaves
/// out.
#[test]
fn the_sample_of_a_saved_block_comes_from_the_sample_of_the_one_that_was_read() {
    let expected = Json::parse(sample!("save_request").as_bytes()).unwrap();
    let rule = "DateRange OpBetween L,02/23/2018,02/28/2018 then whatever";
    let new = New {
        name: name("test1"),
        profile: "cfefffff-9bf7-4569-895d-9dfbb3a9e8d7".into(),
        rules: vec![(Rule::parse(rule).unwrap(), "cfea9de5-9bf7-4569-895d-9dfbb3a9e8d7".into())],
        no_mechanism: false,
    };
    let links = Links::read(&result(Kind::Links, sample!("links"))).unwrap();
    let changed = block().with(&new);
    let sent = Call::Save { block: &changed, links: &links }.body();
    let sent = Json::parse(sent.as_bytes()).unwrap();
    let settings = |json: &Json| {
        let text = json.get("policy").unwrap().get("Settings").unwrap().pretty();
        text.replace("cfea9de5", "cfefffff")
    };
    assert_eq!(settings(&sent), settings(&expected));
    for key in [
        "Description",
        "PolicyModifiers",
        "Path",
        "RiskAnalysisLevels",
        "RevStamp",
        "Version",
        "Newpolicy",
    ] {
        let member = |json: &Json| json.get("policy").unwrap().get(key).cloned();
        assert_eq!(member(&sent), member(&expected), "{key}");
    }
    let keys = |json: &Json| {
        let members = json.get("policy").unwrap().members();
        members.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&sent), keys(&expected));
    let row = result(Kind::Links, sample!("links"));
    let row = row.get("Results").unwrap().elements()[0].get("Row").unwrap().clone();
    assert_eq!(sent.get("plinks"), Some(&Json::Array(vec![row])));
}

#[test]
fn a_challenge_policy_is_found_taken_apart_and_taken_away() {
    let new = New {
        name: name("test1"),
        profile: "a7dddddd-fe4e-4f37-a885-2176beb4a501".into(),
        rules: vec![(
            Rule::parse("IdentityCookie OpExists and RiskLevel OpIn High,Low then x").unwrap(),
            "12222222-9aad-4e49-8e23-1e4561d9b7c3".into(),
        )],
        no_mechanism: true,
    };
    let block = block();
    assert!(block.names().is_empty());
    let with = block.with(&new);
    assert_eq!(with.names(), [name("test1")]);
    let found = with.challenge_policy(&name("test1")).unwrap();
    assert!(found.enabled && found.no_mechanism);
    assert_eq!(found.default_profile.as_deref(), Some("a7dddddd-fe4e-4f37-a885-2176beb4a501"));
    assert_eq!(
        found.rules,
        [(
            vec!["IdentityCookie OpExists".to_owned(), "RiskLevel OpIn High,Low".to_owned()],
            "12222222-9aad-4e49-8e23-1e4561d9b7c3".to_owned()
        )]
    );
    assert!(with.has(&name("TEST1")) && !with.has(&name("test")));
    assert_eq!(with.without(&name("test1")), block);
    assert_eq!(with.without(&name("test")), with);
    assert!(block.challenge_policy(&name("test1")).is_none());
}

#[test]
fn what_the_tenant_has_for_itself_can_not_be_taken_as_a_name() {
    for taken in ["Authentication", "authentication", "Security", "PasswordReset"] {
        assert!(block().has(&name(taken)), "{taken}");
    }
    for unfit in ["", "a b", "a/b", "../x", "é", &"x".repeat(65)] {
        let why = "expected letters, digits, _ and -, 64 of them at most";
        assert_eq!(Name::new(unfit), Err(why), "{unfit}");
    }
    for odd in ["", "a/b", "a\u{7}", &"x".repeat(257)] {
        let why = "no challenge policy is called that";
        assert_eq!(Name::parse(odd), Err(why), "{odd}");
    }
}

#[test]
fn profiles_are_read_with_their_challenges() {
    let profiles = block().profiles();
    assert_eq!(profiles.len(), 2);
    assert_eq!(profiles[1].name, "Default Password Reset Profile");
    assert_eq!(profiles[1].challenges, ["OTP,SMS,EMAIL,OATH"]);
    assert_eq!(profiles[1].minutes.as_deref(), Some("720"));
}

/// A tenant of another year: numbers that no float holds, unknown members, another order.
#[test]
fn what_nobody_here_has_heard_of_is_given_back_as_it_came() {
    let text = r#"{"Zeta":{"n":[1.0,1e3,123456789012345678901234567890]},"RevStamp":636486318310000000,"Path":"/P","Settings":{"b":0.10,"a":"\u00fc\/"},"Alpha":null}"#;
    let block = Block::read(Json::parse(text.as_bytes()).unwrap(), "/P").unwrap();
    assert_eq!(block.stamp(), "636486318310000000");
    assert_eq!(block.json().compact(), text);
    let mut sent = text.strip_suffix('}').unwrap().to_owned();
    sent.push_str(",\"Newpolicy\":false}");
    assert_eq!(block.as_sent().compact(), sent);
}

#[track_caller]
fn problem(response: &Response) -> (String, String) {
    let problem = wire::result(Kind::Save, response).unwrap_err();
    (problem.to_string(), problem.hint())
}

#[test]
fn each_way_not_to_answer_has_its_sentence_and_its_hint() {
    let status = |status| Response { status, ..response("") };
    let unsure =
        "the change may or may not be saved: countersign policy list shows what the tenant has now";
    let proxy = "is tenant.url right? Is there a proxy in between?";
    for (reply, said, hint) in [
        (
            status(401),
            "can't save the policy set: the tenant does not take the token (HTTP status 401)",
            "the token has ended or was revoked, or is for another tenant: log in again",
        ),
        (
            status(403),
            "can't save the policy set: the right is missing (HTTP status 403)",
            "the scope of the OAuth application must take Policy/SavePolicyBlock3, and its user must be an administrator who may change policies",
        ),
        (status(503), "can't save the policy set: the tenant is too busy", "try again in a minute"),
        (status(500), "can't save the policy set: HTTP status 500", proxy),
        (
            Response { content_type: Some("text/html\u{7}".into()), ..response("<html>") },
            "can't save the policy set: a reply of type \"text/html\"",
            proxy,
        ),
        (
            response("{"),
            "can't save the policy set: the reply is not JSON (line 1, column 1)",
            unsure,
        ),
        (response("[true]"), "can't save the policy set: the reply is without success", unsure),
        (
            response(r#"{"success":true}"#),
            "can't save the policy set: the reply is without a result",
            unsure,
        ),
        (
            response(r#"{"success":false,"Message":"No \u001b[31m\"way\""}"#),
            "the tenant refuses to save the policy set: \"No [31m'way'\"",
            "the tenant's support finds it by the transaction 0123456789abcdef",
        ),
        (
            Response { transaction: None, ..response(r#"{"success":false,"Message":null}"#) },
            "the tenant refuses to save the policy set",
            "the tenant's portal may say more",
        ),
    ] {
        assert_eq!(problem(&reply), (said.to_owned(), hint.to_owned()));
    }
}

#[test]
fn tables_and_blocks_of_another_shape_are_not_taken() {
    let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
    let said = |problem: Problem| problem.to_string();
    let block = |text: &str| said(Block::read(json(text), "/P").unwrap_err());
    let reply = "can't read the policy set: the reply is";
    assert_eq!(block("null"), format!("{reply} without settings"));
    assert_eq!(block(r#"{"Settings":[]}"#), format!("{reply} without settings"));
    assert_eq!(
        block(r#"{"Settings":{},"Path":"/Q"}"#),
        format!("{reply} about another policy set")
    );
    assert_eq!(block(r#"{"Settings":{},"Path":"/P"}"#), format!("{reply} without a RevStamp"));
    let links = |text: &str| said(Links::read(&json(text)).unwrap_err());
    let reply = "can't read the policy sets: the reply is";
    assert_eq!(links("{}"), format!("{reply} without a table"));
    assert_eq!(links(r#"{"Results":[{}]}"#), format!("{reply} a table without rows"));
    assert_eq!(
        links(r#"{"Results":[{"Row":{}}]}"#),
        format!("{reply} a policy set without a name")
    );
    let roles = wire::roles(&json(r#"{"Results":[{"Row":{"Name":"x"}}]}"#)).err().unwrap();
    assert_eq!(said(roles), "can't read the roles: the reply is a role without an id");
    let stamp = wire::stamp(&json("null")).err().unwrap();
    assert_eq!(said(stamp), "can't save the policy set: the reply is without a RevStamp");
}
