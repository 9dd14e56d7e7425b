//! Which files of PAM have a service ask by the module, whoever wrote it there.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;

use crate::libpam::module::is_ours;
use crate::libpam::stack::{Kind, read};
use crate::root::Root;
use crate::stacks::FOLDERS;

/// The files, by the names that services and includes have for them.
pub fn files(root: &Root) -> BTreeSet<String> {
    let services = FOLDERS.iter().flat_map(|folder| root.names(folder));
    let services = services.filter(|service| !is_leftover(service));
    services.flat_map(|service| of(root, &service)).collect()
}

/// The same for one service.
pub fn of(root: &Root, service: &str) -> BTreeSet<String> {
    let source = |name: &str| text(root, name);
    let stacks = Kind::ALL.map(|kind| read(&source, service, kind));
    let lines = stacks.into_iter().flat_map(|stack| stack.handlers);
    let ours = lines.filter(|line| line.module().is_some_and(is_ours));
    ours.map(|line| line.place.file).collect()
}

/// The text of a service's file, or of an absolute path.
pub fn text(root: &Root, name: &str) -> Option<String> {
    let mut places = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    places.find_map(|place| root.text(&place).ok())
}

/// A copy that an editor or a package manager has left: no program asks for a service of such a name.
fn is_leftover(name: &str) -> bool {
    name.contains(['.', '~'])
}
