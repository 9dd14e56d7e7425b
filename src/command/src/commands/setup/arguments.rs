//! The options of `countersign setup`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use countersign::audit::escape;
use countersign::policy;

use super::parts::sshd::Keys;
use super::rollback;
use crate::ui::output::{Done, Problem};

/// Sets this machine up: the configuration, sshd and the PAM stacks of some services
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign setup --confirm-within 5m\n  countersign setup --tenant https://abc1234.id.cyberark.cloud --template '{user}@example.com' --service sshd,sudo,sudo-i --test-user alice --dry-run"
)]
pub struct Arguments {
    /// Address of the tenant, such as https://abc1234.id.cyberark.cloud
    #[arg(long, value_name = "URL")]
    pub tenant: Option<String>,
    /// What people are called in the tenant; {user} stands for the local name
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// What one user is called there, such as root=alice@example.com; for root the only way. May be
    /// given several times
    #[arg(long, value_name = "USER=NAME", value_parser = pair)]
    pub name: Vec<(String, String)>,
    /// Root certificates in PEM form, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<String>,
    /// PAM services, such as sshd,sudo,sudo-i
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub service: Vec<String>,
    /// A user of this machine: the tenant is asked what it would ask of them, and nothing is sent
    /// to them
    #[arg(long, value_name = "USER", value_hint = clap::ValueHint::Username)]
    pub test_user: Option<String>,
    /// Does not ask the tenant anything, as for a machine that can't reach it yet
    #[arg(long, conflicts_with = "test_user")]
    pub without_tenant: bool,
    /// Writes into the services' own files, even where pam-auth-update or authselect write the
    /// stacks that they share
    #[arg(long)]
    pub blocks: bool,
    /// Puts everything back after this time, such as 5m, unless `countersign confirm` comes from a
    /// new login
    #[arg(long, value_name = "TIME", value_parser = within)]
    pub confirm_within: Option<Duration>,
    /// Does not ask before it writes, and takes what the last setup was told for what is not said
    #[arg(long, short)]
    pub yes: bool,
    /// Writes although accounts of this machine could not log in any more
    #[arg(long)]
    pub accept_lockouts: bool,
    /// Shows what it would write, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What becomes of public keys: alone enough for sshd, followed by the module, or refused
    #[arg(long, value_name = "HOW")]
    pub keys: Option<Keys>,
    /// Sets up the image below this folder: nothing is started, reloaded or asked there
    #[arg(long, value_name = "FOLDER", default_value = "/", conflicts_with = "confirm_within")]
    pub root: PathBuf,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(user, name)| !user.is_empty() && !name.is_empty());
    let pair = pair.map(|(user, name)| (user.to_owned(), name.to_owned()));
    pair.ok_or_else(|| "expected USER=NAME, such as root=alice@example.com".to_owned())
}

fn within(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(5)..=Duration::from_secs(24 * 3600);
    let time = policy::parse_duration(text).filter(|time| range.contains(time));
    time.ok_or_else(|| "expected a time from 5s to 24h, such as 5m".to_owned())
}

/// Refuses options that would have no effect.
pub fn fits(arguments: &Arguments, services: &[String]) -> Done {
    if arguments.keys.is_some() && !services.iter().any(|service| service == "sshd") {
        return Err(Problem::new("--keys is about sshd, which is not set up")
            .hint("name sshd in --service, or leave --keys out"));
    }
    if arguments.confirm_within.is_some() && !rollback::can_be_proven(services) {
        return Err(Problem::new(format!(
            "a new login by {} can't be told from an old one",
            escape(&services.join(" or "))
        ))
        .hint("leave --confirm-within out, and keep a root shell open"));
    }
    Ok(())
}
