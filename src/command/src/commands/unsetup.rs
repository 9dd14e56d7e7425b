//! `countersign unsetup`: everything that setups have written is put back.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use crate::commands::setup::apply;
use crate::commands::setup::by_hand;
use crate::commands::setup::journal::Journal;
use crate::commands::setup::rollback::{self, Waiting};
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line};

/// Takes back what setup has written
#[derive(clap::Args)]
#[command(after_help = "Example:\n  sudo countersign unsetup")]
pub struct Arguments {
    /// The image below this folder
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
    /// Succeeds only if no stack names the module at the end, and changes nothing where one would:
    /// what a package runs before its module goes
    #[arg(long)]
    for_removal: bool,
    /// What the timer runs: puts back the setup that waits with this token, if no administrator
    /// has confirmed it
    #[arg(long, hide = true, value_name = "TOKEN")]
    unless_confirmed: Option<String>,
    /// And waits so many seconds before
    #[arg(long, hide = true, value_name = "SECONDS", requires = "unless_confirmed")]
    after: Option<u64>,
    /// And so many more once it has told the terminals
    #[arg(long, hide = true, value_name = "SECONDS", requires = "unless_confirmed")]
    lead: Option<u64>,
}

pub fn run(arguments: &Arguments) -> Done {
    let root = Root::of(&arguments.root)?;
    if let Some(token) = &arguments.unless_confirmed {
        let seconds = |number: Option<u64>| Duration::from_secs(number.unwrap_or_default());
        let waiting =
            Waiting { token, after: seconds(arguments.after), lead: seconds(arguments.lead) };
        return waiting.run(&root);
    }
    if !arguments.for_removal {
        return put_all_back(&root);
    }
    let records = if Journal::is_there(&root) { Journal::open(&root)?.all()? } else { Vec::new() };
    is_removable(&by_hand::files(&root, &records)?, "nothing was changed")?;
    if records.is_empty() {
        return Ok(());
    }
    put_all_back(&root)?;
    is_removable(&stacks::paths_naming(&root), "the setups are put back")?;
    line(
        "No login is asked for a second factor by this machine any more: the local password, or a key, is enough.",
    );
    Ok(())
}

/// Refuses the removal of the module as long as these name it: without it, they let no user in.
fn is_removable(named: &[String], so_far: &str) -> Done {
    if named.is_empty() {
        return Ok(());
    }
    Err(Problem::new(format!(
        "these stacks name the module, and would let no user in without it: {} ({so_far})",
        named.join(", ")
    ))
    .hint("take its lines out by hand, from a root shell that stays open until a new login has worked, and then again"))
}

fn put_all_back(root: &Root) -> Done {
    if !Journal::is_there(root) {
        return Err(nothing_to_do());
    }
    let journal = Journal::open(root)?;
    let mut undone = apply::undo_last(root, &journal, |_| true)?.ok_or_else(nothing_to_do)?;
    while undone.is_complete() {
        match apply::undo_last(root, &journal, |_| true)? {
            Some(more) => undone.add(more),
            None => break,
        }
    }
    undone.left.iter().for_each(line);
    if !undone.is_complete() {
        return Err(Problem::new(format!(
            "not everything could be put back:\n  {}",
            undone.failed.join("\n  ")
        ))
        .hint("mend that, and then again: sudo countersign unsetup"));
    }
    rollback::disarm(root)?;
    line(if undone.left.is_empty() {
        "Everything is as it was before the first setup."
    } else {
        "Everything else is as it was before the first setup."
    });
    Ok(())
}

fn nothing_to_do() -> Problem {
    Problem::new("nothing was set up by this command")
        .hint("sudo countersign setup sets it up; remove lines that you wrote by hand: those of /etc/pam.d that name pam_countersign.so")
}
