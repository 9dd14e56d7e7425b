//! Where sudo and doas ask less than it seems, by their own files.
#![forbid(unsafe_code)]

use super::finding::{Finding, Severity};
use super::machine::Machine;
use crate::machine::sudoers::{Exception, Kind, read};

/// The services of sudo and doas.
const SERVICES: [&str; 3] = ["sudo", "sudo-i", "doas"];

pub fn check(machine: &Machine) {
    if !SERVICES.iter().any(|service| machine.named.contains(*service)) || machine.root.is_closed()
    {
        return;
    }
    let found = read(&machine.root);
    let count = found.all.len();
    for exception in found.all {
        let severity = severity(&exception, machine);
        if severity == Severity::Passed {
            continue;
        }
        machine.report.add(
            finding(&exception, severity)
                .at(exception.file.display().to_string(), Some(exception.line))
                .because(exception.why())
                .mend(exception.remedy()),
        );
    }
    for source in found.elsewhere {
        machine.report.add(unseen(&source));
    }
    if count == 0 {
        machine.report.pass("sudo-unasked", "no rule of sudo or doas leaves PAM out");
    }
}

fn finding(exception: &Exception, severity: Severity) -> Finding {
    let what = exception.what();
    match &exception.kind {
        Kind::NoPassword { .. } | Kind::NotAuthenticate | Kind::ExemptGroup | Kind::NoPass => {
            Finding::new(severity, "sudo-unasked", what)
        }
        Kind::Timeout(_) | Kind::AnyTerminal => Finding::new(severity, "sudo-remembers", what),
        Kind::Service(..) => Finding::new(severity, "sudo-service", what),
        Kind::OtherPassword(_) => Finding::new(severity, "sudo-password-of", what),
    }
}

/// A service that names the module is as it should be.
fn severity(exception: &Exception, machine: &Machine) -> Severity {
    match &exception.kind {
        Kind::NotAuthenticate if exception.is_about_everybody() => Severity::Error,
        Kind::NoPassword { any: true } if exception.is_about_everybody() => Severity::Error,
        Kind::Service(_, service) if machine.named.contains(service) => Severity::Passed,
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
