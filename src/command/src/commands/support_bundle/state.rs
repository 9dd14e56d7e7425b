//! What is kept of people, as `sessions`, `budget` and `totp list` tell it: never a key, a code or
//! a token.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::local::offline::Store;
use countersign::local::{State, Unusable};

use super::super::{budget, sessions, totp};
use super::Bundle;
use super::pseudonyms::{Kind, Pseudonyms};
use crate::ui::output::counted;

pub fn section(bundle: &mut Bundle<'_>) -> Vec<String> {
    let Some(policy) = &bundle.policy else {
        return vec!["not looked at: the configuration is wrong".to_owned()];
    };
    let (state, offline) = (policy.state_folder(), policy.offline_folder());
    let names = &mut bundle.names;
    let mut lines = told(state, || remembered(state, names));
    lines.extend(told(state, || spent(state, names)));
    lines.extend(told(offline, || enrolled(offline, names)));
    lines.dedup();
    lines
}

/// Opening a folder makes it; what is not there is left so.
fn told(place: &Path, f: impl FnOnce() -> Result<Vec<String>, Unusable>) -> Vec<String> {
    if place.symlink_metadata().is_err() {
        return vec![format!("{}: nothing is there", place.display())];
    }
    f().unwrap_or_else(|problem| vec![problem.to_string()])
}

fn remembered(place: &Path, names: &mut Pseudonyms) -> Result<Vec<String>, Unusable> {
    let state = State::open(place)?;
    let entries = state.all_remembered()?;
    for entry in &entries {
        names.add(Kind::Person, &entry.circumstances.tenant_user);
        names.add(Kind::Address, &entry.circumstances.rhost);
    }
    let mut lines = vec![counted(entries.len(), "confirmation")];
    let sentences = entries.iter().map(|entry| sessions::sentence(entry, state.now()));
    lines.extend(sentences);
    Ok(lines)
}

fn spent(place: &Path, names: &mut Pseudonyms) -> Result<Vec<String>, Unusable> {
    let state = State::open(place)?;
    let all = state.all_spent()?;
    all.iter().for_each(|one| names.add(Kind::Person, &one.user));
    let mut lines = vec![format!("{} that the tenant has sent something to", all.len())];
    lines.extend(all.iter().map(|one| budget::sentence(one, state.now())));
    Ok(lines)
}

fn enrolled(place: &Path, names: &mut Pseudonyms) -> Result<Vec<String>, Unusable> {
    let store = Store::open(place)?;
    let uids = store.uids()?;
    let mut lines = vec![format!("{} enrolled for offline codes", uids.len())];
    for uid in uids {
        match store.load(uid) {
            Ok(Some(record)) => {
                names.add(Kind::Person, &record.user);
                lines.push(totp::sentence(&record, store.now()));
            }
            Ok(None) => {}
            Err(problem) => lines.push(problem.to_string()),
        }
    }
    Ok(lines)
}
