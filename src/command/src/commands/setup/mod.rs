//! `countersign setup`: the configuration, sshd and the PAM stacks, shown before they are written
//! and put back unless a new login has been seen to work.
#![forbid(unsafe_code)]

mod announce;
mod answers;
pub mod apply;
mod arguments;
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

use countersign::host::CONFIG;
use countersign::words;

use crate::configuration::context::Context;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line};
use crate::ui::terminal::Terminal;
pub use arguments::Arguments;
use arguments::fits;
use authselect::Selection;
use change::{Change, Kind};
use concerned::Concerned;
use journal::{Record, nothing_is_awaited};
use pam::Stack;
use task::Task;
use wanted::Wanted;

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

/// Shows all of it on the terminal before the question. No user is left outside without a word
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
