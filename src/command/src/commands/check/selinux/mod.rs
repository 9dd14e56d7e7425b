//! SELinux, where it is enabled: whether the loaded policy lets login programs do what the module
//! does in them.
//!
//! The kernel is asked, and no list of distributions is kept: which domain a program gets, and what
//! is denied to it.
#![forbid(unsafe_code)]

mod needs;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Finding;
use super::machine::Machine;
use crate::machine::selinux::kernel::{Kernel, Live, type_of};
use crate::machine::selinux::{self, domains};
use needs::Examination;

/// Where an image says whether it will have SELinux.
const CONFIG: &str = "/etc/selinux/config";

pub fn check(machine: &Machine) {
    if !machine.root.is_live() {
        return image(machine);
    }
    let kernel = Kernel(&Live);
    let Some(is_enforcing) = kernel.enforces() else {
        return machine.report.pass("selinux", "SELinux is not enabled");
    };
    let mut found = Vec::new();
    let mut asked = BTreeSet::new();
    for service in &machine.named {
        let Some(policy) = machine.policy_of(service) else {
            continue;
        };
        for domain in domains::of(&kernel, &machine.root, service) {
            let examination = Examination {
                kernel: &kernel,
                root: &machine.root,
                domain: &domain,
                service,
                policy: &policy,
                is_enforcing,
            };
            found.extend(examination.findings());
            asked.insert(type_of(&domain).to_owned());
        }
    }
    if found.is_empty() {
        machine.report.add(clean(&asked));
    }
    if !asked.is_empty() && selinux::lacks_module(&kernel) {
        machine.report.add(unlabelled());
    }
    found.into_iter().for_each(|finding| machine.report.add(finding));
}

fn clean(asked: &BTreeSet<String>) -> Finding {
    if asked.is_empty() {
        return Finding::note(
            "selinux-unasked",
            "SELinux is enabled, and the kernel named no domain of a login program",
        )
        .because("whether the policy lets the module connect and keep its state is not known")
        .mend("after a login, look for denials: ausearch -m avc -ts recent");
    }
    let domains: Vec<_> = asked.iter().map(String::as_str).collect();
    let what = format!("SELinux denies the module nothing in {}", domains.join(", "));
    Finding::passed("selinux", what)
}

/// What is kept has the label of its surroundings.
fn unlabelled() -> Finding {
    Finding::note("selinux-module", "the SELinux policy module of Countersign is not loaded")
        .because(
            "services that SELinux lets read the files of others may read keys of offline codes, and what login programs may do depends on the distribution's policy",
        )
        .mend(selinux::load())
}

/// The policy of an image is not loaded.
fn image(machine: &Machine) {
    let text = machine.root.text(Path::new(CONFIG)).unwrap_or_default();
    let mut values = text.lines().filter_map(|line| line.strip_prefix("SELINUX="));
    match values.next().map(str::trim) {
        Some(mode @ ("enforcing" | "permissive")) => machine.report.add(
            Finding::note("selinux-unasked", format!("SELinux will be {mode}"))
                .at(CONFIG, None)
                .because("what its policy denies is known to a kernel that has loaded it")
                .mend("run countersign check on the system itself"),
        ),
        Some(_) | None => machine.report.pass("selinux", "SELinux is not enabled"),
    }
}
