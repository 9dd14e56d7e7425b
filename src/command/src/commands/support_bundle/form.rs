//! What a field of a line in the log can hold if we have written it: any user can write a line that
//! looks like one of ours.
#![forbid(unsafe_code)]

use std::net::IpAddr;
use std::path::Path;

use countersign::audit::escape;
use countersign::os;
use countersign::policy::{Mechanism, Policy, Settings};
use countersign::refusal::Reason;

use crate::ui::reasons;

const OUTCOMES: [&str; 4] = ["granted", "denied", "exempt", "error"];
/// Reasons that are no refusals.
const REASONS: [&str; 5] = ["ok", "remembered", "security_key", "rule", "offline"];
/// Mechanisms that are none of the tenant's.
const OFFLINE: [&str; 2] = ["OFFLINE", "OFFLINE_RECOVERY"];
/// Fields with names: a well-formed one can still be unknown to this machine.
const NAMES: [&str; 4] = ["user", "typed", "tenant_user", "rhost"];

/// The fields of a line.
pub struct Line<'a>(pub Vec<(&'a str, &'a str)>);

impl<'a> Line<'a> {
    /// Empty where there is no such field.
    pub fn value(&self, key: &str) -> &'a str {
        let found = self.0.iter().find(|(name, _)| *name == key);
        found.map_or("", |(_, value)| value)
    }
}

/// What this machine and its configuration have names for.
pub struct Known<'a> {
    pub policy: Option<&'a Policy>,
    /// Where the stacks of services are.
    pub folders: Vec<&'a Path>,
}

impl Known<'_> {
    /// `None` for a field that no line has; whether its value can be ours otherwise.
    pub fn is_ours(&self, line: &Line<'_>, key: &str) -> Option<bool> {
        let value = line.value(key);
        let is_ours = match key {
            "attempt" => is_hex(value, 16),
            "outcome" => OUTCOMES.contains(&value),
            "reason" => REASONS.contains(&value) || reasons::named(value).is_some(),
            "user" | "typed" => is_user(value),
            "tenant_user" => self.is_tenant_user(line),
            "service" => self.is_service(value),
            "rhost" => is_address(value),
            "tty" => is_tty(value),
            "mechanisms" => value.split(',').all(is_mechanism),
            "rule" => self.is_rule(line),
            "tx" => is_hex(&value.replace('-', ""), 64),
            "requests" | "ms" => is_number(value),
            "detail" => self.is_own_detail(line),
            _ => return None,
        };
        Some(value.is_empty() || is_ours)
    }

    fn settings(&self, line: &Line<'_>) -> Option<&Settings> {
        Some(self.policy?.for_service(line.value("service")))
    }

    /// The name that the configuration gives to the user of this line.
    fn is_tenant_user(&self, line: &Line<'_>) -> bool {
        let (user, tenant_user) = (line.value("user"), line.value("tenant_user"));
        let Some(users) = self.settings(line).map(|settings| &settings.users) else {
            return false;
        };
        let template = users.template.as_ref();
        let made = template.map(|template| template.replacen("{user}", user, 1));
        let mut names = users.names.get(user).into_iter();
        let is_it = |name: &str| escape(name) == tenant_user;
        let mut others = users.keys.iter().map(|(_, name)| name).chain(made.as_deref());
        is_user(user) && (names.any(is_it) || others.any(is_it))
    }

    fn is_service(&self, service: &str) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_file = || self.folders.iter().any(|folder| folder.join(service).is_file());
        service.chars().all(is_name) && is_file()
    }

    fn is_rule(&self, line: &Line<'_>) -> bool {
        let rule = line.value("rule");
        self.settings(line).is_some_and(|settings| {
            settings.exempt.iter().any(|known| escape(known.rule.name()) == rule)
        })
    }

    /// Details that the module or this machine writes, and no user or administrator a part of them.
    /// They have no form of their own, so all else in the line must have its own.
    fn is_own_detail(&self, line: &Line<'_>) -> bool {
        let is_printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let keys = line.0.iter().map(|(key, _)| *key);
        let mut others = keys.filter(|key| *key != "detail" && !NAMES.contains(key));
        is_printable(line.value("detail"))
            && has_own_detail(line.value("reason"))
            && others.all(|key| self.is_ours(line, key) == Some(true))
    }
}

pub fn is_user(user: &str) -> bool {
    matches!(os::uid_of(user), Ok(Some(_)))
}

pub fn is_address(rhost: &str) -> bool {
    rhost.parse::<IpAddr>().is_ok()
}

fn is_hex(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_number(text: &str) -> bool {
    text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_mechanism(name: &str) -> bool {
    let mut names = Mechanism::ALL.iter().map(|mechanism| mechanism.name());
    names.any(|known| known == name) || OFFLINE.contains(&name)
}

/// `ssh`, `/dev/pts/3`, `tty1`, `ttyUSB0`, `:0`.
fn is_tty(tty: &str) -> bool {
    let device = tty.strip_prefix("/dev/").unwrap_or(tty);
    let line = |line: &str| {
        let number = line.trim_start_matches(|c: char| c.is_ascii_uppercase());
        line.len() - number.len() <= 4 && is_number(number)
    };
    let known = [("pts/", is_number as fn(&str) -> bool), ("tty", line), (":", is_number)];
    let mut rests =
        known.iter().filter_map(|(start, form)| Some(form(device.strip_prefix(start)?)));
    ["ssh", "console"].contains(&device) || rests.any(|is_right| is_right)
}

fn has_own_detail(reason: &str) -> bool {
    reasons::named(reason)
        .map_or(["remembered", "offline"].contains(&reason), Reason::has_own_detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_one_that_there_can_be() {
        for tty in [
            "ssh",
            "/dev/pts/12",
            "pts/0",
            "/dev/tty",
            "tty1",
            "/dev/ttyS0",
            "ttyUSB0",
            ":0",
            "/dev/console",
        ] {
            assert!(is_tty(tty), "{tty}");
        }
        for tty in [
            "hunter2",
            "ttyhunter2",
            "/dev/pts/a",
            ":hunter2",
            "ttyHUNTE2",
            "/dev/shm/x",
            "a\u{1b}",
        ] {
            assert!(!is_tty(tty), "{tty}");
        }
    }

    #[test]
    fn a_value_of_another_form_is_not_ours() {
        let known = Known { policy: None, folders: Vec::new() };
        for (key, good, bad) in [
            ("attempt", "00c0ffee00c0ffee", "hunter2"),
            ("outcome", "granted", "hunter2"),
            ("reason", "answer_refused", "hunter2"),
            ("reason", "offline", "Offline"),
            ("user", "root", "hunter2"),
            ("rhost", "2001:db8::1", "hunter2"),
            ("mechanisms", "UP,OATH", "UP,hunter2"),
            ("mechanisms", "OFFLINE_RECOVERY", "UP,"),
            ("tx", "0123-abcdef", "hunter2"),
            ("ms", "1234", "1234 hunter2"),
            ("requests", "", "-1"),
            ("service", "", "hunter2"),
            ("rule", "", "hunter2"),
            ("tenant_user", "", "hunter2"),
        ] {
            assert_eq!(known.is_ours(&Line(vec![(key, good)]), key), Some(true), "{key}");
            assert_eq!(known.is_ours(&Line(vec![(key, bad)]), key), Some(false), "{key}");
        }
        assert_eq!(known.is_ours(&Line(vec![("hunter2", "")]), "hunter2"), None);
    }

    #[test]
    fn a_detail_is_believed_with_the_rest_of_its_line() {
        let known = Known { policy: None, folders: Vec::new() };
        let is_ours = |tty, detail| {
            let fields =
                vec![("reason", "outage"), ("tty", tty), ("rhost", "a name"), ("detail", detail)];
            known.is_ours(&Line(fields), "detail")
        };
        assert_eq!(is_ours("ssh", "connection refused"), Some(true));
        assert_eq!(is_ours("hunter2", "connection refused"), Some(false));
        assert_eq!(is_ours("ssh", "connection\u{1b}refused"), Some(false));
    }
}
