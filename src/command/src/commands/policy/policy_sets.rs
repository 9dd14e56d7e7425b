//! Which policy set is meant.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use crate::tenant::admin::{Block, Links, Name};
use countersign::tenant::text::shown;

use super::administrator::Session;
use crate::ui::output::Problem;

/// The one that every tenant has.
const DEFAULT: &str = "/Policy/Default Policy";
/// Room for a name of the tenant's, in characters.
const NAME: usize = 120;

/// A name of the tenant's, harmless.
pub fn harmless(name: &str) -> String {
    shown(name, NAME)
}

/// The paths of the policy sets, in their order.
pub fn paths(links: &Links) -> Vec<String> {
    let mut paths = Vec::new();
    for path in links.iter().filter_map(|link| link.path()) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The policy set that is named, or the default one.
pub fn named(links: &Links, policy: Option<&str>) -> Result<String, Problem> {
    let wanted = policy.unwrap_or(DEFAULT);
    let paths = paths(links);
    let is_it =
        |path: &&String| path.as_str() == wanted || path.strip_prefix("/Policy/") == Some(wanted);
    match paths.iter().find(is_it) {
        Some(path) => Ok(path.clone()),
        None => {
            let all: Vec<_> = paths.iter().map(|path| harmless(path)).collect();
            Err(Problem::new(format!("there is no policy set {}", harmless(wanted)))
                .hint(format!("--policy names one of: {}", all.join(", "))))
        }
    }
}

/// The policy set that is for this role.
pub fn for_role(session: &mut Session, links: &Links, role: &str) -> Result<String, Problem> {
    let roles = session.ask(|client| client.roles())?;
    let found = roles.iter().find(|one| one.id == role || one.name.eq_ignore_ascii_case(role));
    let Some(found) = found else {
        return Err(Problem::new(format!("there is no role {}", harmless(role)))
            .hint("countersign policy roles lists them"));
    };
    let is_for = |link: &crate::tenant::admin::Link<'_>| {
        link.kind() == "Role" && link.params().contains(&found.id)
    };
    let mut paths: Vec<_> = links.iter().filter(is_for).filter_map(|link| link.path()).collect();
    match (paths.pop(), paths.is_empty()) {
        (Some(path), true) => Ok(path),
        (Some(_), false) => Err(Problem::new(format!(
            "more than one policy set is for the role {}",
            harmless(&found.name)
        ))
        .hint("name one with --policy; countersign policy list shows them")),
        (None, _) => {
            Err(Problem::new(format!("no policy set is for the role {}", harmless(&found.name)))
                .hint("name one with --policy; countersign policy list shows them"))
        }
    }
}

/// The policy set that a challenge policy is in: the one that is named, or the only one.
pub fn holding(
    session: &mut Session,
    links: &Links,
    name: &Name,
    policy: Option<&str>,
) -> Result<Block, Problem> {
    let paths = match policy {
        Some(_) => vec![named(links, policy)?],
        None => paths(links),
    };
    let mut found = Vec::new();
    for path in &paths {
        let block = session.ask(|client| client.block(path))?;
        if block.challenge_policy(name).is_some() {
            found.push(block);
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(block), true) => Ok(block),
        (Some(last), false) => {
            let all = found.iter().chain([&last]).map(|block| harmless(&block.path()));
            let all: Vec<_> = all.collect();
            Err(Problem::new(format!("{} is in more than one policy set", harmless(name.as_str())))
                .hint(format!("--policy names one of: {}", all.join(", "))))
        }
        (None, _) => {
            Err(Problem::new(format!("there is no challenge policy {}", harmless(name.as_str())))
                .hint("countersign policy list shows them"))
        }
    }
}

/// The names of roles by their ids. An administrator who may not read roles sees ids.
pub fn role_names(session: &mut Session, links: &Links) -> BTreeMap<String, String> {
    if !links.iter().any(|link| link.kind() == "Role") {
        return BTreeMap::new();
    }
    let roles = session.ask(|client| client.roles()).unwrap_or_default();
    roles.into_iter().map(|role| (role.id, role.name)).collect()
}
