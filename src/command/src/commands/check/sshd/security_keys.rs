//! Whether sshd demands of a security key what the configuration takes it for.
#![forbid(unsafe_code)]

use countersign::policy::{SecurityKey, Settings};

use super::{Sshd, write};
use crate::commands::check::finding::Finding;
use crate::commands::check::machine::Machine;
use crate::machine::outside;
use crate::machine::sshd::keys::{self, Places, SecurityKeyLine};

/// The keyword of sshd_config(5), and what stands behind it or before a key.
const OPTIONS: &str = "pubkeyauthoptions";
const VERIFY: &str = "verify-required";
const TOUCH: &str = "touch-required";
const NO_TOUCH: &str = "no-touch-required";

/// What to look at for a value of `login.security_key`.
pub fn check(sshd: &Sshd, settings: &Settings, machine: &Machine) -> Vec<Finding> {
    match settings.step_up.security_key {
        SecurityKey::Off => Vec::new(),
        SecurityKey::Factor => untouched(sshd, machine),
        SecurityKey::Enough => unverified(sshd, machine),
    }
}

/// With `factor`, the key must be in the user's hand: a touch shows that.
fn untouched(sshd: &Sshd, machine: &Machine) -> Vec<Finding> {
    if demands(sshd, &[TOUCH, VERIFY]) {
        return Vec::new();
    }
    let lines = lines(sshd, machine).into_iter().filter(|line| line.has(NO_TOUCH));
    let findings = lines.map(|line| {
        Finding::warning("sshd-key-untouched", "a security key counts as a factor without a touch")
            .at(line.file.display().to_string(), Some(line.line))
            .because("any program on the user's computer can use the key while it is plugged in")
            .mend(format!("take {NO_TOUCH} out of the line"))
    });
    findings.collect()
}

/// With `enough`, the authenticator must have verified its user: the key is all there is.
fn unverified(sshd: &Sshd, machine: &Machine) -> Vec<Finding> {
    if demands(sshd, &[VERIFY]) {
        return Vec::new();
    }
    let value = sshd.value(OPTIONS);
    let finding = |what: String| {
        Finding::error("sshd-key-unverified", what)
            .because(
                "login.security_key is \"enough\": a stolen authenticator logs in without its PIN",
            )
            .mend(format!(
                "{}; or login.security_key = \"factor\"",
                write(&format!("PubkeyAuthOptions {VERIFY}"), &value)
            ))
    };
    let sources = Places::of(&sshd.config, sshd.effective.as_ref()).unknown;
    let accounts = outside::accounts(&machine.root);
    let matched = sshd.config.matched.iter().find(|one| one.keyword == OPTIONS);
    let what = match (&*sources, accounts, matched) {
        (_, _, Some(matched)) => {
            format!(
                "for \"Match {}\" sshd need not demand a PIN of a security key",
                matched.criteria
            )
        }
        ([source, ..], _, _) => {
            format!("sshd takes keys from {source}, and need not demand a PIN of a security key")
        }
        (_, Err(_), _) => "sshd need not demand a PIN of a security key".to_owned(),
        // The files of all accounts say it, line by line.
        ([], Ok(accounts), None) => {
            if !accounts.is_empty() {
                let lines = lines(sshd, machine).into_iter().filter(|line| !line.has(VERIFY));
                let found = lines.map(|line| {
                    let what = "sshd demands no PIN of this security key";
                    finding(what.to_owned()).at(line.file.display().to_string(), Some(line.line))
                });
                return found.collect();
            }
            "sshd need not demand a PIN of a security key".to_owned()
        }
    };
    vec![sshd.placed(finding(what), &value)]
}

/// Whether sshd demands one of these for each user and each key.
fn demands(sshd: &Sshd, options: &[&str]) -> bool {
    let has = |text: &str| {
        text.split([' ', ',', '\t']).any(|word| options.contains(&&*word.to_ascii_lowercase()))
    };
    let mut matched = sshd.config.matched.iter().filter(|one| one.keyword == OPTIONS);
    has(sshd.value(OPTIONS).text) && matched.all(|one| has(&one.setting.value))
}

/// The lines for security keys of all accounts of this system.
fn lines(sshd: &Sshd, machine: &Machine) -> Vec<SecurityKeyLine> {
    let places = Places::of(&sshd.config, sshd.effective.as_ref());
    let accounts = outside::accounts(&machine.root).unwrap_or_default();
    let files = accounts.iter().flat_map(|account| places.files(&machine.root, account));
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.dedup();
    keys::security_keys(&machine.root, &files)
}
