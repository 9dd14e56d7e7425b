//! Carries out what was agreed to: all of it, or nothing.
#![forbid(unsafe_code)]

use countersign::os::{self, Locked};

use super::answers::Answers;
use super::arguments::Arguments;
use super::journal::{Journal, Record, nothing_is_awaited};
use super::{apply, put_back, rollback};
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, line, spoken};

/// What was agreed to.
pub struct Task<'a> {
    pub root: &'a Root,
    pub config: &'a str,
    pub answers: &'a Answers,
    pub arguments: &'a Arguments,
}

impl Task<'_> {
    /// What takes it back is ready before anything is written.
    pub fn carry_out(&self, record: &mut Record) -> Done {
        let journal = Journal::open(self.root)?;
        let locked = journal.lock()?;
        nothing_is_awaited(self.root)?;
        apply::is_as_shown(self.root, record)?;
        self.answers.keep(self.root)?;
        put_back::forget(self.root)?;
        if let Some(time) = self.arguments.confirm_within {
            record.awaited = Some(rollback::awaited(&self.answers.services, time)?);
        }
        os::with_stops_held(|| {
            journal.add(&locked, record)?;
            match self.write(&journal, &locked, record) {
                Ok(()) => conclude(self.root, &self.answers.services, self.arguments),
                Err(problem) => Err(self.put_back(&journal, &locked, record, problem)),
            }
        })
    }

    /// From the end of it on, a new login proves something.
    fn write(&self, journal: &Journal, locked: &Locked<'_>, record: &mut Record) -> Done {
        if let (Some(awaited), Some(time)) = (&record.awaited, self.arguments.confirm_within) {
            rollback::arm(self.root, awaited, time)?;
        }
        apply::goes_on()?;
        apply::apply(self.root, record, self.config, &self.answers.services)?;
        if let Some(awaited) = &mut record.awaited {
            awaited.since = Some(os::boot_ticks());
            journal.write(locked, record)?;
        }
        Ok(())
    }

    /// The problem, and what became of everything because of it.
    fn put_back(
        &self,
        journal: &Journal,
        locked: &Locked<'_>,
        record: &Record,
        problem: Problem,
    ) -> Problem {
        let undone = apply::undo(self.root, record);
        // Answered by what is said now.
        os::take_interruption();
        if !undone.is_complete() {
            return problem.hint(format!(
                "not all of it could be put back, try again with `countersign unsetup`: {}",
                undone.failed.join("; ")
            ));
        }
        let removed = journal.remove(locked, record.number);
        match removed.and_then(|()| rollback::disarm(self.root)) {
            Ok(()) => problem.within("everything is as it was before"),
            Err(other) => problem
                .within("everything is as it was before, but its record stayed")
                .hint(other.what()),
        }
    }
}

fn conclude(root: &Root, services: &[String], arguments: &Arguments) -> Done {
    line("Written. `countersign unsetup` puts everything back.");
    if let Some(time) = arguments.confirm_within {
        let time = spoken(time.as_secs());
        let by = rollback::said(services);
        line(format!(
            "Within {time}, log in anew by {by} and type there: sudo countersign confirm\nElse everything is put back."
        ));
    } else if root.is_live() {
        line("Keep this shell open until a new login has worked.");
    }
    Ok(())
}
