//! `list`, `show`, `profiles` and `roles`.

use serde_json::{Value, json};

use super::*;

#[test]
fn policy_sets_are_listed_with_their_challenge_policies() {
    let world = World::new();
    world.make_test1();
    world.prints(
        "list",
        "/Policy/Default Policy (Global)\n\
         \x20 test1: Second Factor Only (OTP or SMS or EMAIL or OATH or PF)\n\
         /Policy/Linux (Role: System Administrator)\n\
         /Policy/Off (Inactive)\n",
    );
    world.prints("list --policy Linux", "/Policy/Linux (Role: System Administrator)\n");
    let (out, _, code) = world.run("list --policy '/Policy/Default Policy' --json");
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (list, code),
        (
            json!([{
                "policy": "/Policy/Default Policy", "for": ["Global"],
                "challenge_policies": [{
                    "name": "test1", "policy": "/Policy/Default Policy", "enabled": true, "profile_id": "22222222-2222-4222-8222-222222222222",
                    "rules": [], "no_mfa_mech_login": false,
                }],
            }]),
            0
        )
    );
    world.fails(
        "list --policy Solaris",
        "countersign: there is no policy set Solaris\n\
         hint: --policy names one of: /Policy/Default Policy, /Policy/Linux, /Policy/Off\n",
    );
}

#[test]
fn whoever_may_not_read_roles_sees_their_ids() {
    let world =
        World::of(&SCENARIO.replace("app = \"adm\"", "app = \"adm\"\ncalls = [\"Policy/\"]"));
    let (out, err, code) = world.run("list --policy Linux");
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.starts_with("/Policy/Linux (Role: ") && !out.contains("System"), "{out}");
}

#[test]
fn one_is_shown_with_its_rules() {
    let world = World::new();
    let (_, err, code) = world.run(
        "create audit --profile Password --policy Linux --no-mfa-mech-login --yes --backup-folder kept \
         --rule 'DateRange OpBetween L,02/23/2018,02/28/2018 and IdentityCookie OpExists then second factor only' \
         --rule 'RiskLevel OpIn High then 11111111-1111-4111-8111-111111111111'",
    );
    assert_eq!((err.as_str(), code), ("", 0));
    world.prints(
        "show audit",
        "audit in /Policy/Linux\n\
         \x20 DateRange OpBetween L,02/23/2018,02/28/2018 and IdentityCookie OpExists: Second Factor Only (OTP or SMS or EMAIL or OATH or PF)\n\
         \x20 RiskLevel OpIn High: Default New Device Login Profile (UP, then OTP or SMS or EMAIL or OATH)\n\
         \x20 otherwise: Password (UP)\n\
         \x20 a user who can't meet any mechanism is let in (NoMfaMechLogin)\n",
    );
    world.prints(
        "list --policy Linux",
        "/Policy/Linux (Role: System Administrator)\n\x20 audit: Password (UP), and 2 rules\n",
    );
    let (out, _, _) = world.run("show audit --json");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["policy"], "/Policy/Linux");
    assert_eq!(shown["rules"][1]["conditions"], json!(["RiskLevel OpIn High"]));
    assert_eq!(shown["no_mfa_mech_login"], true);
    world.fails(
        "show nothing",
        "countersign: there is no challenge policy nothing\nhint: countersign policy list shows them\n",
    );
    world.fails(
        "show audit --policy Off",
        "countersign: there is no challenge policy audit\nhint: countersign policy list shows them\n",
    );
}

/// In the portal they can have names that this command would not give.
#[test]
fn those_that_others_have_made_are_found_too() {
    let world = World::new();
    let block = json!({"success": true, "Result": {
        "Path": "/Policy/Off", "RevStamp": "1", "AuthProfiles": [],
        "Settings": {"/Core/Step up\u{202e}/AuthenticationEnabled": "False"},
    }});
    world.answers_once("GetPolicyBlock", &block);
    world.prints(
        "list --policy Off",
        "/Policy/Off (Inactive)\n\x20 Step up: no profile (switched off)\n",
    );
    world.answers_once("GetPolicyBlock", &block);
    world.prints(
        "show 'Step up\u{202e}' --policy Off",
        "Step up in /Policy/Off, switched off\n\x20 always: no profile\n\
         \x20 a user who can't meet any mechanism is not let in\n",
    );
}

#[test]
fn profiles_and_roles_are_listed() {
    let world = World::new();
    world.prints(
        "profiles",
        "Default New Device Login Profile: UP, then OTP or SMS or EMAIL or OATH; not again for 30 min (11111111-1111-4111-8111-111111111111)\n\
         Second Factor Only: OTP or SMS or EMAIL or OATH or PF; not again for 30 min (22222222-2222-4222-8222-222222222222)\n\
         Password: UP; not again for 30 min (33333333-3333-4333-8333-333333333333)\n",
    );
    let (out, _, _) = world.run("profiles --json --policy Linux");
    let profiles: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        profiles[2],
        json!({"id": "33333333-3333-4333-8333-333333333333", "name": "Password", "challenges": ["UP"], "minutes": "30"})
    );
    let (out, err, code) = world.run("roles");
    assert_eq!((err.as_str(), code), ("", 0));
    let roles: Vec<_> = out.lines().map(|line| line.split_once(" (").unwrap().0).collect();
    assert_eq!(roles, ["Everybody", "System Administrator"]);
    let (out, _, _) = world.run("roles --json");
    let roles: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&roles[0]["name"], &roles[0]["description"]), (&json!("Everybody"), &json!("")));
    assert_eq!(roles[0]["id"].as_str().unwrap().len(), 36);
}

#[test]
fn what_names_a_tenant_gives_reach_no_terminal_as_they_are() {
    let world = World::new();
    let table = json!({"success": true, "Result": {"Results": [
        {"Row": {"ID": "id\u{1b}[2J", "Name": "Every\u{202e}body\n", "Description": "a\u{7}b"}}
    ]}});
    world.answers_once("RedRock", &table);
    world.prints("roles", "Everybody: a b (id [2J)\n");
}

#[test]
fn the_usage_is_told_of_what_is_no_command() {
    let world = World::new();
    for (arguments, said) in [
        ("", "Usage: countersign policy [OPTIONS] <COMMAND>"),
        ("create test1", "--profile <PROFILE>"),
        (
            "create 'a b' --profile P",
            "invalid value 'a b' for '<NAME>': expected letters, digits, _ and -, 64 of them at most",
        ),
        (
            "create a --profile P --rule 'IdentityCookie OpExists'",
            "expected conditions, \"then\" and a profile",
        ),
        ("create a --profile P --policy X --role Y", "cannot be used with '--role <ROLE>'"),
        ("create a --profile P --yes --dry-run", "cannot be used with '--dry-run'"),
        ("list --as admin --client-id x", "cannot be used with '--client-id <ID>'"),
    ] {
        let (out, err, code) = world.run(arguments);
        assert_eq!((out.as_str(), code), ("", 2), "{arguments}");
        assert!(err.contains(said), "{arguments}: {err}");
    }
    assert!(world.asked().is_empty());
}
