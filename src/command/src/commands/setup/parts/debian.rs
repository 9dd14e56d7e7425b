//! pam-auth-update(8): the stacks that a whole Debian or Ubuntu shares. It writes them itself, from
//! profiles.
#![forbid(unsafe_code)]

use std::fs;

use serde::{Deserialize, Serialize};

use super::super::change::{Change, Kind};
use super::super::pam::{self, Placement, unless};
use super::super::scratch::Scratch;
use super::super::undone::{Naming, Undone};
use super::written::Written;
use crate::machine::pam::stacks::names_module;
use crate::machine::program;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

const PROGRAM: &str = "pam-auth-update";
const PROFILES: &str = "/usr/share/pam-configs";
const STATE: &str = "/var/lib/pam";
const STACKS: &str = "/etc/pam.d";
const AUTH: &str = "/etc/pam.d/common-auth";

/// Before whatever else asks for a password.
const PRIORITY: u32 = 900;

/// Whether this system has such stacks.
pub fn is_here(root: &Root) -> bool {
    root.is_live() && root.exists(AUTH) && program::place(PROGRAM).is_some()
}

fn name(stack: Placement) -> &'static str {
    match stack {
        Placement::BeforePassword => "countersign",
        Placement::AfterPassword => "countersign-step-up",
    }
}

fn path(stack: Placement) -> String {
    format!("{PROFILES}/{}", name(stack))
}

/// The profile for these services.
fn profile(stack: Placement, services: &[String], arguments: &str) -> String {
    let (title, kind) = match stack {
        Placement::BeforePassword => {
            ("Countersign: password and second factor of the tenant", "Primary")
        }
        Placement::AfterPassword => {
            ("Countersign: one more factor behind the password", "Additional")
        }
    };
    format!(
        "Name: {title}\nDefault: no\nPriority: {PRIORITY}\nAuth-Type: {kind}\nAuth:\n\t{}\n\t{}\n",
        unless(&services.join(":")),
        stack.rule("end", arguments),
    )
}

/// Our profiles, and the stacks that pam-auth-update makes of them.
#[derive(Serialize, Deserialize)]
pub struct Debian {
    pub profiles: Vec<Change>,
    pub stacks: Vec<Change>,
}

/// What was planned for the shared stacks.
pub enum Planned {
    Part(Debian),
    /// They are as they are to be.
    Nothing,
    /// pam-auth-update leaves them alone, since an administrator wrote into them.
    LeftAlone,
}

impl Debian {
    /// What has to change so that these services share the stacks and those of `own` do not.
    pub fn plan(
        root: &Root,
        services: &[(String, Placement)],
        own: &[String],
        arguments: &str,
    ) -> Result<Planned, Problem> {
        let (mut profiles, mut lists) = (Vec::new(), Vec::new());
        for stack in [Placement::BeforePassword, Placement::AfterPassword] {
            let names = names_in(root, stack, services, own)?;
            profiles.extend(of_profile(root, stack, &names, arguments)?);
            lists.push(names);
        }
        if services.is_empty() && profiles.is_empty() {
            return Ok(Planned::Nothing);
        }
        lists.retain(|names| !names.is_empty());
        let scratch = Scratch::new()?;
        let made = scratch.preview(root, &profiles)?;
        let auth = made.iter().find(|(path, _)| path == AUTH);
        if !auth.is_some_and(|(_, text)| has_lists(text, &lists)) {
            return asks_none_of(root, services, own).map(|()| Planned::LeftAlone);
        }
        let mut stacks = Vec::new();
        for (path, text) in made {
            stacks.extend(Change::new(&path, Kind::Managed, root.read(&path)?, &text));
        }
        Ok(if profiles.is_empty() && stacks.is_empty() {
            Planned::Nothing
        } else {
            Planned::Part(Self { profiles, stacks })
        })
    }

    /// Stacks that pam-auth-update does not write, as an administrator has edited them, are put
    /// back from our own copies. It looks at them again then, or it would go on as if they had our
    /// lines.
    fn stacks_back(&self, root: &Root, undone: &mut Undone) -> Done {
        let updated = update(root);
        let mut stacks = self.stacks.iter();
        if stacks.all(|stack| root.read(&stack.path).is_ok_and(|now| now == stack.before)) {
            return updated;
        }
        undone.put_back(root, &self.stacks);
        update(root)
    }
}

impl Written for Debian {
    fn changes(&self) -> Vec<&Change> {
        self.profiles.iter().chain(&self.stacks).collect()
    }

    fn write(&self, root: &Root) -> Done {
        self.profiles.iter().try_for_each(|profile| profile.write(root))
    }

    /// Checks that the stacks are what was shown.
    fn generate(&self, root: &Root) -> Done {
        update(root)?;
        for stack in &self.stacks {
            if root.read(&stack.path)? != stack.after {
                return Err(Problem::new(format!(
                    "{}: pam-auth-update did not write what it showed before",
                    stack.path
                )));
            }
        }
        Ok(())
    }

    fn undo(&self, root: &Root, _naming: &Naming<'_>, undone: &mut Undone) {
        undone.put_back(root, &self.profiles);
        let done = self.stacks_back(root, undone);
        undone.note(done);
    }
}

/// Whether a file is one of our profiles.
pub fn has(path: &str) -> bool {
    path.strip_prefix(PROFILES).is_some_and(|name| name.starts_with('/'))
}

/// The services that a profile has stay in it, unless they are now in the other or share no stack
/// any more.
fn names_in(
    root: &Root,
    stack: Placement,
    services: &[(String, Placement)],
    own: &[String],
) -> Result<Vec<String>, Problem> {
    let text = root.read(&path(stack))?.unwrap_or_default();
    let mut names = pam::listed(&text);
    names.retain(|name| !services.iter().any(|(service, _)| service == name));
    names.retain(|name| !own.contains(name));
    let new = services.iter().filter(|(_, other)| *other == stack);
    names.extend(new.map(|(service, _)| service.clone()));
    names.sort();
    Ok(names)
}

/// A profile for no service is removed.
fn of_profile(
    root: &Root,
    stack: Placement,
    names: &[String],
    arguments: &str,
) -> Result<Option<Change>, Problem> {
    let (path, before) = (path(stack), root.read(&path(stack))?);
    if names.is_empty() {
        return Ok(before.map(|text| Change {
            path,
            kind: Kind::Ours,
            before: Some(text),
            after: None,
        }));
    }
    let text = profile(stack, names, arguments);
    Ok(Change::new(&path, Kind::Ours, before, &text))
}

/// Whether a stack has the module for these lists of services, and for no other service.
fn has_lists(text: &str, lists: &[Vec<String>]) -> bool {
    let modules = text.lines().filter(|line| names_module(line));
    let has = |names: &Vec<String>| text.lines().any(|line| pam::listed(line) == *names);
    modules.count() == lists.len() && lists.iter().all(has)
}

/// A service that a stack which stays as it is asks already can have no other place.
fn asks_none_of(root: &Root, services: &[(String, Placement)], own: &[String]) -> Done {
    let text = root.read(AUTH)?.unwrap_or_default();
    let mut listed = text.lines().flat_map(pam::listed);
    let is_meant =
        |name: &String| own.contains(name) || services.iter().any(|(service, _)| service == name);
    match listed.find(is_meant) {
        None => Ok(()),
        Some(name) => Err(Problem::new(format!(
            "{AUTH} has the module for {name} and was edited by hand: pam-auth-update leaves it alone"
        ))
        .hint("take out what was written there, or have it written anew: pam-auth-update --force")),
    }
}

/// Has the shared stacks written from the profiles that are there. On an image, where nothing runs,
/// they stay as they are.
fn update(root: &Root) -> Done {
    if !root.is_live() {
        return Ok(());
    }
    let (there, gone): (Vec<_>, Vec<_>) = [Placement::BeforePassword, Placement::AfterPassword]
        .into_iter()
        .partition(|stack| root.exists(path(*stack)));
    for (option, stacks) in [("--remove", gone), ("--enable", there)] {
        let names = stacks.into_iter().map(name);
        let arguments: Vec<_> = ["--package", option].into_iter().chain(names).collect();
        if arguments.len() > 2 {
            let mut command = program::command(PROGRAM, &arguments);
            command.env("DEBIAN_FRONTEND", "noninteractive");
            program::output(command)?;
        }
    }
    Ok(())
}

impl Scratch {
    /// What pam-auth-update would write, from a copy of what it reads and writes.
    fn preview(&self, root: &Root, changes: &[Change]) -> Result<Vec<(String, String)>, Problem> {
        for folder in [PROFILES, STATE, STACKS] {
            self.copy(root, folder)?;
        }
        let copy = Root::below(self.path())?;
        for change in changes {
            change.write(&copy)?;
        }
        let enabled = [Placement::BeforePassword, Placement::AfterPassword]
            .into_iter()
            .filter(|stack| copy.exists(path(*stack)));
        let mut arguments = vec!["--root", self.place(), "--package"];
        let enabled: Vec<_> = enabled.map(name).collect();
        if !enabled.is_empty() {
            arguments.push("--enable");
            arguments.extend(enabled);
        }
        let mut command = program::command(PROGRAM, &arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        // What it remembers of the preview is thrown away with it.
        command.env("DEBCONF_DB_OVERRIDE", format!("File{{{}/debconf}}", self.place()));
        program::output(command)?;
        self.stacks(&copy)
    }

    fn copy(&self, root: &Root, folder: &str) -> Result<(), Problem> {
        let copy = Root::below(self.path())?;
        let made = fs::create_dir_all(copy.place(folder));
        made.map_err(|error| Problem::new(format!("{}: {error}", self.place())))?;
        for name in names(root, folder)? {
            let path = format!("{folder}/{name}");
            if root.place(&path).is_file() && (folder != STACKS || name.starts_with("common-")) {
                copy.write(&path, root.read(&path)?.as_deref())?;
            }
        }
        Ok(())
    }

    fn stacks(&self, copy: &Root) -> Result<Vec<(String, String)>, Problem> {
        let mut found = Vec::new();
        for name in names(copy, STACKS)? {
            let path = format!("{STACKS}/{name}");
            if let Some(text) = copy.read(&path)? {
                found.push((path, text));
            }
        }
        Ok(found)
    }
}

fn names(root: &Root, folder: &str) -> Result<Vec<String>, Problem> {
    let names = root.list(folder);
    names.map_err(|error| Problem::new(format!("{folder}: can't be read: {error}")))
}
