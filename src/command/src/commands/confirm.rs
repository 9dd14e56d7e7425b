//! `countersign confirm`: a new login has worked, and what was set up stays.
#![forbid(unsafe_code)]

use crate::commands::setup::journal::Journal;
use crate::commands::setup::{put_back, rollback};
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line};

/// Confirms, from a new login, that logging in works: what setup has written then stays
#[derive(clap::Args)]
#[command(after_help = "Example:\n  sudo countersign confirm")]
pub struct Arguments {}

pub fn run() -> Done {
    let root = Root::live();
    let journal = Journal::open(&root)?;
    let locked = journal.lock()?;
    let last = journal.last()?;
    let Some((mut record, awaited)) =
        last.and_then(|mut last| last.awaited.take().map(|awaited| (last, awaited)))
    else {
        let none = || {
            Problem::new("no setup waits for this")
                .hint("`countersign setup --confirm-within 5m` makes one that does")
        };
        return Err(put_back::too_late(&root).unwrap_or_else(none));
    };
    if !rollback::is_proven(&awaited)? {
        let how = rollback::said(&awaited.services);
        return Err(Problem::new(format!("this shell comes from no new login by {how}"))
            .hint(format!("log in anew by {how}, and type it there")));
    }
    record.awaited = None;
    journal.write(&locked, &record)?;
    rollback::disarm(&root)?;
    line("Confirmed: it stays.");
    Ok(())
}
