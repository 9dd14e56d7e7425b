//! Saving a changed policy set: shown, asked about, kept, saved, and begun anew where another
//! administrator was faster.
#![forbid(unsafe_code)]

use crate::tenant::admin::{Block, Links, Name};
use countersign::words;
use serde_json::{Value, json};

use super::Saving;
use super::administrator::{Session, told};
use super::backup::Backups;
use super::difference;
use super::policy_sets::harmless;
use crate::ui::output::{Done, Problem, complain, line};
use crate::ui::terminal::Terminal;

/// How often a change is begun anew.
const TRIES: u8 = 3;

/// How the administrator wants it saved.
pub struct Saver {
    json: bool,
    how: How,
    /// Whether the tenant has been told the name.
    is_registered: bool,
}

enum How {
    /// Not at all.
    DryRun,
    /// At once.
    Yes(Backups),
    /// After a question.
    Ask(Backups, Terminal),
}

/// What is to be changed.
pub struct Change<'a> {
    /// The policy set.
    pub path: &'a str,
    /// The name that must be known before.
    pub register: Option<&'a Name>,
    /// The changed block, or why it can't be.
    pub make: &'a dyn Fn(&Block) -> Result<Block, Problem>,
    /// Whether the change is in what was read back.
    pub is_made: &'a dyn Fn(&Block) -> bool,
    /// What was done, in a sentence.
    pub done: &'a str,
}

/// What is read for a change.
#[derive(PartialEq)]
struct Seen {
    links: Links,
    block: Block,
}

impl Seen {
    fn now(session: &mut Session, path: &str) -> Result<Self, Problem> {
        Ok(Seen {
            links: session.ask(|client| client.links())?,
            block: session.ask(|client| client.block(path))?,
        })
    }
}

/// How one try ends.
enum Tried {
    Saved(Box<Saved>),
    /// Another administrator has changed it meanwhile.
    Late(Box<Seen>),
}

/// What was saved, or would have been.
struct Saved {
    difference: String,
    stamp: Option<String>,
    backup: Option<String>,
}

impl Saver {
    /// What must be there is looked for before the tenant is asked.
    pub fn prepare(saving: &Saving, json: bool) -> Result<Self, Problem> {
        let how = match (saving.dry_run, saving.yes) {
            (true, _) => How::DryRun,
            (false, true) => How::Yes(Backups::open(saving.backup_folder.as_deref())?),
            (false, false) => {
                let terminal = Terminal::open()
                    .map_err(|problem| problem.hint("with --yes, it is not asked"))?;
                How::Ask(Backups::open(saving.backup_folder.as_deref())?, terminal)
            }
        };
        Ok(Saver { json, how, is_registered: false })
    }

    /// Makes the change, as often as another administrator is faster, and no more than three times.
    pub fn save(mut self, session: &mut Session, change: &Change<'_>) -> Done {
        let mut seen = Seen::now(session, change.path)?;
        for _ in 0..TRIES {
            match self.try_once(session, change, &seen)? {
                Tried::Saved(saved) => return self.report(session, change, *saved),
                Tried::Late(now) => {
                    seen = *now;
                    complain(&Problem::new(format!(
                        "{} was changed meanwhile: it was read again",
                        harmless(change.path)
                    )));
                }
            }
        }
        Err(Problem::new(format!(
            "{} changes all the time: given up after {TRIES} tries, nothing was saved",
            harmless(change.path)
        ))
        .hint("find out who else is changing it, and try again"))
    }

    fn try_once(
        &mut self,
        session: &mut Session,
        change: &Change<'_>,
        seen: &Seen,
    ) -> Result<Tried, Problem> {
        let wanted = (change.make)(&seen.block)?;
        let difference = difference::between(&seen.block, &wanted);
        if difference.is_empty() {
            return Err(Problem::new(format!(
                "{} is like that already: nothing was saved",
                harmless(change.path)
            )));
        }
        let backups = match &mut self.how {
            How::DryRun => {
                return Ok(Tried::Saved(Box::new(Saved { difference, stamp: None, backup: None })));
            }
            How::Yes(backups) => backups,
            How::Ask(backups, terminal) => {
                terminal.show(&difference)?;
                let answer = terminal.ask("Save this? [y/N] ")?;
                if !words::is_yes(&answer) {
                    return Err(Problem::new("nothing was saved"));
                }
                // It may have taken a while.
                let now = Seen::now(session, change.path)?;
                if now != *seen {
                    return Ok(Tried::Late(Box::new(now)));
                }
                backups
            }
        };
        if let Some(name) = change.register.filter(|_| !self.is_registered) {
            register(session, name)?;
            self.is_registered = true;
        }
        save(session, change, seen, &wanted, backups).map(|tried| match tried {
            Tried::Saved(saved) => Tried::Saved(Box::new(Saved { difference, ..*saved })),
            Tried::Late(now) => Tried::Late(now),
        })
    }

    /// Looks before it says that anything was done.
    fn report(&self, session: &mut Session, change: &Change<'_>, saved: Saved) -> Done {
        if let Some(backup) = &saved.backup {
            look(session, change).inspect_err(|_| {
                complain(&Problem::new(format!("what was there before is in {backup}")));
            })?;
        }
        if self.json {
            line(object(change, &saved));
        } else {
            if !matches!(self.how, How::Ask(..)) {
                line(&saved.difference);
            }
            match &saved.backup {
                Some(backup) => {
                    line(change.done);
                    line(format!(
                        "What it replaced is in {backup}; countersign policy restore puts it back."
                    ));
                }
                None => line("Nothing was saved: this was a dry run."),
            }
        }
        Ok(())
    }
}

/// Whether the tenant has what it said that it has saved.
fn look(session: &mut Session, change: &Change<'_>) -> Done {
    let now = session
        .ask(|client| client.block(change.path))
        .map_err(|problem| problem.within("the change was saved, and can't be read back"))?;
    if (change.is_made)(&now) {
        return Ok(());
    }
    let lost = "the tenant said that it has saved the change, and does not have it";
    Err(Problem::new(lost)
        .hint("look at the policy set in the tenant's portal; it may have been changed since"))
}

/// Makes the name known. A tenant that refuses may know it from before, and there is no call to
/// make it forget one.
fn register(session: &mut Session, name: &Name) -> Result<(), Problem> {
    match session.try_to(|client| client.register(name)) {
        Ok(()) => Ok(()),
        Err(problem) if problem.is_refusal() => {
            complain(&told(&problem).hint("it may know the name from before: going on"));
            Ok(())
        }
        Err(problem) => Err(told(&problem)),
    }
}

/// Keeps what is there, and replaces it.
fn save(
    session: &mut Session,
    change: &Change<'_>,
    seen: &Seen,
    wanted: &Block,
    backups: &Backups,
) -> Result<Tried, Problem> {
    let mut backup = backups.keep(&session.tenant, &seen.block, &seen.links)?;
    let path = backup.path().display().to_string();
    match session.try_to(|client| client.save(wanted, &seen.links)) {
        Ok(stamp) => {
            if let Err(problem) = backup.replaced_by(&stamp) {
                complain(&unnoted(problem));
            }
            Ok(Tried::Saved(Box::new(Saved {
                difference: String::new(),
                stamp: Some(stamp),
                backup: Some(path),
            })))
        }
        Err(problem) if problem.is_refusal() => {
            backup.forget();
            let now = Seen::now(session, change.path)?;
            if now.block.stamp() == seen.block.stamp() {
                Err(told(&problem))
            } else {
                Ok(Tried::Late(Box::new(now)))
            }
        }
        Err(problem) => {
            complain(&Problem::new(format!("what was there before is in {path}")));
            Err(told(&problem))
        }
    }
}

/// The change is made, and what it replaced is kept: that is no failure.
fn unnoted(problem: Problem) -> Problem {
    problem
        .within("the change was saved, but its stamp was not added to what it replaced")
        .hint("countersign policy restore of that file will need --force")
}

fn object(change: &Change<'_>, saved: &Saved) -> Value {
    json!({
        "policy": change.path,
        "saved": saved.stamp.is_some(),
        "rev_stamp": saved.stamp,
        "backup": saved.backup,
        "difference": saved.difference,
    })
}
