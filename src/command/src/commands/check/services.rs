//! The services of this computer, their own stacks, and which of them ask the module.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use pam_stack::stack::{Kind, Stack};

use crate::machine::pam::asked::{config_of, left_out_by};
use crate::machine::pam::our_module::is_ours;
use crate::machine::pam::stacks;
use crate::machine::root::Root;

/// Files that services share; they are looked at in the services that include them.
const SHARED: [&str; 7] = [
    "common-",
    "system-auth",
    "password-auth",
    "postlogin",
    "fingerprint-auth",
    "smartcard-auth",
    "switchable-auth",
];

/// Returns the services that name the module in their authentication.
pub fn named(root: &Root) -> BTreeSet<String> {
    let mut services = services(root);
    services.retain(|service| {
        let stack = stack(root, service, Kind::Auth);
        stack.handlers.iter().any(is_ours) && !is_left_out(&stack, service)
    });
    services
}

/// The configuration that a service tells the module to read.
pub fn config(root: &Root, service: &str) -> Option<PathBuf> {
    config_of(&stack(root, service, Kind::Auth))
}

/// Whether a line that asks for the name of the service sees to it that the module is never reached
/// in this one.
pub fn is_left_out(stack: &Stack, service: &str) -> bool {
    left_out_by(stack, service).is_some()
}

/// The services that have a file, but not those whose file is only a part of others.
pub fn services(root: &Root) -> BTreeSet<String> {
    let mut all = stacks::services(root);
    let included: BTreeSet<String> = all
        .iter()
        .flat_map(|name| {
            let stacks = Kind::ALL.map(|kind| stack(root, name, kind));
            let files = stacks.into_iter().flat_map(|stack| stack.files);
            files.filter(move |file| file != name)
        })
        .collect();
    let is_shared = |name: &String| SHARED.iter().any(|prefix| name.starts_with(prefix));
    all.retain(|name| !(is_shared(name) && included.contains(name)));
    all
}

/// What the service's own file says, and nothing of `other`.
pub fn stack(root: &Root, service: &str, kind: Kind) -> Stack {
    let stack = stacks::stack(root, service, kind);
    if stack.files.iter().any(|file| file == service) { stack } else { Stack::default() }
}
