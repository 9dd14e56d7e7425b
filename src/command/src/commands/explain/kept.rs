//! What this machine keeps about a person and would use: confirmations, pushes that are left,
//! offline codes.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::audit::escape;
use countersign::local::budget::Allowance;
use countersign::local::memory::{Entry, Scope};
use countersign::local::offline::Store;
use countersign::local::offline::rules::{Purpose, blocked};
use countersign::local::{State, Unusable};
use countersign::policy::{Offline, Terms};
use serde_json::{Value, json};

use super::Case;
use crate::ui::output::spoken;

/// One thing that is kept.
pub struct Kept {
    pub label: &'static str,
    pub sentence: String,
    pub object: Value,
}

/// A confirmation that still counts, if it is asked for in the same session: which that is, the
/// login will show.
pub fn remembered(case: &Case<'_>, terms: &Terms) -> Kept {
    let label = "remembered";
    if terms.remember.is_zero() {
        return kept(label, "never: login.remember is 0s", json!({"found": []}));
    }
    let entries = in_state(case, |state| {
        let now = state.now();
        let all = state.all_remembered()?.into_iter();
        let found = all.filter(|entry| counts(entry, case, terms, now));
        let found = found.map(|entry| of_entry(&entry, terms, now));
        Ok(found.collect::<Vec<_>>())
    });
    match entries {
        Err(problem) => unknown(label, &problem),
        Ok(None) => nothing(label),
        Ok(Some(entries)) if entries.is_empty() => nothing(label),
        Ok(Some(entries)) => {
            let (said, objects): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            kept(label, &said.join("; "), json!({"found": objects}))
        }
    }
}

fn nothing(label: &'static str) -> Kept {
    kept(label, "nothing: the person is asked", json!({"found": []}))
}

/// All that can be told without being in that session.
fn counts(entry: &Entry, case: &Case<'_>, terms: &Terms, now: u64) -> bool {
    let who = &entry.circumstances;
    let is_whose = who.uid == terms.person.uid
        && who.tenant_user == terms.tenant_user
        && who.configuration == case.fingerprint
        && now.saturating_sub(entry.at) < terms.remember.as_secs();
    is_whose
        && match &entry.scope {
            Scope::Ssh { .. } => terms.ssh_counts,
            Scope::StepUp { service, .. } => {
                *service == case.caller.service
                    && who.real_uid == case.caller.real_uid
                    && Some(&who.account) == case.account().as_ref()
                    && case.caller.tty.as_ref().is_none_or(|tty| *tty == who.tty)
            }
        }
}

fn of_entry(entry: &Entry, terms: &Terms, now: u64) -> (String, Value) {
    let age = now.saturating_sub(entry.at);
    let left = entry.until.saturating_sub(now);
    let left = left.min(terms.remember.as_secs().saturating_sub(age));
    let (scope, place, within) = match &entry.scope {
        Scope::Ssh { .. } => ("ssh", &entry.circumstances.rhost, "in that connection"),
        Scope::StepUp { .. } => ("step-up", &entry.circumstances.tty, "in that session"),
    };
    let sentence = format!(
        "confirmed {} ago on {}: not asked {within} for another {}",
        spoken(age),
        escape(place),
        spoken(left)
    );
    let object = json!({"scope": scope, "place": place, "age_seconds": age, "left_seconds": left});
    (sentence, object)
}

/// How often the phone may ring.
pub fn pushes(case: &Case<'_>, terms: &Terms) -> Kept {
    let label = "pushes";
    let limits = case.policy.push();
    let user = &terms.tenant_user;
    let found =
        in_state(case, |state| Ok((state.left(user, limits)?, state.allowance(user, limits)?)));
    let (left, allowance) = match found {
        Ok(found) => found.unwrap_or((usize::from(limits.count), unspent(limits.count))),
        Err(problem) => return unknown(label, &problem),
    };
    let (count, window) = (limits.count, spoken(limits.window.as_secs()));
    let wait = match allowance {
        Allowance::Free => Some(0),
        Allowance::Over(time) | Allowance::Paused(time) => Some(time.as_secs()),
        Allowance::Never => None,
    };
    let sentence = match allowance {
        Allowance::Free => format!("{left} of {count} left in {window}"),
        Allowance::Over(time) => format!(
            "none for another {}: {count} in {window}; codes work meanwhile",
            spoken(time.as_secs())
        ),
        Allowance::Paused(time) => format!(
            "none for another {}: the last one was refused; codes work meanwhile",
            spoken(time.as_secs())
        ),
        Allowance::Never => "none: push.count is 0".to_owned(),
    };
    let object = json!({"left": if wait == Some(0) { left } else { 0 }, "count": count, "wait_seconds": wait});
    kept(label, &sentence, object)
}

fn unspent(count: u8) -> Allowance {
    match count {
        0 => Allowance::Never,
        1.. => Allowance::Free,
    }
}

/// Whether a code would count while the tenant can't be reached.
pub fn offline(case: &Case<'_>, terms: &Terms) -> Kept {
    let label = "offline";
    let why_not =
        |why: &str| kept(label, &format!("no: {why}"), json!({"possible": false, "why": why}));
    let Some(offline) = &terms.offline else {
        return why_not(if terms.is_pam_user {
            "offline.enabled is false"
        } else {
            "codes count for the account that is logged in to, and never for a caller"
        });
    };
    let place = case.policy.offline_folder();
    let found = in_folder(place, || {
        let store = Store::open(place)?;
        Ok((store.load(terms.person.uid)?, store.now().clone()))
    });
    let (record, now) = match found {
        Err(problem) => return unknown(label, &problem),
        Ok(None) => return why_not("the user is not enrolled"),
        Ok(Some((None, _))) => return why_not("the user is not enrolled"),
        Ok(Some((Some(record), now))) => (record, now),
    };
    let limits = offline.limits;
    if let Some(no) = blocked(&record, Purpose::Login(limits), &now) {
        return why_not(&no.to_string());
    }
    let (used, most) = (record.logins, limits.logins);
    let age = now.wall.saturating_sub(record.online);
    let sentence = format!(
        "yes, while the tenant does not answer{}: {used} of {most} logins used, last online {} ago of {}",
        behind(offline),
        spoken(age),
        spoken(limits.age.as_secs())
    );
    let object = json!({"possible": true, "why": null, "logins": used, "max_logins": most, "online_seconds_ago": age});
    kept(label, &sentence, object)
}

fn behind(offline: &Offline) -> String {
    let module = offline.first_factor.as_ref();
    module.map_or_else(String::new, |module| format!(" and {module} has verified a password"))
}

fn unknown(label: &'static str, problem: &Unusable) -> Kept {
    let sentence = format!("not known: {problem}; try sudo");
    kept(label, &sentence, json!({"unknown": problem.to_string()}))
}

fn kept(label: &'static str, sentence: &str, object: Value) -> Kept {
    let sentence = sentence.to_owned();
    Kept { label, sentence, object }
}

fn in_state<T>(
    case: &Case<'_>,
    f: impl FnOnce(&State) -> Result<T, Unusable>,
) -> Result<Option<T>, Unusable> {
    let place = case.policy.state_folder();
    in_folder(place, || f(&State::open(place)?))
}

/// Opening a folder makes it; what is not there is left so.
fn in_folder<T>(
    place: &Path,
    f: impl FnOnce() -> Result<T, Unusable>,
) -> Result<Option<T>, Unusable> {
    match place.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(_) | Err(_) => f().map(Some),
    }
}
