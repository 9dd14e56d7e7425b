//! `countersign`: looks after a machine where pam_countersign.so stands in the login path.
#![deny(unsafe_code)]

mod accounts;
#[allow(unsafe_code, reason = "libpam is called")]
mod application;
mod asked;
mod britive;
mod budget;
mod check;
mod completions;
mod context;
mod dialogue;
mod explain;
mod forget;
mod guise;
mod invoker;
mod login;
mod machine;
mod mechanisms;
mod modules;
mod our_module;
mod output;
mod outside;
mod places;
mod policy;
mod program;
mod purge;
mod reasons;
mod rehearse;
mod root;
mod sessions;
mod setup;
mod sshd;
mod stacks;
mod sudoers;
mod support;
mod tenant;
mod terminal;
#[cfg(test)]
mod tests;
mod totp;
mod whom;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use context::Context;
use output::Problem;

/// The exit status of wrong use, as clap has it.
const MISUSED: u8 = 2;

/// Looks after a machine where pam_countersign.so stands in the login path.
#[derive(Parser)]
#[command(name = "countersign", version, disable_help_subcommand = true)]
struct Arguments {
    /// The configuration, as in the module's argument config= [default:
    /// /etc/countersign/countersign.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the configuration, PAM stacks, sshd, SELinux and the way to the tenant, and says how
    /// to mend them
    #[command(
        visible_alias = "doctor",
        after_help = "Examples:\n  countersign check\n  countersign check --user alice\n  countersign check --offline --json\n  countersign check --root /mnt/image"
    )]
    Check(check::Arguments),
    /// Sets this machine up: the configuration, sshd and the PAM stacks of some services
    #[command(
        after_help = "Examples:\n  countersign setup --confirm-within 5m\n  countersign setup --tenant https://abc1234.id.cyberark.cloud --template '{user}@example.com' --service sshd,sudo,sudo-i --test-user alice --dry-run"
    )]
    Setup(setup::Arguments),
    /// Says, from a new login, that it worked: what was set up stays
    #[command(after_help = "Example:\n  sudo countersign confirm")]
    Confirm(setup::ConfirmArguments),
    /// Puts everything back that was set up
    #[command(after_help = "Example:\n  sudo countersign unsetup")]
    Unsetup(setup::UnsetupArguments),
    /// Removes what stays behind: the configuration, secrets, records of offline codes, what is
    /// remembered
    #[command(
        after_help = "Examples:\n  sudo countersign purge --dry-run\n  sudo countersign unsetup && sudo countersign purge"
    )]
    Purge(purge::Arguments),
    /// Lists confirmations that still count, so that their owner is asked nothing
    #[command(after_help = "Example:\n  countersign sessions --json")]
    Sessions(sessions::Arguments),
    /// Makes confirmations void: whoever gave them is asked again
    #[command(after_help = "Examples:\n  countersign forget alice\n  countersign forget --all")]
    Forget(forget::Arguments),
    /// Shows how often phones were rung, and lets them ring again
    #[command(
        after_help = "Examples:\n  countersign budget\n  countersign budget --reset alice@example.com"
    )]
    Budget(budget::Arguments),
    /// Logs a user in at the tenant, without PAM, and says how it went
    #[command(
        after_help = "Examples:\n  countersign login alice\n  countersign login alice --service sshd --json"
    )]
    Login(login::Arguments),
    /// Shows what a user could log in with, as the tenant offers it; nothing is sent to anybody
    #[command(
        after_help = "Examples:\n  countersign mechanisms alice\n  countersign mechanisms --tenant-user alice@example.com --service sshd --json"
    )]
    Mechanisms(mechanisms::Arguments),
    /// Enrols users for codes that count while the tenant can't be reached
    Totp(totp::Arguments),
    /// Reads and changes the challenge policies of the tenant, for administrators
    #[command(
        after_help = "Examples:\n  countersign policy list\n  countersign policy create linux_step_up --profile \"Second Factor Only\" --dry-run\n  countersign policy --as admin@example.com remove linux_step_up"
    )]
    Policy(Box<policy::Arguments>),
    /// Says what a login would meet and which rule says so; contacts nobody
    #[command(
        after_help = "Examples:\n  countersign explain alice\n  countersign explain alice --rhost 198.51.100.7\n  countersign explain root --service su --ruser alice --json"
    )]
    Explain(explain::Arguments),
    /// Makes one login through the real stack of a service, in this terminal
    #[command(
        after_help = "Examples:\n  countersign rehearse alice\n  countersign rehearse alice --rhost 198.51.100.7\n  countersign rehearse alice --service sudo"
    )]
    Rehearse(rehearse::Arguments),
    /// Writes a file with everything that a bug report needs, and no secret
    #[command(
        after_help = "Examples:\n  countersign support-bundle\n  countersign support-bundle --output /root/bundle.txt --names"
    )]
    SupportBundle(support::Arguments),
    /// Prints a script with which a shell completes this command
    #[command(
        after_help = "Examples:\n  countersign completions bash >~/.local/share/bash-completion/completions/countersign\n  countersign completions fish >~/.config/fish/completions/countersign.fish"
    )]
    Completions(completions::Arguments),
    /// Registers, shows, removes and checks an authenticator at a Britive tenant
    #[command(
        after_help = "Examples:\n  countersign britive register\n  countersign britive status --token-file ~/.britive-token --json"
    )]
    Britive(britive::Arguments),
}

impl Command {
    /// What is said where `--config` would change nothing; none where it counts.
    fn refuses_config(&self) -> Option<Problem> {
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
const WITHOUT_CONFIG: [&str; 4] = ["rehearse", "confirm", "unsetup", "completions"];

/// The command line as clap knows it.
fn command() -> clap::Command {
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

fn main() -> ExitCode {
    let found = command().get_matches();
    let arguments = match Arguments::from_arg_matches(&found) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let refusal = arguments.command.refuses_config();
    if let Some(problem) = refusal.filter(|_| arguments.config.is_some()) {
        output::complain(&problem);
        return ExitCode::from(MISUSED);
    }
    let context = Context::new(arguments.config);
    let done = match arguments.command {
        Command::Check(arguments) => check::run(&context, &arguments),
        Command::Setup(arguments) => setup::run(&context, &arguments),
        Command::Confirm(_) => setup::confirm(),
        Command::Unsetup(arguments) => setup::unsetup(&arguments),
        Command::Purge(arguments) => purge::run(&context, &arguments),
        Command::Sessions(arguments) => sessions::run(&context, &arguments),
        Command::Forget(arguments) => forget::run(&context, &arguments),
        Command::Budget(arguments) => budget::run(&context, &arguments),
        Command::Login(arguments) => login::run(&context, &arguments),
        Command::Mechanisms(arguments) => mechanisms::run(&context, &arguments),
        Command::Totp(arguments) => totp::run(&context, &arguments),
        Command::Policy(arguments) => policy::run(&context, &arguments),
        Command::Rehearse(arguments) => rehearse::run(&arguments),
        Command::SupportBundle(arguments) => support::run(&context, &arguments),
        Command::Completions(arguments) => completions::run(&mut command(), &arguments),
        Command::Explain(arguments) => explain::run(&context, &arguments),
        Command::Britive(arguments) => britive::run(&context, arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            output::complain(&problem);
            ExitCode::FAILURE
        }
    }
}
