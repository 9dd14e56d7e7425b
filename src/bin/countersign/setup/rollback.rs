//! A setup that nobody confirms is taken back by itself: by a timer of systemd's, or by a process that waits where there is
//! none.
#![forbid(unsafe_code)]

use std::process::Stdio;
use std::time::Duration;

use countersign::os::{self, Paused, Process, named_ancestors};

use super::apply;
use super::journal::{Awaited, Journal};
use crate::output::{Done, Problem};
use crate::program;
use crate::root::Root;

const TIMER: &str = "countersign-rollback.timer";
const UNITS: &str = "/etc/systemd/system";
const SERVICE: &str = "countersign-rollback.service";

/// What has to be seen to work, from now on.
pub fn awaited(services: &[String], within: Duration) -> Result<Awaited, Problem> {
    let own = Process::own().map_err(Problem::new)?;
    Ok(Awaited {
        services: services.to_vec(),
        boot: os::boot_id().map_err(Problem::new)?,
        since: own.start,
        until: os::wall_clock().saturating_add(within.as_secs()),
    })
}

/// Has the setup taken back after that time, whatever becomes of this process and its terminal.
pub fn arm(root: &Root, number: u32, within: Duration) -> Done {
    let program = std::env::current_exe().map_err(Problem::new)?;
    let program = program.display().to_string();
    let (number, seconds) = (number.to_string(), within.as_secs().to_string());
    match root.exists("/run/systemd/system") {
        true => start_timer(root, &program, &number, &seconds),
        false => start_process(&program, &number, &format!("{seconds}s")),
    }
}

/// Counts anew after a boot: a machine that was restarted because nobody could log in is put right as well.
fn start_timer(root: &Root, program: &str, number: &str, seconds: &str) -> Done {
    let about = "[Unit]\nDescription=Take back a setup of Countersign that nobody confirmed\n";
    let timer = format!(
        "{about}\n[Timer]\nOnActiveSec={seconds}\nAccuracySec=1\n\n[Install]\nWantedBy=timers.target\n"
    );
    let service = format!(
        "{about}\n[Service]\nType=oneshot\nExecStart={program} unsetup --unless-confirmed {number}\n"
    );
    root.write(&format!("{UNITS}/{SERVICE}"), Some(&service))?;
    root.write(&format!("{UNITS}/{TIMER}"), Some(&timer))?;
    program::run("systemctl", &["daemon-reload"])?;
    program::run("systemctl", &["enable", "--now", TIMER]).map(drop)
}

fn start_process(program: &str, number: &str, after: &str) -> Done {
    let arguments = [
        program,
        "unsetup",
        "--unless-confirmed",
        number,
        "--after",
        after,
    ];
    let mut command = program::command("setsid", &arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn();
    started
        .map(drop)
        .map_err(|error| Problem::new(format!("setsid can't be run: {error}")))
}

/// Nothing waits any more. The process sees for itself that there is nothing to take back.
pub fn disarm(root: &Root) -> Done {
    if !root.exists(format!("{UNITS}/{TIMER}")) {
        return Ok(());
    }
    program::run("systemctl", &["disable", "--now", TIMER])?;
    root.write(&format!("{UNITS}/{TIMER}"), None)?;
    root.write(&format!("{UNITS}/{SERVICE}"), None)?;
    program::run("systemctl", &["daemon-reload"]).map(drop)
}

/// Waits, and takes the setup back unless somebody has confirmed it or taken it back.
pub fn unless_confirmed(root: &Root, number: u32, after: Duration) -> Done {
    if os::pause(after) == Paused::Interrupted {
        return Err(Problem::new("interrupted"));
    }
    let journal = Journal::open(root)?;
    let waits = journal
        .last()?
        .is_some_and(|last| last.number == number && last.awaited.is_some());
    if waits {
        let left = apply::undo_last(root, &journal)?;
        disarm(root)?;
        note(&left.unwrap_or_default());
    }
    Ok(())
}

/// For whoever wonders in the morning. A machine without logger(1) does without.
fn note(left: &[String]) {
    let said = format!(
        "nobody confirmed the setup: taken back. {}",
        left.join(". ")
    );
    let _ = program::run(
        "logger",
        &["-t", "countersign", "-p", "authpriv.warning", said.trim()],
    );
}

/// Whether this process was started from a login that came after the setup, through one of its services.
pub fn is_proven(awaited: &Awaited) -> Result<bool, Problem> {
    if os::boot_id().map_err(Problem::new)? != awaited.boot {
        return Ok(true);
    }
    let later = |process: &Process| process.start > awaited.since;
    let above = named_ancestors();
    let mut above = above.iter().filter(|(_, process)| later(process));
    Ok(above.any(|(name, _)| awaited.services.iter().any(|service| runs(name, service))))
}

/// Whether a program of this name asks PAM as this service.
fn runs(name: &str, service: &str) -> bool {
    let program = service.trim_end_matches("-i").trim_end_matches("-l");
    match program {
        "sshd" => matches!(name, "sshd" | "sshd-session"),
        program => name == program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_program() {
        for (name, service) in [
            ("sshd", "sshd"),
            ("sshd-session", "sshd"),
            ("sudo", "sudo"),
            ("sudo", "sudo-i"),
            ("su", "su-l"),
            ("login", "login"),
        ] {
            assert!(runs(name, service), "{name} {service}");
        }
        for (name, service) in [("bash", "sshd"), ("sshd", "sudo"), ("su", "sudo")] {
            assert!(!runs(name, service), "{name} {service}");
        }
    }
}
