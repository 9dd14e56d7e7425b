//! Writes what was shown, and takes it back.
#![forbid(unsafe_code)]

use std::path::Path;

use super::authselect::Selection;
use super::change::{Change, Kind};
use super::journal::{Journal, Record};
use super::{debian, sshd};
use crate::check;
use crate::output::{Done, Problem, line};
use crate::root::Root;

const NO_SSHD: &str = "No sshd was found running: one that does must be restarted.";

/// Makes all of a record's changes. Where one fails, those before are taken back.
pub fn apply(root: &Root, record: &Record, holds: impl Fn() -> Done) -> Done {
    let done = write(root, record)
        .and_then(|()| holds())
        .and_then(|()| sshd_again(root, record));
    done.map_err(|problem| match undo(root, record) {
        Ok(_) => problem.within("everything is as it was before"),
        Err(also) => problem.hint(format!("not all of it could be put back: {}", also.what())),
    })
}

/// Whether the stacks, as they stand there, let nobody in unasked and somebody in at all.
pub fn holds(root: &Root, config: &str, services: &[String]) -> Done {
    let broken = check::broken_stacks(root, Path::new(config), services);
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(format!(
            "the stacks would not hold:\n  {}",
            broken.join("\n  ")
        ))
        .hint("mend that first; with `countersign check` afterwards")),
    }
}

fn write(root: &Root, record: &Record) -> Done {
    let before = record.authselect.as_deref().map(Selection::from_journal);
    if let Some(before) = &before {
        before.copy(root)?;
    }
    for change in record
        .changes
        .iter()
        .filter(|change| change.kind != Kind::Managed)
    {
        root.write(&change.path, change.after.as_deref())?;
    }
    if let Some(before) = &before {
        before.select_ours()?;
    }
    if record.debian {
        debian::update(root)?;
        as_shown(root, &record.changes)?;
    }
    Ok(())
}

/// Another program has written these: is it what was shown?
fn as_shown(root: &Root, changes: &[Change]) -> Done {
    for change in changes.iter().filter(|change| change.kind == Kind::Managed) {
        if root.read(&change.path)? != change.after {
            return Err(Problem::new(format!(
                "{}: pam-auth-update did not write what it showed before",
                change.path
            )));
        }
    }
    Ok(())
}

fn sshd_again(root: &Root, record: &Record) -> Done {
    match record.sshd {
        true => {
            sshd::test(root)?;
            if !sshd::reload(root) {
                line(NO_SSHD);
            }
            Ok(())
        }
        false => Ok(()),
    }
}

/// Takes all of a record's changes back; what was left alone, and why.
pub fn undo(root: &Root, record: &Record) -> Result<Vec<String>, Problem> {
    let mut left = Vec::new();
    if let Some(before) = &record.authselect {
        Selection::from_journal(before).select_again(root)?;
    }
    put_back(root, record, Kind::Ours, &mut left)?;
    put_back(root, record, Kind::Block, &mut left)?;
    if record.debian {
        debian::update(root)?;
        put_back(root, record, Kind::Managed, &mut left)?;
    }
    // Last: until here a login may still ask for it.
    put_back(root, record, Kind::Theirs, &mut left)?;
    if record.sshd && !sshd::reload(root) {
        left.push(NO_SSHD.to_owned());
    }
    Ok(left)
}

fn put_back(root: &Root, record: &Record, kind: Kind, left: &mut Vec<String>) -> Done {
    for change in record
        .changes
        .iter()
        .rev()
        .filter(|change| change.kind == kind)
    {
        root.sweep(&change.path);
        let now = root.read(&change.path)?;
        match change.undone(now.as_deref()) {
            Ok(text) if text == now => {}
            Ok(text) => root.write(&change.path, text.as_deref())?,
            Err(why) => left.push(why),
        }
    }
    Ok(())
}

/// Takes back the last setup; `None` if there is none.
pub fn undo_last(root: &Root, journal: &Journal) -> Result<Option<Vec<String>>, Problem> {
    let locked = journal.lock()?;
    let Some(record) = journal.last()? else {
        return Ok(None);
    };
    let left = undo(root, &record)?;
    journal.remove(&locked, record.number)?;
    Ok(Some(left))
}
