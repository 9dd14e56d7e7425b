//! `countersign check`: whether somebody can get in who should not, or nobody can, and how to mend
//! it.
//!
//! Each part looks at one thing and adds to the report: the configuration and its files, sshd,
//! every PAM stack that names the module, the records of offline codes, SELinux, and the way to the
//! tenant.
#![forbid(unsafe_code)]

mod configuration;
mod finding;
mod listing;
mod network;
mod outage;
mod outside;
mod person;
mod polkit;
mod rules;
mod selinux;
mod sshd;
mod stacks;
mod store;
mod sudoers;

use std::path::{Path, PathBuf};

use countersign::policy::Tenant;

use crate::configuration::context::Context;
use crate::machine::invoker;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, counted};
use configuration::Configurations;
use finding::{Finding, Report, Severity};
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
        Some(folder) => Root::below(folder).map_err(Problem::new)?,
        None => Root::live(),
    };
    if let Some(folder) = arguments.root.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Problem::new(format!("{}: is no folder", folder.display()))
            .hint("name the folder that the system's files are below"));
    }
    let mut report = Report::default();
    look(context, arguments, &root, &mut report)?;
    match arguments.json {
        true => report.show_json(),
        false => report.show(arguments.verbose),
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Problem::new(format!("{} found", counted(errors, "error")))
            .hint("keep a root shell open while you mend them")),
    }
}

/// What makes the stacks of these services worthless or fatal, each with its remedy.
pub fn broken_stacks(root: &Root, config: &Path, services: &[String]) -> Vec<String> {
    let mut configurations = Configurations::new(config.to_owned());
    let mut report = Report::default();
    let named = stacks::named(root);
    let before = stacks::Before::Nothing;
    stacks::check(root, &mut configurations, &named, before, &mut report);
    let without = services.iter().filter(|service| !named.services.contains(*service));
    let mut broken: Vec<_> = without
        .map(|service| {
            let file = crate::machine::pam::stacks::place_of(root, service);
            format!("{}: its authentication does not name the module", file.display())
        })
        .collect();
    broken.extend(report.errors_of(services));
    broken
}

/// What this system has to mend, a line for each finding: without the words of files, which may be
/// secret.
pub fn outline(context: &Context) -> Vec<String> {
    let arguments =
        Arguments { root: None, offline: true, user: None, verbose: false, json: false };
    let mut report = Report::default();
    match look(context, &arguments, &Root::live(), &mut report) {
        Ok(()) => report.outline(),
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

fn look(
    context: &Context,
    arguments: &Arguments,
    root: &Root,
    report: &mut Report,
) -> Result<(), Problem> {
    let config = std::path::absolute(context.place()).map_err(Problem::new)?;
    let wanted = context.is_named().then(|| config.clone());
    let mut configurations = Configurations::new(config);
    let named = stacks::named(root);
    let policies = configurations.used(root, &named, wanted.as_deref(), report);
    let sshd = Sshd::find(root, report);
    let before = sshd.as_ref().map_or(stacks::Before::Nothing, Sshd::before);
    stacks::check(root, &mut configurations, &named, before, report);
    if let Some(sshd) = &sshd {
        sshd.check(root, &mut configurations, &named, report);
    }
    polkit::check(root, &mut configurations, &named, report);
    selinux::check(root, &mut configurations, &named, report);
    if policies.is_empty() {
        return Ok(());
    }
    match root.is_closed() {
        true => report.add(not_root()),
        false => policies.iter().for_each(|policy| store::check(root, policy, report)),
    }
    outage::check(root, &policies, report);
    if root.is_live() && !arguments.offline {
        network::check(&policies, report);
    }
    outside::check(root, &mut configurations, &named, report);
    sudoers::check(root, &named, report);
    // Who typed the command is the one who must not be left outside.
    let is_asked = root.is_live() && !root.is_closed() && !arguments.offline;
    let typed = invoker::name().filter(|_| is_asked);
    if let Some(user) = arguments.user.as_ref().or(typed.as_ref()) {
        person::check(root, &mut configurations, &named, user, report);
    }
    Ok(())
}

fn not_root() -> Finding {
    Finding::warning("not-root", "what is root's alone was not looked at")
        .because("secrets, records, and what sshd is set to are nobody else's business")
        .mend("sudo countersign check")
}
