//! The command line: the options that count for each subcommand, and the subcommands.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    britive, budget, check, completions, confirm, explain, forget, login, mechanisms, policy,
    purge, rehearse, sessions, setup, support_bundle, totp, unsetup,
};
use crate::ui::output::Problem;

/// Sets up, checks and operates a machine that uses pam_countersign.so.
#[derive(Parser)]
#[command(name = "countersign", version, propagate_version = true)]
#[command(disable_help_subcommand = true)]
pub struct Arguments {
    /// The configuration, as in the module's argument config= [default:
    /// /etc/countersign/countersign.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Reads the command line; ends the process where it is wrong use or asks for help.
    pub fn of_process() -> Self {
        let found = command().get_matches();
        Self::from_arg_matches(&found).unwrap_or_else(|error| error.exit())
    }
}

#[derive(Subcommand)]
pub enum Command {
    Check(check::Arguments),
    Setup(setup::Arguments),
    Confirm(confirm::Arguments),
    Unsetup(unsetup::Arguments),
    Purge(purge::Arguments),
    Sessions(sessions::Arguments),
    Forget(forget::Arguments),
    Budget(budget::Arguments),
    Login(login::Arguments),
    Mechanisms(mechanisms::Arguments),
    Totp(totp::Arguments),
    Policy(Box<policy::Arguments>),
    Explain(explain::Arguments),
    Rehearse(rehearse::Arguments),
    SupportBundle(support_bundle::Arguments),
    Completions(completions::Arguments),
    Britive(britive::Arguments),
}

impl Command {
    /// What is said where `--config` would change nothing; none where it counts.
    pub fn refuses_config(&self) -> Option<Problem> {
        match self {
            Command::Rehearse(_) => Some(rehearsed_otherwise()),
            Command::Confirm(_) => Some(reads_none("confirm")),
            Command::Unsetup(_) => Some(reads_none("unsetup")),
            Command::Completions(_) => Some(reads_none("completions")),
            Command::Check(_)
            | Command::Setup(_)
            | Command::Purge(_)
            | Command::Sessions(_)
            | Command::Forget(_)
            | Command::Budget(_)
            | Command::Login(_)
            | Command::Mechanisms(_)
            | Command::Totp(_)
            | Command::Policy(_)
            | Command::Explain(_)
            | Command::SupportBundle(_)
            | Command::Britive(_) => None,
        }
    }
}

/// The subcommands that refuse `--config`, whose help does not show it.
pub const WITHOUT_CONFIG: [&str; 4] = ["rehearse", "confirm", "unsetup", "completions"];

/// The command line as clap knows it.
pub fn command() -> clap::Command {
    let command = Arguments::command();
    let hidden = command
        .get_arguments()
        .find(|argument| argument.get_id() == "config")
        .map(|config| config.clone().hide(true));
    // An argument of a subcommand's own takes the place of the global one.
    WITHOUT_CONFIG.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |below| below.args(hidden.clone()))
    })
}

fn rehearsed_otherwise() -> Problem {
    Problem::new("--config: rehearse takes the configuration that the stack names").hint(
        "copy the stack into a folder, write config=FILE behind pam_countersign.so there, and name the folder with --stacks",
    )
}

fn reads_none(command: &str) -> Problem {
    Problem::new(format!("--config: {command} reads no configuration")).hint("leave it out")
}
