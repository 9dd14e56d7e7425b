//! The policy calls: reading a policy block, adding a challenge policy to it, saving it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::http::Response;
use super::reply;
use super::scenario::Challenges;

/// .NET ticks of some day in 2018, from where every save counts on.
const FIRST_STAMP: u64 = 636_486_318_310_000_000;
const PROFILES: [(&str, &str, &[&str]); 3] = [
    (
        "11111111-1111-4111-8111-111111111111",
        "Default New Device Login Profile",
        &["UP", "OTP,SMS,EMAIL,OATH"],
    ),
    (
        "22222222-2222-4222-8222-222222222222",
        "Second Factor Only",
        &["OTP,SMS,EMAIL,OATH,PF"],
    ),
    ("33333333-3333-4333-8333-333333333333", "Password", &["UP"]),
];
const BLOCK: &str = "/Policy/Default Policy";

/// The one policy block of the tenant, and the challenge policies that it knows.
pub struct Policies {
    /// From the scenario.
    fixed: BTreeMap<String, Challenges>,
    /// Made by AddAuthPolicyModifier.
    pub modifiers: Vec<String>,
    block: Value,
    links: Vec<Value>,
    stamp: u64,
}

impl Policies {
    pub fn new(fixed: BTreeMap<String, Challenges>) -> Policies {
        let profiles = PROFILES.map(|(id, name, challenges)| {
            json!({"Uuid": id, "Name": name, "DurationInMinutes": 30, "Challenges": challenges, "AdditionalData": {}})
        });
        let levels = [
            ("Normal", "None Detected"),
            ("Low", "Low"),
            ("Med", "Medium"),
            ("High", "High"),
        ];
        let levels = levels.map(|(name, shown)| json!({"Name": name, "TranslatedName": shown}));
        let block = json!({
            "Description": "The default policy.", "PolicyModifiers": [], "Path": BLOCK, "Version": 6,
            "Settings": {
                "AuthenticationEnabled": true,
                "/Core/Authentication/AuthenticationRulesDefaultProfileId": PROFILES[0].0,
                "/Core/Authentication/ContinueFailedSessions": true,
                "/Core/Authentication/SkipMechsInFalseAdvance": true,
                "/Core/Security/CDS/LockoutPolicy/Threshold": 5,
            },
            "RiskAnalysisLevels": {"Levels": levels}, "AuthProfiles": profiles,
        });
        let link = json!({
            "Params": [], "ID": BLOCK, "EnableCompliant": true, "Description": "The default policy.",
            "LinkType": "Global", "PolicySet": BLOCK,
        });
        Policies {
            fixed,
            modifiers: Vec::new(),
            block,
            links: vec![link],
            stamp: FIRST_STAMP,
        }
    }

    /// The challenges behind a modifier: of the scenario, or as saved.
    pub fn challenges(&self, modifier: &str) -> Option<Challenges> {
        self.fixed
            .get(modifier)
            .cloned()
            .or_else(|| self.saved(modifier))
    }

    fn saved(&self, modifier: &str) -> Option<Challenges> {
        let settings = &self.block["Settings"];
        let enabled = truth(&settings[format!("/Core/{modifier}/AuthenticationEnabled")]);
        let profile = &settings
            [format!("/Core/{modifier}/Authentication/AuthenticationRulesDefaultProfileId")];
        let profiles = self.block["AuthProfiles"].as_array()?;
        let profile = profiles.iter().find(|one| one["Uuid"] == *profile)?;
        let known = self.modifiers.iter().any(|one| one == modifier);
        let challenges = profile["Challenges"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        (enabled && known).then(|| challenges.map(names).collect())
    }

    fn stamped_block(&self) -> Value {
        let mut block = self.block.clone();
        block["RevStamp"] = self.stamp.to_string().into();
        block
    }
}

/// `"OTP,SMS"`
fn names(list: &str) -> Vec<String> {
    list.split(',')
        .map(|name| name.trim().to_string())
        .collect()
}

/// Clients send booleans as such or as text.
fn truth(value: &Value) -> bool {
    value == true
        || value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// `/Policy/GetPolicyBlock`
pub fn read_block(policies: &mut Policies, body: &Value) -> Response {
    if body["name"] != BLOCK {
        return Response::json(&reply::failure());
    }
    ok(policies.stamped_block())
}

/// `/Policy/AddAuthPolicyModifier`
pub fn add_modifier(policies: &mut Policies, body: &Value) -> Response {
    let Some(name) = body["PolicyModifier"]
        .as_str()
        .filter(|name| !name.is_empty())
    else {
        return Response::json(&reply::failure());
    };
    if !policies.modifiers.iter().any(|known| known == name) {
        policies.modifiers.push(name.into());
    }
    ok(Value::Null)
}

/// `/Policy/SavePolicyBlock3`: only on top of what was read.
pub fn save_block(policies: &mut Policies, body: &Value) -> Response {
    let (policy, links) = (&body["policy"], body["plinks"].as_array());
    let current = policies.stamp.to_string();
    let known = policy["Path"] == BLOCK && policy["RevStamp"] == current.as_str();
    let (true, Some(links)) = (known && policy["Settings"].is_object(), links) else {
        return Response::json(&reply::failure());
    };
    policies.block["Settings"] = policy["Settings"].clone();
    policies.links = links.clone();
    policies.stamp += 10_000_000;
    ok(json!({"RevStamp": policies.stamp.to_string()}))
}

/// `/Policy/GetNicePlinks`
pub fn links(policies: &mut Policies, _: &Value) -> Response {
    let mut table = table(&policies.links, "PolicyLink", "ID");
    table["RevStamp"] = policies.stamp.to_string().into();
    ok(table)
}

/// `/Policy/GetUsingCloudMobileGP`
pub fn mobile_policy(_: &mut Policies, _: &Value) -> Response {
    ok(json!({
        "useCloudGP": true, "useCloudCA": false, "refreshInterval": 15, "gpUpdateInterval": 300,
        "activeDirectoryCA": null, "cloudOuManagement": false, "hasProxy": false, "boundMobileForest": null,
        "hideMobilePolicyForAD": false,
    }))
}

/// `/RedRock/query`: whatever is asked, the roles.
pub fn query(_: &mut Policies, _: &Value) -> Response {
    let role = |name: &str| json!({"ID": super::dice::guid_of(name), "Name": name, "DisplayName": name, "RoleType": "PrincipalList"});
    ok(table(
        &["Everybody", "System Administrator"].map(role),
        "Role",
        "ID",
    ))
}

fn table(rows: &[Value], kind: &str, key: &str) -> Value {
    let row = |row: &Value| json!({"Entities": [{"Type": kind, "Key": row[key], "IsForeignKey": false}], "Row": row});
    let results: Vec<Value> = rows.iter().map(row).collect();
    let columns = rows
        .first()
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|row| row.keys());
    let columns: Vec<Value> = columns
        .map(|name| json!({"Name": name, "Title": name}))
        .collect();
    json!({
        "IsAggregate": false, "Count": rows.len(), "Columns": columns, "FullCount": rows.len(), "Results": results,
        "ReturnID": "",
    })
}

fn ok(result: Value) -> Response {
    Response::json(&reply::success(result))
}
