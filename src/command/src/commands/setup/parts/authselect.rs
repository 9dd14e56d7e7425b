//! authselect(8): the stacks that a whole RHEL or Fedora shares. A profile of our own is made from
//! the one in use.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use super::super::change::{Change, Kind};
use super::super::passed_over::passes_over_nothing;
use super::super::undone::{Naming, Undone};
use super::super::{block, pam};
use super::written::Written;
use crate::machine::pam::stacks::{self, names_module};
use crate::machine::program;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

const PROGRAM: &str = "authselect";
const NAME: &str = "countersign";
const OURS: &str = "custom/countersign";
const FOLDER: &str = "/etc/authselect/custom/countersign";
/// Those of its files that ask for a password.
const STACKS: [&str; 3] = ["system-auth", "password-auth", SWITCHABLE];
/// From authselect 1.8 on, for greeters that let users choose how to log in. It asks for a password
/// in some profiles alone.
const SWITCHABLE: &str = "switchable-auth";

/// The profile in use and its features, as authselect prints and takes them.
#[derive(Serialize, Deserialize)]
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
            Problem::new(format!("authselect uses {profile}, whose files are nowhere"))
                .hint("see `authselect current`, or use --blocks")
        })
    }

    /// The files of our own profile, with the module in front for these services, and not for those
    /// of `own`.
    fn files(
        &self,
        root: &Root,
        services: &[String],
        own: &[String],
        arguments: &str,
    ) -> Result<Vec<Change>, Problem> {
        if services.is_empty() && !self.is_ours() {
            return Ok(Vec::new());
        }
        if root.exists(FOLDER) && !self.is_ours() {
            return Err(Problem::new(format!("{FOLDER} is there already, and not in use"))
                .hint("remove it, or use --blocks"));
        }
        let base = self.folder(root)?;
        let mut changes = Vec::new();
        for stack in STACKS {
            let (from, to) = (format!("{base}/{stack}"), format!("{FOLDER}/{stack}"));
            let text = root.read(&from)?.unwrap_or_default();
            if stack == SWITCHABLE && !pam::asks_for_a_password(&text) {
                continue;
            }
            let mut names = pam::listed(block::of(&text).unwrap_or_default());
            names.retain(|name| !own.contains(name));
            names.extend(services.iter().cloned());
            names.sort();
            names.dedup();
            let wired = wired(root, stack, (&from, &text), &names, arguments)?;
            changes.extend(Change::new(&to, Kind::Ours, root.read(&to)?, &wired));
        }
        Ok(changes)
    }

    /// Makes our own profile, as a copy of this one. What differs is written afterwards.
    fn copy(&self, root: &Root) -> Done {
        if root.exists(FOLDER) {
            return Ok(());
        }
        let base = format!("--base-on={}", self.profile());
        program::run(PROGRAM, &["create-profile", NAME, &base]).map(drop)
    }

    fn is_ours(&self) -> bool {
        self.profile() == OURS
    }

    /// Our own profile, with the features of this one. Where it is selected already, what its files
    /// say is applied.
    fn select_ours(&self) -> Done {
        if self.is_ours() {
            program::run(PROGRAM, &["apply-changes"]).map(drop)
        } else {
            self.select(OURS)
        }
    }

    /// What the files of our own profile say by now, if it is still the one in use.
    fn apply_again(root: &Root) -> Done {
        match Self::current(root).filter(Self::is_ours) {
            Some(ours) => ours.select_ours(),
            None => Ok(()),
        }
    }

    /// This profile again, with the features that are on by now, and ours no more. Who has selected
    /// another since keeps it.
    fn select_again(&self, root: &Root) -> Done {
        match Self::current(root) {
            Some(now) if now.is_ours() => now.select(self.profile()),
            Some(_) => Ok(()),
            None => no_stack_is_left(root),
        }
    }

    /// The files of our own profile that an administrator has written into, and what they say.
    fn edited(&self, root: &Root) -> Result<Vec<(String, String)>, Problem> {
        let base = self.folder(root).ok();
        let mut edited = Vec::new();
        for name in root.names(FOLDER) {
            let path = format!("{FOLDER}/{name}");
            let base = base.as_ref().map(|base| format!("{base}/{name}"));
            let base = base.map(|base| root.read(&base)).transpose()?.flatten();
            let text = root.read(&path)?.filter(|text| Some(text) != base.as_ref());
            edited.extend(text.map(|text| (path, text)));
        }
        Ok(edited)
    }

    fn select(&self, profile: &str) -> Done {
        let arguments: Vec<_> = ["select", profile].into_iter().chain(self.features()).collect();
        program::run(PROGRAM, &arguments).map(drop)
    }
}

/// Our own profile, selected in place of the one before.
#[derive(Serialize, Deserialize)]
pub struct Authselect {
    pub before: Selection,
    pub files: Vec<Change>,
}

impl Authselect {
    /// `None` where our profile says this already, or no service shares a stack.
    pub fn plan(
        root: &Root,
        before: Selection,
        services: &[String],
        own: &[String],
        arguments: &str,
    ) -> Result<Option<Self>, Problem> {
        let files = before.files(root, services, own, arguments)?;
        Ok((!files.is_empty()).then_some(Self { before, files }))
    }

    /// Ours is applied again behind its files; another is selected before they go, and they stay
    /// whole where it can't be.
    fn profile_back(&self, root: &Root, undone: &mut Undone) -> Done {
        if self.before.is_ours() {
            undone.put_back(root, &self.files);
            return Selection::apply_again(root);
        }
        self.before.select_again(root)?;
        undone.put_back(root, &self.files);
        for (path, text) in self.before.edited(root)? {
            undone.keep(root, &path, &text)?;
        }
        remove(root)
    }
}

impl Written for Authselect {
    fn changes(&self) -> Vec<&Change> {
        self.files.iter().collect()
    }

    fn write(&self, root: &Root) -> Done {
        self.before.copy(root)?;
        self.files.iter().try_for_each(|file| file.write(root))
    }

    fn generate(&self, _root: &Root) -> Done {
        self.before.select_ours()
    }

    /// What authselect writes is no part of the record: authselect alone can put it back.
    fn can_be_undone(&self, root: &Root) -> Done {
        if root.is_live() {
            Ok(())
        } else {
            Err(Problem::new("authselect(8) has to be run on that system for this")
                .hint("start it, or chroot into it, and type there: sudo countersign unsetup"))
        }
    }

    fn generates(&self, path: &str) -> bool {
        path.strip_prefix("/etc/pam.d/").is_some_and(|name| STACKS.contains(&name))
    }

    fn undo(&self, root: &Root, _naming: &Naming<'_>, undone: &mut Undone) {
        let done = self.profile_back(root, undone);
        undone.note(done);
    }
}

/// A file of the profile with the module for these services. It is a template: what authselect has
/// made of it is the stack.
fn wired(
    root: &Root,
    stack: &str,
    (path, text): (&str, &str),
    names: &[String],
    arguments: &str,
) -> Result<String, Problem> {
    if names.is_empty() {
        return Ok(block::replaced(text, None));
    }
    let source = |name: &str| stacks::text(root, name);
    let wired =
        |path: &str, text: &str| pam::wired_for(&source, path, text, &names.join(":"), arguments);
    let made = format!("/etc/pam.d/{stack}");
    if let Some(text) = root.read(&made)? {
        passes_over_nothing(&source, &made, &wired(&made, &text)?)?;
    }
    wired(path, text)
}

/// Whether a file is of our own profile.
pub fn has(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|name| name.starts_with('/'))
}

/// Removes our own profile.
fn remove(root: &Root) -> Done {
    match std::fs::remove_dir_all(root.place(FOLDER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::new(format!("{FOLDER}: {error}")))
        }
        _ => Ok(()),
    }
}

/// Where authselect is gone, what it wrote from our profile may still be there.
fn no_stack_is_left(root: &Root) -> Done {
    for stack in STACKS {
        let path = format!("/etc/pam.d/{stack}");
        if names_module(&root.read(&path)?.unwrap_or_default()) {
            return Err(Problem::new(format!(
                "{path} names the module, and authselect does not write it any more: take it out by hand"
            )));
        }
    }
    Ok(())
}
