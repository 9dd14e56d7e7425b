//! `countersign policy create`, `remove` and `restore`: what is changed.
#![forbid(unsafe_code)]

use crate::tenant::admin::{Block, Name, New, Profile, Rule};

use super::administrator::Session;
use super::backup::Kept;
use super::change::{Change, Saver};
use super::policy_sets::{for_role, harmless, holding, named};
use super::{Saving, rule};
use crate::ui::output::{Done, Problem, complain};

#[derive(clap::Args)]
pub struct Arguments {
    /// What it is called, here and in on_demand.policy: letters, digits, _ and -
    #[arg(value_name = "NAME", value_parser = Name::new)]
    name: Name,
    /// The profile that says which challenges are to be met, by its name or id
    #[arg(long, value_name = "PROFILE")]
    profile: String,
    /// Another profile where conditions hold: "PROP OP VALUE [and ...] then PROFILE"; the first
    /// rule that holds counts
    #[arg(long = "rule", value_name = "RULE", value_parser = rule)]
    rules: Vec<Rule>,
    /// The policy set that it is for [default: "/Policy/Default Policy"]
    #[arg(long, value_name = "SET", conflicts_with = "role")]
    policy: Option<String>,
    /// The policy set that is for this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Lets in a user who can't meet any mechanism (NoMfaMechLogin)
    #[arg(long)]
    no_mfa_mech_login: bool,
    #[command(flatten)]
    pub saving: Saving,
}

pub fn create(session: &mut Session, saver: Saver, arguments: &Arguments) -> Done {
    if session.ask(|client| client.own_policies())? == Some(false) {
        complain(
            &Problem::new("the tenant does not use policies of its own (useCloudGP is false)")
                .hint("the challenge policy may be of no effect"),
        );
    }
    let links = session.ask(|client| client.links())?;
    let path = match &arguments.role {
        Some(role) => for_role(session, &links, role)?,
        None => named(&links, arguments.policy.as_deref())?,
    };
    let name = &arguments.name;
    let make = |block: &Block| {
        if block.has(name) {
            return Err(taken(name, block));
        }
        new(arguments, block).map(|new| block.with(&new))
    };
    let is_made = |block: &Block| block.challenge_policy(name).is_some();
    let (called, set) = (harmless(name.as_str()), harmless(&path));
    saver.save(
        session,
        &Change {
            path: &path,
            register: Some(name),
            make: &make,
            is_made: &is_made,
            done: &format!("The challenge policy {called} is in {set}."),
        },
    )
}

fn taken(name: &Name, block: &Block) -> Problem {
    let called = harmless(name.as_str());
    let problem = format!("{} has settings called {called} already", harmless(&block.path()));
    Problem::new(problem).hint(match block.challenge_policy(name) {
        Some(_) => format!("countersign policy show {called}, or choose another name"),
        None => "choose another name".to_owned(),
    })
}

fn new(arguments: &Arguments, block: &Block) -> Result<New, Problem> {
    let profiles = block.profiles();
    let rules = arguments.rules.iter().map(|rule| {
        let profile = profile(&profiles, &rule.profile)?;
        Ok((rule.clone(), profile))
    });
    Ok(New {
        name: arguments.name.clone(),
        profile: profile(&profiles, &arguments.profile)?,
        rules: rules.collect::<Result<_, Problem>>()?,
        no_mechanism: arguments.no_mfa_mech_login,
    })
}

/// The id of the profile that is meant.
fn profile(profiles: &[Profile], wanted: &str) -> Result<String, Problem> {
    if let Some(found) = profiles.iter().find(|profile| profile.id == wanted) {
        return Ok(found.id.clone());
    }
    let is_called = |profile: &&Profile| profile.name.eq_ignore_ascii_case(wanted);
    let mut found: Vec<_> = profiles.iter().filter(is_called).map(|one| one.id.clone()).collect();
    match (found.pop(), found.is_empty()) {
        (Some(id), true) => Ok(id),
        (Some(_), false) => {
            Err(Problem::new(format!("more than one profile is called {}", harmless(wanted)))
                .hint("name it by its id, which countersign policy profiles shows"))
        }
        (None, _) => Err(Problem::new(format!("there is no profile {}", harmless(wanted)))
            .hint("countersign policy profiles lists them")),
    }
}

pub fn remove(session: &mut Session, saver: Saver, name: &Name, policy: Option<&str>) -> Done {
    let links = session.ask(|client| client.links())?;
    let path = holding(session, &links, name, policy)?.path();
    let make = |block: &Block| match block.challenge_policy(name) {
        Some(_) => Ok(block.without(name)),
        None => Err(Problem::new(format!(
            "there is no challenge policy {} any more",
            harmless(name.as_str())
        ))),
    };
    let is_made = |block: &Block| block.challenge_policy(name).is_none();
    let (called, set) = (harmless(name.as_str()), harmless(&path));
    saver.save(
        session,
        &Change {
            path: &path,
            register: None,
            make: &make,
            is_made: &is_made,
            done: &format!("The challenge policy {called} is no longer in {set}."),
        },
    )
}

/// Links are left as they are now: nothing here has ever changed them.
pub fn restore(session: &mut Session, saver: Saver, kept: &Kept, force: bool) -> Done {
    let path = kept.block.path();
    let make = |block: &Block| {
        if force || block.stamp() == kept.replaced_by {
            return Ok(kept.block.on_top_of(block));
        }
        Err(Problem::new(format!(
            "{} was changed since it was kept: restoring it would undo that too",
            harmless(&path)
        ))
        .hint("--force --dry-run shows what would be undone, and --force does it"))
    };
    let is_made = |block: &Block| block.has_settings_of(&kept.block);
    saver.save(
        session,
        &Change {
            path: &path,
            register: None,
            make: &make,
            is_made: &is_made,
            done: &format!("{} is as it was.", harmless(&path)),
        },
    )
}
