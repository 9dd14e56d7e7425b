//! `countersign policy`: the challenge policies of the tenant, for administrators.
#![forbid(unsafe_code)]

mod actions;
mod administrator;
mod backup;
mod change;
mod difference;
mod login;
mod policy_sets;
mod read;

use std::path::PathBuf;

use crate::tenant::admin::{Name, Rule};
use clap::Subcommand;
use countersign::os;

use crate::configuration::context::Context;
use crate::ui::output::Done;

/// Reads and changes the challenge policies of the tenant, for administrators
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign policy list\n  countersign policy create linux_step_up --profile \"Second Factor Only\" --dry-run\n  countersign policy --as admin@example.com remove linux_step_up"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    who: Who,
    /// JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

/// As which user: an administrator who logs in here, or a client of the tenant's, by [admin] of the
/// configuration where no option says otherwise.
#[derive(clap::Args)]
struct Who {
    /// Logs this user of the tenant in, at the terminal
    #[arg(long = "as", global = true, value_name = "USER", conflicts_with_all = ["app", "client_id", "client_secret_file", "scope"])]
    user: Option<String>,
    /// Id of the OAuth application
    #[arg(long, global = true, value_name = "APP")]
    app: Option<String>,
    /// The client's name
    #[arg(long, global = true, value_name = "ID")]
    client_id: Option<String>,
    /// The file with its secret, readable for its owner alone
    #[arg(long, global = true, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The scope to ask for
    #[arg(long, global = true, value_name = "SCOPE")]
    scope: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the challenge policies of all policy sets
    #[command(after_help = "Example:\n  countersign policy list --json")]
    List {
        /// Of this policy set alone
        #[arg(long, value_name = "SET")]
        policy: Option<String>,
    },
    /// Shows one: its rules, and which challenges it asks for
    #[command(after_help = "Example:\n  countersign policy show linux_step_up")]
    Show {
        #[arg(value_name = "NAME", value_parser = Name::parse)]
        name: Name,
        /// The policy set that it is in, where it is in several
        #[arg(long, value_name = "SET")]
        policy: Option<String>,
    },
    /// Lists the profiles that a challenge policy can ask for
    #[command(after_help = "Example:\n  countersign policy profiles")]
    Profiles {
        /// As this policy set has them
        #[arg(long, value_name = "SET")]
        policy: Option<String>,
    },
    /// Lists the roles that policy sets can be for
    #[command(after_help = "Example:\n  countersign policy roles")]
    Roles,
    /// Makes a challenge policy
    #[command(
        after_help = "Examples:\n  countersign policy create linux_step_up --profile \"Second Factor Only\"\n  countersign policy create audit --profile Strong --policy \"/Policy/Linux\" \\\n    --rule \"DateRange OpBetween L,02/23/2026,02/28/2026 then Second Factor Only\""
    )]
    Create(actions::Arguments),
    /// Removes a challenge policy
    #[command(
        after_help = "Examples:\n  countersign policy remove linux_step_up --dry-run\n  countersign policy --as admin@example.com remove linux_step_up"
    )]
    Remove {
        #[arg(value_name = "NAME", value_parser = Name::parse)]
        name: Name,
        /// The policy set that it is in, where it is in several
        #[arg(long, value_name = "SET")]
        policy: Option<String>,
        #[command(flatten)]
        saving: Saving,
    },
    /// Puts a policy set back that create, remove or restore has replaced
    #[command(
        after_help = "Example:\n  countersign policy restore /var/lib/countersign/policies/policy-1795300000-0a1b2c3d.json"
    )]
    Restore {
        /// The file that was said
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Even where it has been changed since
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        saving: Saving,
    },
}

/// How a change is saved.
#[derive(clap::Args)]
struct Saving {
    /// Does not ask before
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Shows the difference, and saves nothing
    #[arg(long)]
    dry_run: bool,
    /// A folder for what is replaced, of its owner alone [default:
    /// /var/lib/countersign/policies]
    #[arg(long, value_name = "DIR")]
    backup_folder: Option<PathBuf>,
}

fn rule(text: &str) -> Result<Rule, String> {
    Rule::parse(text)
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    match arguments.who.user {
        // What asks to stop does so once the administrator is logged out.
        Some(_) => os::with_stops_held(|| go(context, arguments)),
        None => go(context, arguments),
    }
}

fn go(context: &Context, arguments: &Arguments) -> Done {
    let policy = context.policy()?;
    let json = arguments.json;
    let connect = || administrator::Session::open(&policy, &arguments.who);
    match &arguments.command {
        Command::List { policy } => read::list(&mut connect()?, policy.as_deref(), json),
        Command::Show { name, policy } => {
            read::show(&mut connect()?, name, policy.as_deref(), json)
        }
        Command::Profiles { policy } => read::profiles(&mut connect()?, policy.as_deref(), json),
        Command::Roles => read::roles(&mut connect()?, json),
        Command::Create(arguments) => {
            let change = change::Saver::prepare(&arguments.saving, json)?;
            actions::create(&mut connect()?, change, arguments)
        }
        Command::Remove { name, policy, saving } => {
            let change = change::Saver::prepare(saving, json)?;
            actions::remove(&mut connect()?, change, name, policy.as_deref())
        }
        Command::Restore { file, force, saving } => {
            let change = change::Saver::prepare(saving, json)?;
            let kept = backup::Kept::read(file, policy.tenant())?;
            actions::restore(&mut connect()?, change, &kept, *force)
        }
    }
}
