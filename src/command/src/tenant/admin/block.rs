//! A policy set as the tenant has it, and the challenge policies in it.
//!
//! A challenge policy is nothing but settings below `/Core/NAME/`. Everything else is kept as it
//! came.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use super::json::Json;
use super::refusal::{Kind, Problem};
use super::rule::Rule;

const ENABLED: &str = "AuthenticationEnabled";
const RULES: &str = "Authentication/AuthenticationRules";
const DEFAULT_PROFILE: &str = "Authentication/AuthenticationRulesDefaultProfileId";
const NO_MECHANISM: &str = "Authentication/NoMfaMechLogin";

/// A policy set.
#[derive(Clone, Debug, PartialEq)]
pub struct Block(Json);

/// The name of a challenge policy: `PolicyModifier` of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// A profile: which challenges are to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `Uuid`
    pub id: String,
    /// `Name`
    pub name: String,
    /// `Challenges`, each a list of mechanisms with commas between: `UP`, `OTP,SMS`.
    pub challenges: Vec<String>,
    /// `DurationInMinutes`: for how long nothing is asked again.
    pub minutes: Option<String>,
}

/// A challenge policy as it is.
pub struct ChallengePolicy {
    /// `AuthenticationEnabled`
    pub enabled: bool,
    /// The id of the profile where no rule holds.
    pub default_profile: Option<String>,
    /// Conditions in the API's words, and the id of a profile.
    pub rules: Vec<(Vec<String>, String)>,
    /// `NoMfaMechLogin`: a user who can't meet any mechanism is let in.
    pub no_mechanism: bool,
}

/// A challenge policy to be made.
pub struct New {
    /// Its name.
    pub name: Name,
    /// The id of the profile where no rule holds.
    pub profile: String,
    /// Rules, each with the id of its profile.
    pub rules: Vec<(Rule, String)>,
    /// `NoMfaMechLogin`
    pub no_mechanism: bool,
}

impl Name {
    /// Reads a name for a new one. It becomes part of the names of settings.
    ///
    /// # Errors
    ///
    /// What names may be.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Name(text.to_owned()))
        } else {
            Err("expected letters, digits, _ and -, 64 of them at most")
        }
    }

    /// Reads the name of one that may be there: others have made it.
    ///
    /// # Errors
    ///
    /// What no name is.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_odd = |c: char| c == '/' || c.is_control();
        if (1..=256).contains(&text.len()) && !text.contains(is_odd) {
            Ok(Name(text.to_owned()))
        } else {
            Err("no challenge policy is called that")
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn setting(&self, what: &str) -> String {
        format!("/Core/{}/{what}", self.0)
    }
}

impl Block {
    /// The block of a result.
    ///
    /// # Errors
    ///
    /// One that is not the one that was asked for, or can't be saved again.
    pub fn read(result: Json, path: &str) -> Result<Self, Problem> {
        let what = if !matches!(result.get("Settings"), Some(Json::Object(_))) {
            "without settings"
        } else if result.get("Path").and_then(Json::as_text).as_deref() != Some(path) {
            "about another policy set"
        } else if result.get("RevStamp").and_then(Json::as_text).is_none() {
            "without a RevStamp"
        } else {
            return Ok(Block(result));
        };
        Err(Problem::Malformed(Kind::Block, what.to_owned()))
    }

    /// The block as it came.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.0
    }

    /// The block as it is sent: what came, and that it is not a new one.
    #[must_use]
    pub fn as_sent(&self) -> Json {
        let mut sent = self.0.clone();
        sent.set("Newpolicy", Json::flag(false));
        sent
    }

    /// `Path`
    #[must_use]
    pub fn path(&self) -> String {
        self.0.get("Path").and_then(Json::as_text).unwrap_or_default()
    }

    /// `RevStamp`: the tenant saves a block only on top of the one that has it.
    #[must_use]
    pub fn stamp(&self) -> String {
        self.0.get("RevStamp").and_then(Json::as_text).unwrap_or_default()
    }

    /// Returns this content on top of another block.
    #[must_use]
    pub fn on_top_of(&self, other: &Block) -> Block {
        let mut block = self.0.clone();
        if let Some(stamp) = other.0.get("RevStamp") {
            block.set("RevStamp", stamp.clone());
        }
        Block(block)
    }

    /// Whether it has the settings of another and no more, however the tenant spells them now. What
    /// else it says of itself does not count.
    #[must_use]
    pub fn has_settings_of(&self, other: &Block) -> bool {
        match (self.meant(), other.meant()) {
            (Some(mine), Some(others)) => {
                mine.len() == others.len()
                    && mine
                        .iter()
                        .all(|(key, value)| others.get(key).is_some_and(|other| value.means(other)))
            }
            (None, _) | (_, None) => false,
        }
    }

    /// The settings by their names, which count without regard to case.
    fn meant(&self) -> Option<BTreeMap<String, &Json>> {
        let Json::Object(settings) = self.0.get("Settings")? else {
            return None;
        };
        let settings = settings.iter();
        Some(settings.map(|(key, value)| (key.to_ascii_lowercase(), value)).collect())
    }

    fn settings(&self) -> &[(String, Json)] {
        self.0.get("Settings").map(Json::members).unwrap_or_default()
    }

    fn setting(&self, name: &Name, what: &str) -> Option<&Json> {
        self.0.get("Settings")?.get(&name.setting(what))
    }

    /// Whether anything has this name already: settings are compared without regard to case.
    #[must_use]
    pub fn has(&self, name: &Name) -> bool {
        self.settings().iter().any(|(key, _)| belongs(key, name))
    }

    /// The profiles that can be chosen.
    #[must_use]
    pub fn profiles(&self) -> Vec<Profile> {
        let profiles = self.0.get("AuthProfiles").map(Json::elements).unwrap_or_default();
        profiles.iter().filter_map(profile).collect()
    }

    /// The names of the challenge policies in it.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        let keys = self.settings().iter().map(|(key, _)| key);
        let names = keys.filter_map(|key| {
            let (name, rest) = key.strip_prefix("/Core/")?.split_once('/')?;
            (rest == ENABLED).then(|| Name::parse(name).ok()).flatten()
        });
        names.collect()
    }

    /// One of them.
    #[must_use]
    pub fn challenge_policy(&self, name: &Name) -> Option<ChallengePolicy> {
        let enabled = self.setting(name, ENABLED)?.as_flag().unwrap_or(false);
        let rules = self.setting(name, RULES).and_then(|rules| rules.get("_Value"));
        let no_mechanism = self.setting(name, NO_MECHANISM).and_then(Json::as_flag);
        Some(ChallengePolicy {
            enabled,
            default_profile: self.setting(name, DEFAULT_PROFILE).and_then(Json::as_text),
            rules: rules.map(Json::elements).unwrap_or_default().iter().map(rule).collect(),
            no_mechanism: no_mechanism.unwrap_or(false),
        })
    }

    /// Returns the block with one more challenge policy.
    #[must_use]
    pub fn with(&self, new: &New) -> Block {
        let rules = new.rules.iter().map(|(rule, profile)| rule.json(profile));
        let rules = Json::object([
            ("_Type", Json::text("RowSet")),
            ("Enabled", Json::flag(true)),
            ("_UniqueKey", Json::text("Condition")),
            ("_Value", Json::Array(rules.collect())),
        ]);
        self.changed(|settings| {
            for (what, value) in [
                (ENABLED, Json::flag(true)),
                (RULES, rules),
                (DEFAULT_PROFILE, Json::text(&new.profile)),
                (NO_MECHANISM, Json::flag(new.no_mechanism)),
            ] {
                settings.push((new.name.setting(what), value));
            }
        })
    }

    /// Returns the block without one challenge policy.
    #[must_use]
    pub fn without(&self, name: &Name) -> Block {
        self.changed(|settings| settings.retain(|(key, _)| !belongs(key, name)))
    }

    fn changed(&self, change: impl FnOnce(&mut Vec<(String, Json)>)) -> Block {
        let mut block = self.0.clone();
        let members = block.members_mut().into_iter().flatten();
        let mut settings = members.filter(|(key, _)| key == "Settings");
        if let Some(settings) = settings.next_back().and_then(|(_, value)| value.members_mut()) {
            change(settings);
        }
        Block(block)
    }
}

fn belongs(key: &str, name: &Name) -> bool {
    let prefix = name.setting("");
    let start = key.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(&prefix))
}

fn profile(json: &Json) -> Option<Profile> {
    let field = |key| json.get(key).and_then(Json::as_text);
    let challenges = json.get("Challenges").map(Json::elements).unwrap_or_default();
    Some(Profile {
        id: field("Uuid")?,
        name: field("Name")?,
        challenges: challenges.iter().filter_map(Json::as_text).collect(),
        minutes: field("DurationInMinutes"),
    })
}

fn rule(json: &Json) -> (Vec<String>, String) {
    let conditions = json.get("Conditions").map(Json::elements).unwrap_or_default();
    let condition = |condition: &Json| {
        let fields = ["Prop", "Op", "Val"].into_iter();
        let words = fields.filter_map(|key| condition.get(key).and_then(Json::as_text));
        words.collect::<Vec<_>>().join(" ")
    };
    let profile = json.get("ProfileId").and_then(Json::as_text);
    (conditions.iter().map(condition).collect(), profile.unwrap_or_default())
}
