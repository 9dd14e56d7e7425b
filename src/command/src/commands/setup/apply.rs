//! Writes what was shown, part by part, and takes it back.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::os;

use super::journal::{Journal, Record};
use super::undone::{Naming, Undone};
use crate::commands::check;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

/// Writes all of a record's parts, and looks whether they hold.
pub fn apply(root: &Root, record: &Record, config: &str, services: &[String]) -> Done {
    record.written().try_for_each(|part| part.write(root))?;
    record.written().try_for_each(|part| part.generate(root))?;
    goes_on()?;
    holds(root, config, services)?;
    record.written().try_for_each(|part| part.reload(root))?;
    goes_on()
}

/// A Ctrl-C, or a terminal that is gone, is a failure as any other: what was begun is put back.
pub fn goes_on() -> Done {
    if os::interrupted() { Err(Problem::new("it was interrupted")) } else { Ok(()) }
}

/// Checks that no process has written these files since they were shown.
pub fn is_as_shown(root: &Root, record: &Record) -> Done {
    for change in record.changes() {
        if root.read(&change.path)? != change.before {
            return Err(Problem::new(format!(
                "{} was changed meanwhile, and nothing was written",
                change.path
            ))
            .hint("run `countersign setup` again"));
        }
    }
    Ok(())
}

/// Checks that the stacks, as they stand there, let no user in unasked, and users in at all.
fn holds(root: &Root, config: &str, services: &[String]) -> Done {
    let broken = check::broken_stacks(root, Path::new(config), services);
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Problem::new(format!("it would not hold:\n  {}", broken.join("\n  ")))
            .hint("mend that first; `countersign check` tells more"))
    }
}

/// Takes all of a record's parts back, as far as that can be done now: the last one first, and what
/// stacks need behind all stacks.
pub fn undo(root: &Root, record: &Record) -> Undone {
    let mut undone = Undone::default();
    let naming = Naming(&record.named);
    let (needed, stacks): (Vec<_>, Vec<_>) =
        record.written().rev().partition(|part| part.outlives_stacks());
    for part in stacks.into_iter().chain(needed) {
        part.undo(root, &naming, &mut undone);
    }
    undone
}

/// Takes back the last setup, if it is wanted; `None` if it is missing, or another one.
pub fn undo_last(
    root: &Root,
    journal: &Journal,
    is_wanted: impl Fn(&Record) -> bool,
) -> Result<Option<Undone>, Problem> {
    let locked = journal.lock()?;
    let Some(record) = journal.last()?.filter(is_wanted) else {
        return Ok(None);
    };
    record.written().try_for_each(|part| part.can_be_undone(root))?;
    os::with_stops_held(|| {
        let undone = undo(root, &record);
        if undone.is_complete() {
            journal.remove(&locked, record.number)?;
        }
        Ok(Some(undone))
    })
}
