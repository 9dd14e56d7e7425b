//! The stack of one service, in its own file.
#![forbid(unsafe_code)]

use std::slice;

use serde::{Deserialize, Serialize};

use super::super::block;
use super::super::change::{Change, Kind};
use super::super::pam::{self, Placement};
use super::super::undone::{Naming, Undone};
use super::written::Written;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Problem, line};

/// The file, with the module in it.
#[derive(Serialize, Deserialize)]
pub struct Service(pub Change);

impl Service {
    /// `None` where the file has the module already, or includes the stack of one of `others`, which
    /// asks the module: no user is asked twice.
    pub fn plan(
        root: &Root,
        service: &str,
        stack: Placement,
        others: &[String],
        argument: &str,
    ) -> Result<Option<Self>, Problem> {
        let source = |name: &str| stacks::text(root, name);
        let (path, text) = file(root, service)?;
        if block::of(&text).is_none() && pam::includes_one_of(&source, &text, others) {
            return Ok(None);
        }
        let wired = pam::wired(&source, &path, &text, stack, argument)?;
        Ok(change(service, &path, text, &wired).map(Self))
    }
}

/// The file that libpam reads for a service, and its text.
pub fn file(root: &Root, service: &str) -> Result<(String, String), Problem> {
    let path = stacks::path_of(root, service).display().to_string();
    let text = root.read(&path)?.unwrap_or_default();
    Ok((path, text))
}

/// A stack outside of /etc is a package's: it stays, and libpam reads the copy in /etc/pam.d before
/// it.
fn change(service: &str, path: &str, text: String, wired: &str) -> Option<Change> {
    let own = format!("/etc/pam.d/{service}");
    if path == own {
        return Change::new(&own, Kind::Block, Some(text), wired);
    }
    line(format!(
        "{own} is made from {path}, and counts in its place: later versions of that file do not."
    ));
    Change::new(&own, Kind::Ours, None, wired)
}

impl Written for Service {
    fn changes(&self) -> Vec<&Change> {
        vec![&self.0]
    }

    fn undo(&self, root: &Root, _naming: &Naming<'_>, undone: &mut Undone) {
        undone.put_back(root, slice::from_ref(&self.0));
    }
}
