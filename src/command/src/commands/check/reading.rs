//! What the files of a configuration are read with, and what is said of one that can't be used.
#![forbid(unsafe_code)]

use super::finding::{Finding, Report, Severity};
use crate::machine::root::Root;

/// What a configuration is read with: the files of the system, and where its faults go.
pub struct Reading<'a> {
    pub root: &'a Root,
    pub report: &'a Report,
}

/// Who needs a file, and how bad it is if it is of no use.
pub(super) struct Need {
    severity: Severity,
    why: &'static str,
}

pub(super) const LOGINS: Need =
    Need { severity: Severity::Error, why: "no login succeeds that needs this file" };
pub(super) const COMMAND: Need = Need {
    severity: Severity::Warning,
    why: "no login needs this file, but countersign policy or countersign britive fails",
};

impl Need {
    pub(super) fn of(&self, finding: Finding) -> Finding {
        Finding { severity: self.severity, ..finding.because(self.why) }
    }
}

/// A file that must be there, be safe, and is not.
pub(super) fn unreadable(
    id: &'static str,
    root: &Root,
    problem: &str,
    place: &str,
    need: &Need,
) -> Finding {
    let problem = root.without(problem);
    // "PATH: is open to others than its owner (mode 0755): chmod go=" says itself what to do.
    let (path, problem) = problem.split_once(": ").unwrap_or((place, &problem));
    let (what, order) = problem.split_once(": chmod ").unwrap_or((problem, ""));
    let remedy = match (order, what) {
        ("", what) if what.contains("does not exist") && id == "config-unreadable" => {
            "sudo countersign setup writes it".to_owned()
        }
        ("", what) if what.contains("does not exist") => format!("make {place}, of root's"),
        ("", what) if what.contains("belong to root") => format!("chown root: {path}"),
        ("", _) => format!("mend {path}"),
        (order, _) => format!("chmod {order} {path}"),
    };
    let finding = Finding::error(id, format!("{path} {what}")).at(place, None);
    need.of(finding).mend(remedy)
}
