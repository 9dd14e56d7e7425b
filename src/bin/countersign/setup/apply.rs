//! Writes what was shown, and takes it back.
#![forbid(unsafe_code)]

use std::path::Path;

use super::authselect::Selection;
use super::change::{Change, Kind, Undo};
use super::journal::{Journal, Record};
use super::{debian, sshd};
use crate::check;
use crate::output::{Done, Problem, line};
use crate::root::Root;

const NO_SSHD: &str = "No sshd was found running: one that does must be restarted.";

/// What became of a record's changes when they were taken back.
#[derive(Default)]
pub struct Undone {
    /// What stays, and why; nothing more is to be done about it.
    pub left: Vec<String>,
    /// What could not be put back now.
    pub failed: Vec<String>,
}

impl Undone {
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }

    pub fn add(&mut self, more: Self) {
        self.left.extend(more.left);
        self.failed.extend(more.failed);
    }

    /// One part that failed does not keep the others from being put back.
    fn note(&mut self, done: Done) {
        self.failed
            .extend(done.err().map(|problem| problem.what().to_owned()));
    }
}

/// Makes all of a record's changes, and looks whether they hold.
pub fn apply(root: &Root, record: &Record, config: &str, services: &[String]) -> Done {
    write(root, record)?;
    holds(root, config, services)?;
    if record.sshd {
        sshd::test(root)?;
        if !sshd::reload(root) {
            line(NO_SSHD);
        }
    }
    Ok(())
}

/// Nobody has written these files since they were shown.
pub fn is_as_shown(root: &Root, record: &Record) -> Done {
    for change in &record.changes {
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

/// Whether the stacks, as they stand there, let nobody in unasked and somebody in at all.
fn holds(root: &Root, config: &str, services: &[String]) -> Done {
    let broken = check::broken_stacks(root, Path::new(config), services);
    match broken.is_empty() {
        true => Ok(()),
        false => Err(
            Problem::new(format!("it would not hold:\n  {}", broken.join("\n  ")))
                .hint("mend that first; `countersign check` tells more"),
        ),
    }
}

fn write(root: &Root, record: &Record) -> Done {
    let before = record.authselect.as_deref().map(Selection::from_journal);
    if let Some(before) = &before {
        before.copy(root)?;
    }
    let ours = record.changes.iter();
    for change in ours.filter(|change| change.kind != Kind::Managed) {
        root.write(&change.path, change.after.as_deref())?;
    }
    if let Some(before) = &before {
        before.select_ours()?;
    }
    if record.debian {
        debian::update(root)?;
        as_previewed(root, &record.changes)?;
    }
    Ok(())
}

/// Another program has written these: is it what was shown?
fn as_previewed(root: &Root, changes: &[Change]) -> Done {
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

/// Takes all of a record's changes back, as far as that can be done now.
pub fn undo(root: &Root, record: &Record) -> Undone {
    let mut undone = Undone::default();
    put_back(root, record, Kind::Ours, &mut undone);
    if let Some(before) = &record.authselect {
        undone.note(Selection::from_journal(before).select_again(root));
    }
    put_back(root, record, Kind::Block, &mut undone);
    if record.debian {
        // Where it can't, the stacks are put back as they were, from our own copies.
        let updated = debian::update(root);
        put_back(root, record, Kind::Managed, &mut undone);
        undone.note(updated);
    }
    // Last: until here a login may still ask for it.
    put_back(root, record, Kind::Theirs, &mut undone);
    if record.sshd && !sshd::reload(root) {
        undone.left.push(NO_SSHD.to_owned());
    }
    undone
}

fn put_back(root: &Root, record: &Record, kind: Kind, undone: &mut Undone) {
    let changes = record.changes.iter().rev();
    for change in changes.filter(|change| change.kind == kind) {
        let done = put_one_back(root, change, undone);
        undone.note(done);
    }
}

fn put_one_back(root: &Root, change: &Change, undone: &mut Undone) -> Done {
    root.sweep(&change.path);
    let now = root.read(&change.path)?;
    match change.undone(now.as_deref()) {
        Undo::Nothing => Ok(()),
        Undo::To(text) => root.write(&change.path, text.as_deref()),
        Undo::Edited(text) => {
            let copy = format!("{}.edited", change.path);
            root.write(&copy, now.as_deref())?;
            undone.left.push(format!(
                "{} was edited since: {copy} is a copy",
                change.path
            ));
            root.write(&change.path, text.as_deref())
        }
        Undo::Left(why) => {
            undone.left.push(why);
            Ok(())
        }
        Undo::Stuck(why) => Err(Problem::new(why)),
    }
}

/// Takes back the last setup, if it is wanted; `None` if there is none, or another one.
pub fn undo_last(
    root: &Root,
    journal: &Journal,
    is_wanted: impl Fn(&Record) -> bool,
) -> Result<Option<Undone>, Problem> {
    let locked = journal.lock()?;
    let Some(record) = journal.last()?.filter(is_wanted) else {
        return Ok(None);
    };
    let undone = undo(root, &record);
    if undone.is_complete() {
        journal.remove(&locked, record.number)?;
    }
    Ok(Some(undone))
}
