//! The folders of the state: whether the module can use them, and whether every record of an
//! offline code can be read.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::local::State;
use countersign::local::offline::Store;
use countersign::os;
use countersign::policy::Policy;

use super::finding::{Finding, Report};
use crate::machine::root::Root;

pub fn check(root: &Root, policy: &Policy, report: &mut Report) {
    state(root, policy.state_folder(), report);
    if policy.offline_pause().is_some() || root.exists(policy.offline_folder()) {
        records(root, policy.offline_folder(), report);
    }
}

/// Opening would make it: what is missing is left to the first login.
fn state(root: &Root, folder: &Path, report: &mut Report) {
    let place = root.place(folder);
    if !place.exists() {
        report.pass("state", format!("{} will be made when it is needed", folder.display()));
        return;
    }
    match State::open(&place) {
        Ok(_) => report.pass("state", format!("{} is root's alone", folder.display())),
        Err(problem) => report.add(
            unusable("state-unusable", root, &problem.0, folder)
                .because("nothing is remembered, and nothing that rings is sent"),
        ),
    }
}

fn records(root: &Root, folder: &Path, report: &mut Report) {
    let place = root.place(folder);
    if !place.exists() {
        report.pass("offline", format!("nobody is enrolled in {}", folder.display()));
        return;
    }
    let store = match Store::open(&place) {
        Ok(store) => store,
        Err(problem) => {
            report.add(
                unusable("offline-unusable", root, &problem.0, folder)
                    .because("no offline code counts"),
            );
            return;
        }
    };
    let uids = store.uids().unwrap_or_default();
    let damaged: Vec<_> =
        uids.iter().filter_map(|uid| Some((*uid, store.load(*uid).err()?))).collect();
    for (uid, problem) in &damaged {
        report.add(damage(root, folder, *uid, &problem.0));
    }
    let sound = uids.len() - damaged.len();
    report.pass("offline", format!("{sound} records in {} can be read", folder.display()));
}

fn damage(root: &Root, folder: &Path, uid: u32, problem: &str) -> Finding {
    let problem = root.without(problem);
    // "PATH: is damaged: remove it and enrol the user again" says itself what to do.
    let what = problem.split(": ").nth(1).unwrap_or(&problem);
    let user = os::name_of(uid).ok().flatten().filter(|_| root.is_live());
    let user = user.unwrap_or_else(|| "USER".to_owned());
    let file = folder.join(format!("totp-{uid}"));
    Finding::error("offline-damaged", format!("the record of uid {uid} can't be used: {what}"))
        .at(file.display().to_string(), None)
        .because("no offline code of this user counts, and it is never replaced by itself")
        .mend(format!("countersign totp remove {user} && countersign totp enroll {user}"))
}

fn unusable(id: &'static str, root: &Root, problem: &str, folder: &Path) -> Finding {
    let problem = root.without(problem);
    let (what, order) = problem.split_once(": chmod ").unwrap_or((&problem, ""));
    let folder = folder.display().to_string();
    let remedy = match order {
        "" => format!("chown root: {folder} && chmod 0700 {folder}"),
        order => format!("chmod {order} {folder}"),
    };
    Finding::error(id, what).at(folder, None).mend(remedy)
}
