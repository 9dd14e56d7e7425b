//! The last audit lines: of each the fields that can hold nothing but what we have put there.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use countersign::audit::fields;
use countersign::os;
use countersign::verdict::Reason;

use super::super::reasons;
use super::Bundle;
use super::names::{Kind, Names};
use super::system;

/// So many lines ...
const LINES: usize = 50;
/// ... from the end of a file, so many bytes at most.
const TAIL: u64 = 4 * 1024 * 1024;
const FILES: [&str; 2] = ["/var/log/auth.log", "/var/log/secure"];
/// authpriv
const JOURNAL: [&str; 7] = [
    "-q",
    "--no-pager",
    "-o",
    "short-iso",
    "-n",
    "5000",
    "SYSLOG_FACILITY=10",
];
const MARK: &str = "pam_countersign(";

pub fn section(bundle: &mut Bundle<'_>) -> Vec<String> {
    let text = match &bundle.arguments.log {
        Some(path) => tail(path).unwrap_or_default(),
        None => system_log(),
    };
    let ours = text
        .lines()
        .rev()
        .filter_map(|line| shown(line, &mut bundle.names));
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
    let files = FILES.iter().filter_map(|path| tail(Path::new(path)));
    has_ours
        .or_else(|| files.into_iter().next())
        .unwrap_or_default()
}

fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line without what somebody else may have put into it: a password typed as a name, an argument that is none.
fn shown(line: &str, names: &mut Names) -> Option<String> {
    let (before, ours) = line.split_once(MARK)?;
    let (_, audit) = ours.split_once("): ")?;
    let fields = fields(audit);
    let value = |key: &str| {
        fields
            .iter()
            .find(|(name, _)| *name == key)
            .map_or("", |(_, value)| value)
    };
    let is_known = matches!(os::uid_of(value("user")), Ok(Some(_)));
    let kept = fields.iter().map(|(key, field)| {
        let is_shown = match *key {
            "user" | "tenant_user" => field.is_empty() || is_known,
            "detail" => field.is_empty() || is_own_detail(value("reason")),
            "rhost" => field.is_empty() || is_address(field),
            "attempt" | "outcome" | "reason" | "service" | "tty" | "mechanisms" | "rule" | "tx"
            | "requests" | "ms" => true,
            _ => false,
        };
        match is_shown {
            true => format!(" {key}=\"{field}\""),
            false => format!(" {key}=\"(left out)\""),
        }
    });
    let kept: String = kept.collect();
    if is_known {
        names.add(Kind::Person, value("user"));
        names.add(Kind::Person, value("tenant_user"));
    }
    if is_address(value("rhost")) {
        names.add(Kind::Address, value("rhost"));
    }
    (!kept.is_empty()).then(|| {
        format!("{} login{kept}", time(before))
            .trim_start()
            .to_owned()
    })
}

fn is_address(rhost: &str) -> bool {
    rhost.parse::<std::net::IpAddr>().is_ok()
}

/// Details that the module and this machine have made, and nobody who logs in or configures.
fn is_own_detail(reason: &str) -> bool {
    match reasons::named(reason) {
        None => ["remembered", "offline"].contains(&reason),
        Some(
            Reason::Outage
            | Reason::Misbehaved
            | Reason::ClientRefused
            | Reason::Local
            | Reason::Conversation
            | Reason::TooFewFactors
            | Reason::NothingUsable
            | Reason::AnswerRefused
            | Reason::ApprovalRefused,
        ) => true,
        Some(_) => false,
    }
}

/// The time in front of a line, as the journal or as syslogd writes it.
fn time(before: &str) -> String {
    let words: Vec<_> = before.split_whitespace().take(3).collect();
    match words.as_slice() {
        [time, ..] if time.starts_with("20") => (*time).to_owned(),
        [month, day, time] if month.len() == 3 && time.contains(':') => {
            format!("{month} {day} {time}")
        }
        [] | [_, ..] => String::new(),
    }
}
