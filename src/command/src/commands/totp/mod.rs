//! `countersign totp`: who is enrolled for offline codes.
#![forbid(unsafe_code)]

mod change;
mod enroll;
mod show;

pub use enroll::{Vacancy, warn_if_useless};
pub use show::sentence;

use clap::Subcommand;
use countersign::audit::escape;
use countersign::local::Unusable;
use countersign::local::offline::Store;
use countersign::local::offline::record::Record;
use countersign::os;

use crate::configuration::context::Context;
use crate::tenant::whom;
use crate::ui::output::{Done, Problem};

/// Enrols users for codes that count while the tenant can't be reached
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Enrols a user with a new key: shows it once, and asks for its first code
    #[command(
        after_help = "Examples:\n  countersign totp enroll alice\n  getent group staff | cut -d: -f4 | tr , '\\n' | countersign totp enroll --batch"
    )]
    Enroll(enroll::Arguments),
    /// Enrols a user with a key from elsewhere: an otpauth URI or a base32 secret, from a prompt or
    /// from standard input
    #[command(
        after_help = "Examples:\n  countersign totp import alice\n  countersign totp import alice <alice.uri"
    )]
    Import(enroll::ImportArguments),
    /// Shows what is known of a user
    #[command(after_help = "Example:\n  countersign totp status alice --json")]
    Status(show::StatusArguments),
    /// Shows who is enrolled
    #[command(after_help = "Example:\n  countersign totp list")]
    List(show::ListArguments),
    /// Tries a code, from a prompt or from standard input, and uses it up
    #[command(after_help = "Example:\n  countersign totp verify alice")]
    Verify(change::Arguments),
    /// Makes ten new recovery codes, in place of all old ones
    #[command(after_help = "Example:\n  countersign totp recovery-codes alice")]
    RecoveryCodes(change::Arguments),
    /// Forgets wrong codes, so that right ones count again
    #[command(after_help = "Example:\n  countersign totp unlock alice")]
    Unlock(change::Arguments),
    /// Removes a user's key
    #[command(after_help = "Example:\n  countersign totp remove alice")]
    Remove(change::Arguments),
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    match &arguments.action {
        Action::Enroll(arguments) => enroll::run(context, arguments),
        Action::Import(arguments) => enroll::import(context, arguments),
        Action::Status(arguments) => show::status(context, arguments),
        Action::List(arguments) => show::list(context, arguments),
        Action::Verify(arguments) => change::verify(context, arguments),
        Action::RecoveryCodes(arguments) => change::recovery_codes(context, arguments),
        Action::Unlock(arguments) => change::unlock(context, arguments),
        Action::Remove(arguments) => change::remove(context, arguments),
    }
}

/// An account of this machine, by its canonical name.
struct User {
    name: String,
    uid: u32,
}

impl User {
    /// By name, or the user who has logged in.
    fn named(name: Option<&str>) -> Result<Self, Problem> {
        let Some(name) = name else {
            let uid = os::login_uid();
            let name = os::name_of(uid).map_err(Problem::new)?;
            return Ok(Self { name: name.unwrap_or_else(|| uid.to_string()), uid });
        };
        let account = whom::account(name, "name a user of this machine, not of the tenant")?;
        Ok(Self { name: account.name, uid: account.uid })
    }

    /// By name, or by the uid of a user who is gone.
    fn known(name: Option<&str>) -> Result<Self, Problem> {
        match (Self::named(name), name.and_then(|name| name.parse().ok())) {
            (Err(_), Some(uid)) => Ok(Self { name: uid_name(uid), uid }),
            (found, _) => found,
        }
    }

    fn shown(&self) -> String {
        escape(&self.name)
    }

    fn not_enrolled(&self) -> Problem {
        Problem::new(format!("{} is not enrolled", self.shown()))
            .hint(format!("countersign totp enroll {}", self.shown()))
    }

    fn record(&self, store: &Store) -> Result<Record, Problem> {
        let record = store.load(self.uid).map_err(unusable)?;
        record.ok_or_else(|| self.not_enrolled())
    }
}

fn uid_name(uid: u32) -> String {
    format!("uid {uid}")
}

fn store(context: &Context) -> Result<Store, Problem> {
    Store::open(context.policy()?.offline_folder())
        .map_err(|problem| Problem::new(problem).hint("the records are root's: try sudo"))
}

fn unusable(problem: Unusable) -> Problem {
    Problem::new(problem).hint("nothing was changed")
}
