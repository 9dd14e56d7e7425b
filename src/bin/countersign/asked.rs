//! Whether a stack asks the module, and by which of its lines.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use crate::libpam::module::{Role, World, about_service, role};
use crate::libpam::search::{End, Ours, ends};
use crate::libpam::stack::{Handler, Kind, Stack};

/// Whether a line asks the module.
pub fn is_ours(line: &Handler) -> bool {
    role(line) == Role::Ours
}

/// The configuration that the lines of the module name; none where they leave it to the module.
pub fn config_of(stack: &Stack) -> Option<PathBuf> {
    let ours = stack.handlers.iter().filter(|line| is_ours(line));
    let mut words = ours.flat_map(Handler::arguments);
    let path = words.find_map(|word| word.strip_prefix("config="));
    path.map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The line about the service's name that keeps this service from the module, where one does.
pub fn left_out_by<'s>(stack: &'s Stack, service: &str) -> Option<&'s Handler> {
    let mut lines = stack.handlers.iter();
    let about = lines.find(|line| about_service(line, service).is_some())?;
    let world =
        World { kind: Kind::Auth, service, exempts: false, exists: &|_| true, first_factor: None };
    let is_asked = |ends: Vec<End>| ends.iter().any(|end| end.facts.ours != Ours::NotAsked);
    let is_left_out = !ends(&stack.handlers, &world).is_none_or(is_asked);
    is_left_out.then_some(about)
}
