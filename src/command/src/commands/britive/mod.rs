//! `countersign britive`: an authenticator at a Britive tenant.
#![forbid(unsafe_code)]

mod register;

use std::path::PathBuf;

use crate::tenant::britive::refusal::NEXT_CODE;
use crate::tenant::britive::wire::FACTOR;
use crate::tenant::britive::{Client, Code, Status, StepUp, Token, UserId};
use clap::Subcommand;
use countersign::host;
use countersign::os::Trusted;
use countersign::policy::{Britive, Policy};
use countersign::words;
use serde_json::{Value, json};

use super::totp::{Vacancy, warn_if_useless};
use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, line};
use crate::ui::terminal::Terminal;

/// Registers, shows, removes and checks an authenticator at a Britive tenant
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign britive register\n  countersign britive status --token-file ~/.britive-token --json"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// A file with the token of a user of the Britive tenant, readable for its owner alone; without
    /// it, the token is asked for
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// One JSON object, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Registers an authenticator: shows its secret once, and asks for its first code
    #[command(after_help = "Example:\n  countersign britive register")]
    Register {
        /// Keeps the secret as your offline code on this machine too; needs root
        #[arg(long)]
        keep_offline: bool,
    },
    /// Shows whether you have one
    #[command(
        after_help = "Example:\n  countersign britive status --token-file ~/.britive-token --json"
    )]
    Status,
    /// Removes yours; asks for a current code
    #[command(after_help = "Example:\n  countersign britive remove")]
    Remove,
    /// Checks a current code of yours: success if it is right
    #[command(
        after_help = "Example:\n  countersign britive --token-file ~/.britive-token step-up && deploy"
    )]
    StepUp,
    /// Shows whether another user has one, for administrators
    #[command(after_help = "Example:\n  countersign britive admin-status 8m1ab2c3d4e5f6g7h8i9")]
    AdminStatus {
        /// The 20 letters and digits by which the tenant knows the user
        #[arg(value_parser = user_id)]
        user_id: UserId,
    },
    /// Removes another user's, for administrators
    #[command(after_help = "Example:\n  countersign britive admin-remove 8m1ab2c3d4e5f6g7h8i9")]
    AdminRemove {
        /// The 20 letters and digits by which the tenant knows the user
        #[arg(value_parser = user_id)]
        user_id: UserId,
        /// Does not ask before
        #[arg(long)]
        yes: bool,
    },
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    UserId::parse(text).ok_or("expected 20 letters and digits")
}

pub fn run(context: &Context, arguments: Arguments) -> Done {
    let policy = context.policy()?;
    let britive = policy.britive().ok_or_else(|| {
        Problem::new("the configuration names no Britive tenant")
            .hint("set url in [britive]; countersign.toml(5) describes it")
    })?;
    let vacancy = match arguments.command {
        Command::Register { keep_offline: true } => Some(Vacancy::of_whoever_logged_in(context)?),
        _ => None,
    };
    let client = connect(&policy, britive, &arguments)?;
    let said = act(client, britive, &arguments.command, vacancy)?;
    if arguments.json {
        line(said.object)
    } else {
        line(said.sentence)
    }
    if let Command::Register { keep_offline: true } = arguments.command {
        warn_if_useless(&policy);
    }
    Ok(())
}

/// A result, for people and for programs.
struct Said {
    sentence: String,
    object: Value,
}

fn act(
    mut client: Client,
    britive: &Britive,
    command: &Command,
    vacancy: Option<Vacancy>,
) -> Result<Said, Problem> {
    match command {
        Command::Register { .. } => register::run(&mut client, britive, vacancy),
        Command::Status => {
            let status = client.status().map_err(told)?;
            let object = json!({"factor": FACTOR, "status": status.name()});
            let sentence = format!("You have {}.", spoken(status));
            Ok(Said { sentence, object })
        }
        Command::Remove => {
            let code = ask_code("Current code: ")?;
            client.remove(&code).map_err(told)?;
            Ok(Said {
                sentence: "Your authenticator is removed.".to_owned(),
                object: json!({"factor": FACTOR, "removed": true}),
            })
        }
        Command::StepUp => step_up(&mut client),
        Command::AdminStatus { user_id } => {
            let (status, id) = (client.status_of(user_id).map_err(told)?, user_id.as_str());
            let object = json!({"factor": FACTOR, "status": status.name(), "user_id": id});
            let sentence = format!("{id} has {}.", spoken(status));
            Ok(Said { sentence, object })
        }
        Command::AdminRemove { user_id, yes } => {
            if !yes {
                confirm(user_id)?;
            }
            client.remove_of(user_id).map_err(told)?;
            let id = user_id.as_str();
            Ok(Said {
                sentence: format!("The authenticator of {id} is removed."),
                object: json!({"factor": FACTOR, "removed": true, "user_id": id}),
            })
        }
    }
}

/// Only one answer is a success.
fn step_up(client: &mut Client) -> Result<Said, Problem> {
    let code = ask_code("Current code: ")?;
    match client.step_up(&code).map_err(told)? {
        StepUp::Succeeded => Ok(Said {
            sentence: "The code is right.".to_owned(),
            object: json!({"factor": FACTOR, "result": "SUCCEEDED"}),
        }),
        StepUp::Failed => {
            Err(Problem::new("the code is wrong, or was used before").hint(NEXT_CODE))
        }
        StepUp::Challenge => Err(Problem::new("the tenant wants more than a code")
            .hint("log in to the Britive portal to see what")),
    }
}

fn confirm(user_id: &UserId) -> Done {
    let mut terminal =
        Terminal::open().map_err(|problem| problem.hint("with --yes, it is not asked"))?;
    let id = user_id.as_str();
    let answer = terminal
        .ask(&format!("Remove the authenticator of {id}? They can register another. [y/N] "))?;
    if words::is_yes(&answer) { Ok(()) } else { Err(Problem::new("nothing was removed")) }
}

/// A code, asked for until it could be one, three times at most.
fn ask_code(prompt: &str) -> Result<Code, Problem> {
    let mut terminal = Terminal::open()?;
    for _ in 0..3 {
        match Code::parse(&terminal.ask(prompt)?) {
            Some(code) => return Ok(code),
            None => terminal.show("A code has 6 to 8 digits.")?,
        }
    }
    Err(Problem::new("no code was typed"))
}

/// The tenant at the other end. What else is said about connections is said in `[tenant]`.
fn connect(policy: &Policy, britive: &Britive, arguments: &Arguments) -> Result<Client, Problem> {
    let mut place = policy.tenant().clone();
    place.ca_file = britive.ca_file.clone();
    let settings = host::connection(&place, &Trusted::default())
        .map_err(|refusal| Problem::new(refusal.detail))?;
    let token = token(arguments)?;
    Client::new(&settings, britive.url.to_string(), &token).map_err(|error| {
        let path = britive.ca_file.as_deref().unwrap_or(std::path::Path::new(""));
        Problem::new(format!("britive.ca_file: {}: {error}", path.display()))
    })
}

fn token(arguments: &Arguments) -> Result<Token, Problem> {
    let Some(file) = &arguments.token_file else {
        let mut terminal =
            Terminal::open().map_err(|problem| problem.hint("name a file with --token-file"))?;
        let typed = terminal.ask_hidden("Britive token: ")?;
        return Token::parse(&typed).map_err(Problem::new);
    };
    let path = std::path::absolute(file).map_err(Problem::new)?;
    let line = host::secret_line(&path, &Trusted::default());
    let line = line.map_err(|problem| Problem::new(problem.told(&path)))?;
    Token::parse(&line).map_err(|problem| Problem::new(format!("{}: {problem}", path.display())))
}

fn told(problem: crate::tenant::britive::Problem) -> Problem {
    Problem::new(&problem).hint(problem.hint())
}

fn spoken(status: Status) -> &'static str {
    match status {
        Status::NotRegistered => "no authenticator",
        Status::Challenge | Status::ChallengeFailed => {
            "an authenticator whose first code has not been verified"
        }
        Status::Registered => "an authenticator",
    }
}
