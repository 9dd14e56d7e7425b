//! `countersign policy list`, `show`, `profiles` and `roles`: what is there, changing nothing.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use crate::tenant::admin::{Block, ChallengePolicy, Link, Name, Profile};
use serde_json::{Value, json};

use super::administrator::Session;
use super::policy_sets::{harmless, holding, named, paths, role_names};
use crate::ui::output::{Done, line};

pub fn list(session: &mut Session, policy: Option<&str>, json: bool) -> Done {
    let links = session.ask(|client| client.links())?;
    let roles = role_names(session, &links);
    let paths = match policy {
        Some(_) => vec![named(&links, policy)?],
        None => paths(&links),
    };
    let mut objects = Vec::new();
    for path in &paths {
        let block = session.ask(|client| client.block(path))?;
        let whom: Vec<_> = links
            .iter()
            .filter(|link| link.path().as_deref() == Some(path))
            .map(|link| for_whom(&link, &roles))
            .collect();
        if json {
            let all: Vec<_> =
                block.names().iter().filter_map(|name| object(&block, name)).collect();
            objects.push(json!({"policy": path, "for": whom, "challenge_policies": all}));
            continue;
        }
        line(format!("{} ({})", harmless(path), whom.join("; ")));
        block.names().iter().for_each(|name| line(summary(&block, name)));
    }
    if json {
        line(json!(objects));
    }
    Ok(())
}

/// `Global`, `Role: Everybody`.
fn for_whom(link: &Link<'_>, roles: &BTreeMap<String, String>) -> String {
    let params = link.params();
    let names = params.iter().map(|id| harmless(roles.get(id).unwrap_or(id)));
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        harmless(&link.kind())
    } else {
        format!("{}: {}", harmless(&link.kind()), names.join(", "))
    }
}

fn summary(block: &Block, name: &Name) -> String {
    let found = block.challenge_policy(name);
    let text = found.map_or_else(String::new, |found| {
        let rules = match found.rules.len() {
            0 => String::new(),
            1 => ", and 1 rule".to_owned(),
            count => format!(", and {count} rules"),
        };
        let off = if found.enabled { "" } else { " (switched off)" };
        let profiles = block.profiles();
        format!("{}{rules}{off}", asks(&profiles, found.default_profile.as_deref()))
    });
    format!("  {}: {text}", harmless(name.as_str()))
}

pub fn show(session: &mut Session, name: &Name, policy: Option<&str>, json: bool) -> Done {
    let links = session.ask(|client| client.links())?;
    let block = holding(session, &links, name, policy)?;
    if json {
        line(json!(object(&block, name)));
    } else if let Some(found) = block.challenge_policy(name) {
        say(&block, name, &found);
    }
    Ok(())
}

fn say(block: &Block, name: &Name, found: &ChallengePolicy) {
    let off = if found.enabled { "" } else { ", switched off" };
    line(format!("{} in {}{off}", harmless(name.as_str()), harmless(&block.path())));
    let profiles = block.profiles();
    for (conditions, profile) in &found.rules {
        let conditions: Vec<_> = conditions.iter().map(|text| harmless(text)).collect();
        let profile = asks(&profiles, Some(profile));
        line(format!("  {}: {profile}", conditions.join(" and ")));
    }
    let otherwise = if found.rules.is_empty() { "always" } else { "otherwise" };
    let profile = asks(&profiles, found.default_profile.as_deref());
    line(format!("  {otherwise}: {profile}"));
    line(if found.no_mechanism {
        "  a user who can't meet any mechanism is let in (NoMfaMechLogin)"
    } else {
        "  a user who can't meet any mechanism is not let in"
    });
}

/// A profile and its challenges: `Default (UP, then OTP or SMS)`.
fn asks(profiles: &[Profile], id: Option<&str>) -> String {
    let Some(id) = id else {
        return "no profile".to_owned();
    };
    match profiles.iter().find(|profile| profile.id == id) {
        Some(profile) => format!("{} ({})", harmless(&profile.name), challenges(profile)),
        None => format!("a profile that is not there ({})", harmless(id)),
    }
}

/// `UP, then OTP or SMS`
pub fn challenges(profile: &Profile) -> String {
    let one = |list: &String| harmless(list).replace(',', " or ");
    let all: Vec<_> = profile.challenges.iter().map(one).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", then ") }
}

fn object(block: &Block, name: &Name) -> Option<Value> {
    let found = block.challenge_policy(name)?;
    let rules = found.rules.iter();
    let rules: Vec<_> = rules
        .map(|(conditions, profile)| json!({"conditions": conditions, "profile_id": profile}))
        .collect();
    Some(json!({
        "name": name.as_str(),
        "policy": block.path(),
        "enabled": found.enabled,
        "profile_id": found.default_profile,
        "rules": rules,
        "no_mfa_mech_login": found.no_mechanism,
    }))
}

pub fn profiles(session: &mut Session, policy: Option<&str>, json: bool) -> Done {
    let links = session.ask(|client| client.links())?;
    let path = named(&links, policy)?;
    let profiles = session.ask(|client| client.block(&path))?.profiles();
    if json {
        let all = profiles.iter().map(|one| {
            json!({"id": one.id, "name": one.name, "challenges": one.challenges, "minutes": one.minutes})
        });
        line(json!(all.collect::<Vec<_>>()));
        return Ok(());
    }
    for profile in &profiles {
        let (name, id) = (harmless(&profile.name), harmless(&profile.id));
        let minutes = profile.minutes.as_deref().filter(|minutes| *minutes != "0");
        let pause = minutes.map_or_else(String::new, |minutes| {
            format!("; not again for {} min", harmless(minutes))
        });
        line(format!("{name}: {}{pause} ({id})", challenges(profile)));
    }
    Ok(())
}

pub fn roles(session: &mut Session, json: bool) -> Done {
    let roles = session.ask(|client| client.roles())?;
    if json {
        let all = roles
            .iter()
            .map(|role| json!({"id": role.id, "name": role.name, "description": role.description}));
        line(json!(all.collect::<Vec<_>>()));
        return Ok(());
    }
    for role in &roles {
        let about = match harmless(&role.description) {
            text if text.is_empty() => text,
            text => format!(": {text}"),
        };
        line(format!("{}{about} ({})", harmless(&role.name), harmless(&role.id)));
    }
    Ok(())
}
