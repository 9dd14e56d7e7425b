//! authselect(8): the stacks that a whole RHEL or Fedora shares. A profile of our own is made from the one in use.
#![forbid(unsafe_code)]

use super::change::{Change, Kind};
use super::pam;
use crate::output::{Done, Problem};
use crate::program;
use crate::root::Root;

const PROGRAM: &str = "authselect";
const NAME: &str = "countersign";
const OURS: &str = "custom/countersign";
const FOLDER: &str = "/etc/authselect/custom/countersign";
/// Those of its files that ask for a password.
const STACKS: [&str; 2] = ["system-auth", "password-auth"];

/// The profile in use and its features, as authselect prints and takes them.
#[derive(Clone)]
pub struct Selection(String);

impl Selection {
    /// `None` where authselect is missing or not in use.
    pub fn current(root: &Root) -> Option<Self> {
        if !root.is_live() || program::place(PROGRAM).is_none() {
            return None;
        }
        let raw = program::run(PROGRAM, &["current", "--raw"]).ok()?;
        let raw = raw.trim();
        (!raw.is_empty()).then(|| Self(raw.to_owned()))
    }

    pub fn from_journal(raw: &str) -> Self {
        Self(raw.to_owned())
    }

    pub fn raw(&self) -> &str {
        &self.0
    }

    fn profile(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    fn features(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace().skip(1)
    }

    /// Where the files of the profile are.
    fn folder(&self, root: &Root) -> Result<String, Problem> {
        let profile = self.profile();
        let places = [
            format!("/etc/authselect/{profile}"),
            format!("/usr/share/authselect/vendor/{profile}"),
            format!("/usr/share/authselect/default/{profile}"),
        ];
        let found = places.into_iter().find(|place| root.exists(place));
        found.ok_or_else(|| {
            Problem::new(format!(
                "authselect uses {profile}, whose files are nowhere"
            ))
            .hint("see `authselect current`, or use --blocks")
        })
    }

    /// The files of our own profile, with the module in front for these services.
    pub fn changes(
        &self,
        root: &Root,
        services: &[String],
        arguments: &str,
    ) -> Result<Vec<Change>, Problem> {
        if root.exists(FOLDER) && self.profile() != OURS {
            return Err(
                Problem::new(format!("{FOLDER} is there already, and not in use"))
                    .hint("remove it, or use --blocks"),
            );
        }
        let base = self.folder(root)?;
        let mut changes = Vec::new();
        for stack in STACKS {
            let (from, to) = (format!("{base}/{stack}"), format!("{FOLDER}/{stack}"));
            let text = root.read(&from)?.unwrap_or_default();
            let mut names = pam::listed(super::block::of(&text).unwrap_or_default());
            names.extend(services.iter().cloned());
            names.sort();
            names.dedup();
            let wired = pam::wired_for(&from, &text, &names.join(":"), arguments)?;
            changes.extend(Change::new(&to, Kind::Ours, root.read(&to)?, &wired));
        }
        Ok(changes)
    }

    /// Makes our own profile, as a copy of this one. What differs is written afterwards.
    pub fn copy(&self, root: &Root) -> Done {
        if root.exists(FOLDER) {
            return Ok(());
        }
        let base = format!("--base-on={}", self.profile());
        program::run(PROGRAM, &["create-profile", NAME, &base]).map(drop)
    }

    /// Our own profile, with the features of this one.
    pub fn select_ours(&self) -> Done {
        self.select(OURS)
    }

    /// This profile again, with the features that are on by now, and ours no more. Who has selected another since keeps it.
    pub fn select_again(&self, root: &Root) -> Done {
        if self.profile() == OURS {
            return program::run(PROGRAM, &["apply-changes"]).map(drop);
        }
        if let Some(now) = Self::current(root).filter(|now| now.profile() == OURS) {
            now.select(self.profile())?;
        }
        match std::fs::remove_dir_all(root.place(FOLDER)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::new(format!("{FOLDER}: {error}")))
            }
            _ => Ok(()),
        }
    }

    fn select(&self, profile: &str) -> Done {
        let arguments: Vec<_> = ["select", profile]
            .into_iter()
            .chain(self.features())
            .collect();
        program::run(PROGRAM, &arguments).map(drop)
    }
}
