//! What a check has found, and how it is shown.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ui::output::{counted, line};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A user can get in who should not, or no user can.
    Error,
    /// It works, and not as an administrator may think.
    Warning,
    /// Worth knowing.
    Note,
    /// As it should be.
    Passed,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
            Severity::Passed => "passed",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Stays the same from version to version.
    pub id: &'static str,
    pub what: String,
    pub file: Option<String>,
    pub line: Option<usize>,
    /// The PAM services that it is about.
    pub services: BTreeSet<String>,
    /// What happens, one step after the other.
    pub path: Vec<String>,
    pub why: String,
    pub remedy: String,
    /// How long it took, where that is what it is about.
    pub ms: Option<u64>,
}

impl Finding {
    pub fn new(severity: Severity, id: &'static str, what: impl Into<String>) -> Self {
        Self {
            severity,
            id,
            what: what.into(),
            file: None,
            line: None,
            services: BTreeSet::new(),
            path: Vec::new(),
            why: String::new(),
            remedy: String::new(),
            ms: None,
        }
    }

    pub fn error(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Error, id, what)
    }

    pub fn warning(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, id, what)
    }

    pub fn note(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, id, what)
    }

    pub fn passed(id: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Passed, id, what)
    }

    pub fn at(mut self, file: impl Into<String>, line: Option<usize>) -> Self {
        self.file = Some(file.into());
        self.line = line;
        self
    }

    pub fn of(mut self, service: &str) -> Self {
        self.services.insert(service.to_owned());
        self
    }

    pub fn by(mut self, path: Vec<String>) -> Self {
        self.path = path;
        self
    }

    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub fn mend(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.id, &self.what, &self.file, self.line)
            == (other.id, &other.what, &other.file, other.line)
    }

    fn show(&self) {
        line(format!("{}: {}", self.severity.word(), shown(&self.what)));
        if let Some(place) = self.place() {
            line(format!("  at {}", shown(&place)));
        }
        if !self.services.is_empty() {
            let services: Vec<_> = self.services.iter().map(String::as_str).collect();
            line(format!("  services: {}", shown(&services.join(", "))));
        }
        for step in &self.path {
            line(format!("  - {}", shown(step)));
        }
        for (head, text) in [("why", &self.why), ("do", &self.remedy)] {
            if !text.is_empty() {
                line(format!("  {head}: {}", shown(text)));
            }
        }
    }

    fn place(&self) -> Option<String> {
        let file = self.file.as_ref()?;
        Some(match self.line {
            Some(number) => format!("{file}:{number}"),
            None => file.clone(),
        })
    }

    fn outlined(&self) -> String {
        let place = self.place().map_or_else(String::new, |place| format!(" at {place}"));
        let services: Vec<_> = self.services.iter().map(String::as_str).collect();
        let services =
            if services.is_empty() { String::new() } else { format!(" ({})", services.join(", ")) };
        let ours = ["selinux-", "polkit-", "state-", "offline-"];
        let what = if ours.iter().any(|start| self.id.starts_with(start)) {
            format!(": {}", self.what)
        } else {
            String::new()
        };
        format!("{} {}{place}{services}{what}", self.severity.word(), self.id)
    }

    fn object(&self) -> Value {
        json!({
            "severity": self.severity.word(),
            "id": self.id,
            "what": self.what,
            "file": self.file,
            "line": self.line,
            "services": self.services,
            "path": self.path,
            "why": self.why,
            "remedy": self.remedy,
            "ms": self.ms,
        })
    }
}

/// More of a text than this, in characters, is not shown.
const SHOWN: usize = 1000;

/// What others have written is shown so that it can't speak to the terminal.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(SHOWN) {
        match letter {
            ' '..='~' => shown.push(letter),
            _ => shown.extend(letter.escape_default()),
        }
    }
    shown
}

/// What all checks have found.
#[derive(Default)]
pub struct Report(RefCell<Vec<Finding>>);

impl Report {
    /// What was found before in another service is one finding.
    pub fn add(&self, finding: Finding) {
        let mut found = self.0.borrow_mut();
        match found.iter_mut().find(|known| known.is_same(&finding)) {
            Some(known) => known.services.extend(finding.services),
            None => found.push(finding),
        }
    }

    pub fn pass(&self, id: &'static str, what: impl Into<String>) {
        self.add(Finding::passed(id, what));
    }

    pub fn has(&self, id: &str) -> bool {
        self.0.borrow().iter().any(|finding| finding.id == id)
    }

    pub fn count(&self, severity: Severity) -> usize {
        let found = self.0.borrow();
        found.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What is wrong with these services, and what to do about it, a line each.
    pub fn errors_of(&self, services: &[String]) -> Vec<String> {
        let found = self.0.borrow();
        let errors = found.iter().filter(|finding| {
            let is_bad = finding.severity == Severity::Error || finding.id == "pam-too-large";
            // What is about no service, such as the configuration, is about all.
            let is_theirs = finding.services.is_empty()
                || services.iter().any(|name| finding.services.contains(name));
            is_bad && is_theirs
        });
        let lines = errors.map(|finding| {
            let place = finding.place().unwrap_or_default();
            shown(&format!("{place}: {}: {}", finding.what, finding.remedy))
        });
        lines.collect()
    }

    /// What did not pass, the worst first, by identifier and place. What others have written is
    /// left out, but for findings that the kernel or our own files make.
    pub fn outline(&self) -> Vec<String> {
        self.sort();
        let mut lines = vec![self.sum()];
        let found = self.0.borrow();
        let found = found.iter().filter(|finding| finding.severity != Severity::Passed);
        lines.extend(found.map(Finding::outlined));
        lines
    }

    /// The first error, if there is one.
    pub fn first_error(self) -> Option<Finding> {
        let mut all = self.0.into_inner().into_iter();
        all.find(|finding| finding.severity == Severity::Error)
    }

    /// The worst first; what passed only where the administrator wants to see it.
    pub fn show(&self, verbose: bool) {
        self.sort();
        for finding in self.0.borrow().iter() {
            if verbose || finding.severity != Severity::Passed {
                finding.show();
            }
        }
        line(self.sum());
    }

    pub fn show_json(&self) {
        self.sort();
        let findings: Vec<_> = self.0.borrow().iter().map(Finding::object).collect();
        line(json!({
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "notes": self.count(Severity::Note),
            "passed": self.count(Severity::Passed),
            "findings": findings,
        }));
    }

    fn sort(&self) {
        self.0.borrow_mut().sort_by_key(|finding| finding.severity);
    }

    fn sum(&self) -> String {
        format!(
            "{}, {}, {}, {} passed",
            counted(self.count(Severity::Error), "error"),
            counted(self.count(Severity::Warning), "warning"),
            counted(self.count(Severity::Note), "note"),
            self.count(Severity::Passed),
        )
    }
}
