//! Every PAM stack that names the module: who gets in by it, and who is asked on the way.
#![forbid(unsafe_code)]

mod advice;
mod verdicts;

use std::path::Path;

use countersign::host::Arguments;
use pam_stack::line::lines;
use pam_stack::stack::{Handler, Job, Kind, Place, Stack};

use super::finding::Finding;
use super::machine::Machine;
use super::services::{is_left_out, services, stack};
use crate::machine::pam::asked::config_of;
use crate::machine::pam::modules;
use crate::machine::pam::our_module::{is_ours, names_ours};
use crate::machine::pam::stacks::{CONF, is_conf_read, path_of, place_of};
use crate::machine::root::Root;

/// How sshd comes to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenBefore {
    /// No proof of the user is needed.
    Nothing,
    /// sshd asks for a key before, always.
    Key,
}

/// One stack that names the module.
struct ServiceStack<'a> {
    root: &'a Root,
    service: &'a str,
    kind: Kind,
    stack: Stack,
    before: ProvenBefore,
}

pub fn check(machine: &Machine, before: ProvenBefore) {
    let (root, report) = (&machine.root, &machine.report);
    if crate::machine::pam::stacks::services(root).is_empty() {
        report.add(no_services());
        return;
    }
    for service in services(root) {
        for kind in Kind::ALL {
            let stack = stack(root, &service, kind);
            let subject = ServiceStack {
                root,
                service: &service,
                kind,
                stack,
                before: match service.as_str() {
                    "sshd" => before,
                    _ => ProvenBefore::Nothing,
                },
            };
            if is_left_out(&subject.stack, &service) {
                report.pass(
                    "pam-left-out",
                    format!("{service} is left out by a condition on its name"),
                );
            } else if subject.stack.handlers.iter().any(is_ours) {
                subject.check(machine);
            }
        }
    }
    twins(machine);
    unused(machine);
}

impl ServiceStack<'_> {
    fn check(&self, machine: &Machine) {
        let mut found = self.files();
        found.extend(self.of_packages());
        found.extend(self.modules());
        found.extend(self.arguments());
        let troubles = self.troubles();
        let is_readable = troubles.is_empty();
        found.extend(troubles);
        let config = config_of(&self.stack);
        let policy = machine.policy(config.as_deref());
        let settings = policy.as_ref().map(|policy| policy.for_service(self.service));
        found.extend(match self.wrong_type(machine) {
            Some(wrong) => vec![wrong],
            None => verdicts::of(self, settings, is_readable),
        });
        if found.is_empty() {
            let what = format!("the {} stack of {} holds", self.kind.word(), self.service);
            machine.report.pass("pam-stack", what);
        }
        found.into_iter().for_each(|finding| machine.report.add(finding));
    }

    /// Files that another user than root could change: the services', and the module itself.
    fn files(&self) -> Vec<Finding> {
        let services = self.stack.files.iter().map(|name| place_of(self.root, name));
        let ours = self.stack.handlers.iter().filter(|line| is_ours(line));
        let modules = ours.filter_map(|line| match &line.job {
            Job::Module { path, .. } => modules::file(self.root, path),
            Job::Fail | Job::Substack => None,
        });
        let all = services.map(|path| ("a PAM service file", path));
        let all = all.chain(modules.map(|path| ("the module", path)));
        let open = all.filter_map(|(what, path)| {
            let problem = self.root.open_to_others(&path)?;
            Some((format!("{what} {problem}"), path))
        });
        open.map(|(what, path)| {
            let path = path.display().to_string();
            Finding::error("pam-file-writable", what)
                .at(&path, None)
                .of(self.service)
                .because("an account that can change it can let any user in")
                .mend(format!("chown root: {path} && chmod go-w {path}"))
        })
        .collect()
    }

    /// Lines of ours in the files of packages, which an update replaces.
    fn of_packages(&self) -> Vec<Finding> {
        let ours = self.stack.handlers.iter().filter(|line| is_ours(line));
        let files = ours.filter(|line| !line.place.file.starts_with('/')).filter_map(|line| {
            let file = place_of(self.root, &line.place.file);
            (!file.starts_with("/etc")).then_some((line, file))
        });
        files.map(|(line, file)| {
            let finding = Finding::warning("pam-of-package", "the file of a package names pam_countersign.so")
                .because("an update of the package writes the file anew, without the module: users are no longer asked")
                .mend(format!("cp {} /etc/pam.d/, which libpam reads in its place", file.display()));
            self.placed(finding, &line.place)
        })
        .collect()
    }

    /// Modules that are not there.
    fn modules(&self) -> Vec<Finding> {
        let missing = self.stack.handlers.iter().filter(|line| match &line.job {
            Job::Module { path, .. } => !modules::exists(self.root, path),
            Job::Fail | Job::Substack => false,
        });
        missing.filter_map(|line| self.missing(line)).collect()
    }

    fn missing(&self, line: &Handler) -> Option<Finding> {
        let Job::Module { path, .. } = &line.job else {
            return None;
        };
        let finding = if is_ours(line) {
            Finding::error("pam-module-missing", format!("{path} is not there"))
                .because("libpam then says module_unknown in its place")
                .mend("sudo make install, or remove the line")
        } else if line.text.starts_with('-') || line.word.eq_ignore_ascii_case("optional") {
            return None;
        } else {
            Finding::warning("pam-module-missing", format!("{path} is not there"))
                .because(
                    "libpam then says module_unknown in its place, as this line's control takes it",
                )
                .mend("install the package that it is part of, or remove the line")
        };
        Some(self.placed(finding, &line.place))
    }

    /// Arguments that the module does not know: it refuses every user then.
    fn arguments(&self) -> Vec<Finding> {
        let ours = self.stack.handlers.iter().filter(|line| is_ours(line));
        let wrong = ours.filter_map(|line| {
            let refusal = Arguments::parse(line.arguments()).err()?;
            let finding = Finding::error("pam-argument", refusal.detail)
                .because("the module refuses every login by this line")
                .mend("take the argument away; pam_countersign(8) lists those that there are");
            Some(self.placed(finding, &line.place))
        });
        wrong.collect()
    }

    /// Lines that libpam reads otherwise than they look.
    fn troubles(&self) -> Vec<Finding> {
        let troubles = self.stack.troubles.iter();
        troubles.map(|(place, trouble)| self.placed(advice::trouble(trouble), place)).collect()
    }

    /// In `account` the module asks no user, and elsewhere it has nothing to say.
    fn wrong_type(&self, machine: &Machine) -> Option<Finding> {
        if self.kind == Kind::Auth || machine.named.contains(self.service) {
            return None;
        }
        let line = self.stack.handlers.iter().find(|line| is_ours(line))?;
        let kind = self.kind.word();
        let finding =
            Finding::error("pam-type", format!("pam_countersign.so stands in {kind} alone"))
                .because("the module asks users in auth alone: by this stack no user is asked")
                .mend(format!("write: auth {} {}", advice::SAFE, advice::module_of(line)));
        Some(self.placed(finding, &line.place))
    }

    fn placed(&self, finding: Finding, place: &Place) -> Finding {
        let file = place_of(self.root, &place.file);
        finding.at(file.display().to_string(), Some(place.line)).of(self.service)
    }
}

/// Services that have a second name, under which no user is asked.
fn twins(machine: &Machine) {
    for (service, twin, program) in [("sudo", "sudo-i", "sudo -i"), ("su", "su-l", "su -")] {
        let has = |name: &str| machine.named.contains(name);
        if has(service) && !has(twin) {
            machine.report.add(
                Finding::warning("pam-twin", format!("\"{program}\" does not ask for a second factor"))
                    .at(format!("/etc/pam.d/{twin}"), None)
                    .of(twin)
                    .because(format!("\"{program}\" is a service of its own, {twin}, and its stack does not name the module"))
                    .mend(wire(&machine.root, service, twin)),
            );
        }
    }
}

/// What gives a service what another has: a copy is enough where the module stands in that one's
/// own file, and is not made of a file that is there.
fn wire(root: &Root, service: &str, twin: &str) -> String {
    let stack = stack(root, service, Kind::Auth);
    let mut ours = stack.handlers.iter().filter(|line| is_ours(line));
    let is_shared = ours.any(|line| line.place.file != service);
    let is_there = root.exists(path_of(root, twin));
    let config = config_of(&stack).map(|path| format!("--config {} ", path.display()));
    let setup = format!("countersign {}setup --service {twin}", config.unwrap_or_default());
    let copy = format!("cp {} /etc/pam.d/{twin}", path_of(root, service).display());
    match (is_there, is_shared) {
        (true, _) => setup,
        (false, true) => format!("{copy} && {setup}"),
        (false, false) => copy,
    }
}

fn unused(machine: &Machine) {
    let (root, report) = (&machine.root, &machine.report);
    let text = root.text(Path::new(CONF)).unwrap_or_default();
    let line = lines(&text).0.into_iter().find(names_ours);
    if let Some(line) = line.filter(|_| !is_conf_read(root)) {
        report.add(
            Finding::warning("pam-conf", "/etc/pam.conf is not read")
                .at(CONF, Some(line.number))
                .because("libpam ignores it where there is a folder /etc/pam.d or /usr/lib/pam.d")
                .mend("write the line into /etc/pam.d/SERVICE"),
        );
    }
    if machine.named.is_empty() && !report.has("pam-type") {
        report.add(
            Finding::warning("pam-unused", "no PAM stack names pam_countersign.so")
                .at("/etc/pam.d", None)
                .because("no login asks for a second factor")
                .mend("sudo countersign setup, or the lines of pam_countersign(8)"),
        );
    }
}

fn no_services() -> Finding {
    Finding::error("pam-none", "there is no PAM service")
        .at("/etc/pam.d", None)
        .because(
            "libpam looks into /etc/pam.d, /usr/lib/pam.d and /etc/pam.conf, and refuses every user without one",
        )
        .mend("make /etc/pam.d, with a file for each service")
}
