//! `countersign setup`: the configuration, sshd and the PAM stacks, shown before they are written and put back unless a new
//! login has been seen to work.
#![forbid(unsafe_code)]

mod apply;
mod authselect;
mod block;
mod change;
mod confirm;
mod debian;
mod journal;
mod pam;
mod passed_over;
mod place;
mod put;
mod rollback;
mod scratch;
mod sshd;
mod take_back;
mod task;
mod wanted;

use std::path::PathBuf;
use std::time::Duration;

use countersign::audit::escape;
use countersign::host::CONFIG;
use countersign::os;
use countersign::policy::{self, Policy};
use countersign::words;

use super::context::Context;
use super::mechanisms::{Offered, offered};
use super::output::{Done, Problem, line, progress, spoken};
use super::root::Root;
use super::terminal::Terminal;
use super::{reasons, stacks, whom};
use authselect::Selection;
use change::{Change, Kind};
use journal::{Journal, Record};
use pam::Stack;
use task::Task;
use wanted::Wanted;

pub use confirm::{Arguments as ConfirmArguments, run as confirm};
pub use take_back::{Arguments as UnsetupArguments, run as unsetup};

#[derive(clap::Args)]
pub struct Arguments {
    /// Address of the tenant, such as https://abc1234.id.cyberark.cloud
    #[arg(long, value_name = "URL")]
    tenant: Option<String>,
    /// What people are called in the tenant; {user} stands for the local name
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Root certificates in PEM form, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// PAM services, such as sshd,sudo,sudo-i
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    service: Vec<String>,
    /// A user of this machine: the tenant is asked what it would ask of them, and nothing is sent to them
    #[arg(long, value_name = "USER", value_hint = clap::ValueHint::Username)]
    test_user: Option<String>,
    /// Does not ask the tenant anything, as for a machine that can't reach it yet
    #[arg(long, conflicts_with = "test_user")]
    without_tenant: bool,
    /// Writes into the services' own files, even where pam-auth-update or authselect write the stacks that they share
    #[arg(long)]
    blocks: bool,
    /// Puts everything back after this time, such as 5m, unless `countersign confirm` comes from a new login
    #[arg(long, value_name = "TIME", value_parser = within)]
    confirm_within: Option<Duration>,
    /// Does not ask before it writes
    #[arg(long, short)]
    yes: bool,
    /// Shows what it would write, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Whether a public key alone is enough for sshd, or is followed by the module
    #[arg(long, value_name = "HOW")]
    keys: Option<sshd::Keys>,
    /// Sets up the image below this folder: nothing is started, reloaded or asked there
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "/",
        conflicts_with = "confirm_within"
    )]
    root: PathBuf,
}

fn within(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(5)..=Duration::from_secs(24 * 3600);
    let time = policy::parse_duration(text).filter(|time| range.contains(time));
    time.ok_or_else(|| "expected a time from 5s to 24h, such as 5m".to_owned())
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let root = place::root(&arguments.root)?;
    let config = context.path()?;
    if config.contains(char::is_whitespace) {
        return Err(Problem::new(format!(
            "{config:?}: a PAM stack can't name a path with spaces"
        ))
        .hint("name another with --config"));
    }
    nothing_is_awaited(&root)?;
    let before = root.read(&config)?;
    let wanted = Wanted::gather(&root, &config, before.as_deref(), arguments)?;
    let policy = parsed(&config, &wanted.configuration)?;
    fits(arguments, &wanted.services)?;
    if let Some(user) = &wanted.test_user {
        ask_tenant(&policy, user, &wanted.services)?;
    }
    let mut record = plan(&root, &policy, &config, before, &wanted, arguments)?;
    if record.changes.is_empty() {
        if arguments.keys.is_some() {
            sshd::test(&root, arguments.keys)?;
        }
        line("Everything is set up already: nothing to change.");
        return Ok(());
    }
    if arguments.dry_run || arguments.yes {
        record
            .changes
            .iter()
            .for_each(|change| line(change.shown()));
    }
    if arguments.dry_run {
        line("Nothing was written.");
        return Ok(());
    }
    if !arguments.yes {
        agree(&record.changes)?;
    }
    let task = Task {
        root: &root,
        config: &config,
        services: &wanted.services,
        arguments,
    };
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

fn ask_tenant(policy: &Policy, user: &str, services: &[String]) -> Done {
    let mut asked = Vec::new();
    for service in services {
        let terms = whom::local(policy, user, service, &whom::SETUP)?;
        if asked.contains(&terms.flow) {
            continue;
        }
        let name = escape(&terms.tenant_user);
        progress(&format!(
            "Asking {} what {name} would be asked",
            terms.tenant.url
        ));
        let found = offered(&terms).map_err(|refusal| reasons::problem(&refusal))?;
        if !found.can_be_enough(&terms) {
            return Err(Problem::new(format!(
                "the tenant asks too little of {name}, or what can't be met in a terminal"
            ))
            .hint(format!(
                "countersign mechanisms {} --service {}",
                escape(user),
                escape(service)
            )));
        }
        line(format!(
            "The tenant would ask {name} for {}.",
            challenges(&found)
        ));
        if found.goes_together(&terms) {
            line(TOGETHER);
        }
        asked.push(terms.flow);
    }
    Ok(())
}

/// What a tenant that takes one operation in a request needs. A setup can't find out: it has no password to try.
const TOGETHER: &str = "Password and second factor are sent in one request. \
    If the tenant then refuses every user, set tenant.multiple_operations = \"off\".";

/// `UP, then OTP or OATH`
fn challenges(found: &Offered) -> String {
    if found.is_elsewhere {
        return "a login at another identity provider".to_owned();
    }
    let challenges = found.challenges.iter().map(|challenge| {
        let names = challenge.offers.iter().map(countersign::login::offer_name);
        names.collect::<Vec<_>>().join(" or ")
    });
    escape(&challenges.collect::<Vec<_>>().join(", then "))
}

/// All that has to change, and how it is put back.
fn plan(
    root: &Root,
    policy: &Policy,
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
    let services = wanted
        .services
        .iter()
        .map(|service| (service.clone(), Stack::of(policy, service)));
    let (shared, own) = split(root, services.collect(), arguments)?;
    write_stacks(root, &shared, own, &argument, &mut record)?;
    if wanted.services.iter().any(|service| service == "sshd") {
        record.changes.extend(sshd::changes(root, arguments.keys)?);
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
            line(format!(
                "{path} names the module already, and stays as it is."
            ));
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
        services
            .iter()
            .map(|(service, _)| service.clone())
            .collect()
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
        record
            .changes
            .extend(change_of(&service, &path, text, &wired));
    }
    Ok(())
}

/// The file that libpam reads for a service, and its text.
fn file(root: &Root, service: &str) -> Result<(String, String), Problem> {
    let path = stacks::path_of(root, service).display().to_string();
    let text = root.read(&path)?.unwrap_or_default();
    Ok((path, text))
}

/// A stack outside of /etc is a package's: it stays, and libpam reads the copy in /etc/pam.d before it.
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

/// On the terminal, all of it: whoever agrees has seen what to.
fn agree(changes: &[Change]) -> Done {
    let mut terminal =
        Terminal::open().map_err(|problem| problem.hint("with --yes, it is not asked"))?;
    for change in changes {
        terminal.show(change.shown())?;
    }
    match words::is_yes(&terminal.ask("Write this? [y/N] ")?) {
        true => Ok(()),
        false => Err(Problem::new("nothing was written")),
    }
}
