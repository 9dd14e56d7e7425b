//! Stacks that ask the module and that no setup can take it out of: an administrator wrote the
//! line.
#![forbid(unsafe_code)]

use super::change::{Change, Undo};
use super::journal::Record;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::Problem;

/// Returns the files that would still name the module once all of these setups, the first one
/// first, were taken back.
pub fn files(root: &Root, records: &[Record]) -> Result<Vec<String>, Problem> {
    let mut files = Vec::new();
    for path in stacks::paths_naming(root) {
        if is_by_hand(root, records, &path)? {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_by_hand(root: &Root, records: &[Record], path: &str) -> Result<bool, Problem> {
    let all = records.iter().flat_map(Record::changes);
    let changes: Vec<_> = all.filter(|change| change.path == path).collect();
    if changes.first().is_some_and(|first| first.named_us()) {
        return Ok(true);
    }
    if let Some(last) = changes.last() {
        return is_stuck(root, last);
    }
    let mut parts = records.iter().flat_map(Record::written);
    Ok(!parts.any(|part| part.generates(path)))
}

fn is_stuck(root: &Root, last: &Change) -> Result<bool, Problem> {
    let now = root.read(&last.path)?;
    Ok(matches!(last.undone(now.as_deref()), Undo::Stuck(_)))
}
