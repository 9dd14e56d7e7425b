//! sshd: what it is set to, by its own word where it runs here, and which line says so.
#![forbid(unsafe_code)]

mod config;
mod effective;
mod verdicts;

use std::path::{Path, PathBuf};

use countersign::policy::Policy;

use config::{Config, Setting};

use super::finding::{Finding, Report};
use super::stacks::{Before, Named};
use crate::root::Root;

const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// What sshd does where no file says anything, as OpenSSH ships it.
const DEFAULTS: [(&str, &str); 10] = [
    ("authenticationmethods", "any"),
    ("gssapiauthentication", "no"),
    ("hostbasedauthentication", "no"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("pamservicename", "sshd"),
    ("passwordauthentication", "yes"),
    ("permitrootlogin", "prohibit-password"),
    ("pubkeyauthentication", "yes"),
    ("usepam", "no"),
];

/// An sshd, and what it is set to.
pub struct Sshd {
    config: Config,
    /// What it says itself, where it was asked.
    effective: Option<effective::Effective>,
    version: Option<(u32, u32)>,
}

/// A value, and the line that it comes from; none of a default.
struct Value<'a> {
    text: &'a str,
    setting: Option<&'a Setting>,
}

impl Sshd {
    /// The sshd of a system; none where there is none.
    pub fn find(root: &Root, report: &mut Report) -> Option<Self> {
        let programs = PROGRAMS.into_iter().map(PathBuf::from);
        let program = programs.into_iter().find(|path| root.exists(path));
        if program.is_none() && !root.exists(config::MAIN) {
            report.pass("sshd", "sshd is not installed");
            return None;
        }
        let mut sshd = Sshd {
            config: Config::read(root),
            effective: None,
            version: None,
        };
        if let Some(program) = program.filter(|_| root.is_live()) {
            sshd.version = effective::version(&program);
            match effective::ask(&program) {
                Ok(effective) => sshd.effective = Some(effective),
                Err(said) => report.add(unwilling(&program, &said)),
            }
        }
        Some(sshd)
    }

    /// Whether everybody has shown a key before PAM is asked.
    pub fn before(&self) -> Before {
        let lists = self.methods();
        let asks_pam = lists.iter().filter(|list| {
            let mut methods = list.iter();
            methods.any(|method| method.starts_with("keyboard-interactive"))
        });
        let mut asks_pam = asks_pam.peekable();
        let is_behind_a_key = asks_pam.peek().is_some()
            && asks_pam.all(|list| list.first().is_some_and(|first| first == "publickey"));
        match is_behind_a_key {
            true => Before::Key,
            false => Before::Nothing,
        }
    }

    pub fn check(&self, named: &Named, policy: Option<&Policy>, report: &mut Report) {
        let service = self.value("pamservicename");
        if named.services.contains(service.text) {
            verdicts::check(self, policy, report);
            return;
        }
        let finding = match named.services.contains("sshd") {
            true => self
                .placed(
                    Finding::error(
                        "sshd-service",
                        format!("sshd asks the PAM service {}", service.text),
                    ),
                    &service,
                )
                .because("its stack does not name the module: nobody is asked")
                .mend("write: PAMServiceName sshd"),
            false => Finding::note(
                "sshd-unused",
                "the PAM stack of sshd does not name the module",
            )
            .at("/etc/pam.d/sshd", None)
            .because("nobody is asked who logs in by ssh")
            .mend("pam_countersign(8) shows the lines"),
        };
        report.add(finding);
    }

    /// The ways in, each a list of methods that must all succeed; none where any method will do.
    fn methods(&self) -> Vec<Vec<String>> {
        let text = self.value("authenticationmethods").text;
        if text == "any" {
            return Vec::new();
        }
        let lists = text.split_ascii_whitespace();
        lists
            .map(|list| list.split(',').map(str::to_ascii_lowercase).collect())
            .collect()
    }

    fn value(&self, keyword: &str) -> Value<'_> {
        let setting = self.config.settings.get(keyword);
        let effective = self.effective.as_ref();
        let said = effective.and_then(|effective| effective.get(keyword));
        let default = DEFAULTS.iter().find(|(name, _)| *name == keyword);
        let written = setting.map(|setting| setting.value.as_str());
        let text = said.or(written).or(default.map(|(_, value)| *value));
        Value {
            text: text.unwrap_or_default(),
            setting,
        }
    }

    fn placed(&self, finding: Finding, value: &Value<'_>) -> Finding {
        match value.setting {
            Some(setting) => finding.at(setting.file.display().to_string(), Some(setting.line)),
            None => finding.at(config::MAIN, None),
        }
    }
}

fn unwilling(program: &Path, said: &str) -> Finding {
    Finding::warning(
        "sshd-unwilling",
        format!("sshd does not say what it is set to: {said}"),
    )
    .at(program.display().to_string(), None)
    .because("what follows about sshd is read from its files alone")
    .mend(format!("sudo {} -T", program.display()))
}
