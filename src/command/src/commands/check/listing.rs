//! The file of names: whether a login can read it, and every line that would be an error for
//! a user.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::host::LONGEST_LIST;
use countersign::os::{self, Secrecy};
use countersign::policy::faults;

use super::finding::Finding;
use super::reading::{LOGINS, Reading, unreadable};

/// More faults of one file say no more.
const LISTED: usize = 10;

pub fn check(reading: &Reading<'_>, path: &Path) {
    let shown = path.display().to_string();
    let bytes = match os::read(&reading.root.place(path), Secrecy::Public, LONGEST_LIST) {
        Ok(bytes) => bytes,
        Err(problem) => {
            let problem = problem.to_string();
            reading.report.add(unreadable(
                "names-unreadable",
                reading.root,
                &problem,
                &shown,
                &LOGINS,
            ));
            return;
        }
    };
    let faults = faults(&bytes);
    if faults.is_empty() {
        reading.report.pass("names", format!("{shown} has a name on each line"));
    }
    for (line, problem) in faults.iter().take(LISTED) {
        reading.report.add(wrong(problem).at(&shown, Some(*line)));
    }
    if let Some(more) = faults.len().checked_sub(LISTED).filter(|more| *more > 0) {
        reading.report.add(wrong(&format!("{more} more lines are wrong")).at(&shown, None));
    }
}

fn wrong(problem: &str) -> Finding {
    Finding::error("names-wrong", problem)
        .because("the module refuses a user whose line is wrong, or who has no other line")
        .mend("a line is a local name, a tab and the name in the tenant; each local name once")
}
