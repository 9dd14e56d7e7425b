//! `countersign setup`: the configuration, sshd and the PAM stacks, shown before they are written
//! and put back unless a new login has been seen to work.
#![forbid(unsafe_code)]

mod announce;
mod answers;
pub mod apply;
mod asked;
mod authselect;
mod block;
mod change;
mod concerned;
mod debian;
pub mod journal;
mod pam;
mod passed_over;
mod put;
pub mod put_back;
mod questions;
pub mod rollback;
mod scratch;
mod sshd;
mod task;
mod wanted;

use std::path::PathBuf;
use std::time::Duration;

use countersign::audit::escape;
use countersign::host::CONFIG;
use countersign::os;
use countersign::policy::{self, Policy};
use countersign::words;

use crate::configuration::context::Context;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line, spoken};
use crate::ui::terminal::Terminal;
use authselect::Selection;
use change::{Change, Kind};
use concerned::Concerned;
use journal::{Journal, Record};
use pam::Stack;
use task::Task;
use wanted::Wanted;

/// Sets this machine up: the configuration, sshd and the PAM stacks of some services
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign setup --confirm-within 5m\n  countersign setup --tenant https://abc1234.id.cyberark.cloud --template '{user}@example.com' --service sshd,sudo,sudo-i --test-user alice --dry-run"
)]
pub struct Arguments {
    /// Address of the tenant, such as https://abc1234.id.cyberark.cloud
    #[arg(long, value_name = "URL")]
    tenant: Option<String>,
    /// What people are called in the tenant; {user} stands for the local name
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// What one user is called there, such as root=alice@example.com; for root the only way. May be
    /// given several times
    #[arg(long, value_name = "USER=NAME", value_parser = pair)]
    name: Vec<(String, String)>,
    /// Root certificates in PEM form, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// PAM services, such as sshd,sudo,sudo-i
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    service: Vec<String>,
    /// A user of this machine: the tenant is asked what it would ask of them, and nothing is sent
    /// to them
    #[arg(long, value_name = "USER", value_hint = clap::ValueHint::Username)]
    test_user: Option<String>,
    /// Does not ask the tenant anything, as for a machine that can't reach it yet
    #[arg(long, conflicts_with = "test_user")]
    without_tenant: bool,
    /// Writes into the services' own files, even where pam-auth-update or authselect write the
    /// stacks that they share
    #[arg(long)]
    blocks: bool,
    /// Puts everything back after this time, such as 5m, unless `countersign confirm` comes from a
    /// new login
    #[arg(long, value_name = "TIME", value_parser = within)]
    confirm_within: Option<Duration>,
    /// Does not ask before it writes, and takes what the last setup was told for what is not said
    #[arg(long, short)]
    yes: bool,
    /// Writes although accounts of this machine could not log in any more
    #[arg(long)]
    accept_lockouts: bool,
    /// Shows what it would write, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// What becomes of public keys: alone enough for sshd, followed by the module, or refused
    #[arg(long, value_name = "HOW")]
    keys: Option<sshd::Keys>,
    /// Sets up the image below this folder: nothing is started, reloaded or asked there
    #[arg(long, value_name = "FOLDER", default_value = "/", conflicts_with = "confirm_within")]
    root: PathBuf,
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

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let root = Root::of(&arguments.root)?;
    let config = context.path()?;
    if config.contains(char::is_whitespace) {
        return Err(Problem::new(format!("{config:?}: a PAM stack can't name a path with spaces"))
            .hint("name another with --config"));
    }
    nothing_is_awaited(&root)?;
    let before = root.read(&config)?;
    let wanted = Wanted::gather(&root, &config, before.as_deref(), arguments)?;
    fits(arguments, wanted.services())?;
    let mut record = plan(&root, &config, before, &wanted, arguments)?;
    if record.changes.is_empty() {
        if wanted.answers.keys.is_some() {
            sshd::test(&root, wanted.answers.keys)?;
        }
        line("Everything is set up already: nothing to change.");
        return Ok(());
    }
    let concerned = Concerned::find(&root, &wanted, arguments)?;
    if arguments.dry_run || arguments.yes {
        record.changes.iter().for_each(|change| line(change.shown()));
        line(concerned.shown());
    }
    if arguments.dry_run {
        line("Nothing was written.");
        return Ok(());
    }
    agree(&record.changes, &concerned, arguments)?;
    let task = Task { root: &root, config: &config, answers: &wanted.answers, arguments };
    task.carry_out(&mut record)
}

/// One step after the other: what is not confirmed yet is not built upon.
fn nothing_is_awaited(root: &Root) -> Done {
    if !Journal::is_there(root) {
        return Ok(());
    }
    match Journal::open(root)?.last()?.and_then(|last| last.awaited) {
        Some(awaited) => Err(Problem::new(format!(
            "the last setup is not confirmed, and is put back {}",
            in_time(&awaited)
        ))
        .hint("from a new login: sudo countersign confirm; or at once: sudo countersign unsetup")),
        None => Ok(()),
    }
}

fn in_time(awaited: &journal::Awaited) -> String {
    match awaited.until.saturating_sub(os::wall_clock()) {
        0 => "now, unless the machine was restarted in between".to_owned(),
        left => format!("in {}", spoken(left)),
    }
}

/// No option is without an effect.
fn fits(arguments: &Arguments, services: &[String]) -> Done {
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

/// As strictly as the module reads it.
fn parsed(config: &str, text: &str) -> Result<Policy, Problem> {
    policy::parse(text.as_bytes()).map_err(|errors| {
        let lines = errors.to_string().replace('\n', "\n  ");
        Problem::new(format!("{config}, as it would be:\n  {lines}"))
            .hint("countersign.toml(5) describes every key")
    })
}

/// All that has to change, and how it is put back.
fn plan(
    root: &Root,
    config: &str,
    before: Option<String>,
    wanted: &Wanted,
    arguments: &Arguments,
) -> Result<Record, Problem> {
    let configuration = Change::new(config, Kind::Theirs, before, &wanted.configuration);
    let mut record = Record::new(configuration.into_iter().collect());
    record.named = stacks::naming(root);
    let argument = match config {
        CONFIG => String::new(),
        other => format!(" config={other}"),
    };
    let services = wanted.services().iter();
    let services = services.map(|service| (service.clone(), Stack::of(&wanted.policy, service)));
    let (shared, own) = split(root, services.collect(), arguments)?;
    write_stacks(root, &shared, own, &argument, &mut record)?;
    if wanted.services().iter().any(|service| service == "sshd") {
        let keys = wanted.answers.keys;
        record.changes.extend(sshd::changes(root, keys)?);
        record.sshd = true;
    }
    Ok(record)
}

type Services = Vec<(String, Stack)>;

/// Which services share a stack that another program writes, and which have their own.
fn split(
    root: &Root,
    services: Services,
    arguments: &Arguments,
) -> Result<(Services, Services), Problem> {
    let (mut shared, mut own) = (Vec::new(), Vec::new());
    let debian = !arguments.blocks && debian::is_here(root);
    let authselect = !arguments.blocks && Selection::current(root).is_some();
    let source = |name: &str| stacks::text(root, name);
    for (service, stack) in services {
        let (path, text) = file(root, &service)?;
        if pam::is_wired_by_hand(&text) {
            line(format!("{path} names the module already, and stays as it is."));
        } else if block::of(&text).is_some() {
            own.push((service, stack));
        } else if debian && pam::includes_common_auth(&source, &text)
            || authselect && stack == Stack::Login && pam::includes_authselects(&source, &text)
        {
            shared.push((service, stack));
        } else {
            own.push((service, stack));
        }
    }
    Ok((shared, own))
}

fn write_stacks(
    root: &Root,
    shared: &Services,
    mut own: Services,
    argument: &str,
    record: &mut Record,
) -> Done {
    let names = |services: &Services| -> Vec<String> {
        services.iter().map(|(service, _)| service.clone()).collect()
    };
    if debian::is_here(root) {
        match debian::changes(root, shared, &names(&own), argument)? {
            Some(changes) => {
                record.debian = !changes.is_empty();
                record.changes.extend(changes);
            }
            None => {
                line(
                    "pam-auth-update leaves /etc/pam.d/common-* alone, since they were edited by hand.",
                );
                own.extend(shared.iter().cloned());
            }
        }
    } else if let Some(selection) = Selection::current(root) {
        let changes = selection.changes(root, &names(shared), &names(&own), argument)?;
        if !changes.is_empty() {
            record.authselect = Some(selection.raw().to_owned());
            record.changes.extend(changes);
        }
    }
    let source = |name: &str| stacks::text(root, name);
    let others = names(&own);
    for (service, stack) in own {
        let (path, text) = file(root, &service)?;
        // What is asked in the stack that it includes is not asked twice.
        if block::of(&text).is_none() && pam::includes_one_of(&source, &text, &others) {
            continue;
        }
        let wired = pam::wired(&source, &path, &text, stack, argument)?;
        record.changes.extend(change_of(&service, &path, text, &wired));
    }
    Ok(())
}

/// The file that libpam reads for a service, and its text.
fn file(root: &Root, service: &str) -> Result<(String, String), Problem> {
    let path = stacks::path_of(root, service).display().to_string();
    let text = root.read(&path)?.unwrap_or_default();
    Ok((path, text))
}

/// A stack outside of /etc is a package's: it stays, and libpam reads the copy in /etc/pam.d before
/// it.
fn change_of(service: &str, path: &str, text: String, wired: &str) -> Option<Change> {
    let own = format!("/etc/pam.d/{service}");
    if path == own {
        return Change::new(&own, Kind::Block, Some(text), wired);
    }
    line(format!(
        "{own} is made from {path}, and counts in its place: later versions of that file do not."
    ));
    Change::new(&own, Kind::Ours, None, wired)
}

/// On the terminal, all of it: who agrees has seen what to. Nobody is left outside without a word
/// of its own.
fn agree(changes: &[Change], concerned: &Concerned, arguments: &Arguments) -> Done {
    let is_accepted = concerned.outside.is_empty() || arguments.accept_lockouts;
    if arguments.yes {
        return if is_accepted { Ok(()) } else { Err(locked_out(concerned)) };
    }
    let mut terminal =
        Terminal::open().map_err(|problem| problem.hint("with --yes, it is not asked"))?;
    for change in changes {
        terminal.show(change.shown())?;
    }
    terminal.show(concerned.shown())?;
    let outside = format!("Leave outside: {}? [y/N] ", concerned.names());
    let is_accepted = is_accepted || words::is_yes(&terminal.ask(&outside)?);
    if is_accepted && words::is_yes(&terminal.ask("Write this? [y/N] ")?) {
        return Ok(());
    }
    Err(Problem::new("nothing was written"))
}

fn locked_out(concerned: &Concerned) -> Problem {
    Problem::new(format!(
        "nothing was written: these could not log in any more: {}",
        concerned.names()
    ))
    .hint("do what is said above for each of them, or accept it with --accept-lockouts")
}
