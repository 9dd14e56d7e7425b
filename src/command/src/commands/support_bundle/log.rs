//! The last audit lines: of each the fields that hold what we may have put there.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use countersign::audit::fields;

use super::Bundle;
use super::form::{Known, Line, is_address, is_user};
use super::pseudonyms::{Kind, Pseudonyms};
use super::system;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::Problem;

/// So many lines ...
const LINES: usize = 50;
/// ... from the end of a file, so many bytes at most.
const TAIL: u64 = 4 * 1024 * 1024;
const FILES: [&str; 2] = ["/var/log/auth.log", "/var/log/secure"];
/// authpriv
const JOURNAL: [&str; 7] =
    ["-q", "--no-pager", "-o", "short-iso", "-n", "5000", "SYSLOG_FACILITY=10"];
const MARK: &str = "pam_countersign(";
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The end of the log that was named. Not to find the system's is no problem: it is said.
pub fn named(path: &Path) -> Result<String, Problem> {
    tail(path).map_err(|error| {
        Problem::new(format!("{}: {error}", path.display())).hint(
            "name a log that you can read with --log, or leave it out to have the system's looked at",
        )
    })
}

pub fn section(bundle: &mut Bundle<'_>) -> Vec<String> {
    let named = bundle.arguments.stacks.as_deref();
    let folders = stacks::folders(&Root::live()).into_iter().map(Path::new);
    let known = Known { policy: bundle.policy.as_ref(), folders: folders.chain(named).collect() };
    let text = bundle.log.take().unwrap_or_else(system_log);
    let ours = text.lines().rev().filter_map(|line| shown(line, &known, &mut bundle.names));
    let mut lines: Vec<_> = ours.take(LINES).collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("no line of pam_countersign is to be found".to_owned());
    }
    lines
}

fn system_log() -> String {
    let journal = system::run("/usr/bin/journalctl", &JOURNAL);
    let has_ours = journal.filter(|text| text.contains(MARK));
    let files = FILES.iter().filter_map(|path| tail(Path::new(path)).ok());
    has_ours.or_else(|| files.into_iter().next()).unwrap_or_default()
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line without what a user may have put into it: a password typed as a name, an
/// argument that the module does not know.
fn shown(line: &str, known: &Known<'_>, names: &mut Pseudonyms) -> Option<String> {
    let (before, ours) = line.split_once(MARK)?;
    let (_, audit) = ours.split_once("): ")?;
    let line = Line(fields(audit));
    let kept = line.0.iter().filter_map(|(key, _)| {
        let value = if known.is_ours(&line, key)? { line.value(key) } else { "(left out)" };
        Some(format!(" {key}=\"{value}\""))
    });
    let kept: String = kept.collect();
    add_names(&line, names);
    (!kept.is_empty()).then(|| format!("{} login{kept}", time(before)).trim_start().to_owned())
}

fn add_names(line: &Line<'_>, names: &mut Pseudonyms) {
    if is_user(line.value("typed")) {
        names.add(Kind::Person, line.value("typed"));
    }
    if is_user(line.value("user")) {
        names.add(Kind::Person, line.value("user"));
        names.add(Kind::Person, line.value("tenant_user"));
    }
    if is_address(line.value("rhost")) {
        names.add(Kind::Address, line.value("rhost"));
    }
}

/// The time in front of a line, as the journal or as syslogd writes it.
fn time(before: &str) -> String {
    let words: Vec<_> = before.split_whitespace().take(3).collect();
    match words.as_slice() {
        [time, ..] if time.starts_with("20") && is_time(time) => (*time).to_owned(),
        [month, day, time] if MONTHS.contains(month) && is_time(day) && is_time(time) => {
            format!("{month} {day} {time}")
        }
        [] | [_, ..] => String::new(),
    }
}

/// Digits, and what stands between them: `2026-11-21T22:00:00+00:00`, `22:00:00`.
fn is_time(text: &str) -> bool {
    let is_of_time = |c: char| c.is_ascii_digit() || "-+:.TZ".contains(c);
    text.len() <= 35 && text.chars().all(is_of_time)
}
