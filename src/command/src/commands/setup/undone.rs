//! Puts files back, and notes what stays as it is.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use super::change::{Change, Undo};
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

/// Where copies are kept of files of ours that an administrator has edited.
const EDITED: &str = "/var/lib/countersign/setup/edited";

/// The stacks that name the module by now, without those that named it before the setup.
pub struct Naming<'a>(pub &'a BTreeSet<String>);

impl Naming<'_> {
    /// The files that have sshd ask the module.
    pub fn in_sshd(&self, root: &Root) -> Vec<String> {
        self.since(root, &stacks::naming_in(root, "sshd"))
    }

    /// The files that have any service ask the module.
    pub fn anywhere(&self, root: &Root) -> Vec<String> {
        self.since(root, &stacks::naming(root))
    }

    fn since(&self, root: &Root, files: &BTreeSet<String>) -> Vec<String> {
        let since = files.difference(self.0);
        let paths = since.map(|file| stacks::path_of(root, file));
        paths.map(|path| path.display().to_string()).collect()
    }
}

/// What became of a record's parts when they were taken back.
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
    pub fn note(&mut self, done: Done) {
        self.failed.extend(done.err().map(|problem| problem.what().to_owned()));
    }

    /// Puts these back, the last one first.
    pub fn put_back(&mut self, root: &Root, changes: &[Change]) {
        for change in changes.iter().rev() {
            let done = self.put_one_back(root, change);
            self.note(done);
        }
    }

    /// Puts these back if no stack names the module any more.
    pub fn put_back_without(&mut self, root: &Root, changes: &[Change], naming: &[String]) {
        if naming.is_empty() {
            return self.put_back(root, changes);
        }
        for change in changes {
            self.note(stays(root, change, naming));
        }
    }

    /// Keeps a copy of what an administrator has written into a file of ours.
    pub fn keep(&mut self, root: &Root, path: &str, text: &str) -> Done {
        let copy = room_for(root, path, text)?;
        root.write(&copy, Some(text))?;
        let said = format!("{path} was edited since: {copy} is a copy");
        self.left.push(said);
        Ok(())
    }

    fn put_one_back(&mut self, root: &Root, change: &Change) -> Done {
        root.sweep(&change.path);
        let now = root.read(&change.path)?;
        match change.undone(now.as_deref()) {
            Undo::Nothing => Ok(()),
            Undo::To(text) => root.write(&change.path, text.as_deref()),
            Undo::Edited(text) => {
                self.keep(root, &change.path, &now.unwrap_or_default())?;
                root.write(&change.path, text.as_deref())
            }
            Undo::Left(why) => {
                self.left.push(why);
                Ok(())
            }
            Undo::Stuck(why) => Err(Problem::new(why)),
        }
    }
}

/// That it is still as it was set up is a failure, if there is something to put back.
fn stays(root: &Root, change: &Change, naming: &[String]) -> Done {
    match change.undone(root.read(&change.path)?.as_deref()) {
        Undo::Nothing | Undo::Left(_) => Ok(()),
        Undo::To(_) | Undo::Edited(_) | Undo::Stuck(_) => Err(Problem::new(format!(
            "{} stays as long as {} names the module",
            change.path,
            naming.join(" or ")
        ))),
    }
}

/// Where a copy has room: an earlier one of another text stays.
fn room_for(root: &Root, path: &str, text: &str) -> Result<String, Problem> {
    let mut copy = format!("{EDITED}{path}");
    for number in 1.. {
        match root.read(&copy)? {
            Some(earlier) if earlier != text => copy = format!("{EDITED}{path}.{number}"),
            Some(_) | None => break,
        }
    }
    Ok(copy)
}
