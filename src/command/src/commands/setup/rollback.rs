//! A setup without confirmation is taken back by itself: by a timer of systemd's, or by a process
//! that waits where systemd does not run.
#![forbid(unsafe_code)]

use std::process::Stdio;
use std::time::Duration;

use countersign::os::{self, Paused, Process, named_ancestors};

use super::announce::{self, Place};
use super::awaited::Awaited;
use super::journal::{Journal, Record};
use super::{apply, put_back};
use crate::machine::program;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, spoken};

const TIMER: &str = "countersign-rollback.timer";
const UNITS: &str = "/etc/systemd/system";
const SERVICE: &str = "countersign-rollback.service";

/// How long before it happens the terminals are told.
const LEAD: Duration = Duration::from_secs(60);
/// When what could not be taken back is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// What has to be seen to work, once everything is written.
pub fn awaited(services: &[String], within: Duration) -> Result<Awaited, Problem> {
    let token = os::random().map_err(Problem::new)?;
    Ok(Awaited {
        token: format!("{token:016x}"),
        services: services.to_vec(),
        boot: os::boot_id().map_err(Problem::new)?,
        since: None,
        until: os::wall_clock().saturating_add(within.as_secs()),
        typed_on: Place::own(),
    })
}

/// Has the setup taken back after that time, whatever becomes of this process and its terminal.
pub fn arm(root: &Root, awaited: &Awaited, within: Duration) -> Done {
    let program = std::env::current_exe().map_err(Problem::new)?;
    let program = program.display().to_string();
    let lead = LEAD.min(within / 2).as_secs();
    let seconds = within.as_secs() - lead;
    if root.exists("/run/systemd/system") {
        start_timer(root, &program, &awaited.token, (seconds, lead))
    } else {
        start_process(&program, &awaited.token, (seconds, lead))
    }
}

/// Counts anew after a boot: a machine that was restarted because no user could log in is put right
/// as well.
fn start_timer(root: &Root, program: &str, token: &str, (seconds, lead): (u64, u64)) -> Done {
    let about =
        "[Unit]\nDescription=Put back a setup of Countersign that no new login has confirmed\n";
    let timer = format!(
        "{about}\n[Timer]\nOnActiveSec={seconds}\nAccuracySec=1\n\n[Install]\nWantedBy=timers.target\n"
    );
    let service = format!(
        "{about}\n[Service]\nType=oneshot\nExecStart={program} unsetup --unless-confirmed {token} --lead {lead}\n"
    );
    root.write(&format!("{UNITS}/{SERVICE}"), Some(&service))?;
    root.write(&format!("{UNITS}/{TIMER}"), Some(&timer))?;
    program::run("systemctl", &["daemon-reload"])?;
    program::run("systemctl", &["enable", "--now", TIMER]).map(drop)
}

fn start_process(program: &str, token: &str, (seconds, lead): (u64, u64)) -> Done {
    let (after, lead) = (seconds.to_string(), lead.to_string());
    let arguments =
        [program, "unsetup", "--unless-confirmed", token, "--after", &after, "--lead", &lead];
    let mut command = program::command("setsid", &arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn();
    started.map(drop).map_err(|error| Problem::new(format!("setsid can't be run: {error}")))
}

/// Nothing waits any more. The process sees for itself that there is nothing to take back, and so
/// does the timer of an image.
pub fn disarm(root: &Root) -> Done {
    if !root.is_live() || !root.exists(format!("{UNITS}/{TIMER}")) {
        return Ok(());
    }
    program::run("systemctl", &["disable", "--now", TIMER])?;
    root.write(&format!("{UNITS}/{TIMER}"), None)?;
    root.write(&format!("{UNITS}/{SERVICE}"), None)?;
    program::run("systemctl", &["daemon-reload"]).map(drop)
}

/// Disarms the timer if it is this setup's: a process that was killed in between has left it.
fn disarm_if(root: &Root, token: &str) -> Done {
    let service = root.read(&format!("{UNITS}/{SERVICE}"))?;
    if service.is_some_and(|service| service.contains(token)) { disarm(root) } else { Ok(()) }
}

/// What the timer runs, or the process in its place.
pub struct Waiting<'a> {
    pub token: &'a str,
    /// How long nothing is said.
    pub after: Duration,
    /// And how long it is waited then, once the terminals were told.
    pub lead: Duration,
}

impl Waiting<'_> {
    /// Waits, and takes the setup back unless an administrator has confirmed it or taken it back.
    /// What can't be done now is tried again.
    pub fn run(&self, root: &Root) -> Done {
        os::let_stops_through();
        pause(self.after)?;
        let typed_on = self.warn(root);
        let (mut wait, mut said) = (self.lead, String::new());
        loop {
            pause(wait)?;
            wait = AGAIN;
            let tried = Journal::open(root).and_then(|journal| {
                apply::undo_last(root, &journal, |record| self.is_meant(record))
            });
            match tried {
                Ok(None) => return disarm_if(root, self.token),
                Ok(Some(undone)) if undone.is_complete() => {
                    done(root, &undone.left, typed_on.as_ref());
                    return disarm(root);
                }
                Ok(Some(undone)) => said = note_once(&said, &undone.failed.join(". ")),
                Err(problem) => said = note_once(&said, problem.what()),
            }
        }
    }

    fn is_meant(&self, record: &Record) -> bool {
        let awaited = record.awaited.as_ref();
        awaited.is_some_and(|awaited| awaited.token == self.token)
    }

    /// On the terminals, if it is still waited for. Returns the one that the setup was typed on.
    fn warn(&self, root: &Root) -> Option<Place> {
        let last = Journal::open(root).ok()?.last().ok()??;
        let awaited = last.awaited.clone().filter(|_| self.is_meant(&last))?;
        let text = format!(
            "the setup is put back in {}, unless a new login by {} says: sudo countersign confirm",
            spoken(self.lead.as_secs()),
            said(&awaited.services)
        );
        announce::tell(&text, awaited.typed_on.as_ref());
        awaited.typed_on
    }
}

fn pause(time: Duration) -> Done {
    match os::pause(time) {
        Paused::Interrupted => Err(Problem::new("interrupted")),
        Paused::Over => Ok(()),
    }
}

/// In the log, on the terminals, and for who confirms it later.
fn done(root: &Root, left: &[String], typed_on: Option<&Place>) {
    note("no new login confirmed the setup: everything is put back", left);
    let time = put_back::time(os::wall_clock());
    let text = format!("no new login confirmed the setup: everything was put back at {time}");
    announce::tell(&text, typed_on);
    if let Err(problem) = put_back::note(root) {
        note(problem.what(), &[]);
    }
}

/// What is in the way is said once, and not at every try.
fn note_once(said: &str, why: &str) -> String {
    if said != why {
        note("not everything could be put back yet", &[why.to_owned()]);
    }
    why.to_owned()
}

/// Writes to the system's log, if this machine has logger(1).
fn note(what: &str, more: &[String]) {
    let said = format!("{what}. {}", more.join(". "));
    let arguments = ["-t", "countersign", "-p", "authpriv.warning", said.trim()];
    let _ = program::run("logger", &arguments);
}

/// The programs that ask PAM as this service, as far as they are known. sudo and su ask again at
/// any time; all others log in.
fn programs(service: &str) -> &'static [&'static str] {
    match service {
        "sshd" => &["sshd", "sshd-session"],
        "login" | "remote" => &["login"],
        "sudo" | "sudo-i" => &["sudo"],
        "su" | "su-l" => &["su"],
        _ => &[],
    }
}

/// Whether a new login by one of these services could be told from an old one.
pub fn can_be_proven(services: &[String]) -> bool {
    services.iter().any(|service| !programs(service).is_empty())
}

/// By which programs a new login counts: a step-up alone where nothing else was set up, for it may
/// be asked nothing.
fn proving(services: &[String]) -> Vec<&'static str> {
    let all = services.iter().flat_map(|service| programs(service));
    let (steps, logins): (Vec<_>, Vec<_>) =
        all.copied().partition(|program| matches!(*program, "sudo" | "su"));
    if logins.is_empty() { steps } else { logins }
}

/// The programs by which a new login counts, for people.
pub fn said(services: &[String]) -> String {
    let mut programs = proving(services);
    programs.retain(|program| *program != "sshd-session");
    programs.dedup();
    programs.join(" or ").replace("sshd", "ssh")
}

/// Whether this process was started from a login that came after the setup, through one of its
/// services.
pub fn is_proven(awaited: &Awaited) -> Result<bool, Problem> {
    let Some(since) = awaited.since else {
        return Err(Problem::new("the setup did not come to its end")
            .hint("what it wrote is put back: sudo countersign unsetup does it at once"));
    };
    let is_same_boot = os::boot_id().map_err(Problem::new)? == awaited.boot;
    let above: Vec<_> = named_ancestors()
        .into_iter()
        .map(|(name, process)| Above {
            name,
            is_later: !is_same_boot || process.start > since,
            is_roots: owner(process) == Some(0),
        })
        .collect();
    Ok(proves(&above, &proving(&awaited.services)))
}

/// A process above this one.
struct Above {
    name: String,
    is_later: bool,
    is_roots: bool,
}

/// sudo and su ask root nothing: another user must have started them.
fn proves(above: &[Above], programs: &[&str]) -> bool {
    above.iter().enumerate().any(|(at, process)| {
        let asks_anybody = !matches!(process.name.as_str(), "sudo" | "su");
        let caller = above.get(at + 1..).unwrap_or_default();
        let mut caller = caller.iter().filter(|other| other.name != process.name);
        let asked = asks_anybody || caller.next().is_some_and(|caller| !caller.is_roots);
        process.is_later && asked && programs.contains(&process.name.as_str())
    })
}

fn owner(process: Process) -> Option<u32> {
    let folder = std::fs::metadata(format!("/proc/{}", process.pid)).ok()?;
    Some(std::os::unix::fs::MetadataExt::uid(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn above(names: &[(&str, bool, bool)]) -> Vec<Above> {
        let one = |(name, is_later, is_roots): &(&str, bool, bool)| Above {
            name: (*name).to_owned(),
            is_later: *is_later,
            is_roots: *is_roots,
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn a_new_login_proves_it_and_an_old_one_or_a_step_up_in_it_does_not() {
        let both = proving(&services(&["sshd", "sudo", "sudo-i"]));
        let sudo = ("sudo", true, true);
        let new = above(&[sudo, ("sh", true, false), ("sshd-session", true, false)]);
        assert!(proves(&new, &both));
        let old = above(&[sudo, ("sh", false, false), ("sshd", false, false)]);
        assert!(!proves(&old, &both));
        assert!(!proves(&above(&[("sh", true, false)]), &both));
    }

    #[test]
    fn where_only_a_step_up_was_set_up_it_proves_it_unless_root_made_it() {
        let programs = proving(&services(&["sudo", "sudo-i"]));
        let step =
            |by_root| above(&[("sudo", true, true), ("sudo", true, true), ("sh", false, by_root)]);
        assert!(proves(&step(false), &programs));
        assert!(!proves(&step(true), &programs));
        let old = above(&[("sudo", false, true), ("sh", false, false)]);
        assert!(!proves(&old, &programs));
    }

    #[test]
    fn a_setup_that_did_not_come_to_its_end_is_proven_by_nothing() {
        let awaited = awaited(&services(&["sshd"]), Duration::from_secs(5));
        let refused = is_proven(&awaited.ok().unwrap()).unwrap_err();
        assert_eq!(refused.what(), "the setup did not come to its end");
    }

    #[test]
    fn a_service_whose_program_is_not_known_can_not_be_proven() {
        assert!(!can_be_proven(&services(&["gdm-password", "cockpit"])));
        assert!(can_be_proven(&services(&["gdm-password", "sudo"])));
        assert_eq!(said(&services(&["sshd", "sudo", "login"])), "ssh or login");
        assert_eq!(said(&services(&["sudo", "sudo-i"])), "sudo");
    }
}
