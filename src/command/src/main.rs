//! `countersign`: administration tool for machines that use pam_countersign.
#![deny(unsafe_code)]

mod arguments;
mod commands;
mod configuration;
mod machine;
mod tenant;
#[cfg(test)]
mod tests;
mod ui;

use std::process::ExitCode;

use arguments::{Arguments, Command, command};
use commands::{
    britive, budget, check, completions, confirm, explain, forget, login, mechanisms, policy,
    purge, rehearse, sessions, setup, support_bundle, totp, unsetup,
};
use configuration::context::Context;
use ui::output::complain;

/// The exit status of wrong use, as clap has it.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    let refusal = arguments.command.refuses_config();
    if let Some(problem) = refusal.filter(|_| arguments.config.is_some()) {
        complain(&problem);
        return ExitCode::from(MISUSED);
    }
    let context = Context::new(arguments.config);
    let done = match arguments.command {
        Command::Check(arguments) => check::run(&context, &arguments),
        Command::Setup(arguments) => setup::run(&context, &arguments),
        Command::Confirm(_) => confirm::run(),
        Command::Unsetup(arguments) => unsetup::run(&arguments),
        Command::Purge(arguments) => purge::run(&context, &arguments),
        Command::Sessions(arguments) => sessions::run(&context, &arguments),
        Command::Forget(arguments) => forget::run(&context, &arguments),
        Command::Budget(arguments) => budget::run(&context, &arguments),
        Command::Login(arguments) => login::run(&context, &arguments),
        Command::Mechanisms(arguments) => mechanisms::run(&context, &arguments),
        Command::Totp(arguments) => totp::run(&context, &arguments),
        Command::Policy(arguments) => policy::run(&context, &arguments),
        Command::Rehearse(arguments) => rehearse::run(&arguments),
        Command::SupportBundle(arguments) => support_bundle::run(&context, &arguments),
        Command::Completions(arguments) => completions::run(&mut command(), &arguments),
        Command::Explain(arguments) => explain::run(&context, &arguments),
        Command::Britive(arguments) => britive::run(&context, arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}
