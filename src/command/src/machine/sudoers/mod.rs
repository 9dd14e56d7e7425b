//! sudoers(5) and doas.conf(5): where sudo and doas do not ask PAM, or ask it otherwise than it
//! seems.
#![forbid(unsafe_code)]

mod line;
mod rule;

use std::path::{Path, PathBuf};

use super::root::Root;
use line::{Line, lines};

/// Where sudo looks first, and where SUSE's package has its own.
const FILES: [&str; 2] = ["/etc/sudoers", "/usr/etc/sudoers"];
const DOAS: &str = "/etc/doas.conf";
/// Files that include each other end here, as in sudo (`MAX_SUDOERS_DEPTH`).
const DEPTH: usize = 128;
/// sudo's own default of `timestamp_timeout`, in minutes, in Debian.
const USUAL_TIMEOUT: f64 = 15.0;

/// A place where sudo or doas asks less, or another question.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception {
    pub file: PathBuf,
    pub line: usize,
    /// Who it is about, in words.
    pub who: String,
    pub kind: Kind,
}

/// What is different there.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `NOPASSWD:`, for any command or for some.
    NoPassword { any: bool },
    /// `!authenticate`
    NotAuthenticate,
    /// `exempt_group`
    ExemptGroup,
    /// `nopass` of doas.conf.
    NoPass,
    /// `timestamp_timeout` in minutes, longer than usual; below zero without an end.
    Timeout(f64),
    /// `timestamp_type` or `tty_tickets`: a confirmation counts in other terminals too.
    AnyTerminal,
    /// `pam_service`, `pam_login_service` or `pam_askpass_service`: the option and the PAM service.
    Service(String, String),
    /// `targetpw`, `rootpw` or `runaspw`.
    OtherPassword(String),
}

/// What the files say.
#[derive(Debug, Default)]
pub struct Exceptions {
    pub all: Vec<Exception>,
    /// Sources of rules that were not looked at (nsswitch.conf(5), `sudoers`).
    pub elsewhere: Vec<String>,
}

/// Reads the rules of sudo and of doas.
pub fn read(root: &Root) -> Exceptions {
    let mut found = Exceptions { all: Vec::new(), elsewhere: elsewhere(root) };
    let mut files = FILES.iter().map(Path::new);
    if let Some(file) = files.find(|file| root.exists(file)) {
        let mut lines = Vec::new();
        collect(root, file, 0, &mut lines);
        found.all.extend(rule::exceptions(&lines));
    }
    found.all.extend(doas(root));
    found
}

/// `sudoers: files sss`
fn elsewhere(root: &Root) -> Vec<String> {
    let text = root.text("/etc/nsswitch.conf".as_ref()).unwrap_or_default();
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let sources = lines.find_map(|line| line.trim().strip_prefix("sudoers:"));
    let sources = sources.unwrap_or_default().split_ascii_whitespace();
    let is_file = |source: &&str| *source == "files" || source.starts_with('[');
    sources.filter(|source| !is_file(source)).map(str::to_owned).collect()
}

fn collect(root: &Root, file: &Path, depth: usize, all: &mut Vec<Line>) {
    let Ok(text) = root.text(file) else { return };
    for line in lines(file, &text) {
        match line.included() {
            Some(included) if depth < DEPTH => {
                let paths = included.files(root, file);
                paths.iter().for_each(|path| collect(root, path, depth + 1, all));
            }
            Some(_) => {}
            None => all.push(line),
        }
    }
}

/// `permit nopass :wheel`
fn doas(root: &Root) -> Vec<Exception> {
    let text = root.text(DOAS.as_ref()).unwrap_or_default();
    let rules = text.lines().enumerate().filter_map(|(number, line)| {
        let line = line.split('#').next()?;
        let mut words = line.split_ascii_whitespace();
        let is_open = words.next()? == "permit" && words.clone().any(|word| word == "nopass");
        let option = |word: &&str| ["nopass", "nolog", "persist", "keepenv"].contains(word);
        let who = words.find(|word| !option(word) && !word.contains(['{', '}', '=']))?;
        (is_open && who != "root").then(|| Exception {
            file: DOAS.into(),
            line: number + 1,
            who: who.strip_prefix(':').map_or(who.to_owned(), |group| format!("the group {group}")),
            kind: Kind::NoPass,
        })
    });
    rules.collect()
}

impl Exception {
    /// What is so, as a sentence without its end.
    pub fn what(&self) -> String {
        let who = &self.who;
        match &self.kind {
            Kind::NoPassword { any: true } => format!("sudo asks {who} nothing (NOPASSWD)"),
            Kind::NoPassword { any: false } => {
                format!("sudo asks {who} nothing for some commands (NOPASSWD)")
            }
            Kind::NotAuthenticate => format!("sudo asks {who} nothing (!authenticate)"),
            Kind::ExemptGroup => format!("sudo asks {who} nothing (exempt_group)"),
            Kind::NoPass => format!("doas asks {who} nothing (nopass)"),
            Kind::Timeout(minutes) if *minutes < 0.0 => {
                format!(
                    "sudo asks {who} once, and not again until the next boot (timestamp_timeout)"
                )
            }
            Kind::Timeout(minutes) => {
                format!("sudo asks {who} again after {minutes} minutes only (timestamp_timeout)")
            }
            Kind::AnyTerminal => {
                format!(
                    "what {who} confirmed for sudo counts in other terminals too (timestamp_type)"
                )
            }
            Kind::Service(option, service) => {
                format!("sudo asks the PAM service {service} about {who} ({option})")
            }
            Kind::OtherPassword(option) => {
                format!("sudo asks {who} for another account's password ({option})")
            }
        }
    }

    /// What it means for a second factor.
    pub fn why(&self) -> &'static str {
        match &self.kind {
            Kind::NoPassword { .. } | Kind::NotAuthenticate | Kind::ExemptGroup => {
                "sudo does not ask PAM then, so there is no second factor"
            }
            Kind::NoPass => "doas does not ask PAM then, so there is no second factor",
            Kind::Timeout(_) | Kind::AnyTerminal => {
                "as long as sudo remembers a confirmation, it does not ask PAM"
            }
            Kind::Service(..) => "a stack that does not name the module asks for no second factor",
            Kind::OtherPassword(_) => {
                "a local password is that account's then; the tenant is asked about the caller unless login.person is \"user\""
            }
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let edit = format!("sudo visudo -f {}, line {}", self.file.display(), self.line);
        match &self.kind {
            Kind::NoPassword { .. } => {
                format!("{edit}: take NOPASSWD away, but for accounts that only programs use")
            }
            Kind::NotAuthenticate => format!("{edit}: take !authenticate away"),
            Kind::ExemptGroup => format!("{edit}: take exempt_group away"),
            Kind::NoPass => format!("take nopass away in line {} of {DOAS}", self.line),
            Kind::Timeout(_) => format!("{edit}: timestamp_timeout=15, or less"),
            Kind::AnyTerminal => format!("{edit}: timestamp_type=tty"),
            Kind::Service(_, service) => format!("sudo countersign setup --service {service}"),
            Kind::OtherPassword(option) => {
                format!("{edit}: take {option} away if that is not wanted")
            }
        }
    }

    /// Whether it only names one of these services as the one that sudo asks.
    pub fn is_service(&self, services: &[String]) -> bool {
        matches!(&self.kind, Kind::Service(_, service) if services.contains(service))
    }

    /// Whether it is about every user.
    pub fn is_about_everybody(&self) -> bool {
        self.who == rule::EVERYBODY
    }
}

#[cfg(test)]
mod tests;
