//! The configuration of the module.
#![forbid(unsafe_code)]

use std::slice;

use serde::{Deserialize, Serialize};

use super::super::change::{Change, Kind};
use super::super::undone::{Naming, Undone};
use super::written::Written;
use crate::machine::root::Root;

/// The file, as the answers have it.
#[derive(Serialize, Deserialize)]
pub struct Configuration(pub Change);

impl Configuration {
    /// `None` where it says this already.
    pub fn plan(path: &str, before: Option<String>, text: &str) -> Option<Self> {
        Change::new(path, Kind::Theirs, before, text).map(Self)
    }
}

impl Written for Configuration {
    fn changes(&self) -> Vec<&Change> {
        vec![&self.0]
    }

    fn outlives_stacks(&self) -> bool {
        true
    }

    /// Any stack that names the module needs it. It also stays where another part could not be put
    /// back.
    fn undo(&self, root: &Root, naming: &Naming<'_>, undone: &mut Undone) {
        let all = naming.anywhere(root);
        if undone.is_complete() || !all.is_empty() {
            undone.put_back_without(root, slice::from_ref(&self.0), &all);
        }
    }
}
