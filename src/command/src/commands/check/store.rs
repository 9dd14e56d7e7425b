//! The folders of the state: whether the module can use them, and whether every record of an
//! offline code can be read.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::local::State;
use countersign::local::offline::Store;
use countersign::os;
use countersign::policy::Policy;

use super::finding::Finding;
use super::machine::Machine;

pub fn check(machine: &Machine, policy: &Policy) {
    state(machine, policy.state_folder());
    if policy.offline_pause().is_some() || machine.root.exists(policy.offline_folder()) {
        records(machine, policy.offline_folder());
    }
}

/// Opening would make it: what is missing is left to the first login.
fn state(machine: &Machine, folder: &Path) {
    let place = machine.root.place(folder);
    if !place.exists() {
        machine
            .report
            .pass("state", format!("{} will be made when it is needed", folder.display()));
        return;
    }
    match State::open(&place) {
        Ok(_) => machine.report.pass("state", format!("{} is root's alone", folder.display())),
        Err(problem) => machine.report.add(
            unusable("state-unusable", machine, &problem.0, folder)
                .because("nothing is remembered, and nothing that rings is sent"),
        ),
    }
}

fn records(machine: &Machine, folder: &Path) {
    let place = machine.root.place(folder);
    if !place.exists() {
        machine.report.pass("offline", format!("no user is enrolled in {}", folder.display()));
        return;
    }
    let store = match Store::open(&place) {
        Ok(store) => store,
        Err(problem) => {
            machine.report.add(
                unusable("offline-unusable", machine, &problem.0, folder)
                    .because("no offline code counts"),
            );
            return;
        }
    };
    let uids = store.uids().unwrap_or_default();
    let damaged: Vec<_> =
        uids.iter().filter_map(|uid| Some((*uid, store.load(*uid).err()?))).collect();
    for (uid, problem) in &damaged {
        machine.report.add(damage(machine, folder, *uid, &problem.0));
    }
    let sound = uids.len() - damaged.len();
    machine.report.pass("offline", format!("{sound} records in {} can be read", folder.display()));
}

fn damage(machine: &Machine, folder: &Path, uid: u32, problem: &str) -> Finding {
    let problem = machine.root.without(problem);
    // "PATH: is damaged: remove it and enrol the user again" says itself what to do.
    let what = problem.split(": ").nth(1).unwrap_or(&problem);
    let user = os::name_of(uid).ok().flatten().filter(|_| machine.root.is_live());
    let user = user.unwrap_or_else(|| "USER".to_owned());
    let file = folder.join(format!("totp-{uid}"));
    Finding::error("offline-damaged", format!("the record of uid {uid} can't be used: {what}"))
        .at(file.display().to_string(), None)
        .because("no offline code of this user counts, and it is never replaced by itself")
        .mend(format!("countersign totp remove {user} && countersign totp enroll {user}"))
}

fn unusable(id: &'static str, machine: &Machine, problem: &str, folder: &Path) -> Finding {
    let problem = machine.root.without(problem);
    let (what, order) = problem.split_once(": chmod ").unwrap_or((&problem, ""));
    let folder = folder.display().to_string();
    let remedy = match order {
        "" => format!("chown root: {folder} && chmod 0700 {folder}"),
        order => format!("chmod {order} {folder}"),
    };
    Finding::error(id, what).at(folder, None).mend(remedy)
}
