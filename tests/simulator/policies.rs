//! The policy calls: reading a policy block, adding a challenge policy to it, saving it.

use std::collections::BTreeMap;

use serde::Deserialize;
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
    ("22222222-2222-4222-8222-222222222222", "Second Factor Only", &["OTP,SMS,EMAIL,OATH,PF"]),
    ("33333333-3333-4333-8333-333333333333", "Password", &["UP"]),
];
const BLOCK: &str = "/Policy/Default Policy";

/// What an unlucky administrator is told. A choice: the words are not published.
const TOO_LATE: &str = "The policy has been modified since it was read. Please reload it.";

/// A policy set besides the default one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// `/Policy/Linux`
    pub path: String,
    /// `Role`, `Global`, `Collection`, `Inactive`.
    pub link: String,
    /// Names of roles, for a link of that kind.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// The policy sets of the tenant, and the challenge policies that it knows.
pub struct Policies {
    /// From the scenario.
    fixed: BTreeMap<String, Challenges>,
    /// Made by AddAuthPolicyModifier.
    pub modifiers: Vec<String>,
    blocks: Vec<Block>,
    links: Vec<Value>,
    /// So many saves come just too late: another administrator was faster.
    pub rivals: u32,
}

/// A policy set, without its stamp.
struct Block {
    content: Value,
    stamp: u64,
}

impl Policies {
    pub fn new(fixed: BTreeMap<String, Challenges>, sets: &[Set]) -> Policies {
        let default = Set { path: BLOCK.into(), link: "Global".into(), roles: Vec::new() };
        let sets: Vec<_> = std::iter::once(&default).chain(sets).collect();
        Policies {
            fixed,
            modifiers: Vec::new(),
            blocks: sets.iter().map(|set| Block::new(&set.path)).collect(),
            links: sets.iter().map(|set| link(set)).collect(),
            rivals: 0,
        }
    }

    fn block(&mut self, path: &Value) -> Option<&mut Block> {
        let mut blocks = self.blocks.iter_mut();
        blocks.find(|block| block.content["Path"] == *path)
    }

    /// The challenges behind a modifier: of the scenario, or as saved.
    pub fn challenges(&self, modifier: &str) -> Option<Challenges> {
        self.fixed.get(modifier).cloned().or_else(|| self.saved(modifier))
    }

    fn saved(&self, modifier: &str) -> Option<Challenges> {
        let known = self.modifiers.iter().any(|one| one == modifier);
        let mut blocks = self.blocks.iter();
        blocks.find_map(|block| block.challenges(modifier)).filter(|_| known)
    }
}

impl Block {
    fn new(path: &str) -> Block {
        let profiles = PROFILES.map(|(id, name, challenges)| {
            json!({"Uuid": id, "Name": name, "DurationInMinutes": 30, "Challenges": challenges, "AdditionalData": {}})
        });
        let levels =
            [("Normal", "None Detected"), ("Low", "Low"), ("Med", "Medium"), ("High", "High")];
        let levels = levels.map(|(name, shown)| json!({"Name": name, "TranslatedName": shown}));
        let content = json!({
            "Description": "The default policy.", "PolicyModifiers": [], "Path": path, "Version": 6,
            "Settings": {
                "AuthenticationEnabled": true,
                "/Core/Authentication/AuthenticationRulesDefaultProfileId": PROFILES[0].0,
                "/Core/Authentication/ContinueFailedSessions": true,
                "/Core/Authentication/SkipMechsInFalseAdvance": true,
                "/Core/Security/CDS/LockoutPolicy/Threshold": 5,
            },
            "RiskAnalysisLevels": {"Levels": levels}, "AuthProfiles": profiles,
        });
        let stamp = FIRST_STAMP;
        Block { content, stamp }
    }

    fn challenges(&self, modifier: &str) -> Option<Challenges> {
        let settings = &self.content["Settings"];
        let enabled = truth(&settings[format!("/Core/{modifier}/AuthenticationEnabled")]);
        let profile = &settings
            [format!("/Core/{modifier}/Authentication/AuthenticationRulesDefaultProfileId")];
        let profiles = self.content["AuthProfiles"].as_array()?;
        let profile = profiles.iter().find(|one| one["Uuid"] == *profile)?;
        let challenges = profile["Challenges"].as_array()?.iter().filter_map(Value::as_str);
        enabled.then(|| challenges.map(names).collect())
    }

    fn stamped(&self) -> Value {
        let mut block = self.content.clone();
        block["RevStamp"] = self.stamp.to_string().into();
        block
    }

    /// Another administrator changes something.
    fn meddle(&mut self) {
        self.stamp += 10_000_000;
        let stamp = self.stamp.to_string();
        self.content["Settings"]["/Core/Security/CDS/ExternalMFA/UiPrompt"] = stamp.into();
    }
}

fn link(set: &Set) -> Value {
    let roles: Vec<_> = set.roles.iter().map(|role| super::dice::guid_of(role)).collect();
    json!({
        "Params": roles, "ID": set.path, "EnableCompliant": true, "Description": "The default policy.",
        "LinkType": set.link, "PolicySet": set.path,
    })
}

/// `"OTP,SMS"`
fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_string()).collect()
}

/// Clients send booleans as such or as text.
fn truth(value: &Value) -> bool {
    value == true || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// `/Policy/GetPolicyBlock`
pub fn read_block(policies: &mut Policies, body: &Value) -> Response {
    match policies.block(&body["name"]) {
        Some(block) => ok(block.stamped()),
        None => Response::json(&reply::failure()),
    }
}

/// `/Policy/AddAuthPolicyModifier`
pub fn add_modifier(policies: &mut Policies, body: &Value) -> Response {
    let Some(name) = body["PolicyModifier"].as_str().filter(|name| !name.is_empty()) else {
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
    let is_late = policies.rivals > 0;
    policies.rivals = policies.rivals.saturating_sub(1);
    let Some(block) = policies.block(&policy["Path"]) else {
        return Response::json(&reply::failure());
    };
    if is_late {
        block.meddle();
    }
    if policy["RevStamp"] != block.stamp.to_string().as_str() {
        return Response::json(&reply::failure_that_says(TOO_LATE));
    }
    let (true, Some(links)) = (policy["Settings"].is_object(), links) else {
        return Response::json(&reply::failure());
    };
    block.content = policy.clone();
    for key in ["Newpolicy", "RevStamp"] {
        block.content.as_object_mut().and_then(|block| block.remove(key));
    }
    block.stamp += 10_000_000;
    let stamp = block.stamp.to_string();
    policies.links = links.clone();
    ok(json!({"RevStamp": stamp}))
}

/// Another administrator changes the default policy set.
pub fn meddle(policies: &mut Policies) {
    if let Some(block) = policies.block(&BLOCK.into()) {
        block.meddle();
    }
}

/// `/Policy/GetNicePlinks`
pub fn links(policies: &mut Policies, _: &Value) -> Response {
    let mut table = table(&policies.links, "PolicyLink", "ID");
    let stamp = policies.blocks.iter().map(|block| block.stamp).max();
    table["RevStamp"] = stamp.unwrap_or(FIRST_STAMP).to_string().into();
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
    ok(table(&["Everybody", "System Administrator"].map(role), "Role", "ID"))
}

fn table(rows: &[Value], kind: &str, key: &str) -> Value {
    let row = |row: &Value| json!({"Entities": [{"Type": kind, "Key": row[key], "IsForeignKey": false}], "Row": row});
    let results: Vec<Value> = rows.iter().map(row).collect();
    let first = rows.first().and_then(Value::as_object);
    let columns: Vec<Value> =
        first.into_iter().flatten().map(|(name, value)| column(name, value, kind)).collect();
    json!({
        "IsAggregate": false, "Count": rows.len(), "Columns": columns, "FullCount": rows.len(), "Results": results,
        "ReturnID": "",
    })
}

/// A column of a table, with all that the service says about one.
fn column(name: &str, value: &Value, table: &str) -> Value {
    let kind = match value {
        Value::Bool(_) => 9,
        Value::Number(_) => 8,
        Value::Array(_) | Value::Object(_) => 16,
        Value::String(_) | Value::Null => 12,
    };
    json!({
        "Name": name, "IsHidden": false, "DDName": name, "Title": name, "DDTitle": name, "Description": null,
        "Type": kind, "Format": null, "Width": 0, "TableKey": "NotAKey", "ForeignKey": null, "TableName": table,
    })
}

fn ok(result: Value) -> Response {
    Response::json(&reply::success(result))
}
