//! Records of version 1, which earlier releases of the command wrote: a list of files, and flags
//! that say what else is to be done.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use serde::Deserialize;

use super::awaited::Awaited;
use super::change::{Change, Kind};
use super::parts::Part;
use super::parts::authselect::{self, Authselect, Selection};
use super::parts::configuration::Configuration;
use super::parts::debian::{self, Debian};
use super::parts::service::Service;
use super::parts::sshd::{self, Sshd};

pub const VERSION: u32 = 1;

/// One setup.
#[derive(Deserialize)]
pub struct Version1 {
    changes: Vec<Change>,
    /// The files of PAM that named the module before.
    #[serde(default)]
    pub named: BTreeSet<String>,
    /// pam-auth-update has to be run to take it back.
    debian: bool,
    /// The profile that authselect had before.
    authselect: Option<Selection>,
    /// sshd has to be reloaded.
    sshd: bool,
    pub awaited: Option<Awaited>,
}

impl Version1 {
    /// The parts that the record stands for, in the order in which this release writes them.
    pub fn parts(mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        let configuration = self.take(|change| change.kind == Kind::Theirs);
        parts.extend(configuration.into_iter().map(Configuration).map(Part::Configuration));
        let profiles = self.take(|change| debian::has(&change.path));
        let stacks = self.take(|change| change.kind == Kind::Managed);
        parts.extend(self.debian.then_some(Part::Debian(Debian { profiles, stacks })));
        let files = self.take(|change| authselect::has(&change.path));
        let before = self.authselect.take();
        parts.extend(before.map(|before| Part::Authselect(Authselect { before, files })));
        let settings = self.take(|change| sshd::has(&change.path));
        parts.extend(self.changes.into_iter().map(Service).map(Part::Service));
        // `keys` tests what is written next; this record has that behind it.
        parts.extend(self.sshd.then_some(Part::Sshd(Sshd { settings, keys: None })));
        parts
    }

    /// Takes the changes of one part out of the list.
    fn take(&mut self, is_meant: impl Fn(&Change) -> bool) -> Vec<Change> {
        self.changes.extract_if(.., |change| is_meant(change)).collect()
    }
}
