//! `countersign unsetup`: everything that setups have written is put back.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use crate::commands::setup::apply;
use crate::commands::setup::journal::Journal;
use crate::commands::setup::rollback::{self, Waiting};
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line};

/// Takes back what setup has written
#[derive(clap::Args)]
#[command(after_help = "Example:\n  sudo countersign unsetup")]
pub struct Arguments {
    /// The image below this folder
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
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
    if !Journal::is_there(&root) {
        return Err(nothing_to_do());
    }
    let journal = Journal::open(&root)?;
    let mut undone = apply::undo_last(&root, &journal, |_| true)?.ok_or_else(nothing_to_do)?;
    while undone.is_complete() {
        match apply::undo_last(&root, &journal, |_| true)? {
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
    rollback::disarm(&root)?;
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
