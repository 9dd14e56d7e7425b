//! Writes what was shown, and takes it back.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;

use countersign::os;

use super::authselect::{self, Selection};
use super::change::{Change, Kind, Undo};
use super::debian;
use super::journal::{Journal, Record};
use super::sshd::{self, Keys};
use crate::commands::check;
use crate::machine::outside::roots_by_local_password;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line};

const NO_SSHD: &str = "No sshd was found running: one that does must be restarted.";

/// Where is kept what others have written into files of ours.
const EDITED: &str = "/var/lib/countersign/setup/edited";

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

    /// Keeps a copy of what an administrator has written into a file of ours.
    fn keep(&mut self, root: &Root, path: &str, text: &str) -> Done {
        let copy = room_for(root, path, text)?;
        root.write(&copy, Some(text))?;
        let said = format!("{path} was edited since: {copy} is a copy");
        self.left.push(said);
        Ok(())
    }

    /// One part that failed does not keep the others from being put back.
    fn note(&mut self, done: Done) {
        self.failed.extend(done.err().map(|problem| problem.what().to_owned()));
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

/// Makes all of a record's changes, and looks whether they hold.
pub fn apply(
    root: &Root,
    record: &Record,
    config: &str,
    services: &[String],
    keys: Option<Keys>,
) -> Done {
    write(root, record)?;
    goes_on()?;
    holds(root, config, services)?;
    if record.sshd {
        sshd::test(root, keys)?;
        if !sshd::reload(root) {
            line(NO_SSHD);
        }
    }
    goes_on()
}

/// A Ctrl-C, or a terminal that is gone, is a failure as any other: what was begun is put back.
pub fn goes_on() -> Done {
    match os::interrupted() {
        false => Ok(()),
        true => Err(Problem::new("it was interrupted")),
    }
}

/// Checks that no process has written these files since they were shown.
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

/// Checks that the stacks, as they stand there, let no user in unasked, and users in at all.
fn holds(root: &Root, config: &str, services: &[String]) -> Done {
    let broken = check::broken_stacks(root, Path::new(config), services);
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(format!("it would not hold:\n  {}", broken.join("\n  ")))
            .hint("mend that first; `countersign check` tells more")),
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
    stacks_back(root, record, &mut undone);
    needs_back(root, record, &mut undone);
    if record.sshd && !sshd::reload(root) {
        undone.left.push(NO_SSHD.to_owned());
    }
    if record.sshd && stacks::naming_in(root, "sshd").is_empty() {
        undone.left.extend(roots_by_local_password(root).into_iter().map(comes_by_ssh));
    }
    undone
}

/// `PermitRootLogin yes` was harmless as long as the tenant was asked.
fn comes_by_ssh(name: String) -> String {
    format!(
        "{name} can log in by ssh with its local password: PermitRootLogin of sshd_config(5) is yes, which setup did not write"
    )
}

/// What the stacks are made of.
fn stacks_back(root: &Root, record: &Record, undone: &mut Undone) {
    let is_own = |change: &Change| is_stacks(change, Kind::Ours) && !authselect::has(&change.path);
    put_back(root, record, is_own, undone);
    if let Some(before) = &record.authselect {
        let done = profile_back(root, record, &Selection::from_journal(before), undone);
        undone.note(done);
    }
    let is_block = |change: &Change| is_stacks(change, Kind::Block);
    put_back(root, record, is_block, undone);
    if record.debian {
        let done = shared_back(root, record, undone);
        undone.note(done);
    }
}

/// Stacks that pam-auth-update does not write, as an administrator has edited them, are put back
/// from our own copies. It looks at them again then, or it would go on as if they had our lines.
fn shared_back(root: &Root, record: &Record, undone: &mut Undone) -> Done {
    let updated = debian::update(root);
    let managed = record.changes.iter();
    let mut managed = managed.filter(|change| is_stacks(change, Kind::Managed));
    let is_back = |change: &Change| root.read(&change.path).is_ok_and(|now| now == change.before);
    if managed.all(is_back) {
        return updated;
    }
    put_back(root, record, |change| is_stacks(change, Kind::Managed), undone);
    debian::update(root)
}

fn is_stacks(change: &Change, kind: Kind) -> bool {
    change.kind == kind && !sshd::has(&change.path)
}

/// Ours is applied again behind its files; another is selected before they go, and they stay whole
/// where it can't be.
fn profile_back(root: &Root, record: &Record, before: &Selection, undone: &mut Undone) -> Done {
    let is_profiles = |change: &Change| authselect::has(&change.path);
    if before.is_ours() {
        put_back(root, record, is_profiles, undone);
        return Selection::apply_again(root);
    }
    before.select_again(root)?;
    put_back(root, record, is_profiles, undone);
    for (path, text) in before.edited(root)? {
        undone.keep(root, &path, &text)?;
    }
    authselect::remove(root)
}

/// What a login needs that the module is asked in: it stays as long as there may be one.
fn needs_back(root: &Root, record: &Record, undone: &mut Undone) {
    let still = |files: BTreeSet<String>| -> Vec<String> {
        let since = files.difference(&record.named);
        let paths = since.map(|file| stacks::path_of(root, file));
        paths.map(|path| path.display().to_string()).collect()
    };
    let of_sshd = still(stacks::naming_in(root, "sshd"));
    put_back_without(root, record, |change| sshd::has(&change.path), &of_sshd, undone);
    let is_configuration = |change: &Change| change.kind == Kind::Theirs;
    let all = still(stacks::naming(root));
    if undone.is_complete() || !all.is_empty() {
        put_back_without(root, record, is_configuration, &all, undone);
    }
}

/// Puts it back if no stack names the module any more.
fn put_back_without(
    root: &Root,
    record: &Record,
    is_meant: impl Fn(&Change) -> bool,
    naming: &[String],
    undone: &mut Undone,
) {
    if naming.is_empty() {
        return put_back(root, record, is_meant, undone);
    }
    for change in record.changes.iter().filter(|change| is_meant(change)) {
        undone.note(stays(root, change, naming));
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

fn put_back(root: &Root, record: &Record, is_meant: impl Fn(&Change) -> bool, undone: &mut Undone) {
    let changes = record.changes.iter().rev();
    for change in changes.filter(|change| is_meant(change)) {
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
            undone.keep(root, &change.path, &now.unwrap_or_default())?;
            root.write(&change.path, text.as_deref())
        }
        Undo::Left(why) => {
            undone.left.push(why);
            Ok(())
        }
        Undo::Stuck(why) => Err(Problem::new(why)),
    }
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
    can_be_undone(root, &record)?;
    os::with_stops_held(|| {
        let undone = undo(root, &record);
        if undone.is_complete() {
            journal.remove(&locked, record.number)?;
        }
        Ok(Some(undone))
    })
}

/// What authselect writes is no part of the record: authselect alone can put it back.
fn can_be_undone(root: &Root, record: &Record) -> Done {
    match record.authselect.is_none() || root.is_live() {
        true => Ok(()),
        false => Err(Problem::new("authselect(8) has to be run on that system for this")
            .hint("start it, or chroot into it, and type there: sudo countersign unsetup")),
    }
}
