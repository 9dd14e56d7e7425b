//! `countersign setup`: the configuration, sshd and the PAM stacks, shown before they are written
//! and put back unless a new login has been seen to work.
#![forbid(unsafe_code)]

mod announce;
mod answers;
pub mod apply;
mod arguments;
mod asked;
mod awaited;
mod block;
pub mod by_hand;
mod change;
mod concerned;
mod earlier;
pub mod journal;
mod pam;
mod parts;
mod passed_over;
mod plan;
mod put;
pub mod put_back;
mod questions;
pub mod rollback;
mod scratch;
mod task;
mod undone;
mod wanted;

use countersign::words;

use crate::configuration::context::Context;
use crate::configuration::room::{self, Room};
use crate::machine::root::Root;
use crate::machine::selinux;
use crate::machine::selinux::kernel::{Kernel, Live};
use crate::ui::output::{Done, Problem, line};
use crate::ui::terminal::Terminal;
pub use arguments::Arguments;
use arguments::fits;
use concerned::Concerned;
use journal::{Record, nothing_is_awaited};
use parts::sshd;
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
    let mut record = plan::plan(&root, &config, before, &wanted, arguments)?;
    if record.changes().next().is_none() {
        if wanted.answers.keys.is_some() {
            sshd::test(&root, wanted.answers.keys)?;
        }
        line("Everything is set up already: nothing to change.");
        return Ok(());
    }
    if let Room::Little(said) = Room::of(wanted.configuration.len()) {
        line(format!("{config} {said}: {}.", room::REMEDY));
    }
    if root.is_live() && selinux::lacks_module(&Kernel(&Live)) {
        line(format!(
            "SELinux is enforcing. Load its policy module for Countersign before you go on: {}",
            selinux::load()
        ));
    }
    let concerned = Concerned::find(&root, &wanted, arguments)?;
    if arguments.dry_run || arguments.yes {
        record.changes().for_each(|change| line(change.shown()));
        line(concerned.shown());
    }
    if arguments.dry_run {
        line("Nothing was written.");
        return Ok(());
    }
    agree(&record, &concerned, arguments)?;
    let task = Task { root: &root, config: &config, answers: &wanted.answers, arguments };
    task.carry_out(&mut record)
}

/// Shows all of it on the terminal before the question. No user is left outside without a word
/// of its own.
fn agree(record: &Record, concerned: &Concerned, arguments: &Arguments) -> Done {
    let is_accepted = concerned.outside.is_empty() || arguments.accept_lockouts;
    if arguments.yes {
        return if is_accepted { Ok(()) } else { Err(locked_out(concerned)) };
    }
    let mut terminal =
        Terminal::open().map_err(|problem| problem.hint("with --yes, it is not asked"))?;
    for change in record.changes() {
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
