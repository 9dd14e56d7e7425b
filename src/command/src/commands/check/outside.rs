//! Accounts that can't log in although nothing else is wrong, and what the administrator who asks
//! would meet.
#![forbid(unsafe_code)]

use super::finding::Finding;
use super::machine::Machine;
use crate::machine::outside::{Sshd, accounts, by_key, sends_local_password};

/// The PAM service of sshd.
const SSHD: &str = "sshd";

pub fn check(machine: &Machine) {
    for service in &machine.named {
        local_password(machine, service);
    }
    if machine.named.contains(SSHD) && machine.root.is_live() && !machine.root.is_closed() {
        keys(machine);
    }
}

/// Where a code counts while the tenant is away. That it counts without a password was said before.
fn local_password(machine: &Machine, service: &str) {
    let policy = machine.policy_of(service);
    let is_first = policy.is_some_and(|policy| sends_local_password(&policy, service));
    if is_first && !machine.report.has("pam-offline-alone") {
        machine.report.add(local_password_first(service));
    }
}

/// Root and others with keys that the module asks behind, and no way to meet it.
fn keys(machine: &Machine) {
    let Some(policy) = machine.policy_of(SSHD) else {
        return;
    };
    let accounts = match accounts(&machine.root) {
        Ok(accounts) => accounts,
        Err(problem) => return machine.report.add(unlisted(problem.what())),
    };
    let sshd = Sshd::new(&machine.root, Vec::new());
    let outside = by_key(&machine.root, &policy, &accounts, &sshd);
    if outside.is_empty() {
        machine
            .report
            .pass("keys-outside", "no account has a key behind which it can't meet the module");
    }
    for one in outside {
        let what = format!("{} has a key, and can't log in by ssh: {}", one.account, one.why);
        let why = "the module asks behind each key (AuthenticationMethods)";
        let finding = Finding::error("keys-outside", what).of(SSHD);
        machine.report.add(finding.because(why).mend(one.remedy));
    }
    if sshd.asks_behind_keys() {
        let unknown = sshd.unknown_sources().into_iter();
        unknown.for_each(|source| machine.report.add(unseen(source)));
    }
}

fn unlisted(why: &str) -> Finding {
    Finding::warning("keys-unseen", format!("accounts can't be listed: {why}"))
        .because("whether an account with a key can still log in is not known")
        .mend("getent passwd")
}

fn unseen(source: &str) -> Finding {
    Finding::note("keys-unseen", format!("keys come from {source}, which was not looked at"))
        .of(SSHD)
        .because("whether their owners can meet what the module asks behind a key is not known")
        .mend("countersign explain USER, for those who log in by such a key")
}

fn local_password_first(service: &str) -> Finding {
    Finding::note("offline-first", "the local password is asked for first")
        .of(service)
        .because("offline.enabled: the password that this machine has checked is the one that the tenant gets, so a user with two different passwords is refused")
        .mend("keep both passwords the same, or set offline.enabled = false and run countersign setup")
}
