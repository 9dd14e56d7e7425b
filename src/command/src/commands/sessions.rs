//! `countersign sessions`: confirmations that still count.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::local::memory::{Entry, Scope};
use serde_json::json;

use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, line, spoken};

/// Lists the confirmations that still count: their users are not asked again
#[derive(clap::Args)]
#[command(after_help = "Example:\n  countersign sessions --json")]
pub struct Arguments {
    /// One JSON array, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let state = context.state()?;
    let entries = state.all_remembered().map_err(Problem::new)?;
    let now = state.now();
    if arguments.json {
        let entries: Vec<_> = entries.iter().map(|entry| object(entry, now)).collect();
        line(json!(entries));
    } else if entries.is_empty() {
        line("No confirmation is remembered: every user is asked.");
    } else {
        entries.iter().for_each(|entry| line(sentence(entry, now)));
    }
    Ok(())
}

pub fn sentence(entry: &Entry, now: u64) -> String {
    let who = &entry.circumstances;
    let what = match &entry.scope {
        Scope::StepUp { service, .. } => format!("for {} on {}", escape(service), escape(&who.tty)),
        Scope::Ssh { .. } => format!("by ssh from {}", escape(&who.rhost)),
    };
    format!(
        "uid {} as {}: {what}, {} ago, for another {}",
        who.uid,
        escape(&who.tenant_user),
        spoken(now.saturating_sub(entry.at)),
        spoken(entry.until.saturating_sub(now)),
    )
}

fn object(entry: &Entry, now: u64) -> serde_json::Value {
    let who = &entry.circumstances;
    let (scope, service) = match &entry.scope {
        Scope::StepUp { service, .. } => ("step-up", Some(service)),
        Scope::Ssh { .. } => ("ssh", None),
    };
    json!({
        "uid": who.uid,
        "tenant_user": who.tenant_user,
        "account": who.account,
        "scope": scope,
        "service": service,
        "tty": who.tty,
        "rhost": who.rhost,
        "age_seconds": now.saturating_sub(entry.at),
        "left_seconds": entry.until.saturating_sub(now),
    })
}
