//! sshd: what it is set to, by its own word where it runs here, and which line says so.
#![forbid(unsafe_code)]

mod security_keys;
mod verdicts;

use std::path::Path;

use super::finding::Finding;
use super::machine::Machine;
use super::stacks::ProvenBefore;
use crate::machine::sshd::config::{Config, MAIN, Setting};
use crate::machine::sshd::effective::{self, Effective, Silence};
use crate::machine::sshd::{lists, program, session_program};

/// The drop-in that sorts before those of distributions.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-countersign.conf";
/// The keyword of the ways in.
const METHODS: &str = "authenticationmethods";

/// What sshd does where no file says anything, as OpenSSH ships it.
const DEFAULTS: [(&str, &str); 12] = [
    ("authenticationmethods", "any"),
    ("gssapiauthentication", "no"),
    ("hostbasedauthentication", "no"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("pamservicename", "sshd"),
    ("passwordauthentication", "yes"),
    ("permitrootlogin", "prohibit-password"),
    ("persourcepenalties", "yes"),
    ("pubkeyauthentication", "yes"),
    ("pubkeyauthoptions", "none"),
    ("usepam", "no"),
];

/// An sshd, and what it is set to.
pub struct Sshd {
    config: Config,
    /// What it says itself, where it was asked.
    effective: Option<Effective>,
    version: Option<(u32, u32)>,
    /// OpenSSH 9.8 or later, by its programs.
    is_split: bool,
}

/// A value, and the line that it comes from; none of a default.
struct Value<'a> {
    text: &'a str,
    setting: Option<&'a Setting>,
}

impl Sshd {
    /// Finds the sshd of a system, if it has one.
    pub fn find(machine: &Machine) -> Option<Self> {
        let program = program(&machine.root);
        if program.is_none() && !machine.root.exists(MAIN) {
            machine.report.pass("sshd", "sshd is not installed");
            return None;
        }
        let mut sshd = Sshd {
            config: Config::read(&machine.root),
            effective: None,
            version: None,
            is_split: session_program(&machine.root).is_some(),
        };
        if let Some(program) = program.filter(|_| machine.root.is_live()) {
            sshd.version = effective::version(&program);
            match effective::ask(&program) {
                Ok(effective) => sshd.effective = Some(effective),
                Err(silence) => machine.report.add(unwilling(&program, &silence)),
            }
        }
        Some(sshd)
    }

    /// Whether each user, those of Match blocks too, has shown a key before PAM is asked.
    pub fn before(&self) -> ProvenBefore {
        let others = self.config.matched.iter();
        let others = others.filter(|matched| matched.keyword == METHODS);
        let mut others = others.map(|matched| lists(&matched.setting.value));
        if need_key(&self.methods()) && others.all(|lists| need_key(&lists)) {
            ProvenBefore::Key
        } else {
            ProvenBefore::Nothing
        }
    }

    pub fn check(&self, machine: &Machine) {
        let service = self.value("pamservicename");
        if machine.named.contains(service.text) {
            let settings = machine.settings_of(service.text);
            verdicts::check(self, settings.as_ref(), machine);
            return;
        }
        let finding = if machine.named.contains("sshd") {
            self.placed(
                Finding::error(
                    "sshd-service",
                    format!("sshd asks the PAM service {}", service.text),
                ),
                &service,
            )
            .because("its stack does not name the module: sshd lets users in without it")
            .mend("write: PAMServiceName sshd")
        } else {
            Finding::note("sshd-unused", "the PAM stack of sshd does not name the module")
                .at("/etc/pam.d/sshd", None)
                .because("users who log in by ssh are not asked for a second factor")
                .mend("sudo countersign setup --service sshd")
        };
        machine.report.add(finding);
    }

    /// The ways in for users that no Match block is about.
    fn methods(&self) -> Vec<Vec<String>> {
        lists(self.value(METHODS).text)
    }

    fn value(&self, keyword: &str) -> Value<'_> {
        let setting = self.config.settings.get(keyword);
        let effective = self.effective.as_ref();
        let said = effective.and_then(|effective| effective.get(keyword));
        let default = DEFAULTS.iter().find(|(name, _)| *name == keyword);
        let written = setting.map(|setting| setting.value.as_str());
        let text = said.or(written).or(default.map(|(_, value)| *value));
        Value { text: text.unwrap_or_default(), setting }
    }

    fn placed(&self, finding: Finding, value: &Value<'_>) -> Finding {
        match value.setting {
            Some(setting) => finding.at(setting.file.display().to_string(), Some(setting.line)),
            None => finding.at(MAIN, None),
        }
    }
}

/// What to write, and where: before the line that wins now.
fn write(line: &str, value: &Value<'_>) -> String {
    let comes_first = value.setting.filter(|setting| {
        let file = setting.file.to_string_lossy();
        !file.starts_with("/etc/ssh/sshd_config.d/") || *file < *DROP_IN
    });
    match comes_first {
        Some(setting) => format!(
            "write \"{line}\" in place of line {} of {}: the first value wins",
            setting.line,
            setting.file.display()
        ),
        None => format!("write \"{line}\" into {DROP_IN}: the first value wins"),
    }
}

/// Whether every way in that asks PAM begins with a key.
fn need_key(lists: &[Vec<String>]) -> bool {
    let asks_pam =
        |method: &String| method.starts_with("keyboard-interactive") || method == "password";
    let has_key = |list: &Vec<String>| list.first().is_some_and(|first| first == "publickey");
    let is_safe = |list: &Vec<String>| has_key(list) || !list.iter().any(asks_pam);
    !lists.is_empty() && lists.iter().all(is_safe)
}

fn unwilling(program: &Path, silence: &Silence) -> Finding {
    let what = format!("sshd does not say what it is set to: {silence}");
    let finding = match silence {
        // As long as it runs on demand, and was not asked for since the boot.
        Silence::NoFolder(_) => Finding::note("sshd-unwilling", what),
        Silence::NoHostKeys | Silence::Refuses(_) => Finding::warning("sshd-unwilling", what),
    };
    finding
        .at(program.display().to_string(), None)
        .because("what follows about sshd is read from its files alone")
        .mend(match silence {
            Silence::NoFolder(folder) => format!("mkdir {}", folder.display()),
            Silence::NoHostKeys => "ssh-keygen -A".to_owned(),
            Silence::Refuses(_) => format!("sudo {} -T", program.display()),
        })
}
