//! Where sudo and doas ask less than it seems, by their own files.
#![forbid(unsafe_code)]

use super::finding::{Finding, Report, Severity};
use super::stacks::Named;
use crate::root::Root;
use crate::sudoers::{Exception, Kind, read};

/// The services of sudo and doas.
const SERVICES: [&str; 3] = ["sudo", "sudo-i", "doas"];

pub fn check(root: &Root, named: &Named, report: &mut Report) {
    if !SERVICES
        .iter()
        .any(|service| named.services.contains(*service))
        || root.is_closed()
    {
        return;
    }
    let found = read(root);
    let count = found.all.len();
    for exception in found.all {
        let severity = severity(&exception, named);
        if severity == Severity::Passed {
            continue;
        }
        report.add(
            Finding::new(severity, id(&exception.kind), exception.what())
                .at(exception.file.display().to_string(), Some(exception.line))
                .because(exception.why())
                .mend(exception.remedy()),
        );
    }
    for source in found.elsewhere {
        report.add(unseen(&source));
    }
    if count == 0 {
        report.pass("sudo-unasked", "no rule of sudo or doas leaves PAM out");
    }
}

fn id(kind: &Kind) -> &'static str {
    match kind {
        Kind::NoPassword { .. } | Kind::NotAuthenticate | Kind::ExemptGroup | Kind::NoPass => {
            "sudo-unasked"
        }
        Kind::Timeout(_) | Kind::AnyTerminal => "sudo-remembers",
        Kind::Service(..) => "sudo-service",
        Kind::OtherPassword(_) => "sudo-password-of",
    }
}

/// A service that names the module is as it should be.
fn severity(exception: &Exception, named: &Named) -> Severity {
    match &exception.kind {
        Kind::NotAuthenticate if exception.is_about_everybody() => Severity::Error,
        Kind::NoPassword { any: true } if exception.is_about_everybody() => Severity::Error,
        Kind::Service(_, service) if named.services.contains(service) => Severity::Passed,
        Kind::Service(..) => Severity::Error,
        Kind::NoPassword { .. } | Kind::NotAuthenticate | Kind::ExemptGroup | Kind::NoPass => {
            Severity::Warning
        }
        Kind::Timeout(minutes) if *minutes < 0.0 => Severity::Warning,
        Kind::Timeout(_) | Kind::AnyTerminal | Kind::OtherPassword(_) => Severity::Note,
    }
}

fn unseen(source: &str) -> Finding {
    Finding::note(
        "sudo-unseen",
        format!("rules of sudo come from {source}, which was not looked at"),
    )
    .at("/etc/nsswitch.conf", None)
    .because("a rule there may say !authenticate, and sudo does not ask PAM then")
    .mend("sudo -l -U USER shows what holds for a user")
}
