//! `countersign unsetup`: everything that setups have written is put back.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use super::journal::Journal;
use super::{apply, rollback};
use crate::output::{Done, Problem, line};

#[derive(clap::Args)]
pub struct Arguments {
    /// The image below this folder
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
    /// What the timer runs: takes back the setup of this number, if nobody has confirmed it
    #[arg(long, hide = true, value_name = "NUMBER")]
    unless_confirmed: Option<u32>,
    /// And waits so long before
    #[arg(long, hide = true, value_name = "TIME", requires = "unless_confirmed",
          value_parser = super::within, default_value = None)]
    after: Option<Duration>,
}

pub fn run(arguments: &Arguments) -> Done {
    let root = super::place::root(&arguments.root)?;
    if let Some(number) = arguments.unless_confirmed {
        return rollback::unless_confirmed(&root, number, arguments.after.unwrap_or_default());
    }
    let journal = Journal::open(&root)?;
    let Some(first) = apply::undo_last(&root, &journal)? else {
        return Err(Problem::new("nothing was set up by this command")
            .hint("pam_countersign(8) tells what to take out by hand"));
    };
    let mut left = first;
    while let Some(more) = apply::undo_last(&root, &journal)? {
        left.extend(more);
    }
    rollback::disarm(&root)?;
    left.iter().for_each(line);
    line("Everything is as it was before the first setup.");
    Ok(())
}
