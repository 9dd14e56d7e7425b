//! Whether a stack asks the module, and by which of its lines.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use pam_stack::module::{World, about_service};
use pam_stack::search::{Answer, End, ends};
use pam_stack::stack::{Handler, Kind, Stack};

use crate::machine::pam::our_module::{self, is_ours};

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
    let world = World {
        kind: Kind::Auth,
        service,
        sought: &our_module::NAMES,
        answers: &our_module::answers(Kind::Auth, false),
        exists: &|_| true,
        first_factor: None,
    };
    let is_asked = |ends: Vec<End>| ends.iter().any(|end| end.facts.answer != Answer::NotAsked);
    let is_left_out = !ends(&stack.handlers, &world).is_none_or(is_asked);
    is_left_out.then_some(about)
}
