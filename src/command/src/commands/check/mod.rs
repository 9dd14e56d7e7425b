//! `countersign check`: whether a user can get in who should not, or no user can, and how to mend
//! it.
//!
//! Each part looks at one thing and adds to the report: the configuration and its files, sshd,
//! every PAM stack that names the module, the records of offline codes, SELinux, and the way to the
//! tenant.
#![forbid(unsafe_code)]

mod broker;
mod configuration;
mod finding;
mod listing;
mod machine;
mod network;
mod outage;
mod outside;
mod person;
mod polkit;
mod reading;
mod rules;
mod selinux;
mod services;
mod sshd;
mod stacks;
mod store;
mod sudoers;

use std::path::{Path, PathBuf};

use countersign::policy::Tenant;

use crate::configuration::context::Context;
use crate::machine::invoker;
use crate::machine::pam::stacks::place_of;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, counted};
use finding::{Finding, Report, Severity};
use machine::Machine;
use sshd::Sshd;

/// Checks the configuration, PAM stacks, sshd, SELinux and the way to the tenant, and says how
/// to mend them
#[derive(clap::Args)]
#[command(
    visible_alias = "doctor",
    after_help = "Examples:\n  countersign check\n  countersign check --user alice\n  countersign check --offline --json\n  countersign check --root /mnt/image"
)]
pub struct Arguments {
    /// A tree of files instead of this system, such as a mounted image: nothing that runs is asked
    /// then
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Leaves the network out
    #[arg(long)]
    offline: bool,
    /// Asks the tenant what this user of the machine could log in with
    #[arg(long, value_name = "USER", value_hint = clap::ValueHint::Username, conflicts_with_all = ["root", "offline"])]
    user: Option<String>,
    /// Shows what is as it should be, too
    #[arg(long, short)]
    verbose: bool,
    /// One JSON object, for programs
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let root = match &arguments.root {
        Some(folder) => Root::below(folder)?,
        None => Root::live(),
    };
    let report = look(context, arguments, root)?;
    if arguments.json {
        report.show_json()
    } else {
        report.show(arguments.verbose)
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Problem::new(format!("{} found", counted(errors, "error")))
            .hint("keep a root shell open while you mend them")),
    }
}

/// What makes the stacks of these services worthless or fatal, each with its remedy.
pub fn broken_stacks(root: &Root, config: &Path, services: &[String]) -> Vec<String> {
    let machine = Machine::new(root.clone(), config.to_owned());
    stacks::check(&machine, stacks::ProvenBefore::Nothing);
    let without = services.iter().filter(|service| !machine.named.contains(*service));
    let mut broken: Vec<_> = without
        .map(|service| {
            let file = place_of(root, service);
            format!("{}: its authentication does not name the module", file.display())
        })
        .collect();
    broken.extend(machine.report.errors_of(services));
    broken
}

/// What this system has to mend, a line for each finding: without the words of files, which may be
/// secret.
pub fn outline(context: &Context) -> Vec<String> {
    let arguments =
        Arguments { root: None, offline: true, user: None, verbose: false, json: false };
    match look(context, &arguments, Root::live()) {
        Ok(report) => report.outline(),
        Err(problem) => vec![problem.what().to_owned()],
    }
}

/// Whether a login would get to this tenant.
///
/// # Errors
///
/// What is in the way, and the remedy.
pub fn way_to(tenant: &Tenant) -> Done {
    match network::obstacle(tenant) {
        Some(finding) => Err(Problem::new(finding.what).hint(finding.remedy)),
        None => Ok(()),
    }
}

fn look(context: &Context, arguments: &Arguments, root: Root) -> Result<Report, Problem> {
    let config = std::path::absolute(context.place()).map_err(Problem::new)?;
    let wanted = context.is_named().then(|| config.clone());
    let machine = Machine::new(root, config);
    let policies = machine.policies(wanted.as_deref());
    let sshd = Sshd::find(&machine);
    let before = sshd.as_ref().map_or(stacks::ProvenBefore::Nothing, Sshd::before);
    stacks::check(&machine, before);
    if let Some(sshd) = &sshd {
        sshd.check(&machine);
    }
    polkit::check(&machine);
    selinux::check(&machine);
    if policies.is_empty() {
        return Ok(machine.report);
    }
    if machine.root.is_closed() {
        machine.report.add(not_root())
    } else {
        policies.iter().for_each(|policy| store::check(&machine, policy))
    }
    outage::check(&machine, &policies);
    let is_asked = machine.root.is_live() && !arguments.offline;
    if machine.root.is_live() {
        broker::check(&machine, &policies);
    }
    if is_asked {
        network::check(&machine, &policies);
    }
    outside::check(&machine);
    sudoers::check(&machine);
    // Who typed the command is the one who must not be left outside.
    let typed = invoker::name().filter(|_| is_asked && !machine.root.is_closed());
    if let Some(user) = arguments.user.as_ref().or(typed.as_ref()) {
        person::check(&machine, user);
    }
    Ok(machine.report)
}

fn not_root() -> Finding {
    Finding::warning("not-root", "files that root alone can read were not checked")
        .because("only root may read secrets, records and the settings of sshd")
        .mend("sudo countersign check")
}
