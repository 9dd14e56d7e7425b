//! `countersign forget`: makes confirmations void.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use serde_json::json;

use crate::configuration::context::Context;
use crate::tenant::whom;
use crate::ui::output::{Done, Problem, line};

/// Makes confirmations void: their users are asked again
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  countersign forget alice\n  countersign forget --all")]
pub struct Arguments {
    /// A user of this machine
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username, required_unless_present = "all")]
    user: Option<String>,
    /// All users
    #[arg(long, conflicts_with = "user")]
    all: bool,
    /// One JSON array of the uids, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let state = context.state()?;
    let uids = match &arguments.user {
        Some(user) => {
            let account = whom::account(user, "name a user of this machine, not of the tenant")?;
            BTreeSet::from([account.uid])
        }
        None => {
            let entries = state.all_remembered().map_err(Problem::new)?;
            entries.iter().map(|entry| entry.circumstances.uid).collect()
        }
    };
    for uid in &uids {
        state.forget(*uid).map_err(Problem::new)?;
        if !arguments.json {
            line(format!("uid {uid} is asked again."));
        }
    }
    if arguments.json {
        line(json!(uids));
    }
    Ok(())
}
