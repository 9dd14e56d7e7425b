//! The manual says what the log says: an administrator need not read the source to know what a
//! word in a line means.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::refusal::Reason;
use countersign::tenant::silence;

/// Words of the log that are no refusals: granted, granted without a question, exempt.
const OTHERS: [&str; 5] = ["ok", "remembered", "security_key", "rule", "offline"];

fn page(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/man")
}

/// The list behind the line "The reasons:", item by item.
fn listed() -> Vec<String> {
    let page = page("pam_countersign.8");
    let (_, list) = page.split_once("\nThe reasons:\n").unwrap();
    let (list, _) = list.split_once("\n.El\n").unwrap();
    let items = list.lines().filter_map(|line| line.strip_prefix(".It Li "));
    let words = items.flat_map(|line| line.split(" , "));
    words.map(|word| word.trim().to_owned()).collect()
}

#[test]
fn every_reason_is_in_the_manual_once_and_no_other() {
    let codes = Reason::ALL.iter().map(|reason| reason.code());
    let known: BTreeSet<_> = codes.chain(OTHERS).map(str::to_owned).collect();
    let listed = listed();
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(distinct, known);
    assert_eq!(listed.len(), distinct.len(), "{listed:?}");
}

#[test]
fn every_code_that_libpam_is_told_is_in_the_manual_once_and_no_other() {
    let page = page("pam_countersign.8");
    let (_, list) = page.split_once("\n.Sh RETURN VALUES\n").unwrap();
    let (list, _) = list.split_once("\n.El\n").unwrap();
    let mut listed: Vec<_> = list.lines().filter_map(|line| line.strip_prefix(".It Dv ")).collect();
    listed.sort_unstable();
    let codes = Reason::ALL.iter().map(|reason| format!("{:?}", reason.pam_code()));
    let known: BTreeSet<_> =
        codes.chain(["PAM_SUCCESS", "PAM_IGNORE"].map(str::to_owned)).collect();
    assert_eq!(listed, known.iter().collect::<Vec<_>>());
}

/// An administrator who lets offline codes stand in has to know what opens them.
#[test]
fn the_manual_has_the_table_of_failures_that_the_module_decides_by() {
    let page = page("pam_countersign.8");
    let (_, table) = page.split_once("\n.Ss What counts as an outage\n").unwrap();
    let (table, _) = table.split_once("\n.Ss ").unwrap();
    let mut reason = "";
    let mut told = Vec::new();
    for row in table.lines().filter_map(|line| line.strip_prefix(".It ")) {
        let (name, causes) = row.split_once(" Ta ").unwrap();
        match name.strip_prefix("Sy ") {
            Some(heading) => reason = heading,
            None => told.push(format!("{name}: {causes}: {reason}")),
        }
    }
    let row = |class: &silence::Class| {
        let causes: Vec<_> = class.causes.iter().map(|cause| cause.name()).collect();
        let (name, causes) = (class.name(), causes.join(", "));
        format!("{name}: {causes}: {}", class.counts_as())
    };
    assert_eq!(told, silence::classes().iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_fields_of_a_line_are_in_the_manual_in_their_order() {
    let event = countersign::audit::Event::default().line();
    let fields: Vec<_> =
        event.split(' ').filter_map(|field| Some(field.split_once('=')?.0.to_owned())).collect();
    let page = page("pam_countersign.8");
    let (_, list) = page.split_once("\n.Bl -tag -width tenant_user\n").unwrap();
    let (list, _) = list.split_once("\n.El\n").unwrap();
    let items = list.lines().filter_map(|line| line.strip_prefix(".It Va "));
    let words = items.flat_map(|line| line.split(" , "));
    assert_eq!(words.collect::<Vec<_>>(), fields);
}

/// The identifiers that are given to findings in these files: the first text behind one of these
/// calls.
fn ids(folder: &Path, found: &mut BTreeSet<String>) {
    const CALLS: [&str; 10] = [
        "Finding::error(",
        "Finding::warning(",
        "Finding::note(",
        "Finding::passed(",
        "Severity::Warning,",
        "Finding::new(severity,",
        "report.pass(",
        "self.denial(",
        "unreadable(",
        "unusable(",
    ];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            ids(&path, found);
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        for call in CALLS {
            let behind = text.split(call).skip(1);
            let quoted = behind.filter_map(|rest| rest.trim_start().strip_prefix('"'));
            found.extend(quoted.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
}

#[test]
fn every_finding_of_check_is_in_the_manual_once_and_no_other() {
    let mut known = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/check");
    ids(&source, &mut known);
    assert!(known.len() > 40, "{known:?}");
    let page = page("countersign.8");
    let (_, list) = page.split_once("\n.Ss What check finds\n").unwrap();
    let (_, list) = list.split_once("\n.Bl -tag -width Ds\n").unwrap();
    let (list, _) = list.split_once("\n.El\n").unwrap();
    let items = list.lines().filter_map(|line| line.strip_prefix(".It Li "));
    let words: Vec<_> = items.flat_map(|line| line.split(" , ")).collect();
    let distinct: BTreeSet<_> = words.iter().map(ToString::to_string).collect();
    assert_eq!(distinct, known);
    assert_eq!(words.len(), distinct.len(), "{words:?}");
}

/// Where man(1) is man-db's, which knows how to warn.
#[test]
fn every_page_is_set_without_a_warning() {
    let man = |arguments: &[&str]| Command::new("man").env("LC_ALL", "C").args(arguments).output();
    let version = man(&["--version"]).map(|output| output.stdout);
    if !version.is_ok_and(|version| version.starts_with(b"man ")) {
        return;
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let page = entry.unwrap().path();
        let output = man(&["--warnings", "-l", page.to_str().unwrap()]).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((said.as_str(), output.status.success()), ("", true), "{page:?}");
    }
}
