//! What setups have written, in the order in which they did, so that each can be taken back.
//!
//! A folder of root's: one record for each setup, and beside it a plain copy of every file as it
//! was before.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use countersign::os::{self, Folder, Locked};
use serde::{Deserialize, Serialize};

use super::awaited::Awaited;
use super::change::Change;
use super::earlier::{self, Version1};
use super::parts::{Part, Written};
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, spoken};

const FOLDER: &str = "/var/lib/countersign/setup";
const LIMIT: u64 = 16 * 1024 * 1024;
const VERSION: u32 = 2;

/// One setup.
#[derive(Serialize, Deserialize)]
pub struct Record {
    version: u32,
    #[serde(skip)]
    pub number: u32,
    /// In the order in which they are written.
    pub parts: Vec<Part>,
    /// The files of PAM that named the module before.
    pub named: BTreeSet<String>,
    /// What is waited for, until a new login has been seen to work.
    pub awaited: Option<Awaited>,
}

impl Record {
    pub fn new(parts: Vec<Part>, named: BTreeSet<String>) -> Self {
        Self { version: VERSION, number: 0, parts, named, awaited: None }
    }

    /// Returns the parts by what all parts can do.
    pub fn written(&self) -> impl DoubleEndedIterator<Item = &dyn Written> {
        self.parts.iter().map(Part::written)
    }

    /// Returns the files of all parts.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.written().flat_map(Written::changes)
    }
}

/// All of them.
pub struct Journal {
    folder: Folder,
    root: Root,
}

impl Journal {
    /// Whether there was ever a setup; looking leaves no trace.
    pub fn is_there(root: &Root) -> bool {
        root.exists(FOLDER)
    }

    pub fn open(root: &Root) -> Result<Self, Problem> {
        let unusable = |problem| Problem::new(problem).hint("the journal is root's: try sudo");
        if !root.is_live() {
            std::fs::create_dir_all(root.place("/var/lib")).map_err(Problem::new)?;
        }
        Ok(Self {
            folder: Folder::open(&root.place(FOLDER)).map_err(unusable)?,
            root: root.clone(),
        })
    }

    /// Keeps other processes from setting up, confirming or taking back meanwhile.
    pub fn lock(&self) -> Result<Locked<'_>, Problem> {
        self.folder.lock().map_err(|_| {
            Problem::new("another setup goes on at this moment").hint("try again when it has ended")
        })
    }

    fn numbers(&self) -> Result<Vec<u32>, Problem> {
        let names = self.folder.names().map_err(|error| self.failed(&error))?;
        let numbers = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok());
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The last setup that was not taken back.
    pub fn last(&self) -> Result<Option<Record>, Problem> {
        match self.numbers()?.last() {
            Some(number) => self.read(*number),
            None => Ok(None),
        }
    }

    /// All setups that were not taken back, the first one first.
    pub fn all(&self) -> Result<Vec<Record>, Problem> {
        let numbers = self.numbers()?.into_iter();
        numbers.filter_map(|number| self.read(number).transpose()).collect()
    }

    pub fn read(&self, number: u32) -> Result<Option<Record>, Problem> {
        let name = format!("{number}.json");
        let bytes = self.folder.read(&name, LIMIT).map_err(|error| self.failed(&error))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        match parsed(&bytes) {
            Ok(record) => Ok(Some(Record { number, ..record })),
            Err(why) => Err(self.unreadable(number, &why)),
        }
    }

    fn unreadable(&self, number: u32, why: &str) -> Problem {
        Problem::new(format!("{FOLDER}/{number}.json: {why}"))
            .hint(format!("the files as they were before are in {FOLDER}/{number}"))
    }

    /// Keeps a new record, and the files as they are, before any of them is changed.
    pub fn add(&self, locked: &Locked<'_>, record: &mut Record) -> Done {
        record.number = self.numbers()?.last().unwrap_or(&0) + 1;
        for change in record.changes() {
            if let Some(before) = &change.before {
                let copy = format!("{FOLDER}/{}{}", record.number, change.path);
                self.root.write(&copy, Some(before))?;
            }
        }
        self.write(locked, record)
    }

    pub fn write(&self, locked: &Locked<'_>, record: &Record) -> Done {
        let bytes = serde_json::to_vec_pretty(record).map_err(Problem::new)?;
        let name = format!("{}.json", record.number);
        locked
            .replace(&name, &bytes)
            .map_err(|error| self.failed(&error).hint("nothing was changed"))
    }

    /// A setup that was taken back is over. The record goes last: as long as it is there, this can
    /// be tried again.
    pub fn remove(&self, locked: &Locked<'_>, number: u32) -> Done {
        let stayed = |error| {
            self.failed(&error).hint(
                "the files are put back, and only the record of it stayed: mend that, and then again: sudo countersign unsetup",
            )
        };
        let copies = self.root.place(format!("{FOLDER}/{number}"));
        match std::fs::remove_dir_all(copies) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(stayed(error)),
            _ => locked.remove(&format!("{number}.json")).map_err(stayed),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Problem {
        Problem::new(format!("{FOLDER}: {error}"))
    }
}

/// Reads a record of this version, or of the one before: an upgrade may find a setup that waits.
fn parsed(bytes: &[u8]) -> Result<Record, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let record = match serde_json::from_slice(bytes).map(|Versioned { version }| version) {
        Ok(VERSION) => serde_json::from_slice(bytes),
        Ok(earlier::VERSION) => serde_json::from_slice(bytes).map(from_earlier),
        Ok(version) => return Err(format!("version {version}")),
        Err(error) => Err(error),
    };
    record.map_err(|error| error.to_string())
}

/// Makes a record of this version.
fn from_earlier(record: Version1) -> Record {
    let (named, awaited) = (record.named.clone(), record.awaited.clone());
    Record { awaited, ..Record::new(record.parts(), named) }
}

/// Refuses a setup while an earlier one still waits for its confirmation.
pub fn nothing_is_awaited(root: &Root) -> Done {
    if !Journal::is_there(root) {
        return Ok(());
    }
    match Journal::open(root)?.last()?.and_then(|last| last.awaited) {
        Some(awaited) => Err(Problem::new(format!(
            "the last setup is not confirmed, and is put back {}",
            in_time(&awaited)
        ))
        .hint("from a new login: sudo countersign confirm; or at once: sudo countersign unsetup")),
        None => Ok(()),
    }
}

fn in_time(awaited: &Awaited) -> String {
    match awaited.until.saturating_sub(os::wall_clock()) {
        0 => "now, unless the machine was restarted in between".to_owned(),
        left => format!("in {}", spoken(left)),
    }
}
