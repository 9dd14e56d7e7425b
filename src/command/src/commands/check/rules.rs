//! Rules that say less than they seem to: tables of services that the machine does not have, rules
//! that can never hold, families that were forgotten, and second names of accounts.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;

use countersign::host;
use countersign::os::{self, Login};
use countersign::policy::{Network, Networks, Policy, Rule, Settings, Texts, nearest};

use super::finding::Finding;
use super::reading::Reading;
use crate::configuration::places::{List, Places};
use crate::machine::pam::stacks;
use crate::machine::root::Root;

/// Programs that name no remote host, so that a rule by network is about the session that they ask
/// in.
const IN_SESSIONS: [&str; 7] = ["sudo", "sudo-i", "su", "su-l", "doas", "runuser", "polkit-1"];
/// Where logind keeps the sessions.
const SESSIONS: &str = "/run/systemd/sessions";
/// With it, polkit's helper is a service of systemd's, and in no session.
const POLKIT_SERVICE: &str = "/usr/lib/systemd/system/polkit-agent-helper@.service";

/// A configuration and where it stands.
pub struct Written<'a> {
    pub policy: &'a Policy,
    pub bytes: &'a [u8],
    pub shown: &'a str,
}

/// The lists of one service, or those of the whole file.
struct Scope<'a> {
    shown: &'a str,
    places: Places,
    settings: &'a Settings,
    /// The whole file's, where a service may have taken its lists from.
    above: Option<&'a Settings>,
}

pub fn check(reading: &Reading<'_>, written: &Written<'_>) {
    let known = stacks::services(reading.root).into_iter().collect();
    services(&known, written, reading);
    let scopes = std::iter::once("").chain(written.policy.services());
    for service in scopes {
        let scope = Scope {
            shown: written.shown,
            places: Places::new(written.bytes, service),
            settings: written.policy.for_service(service),
            above: (!service.is_empty()).then(|| written.policy.for_service("")),
        };
        scope.check(reading);
    }
    sessions(reading, &known, written);
}

/// Tables for services that nothing on this machine is called.
fn services(known: &BTreeSet<String>, written: &Written<'_>, reading: &Reading<'_>) {
    if known.is_empty() {
        return;
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let missing = written.policy.services();
    for service in
        missing.filter(|service| !names.iter().any(|name| name.eq_ignore_ascii_case(service)))
    {
        let meant = nearest(service, &names);
        let meant =
            meant.map_or_else(String::new, |name| format!(", did you mean [service.{name}]"));
        reading.report.add(
            Finding::warning(
                "config-service",
                format!("[service.{service}]: this machine has no PAM service of that name{meant}"),
            )
            .at(written.shown, None)
            .because("what the table says counts for no login here")
            .mend("write the name of a file in /etc/pam.d"),
        );
    }
}

impl Scope<'_> {
    fn check(&self, reading: &Reading<'_>) {
        let settings = self.settings;
        if self.above.is_none_or(|above| above.exempt != settings.exempt) {
            for (at, exemption) in settings.exempt.iter().enumerate() {
                let today = os::day(os::wall_clock());
                let over = exemption.until().filter(|last| *last < today);
                if let Some(last) = over {
                    let what = format!("exemption {:?} ended with {last}", exemption.rule.name());
                    self.never(List::Exempt, at, what, reading);
                }
                self.networks(List::Exempt, at, exemption.rule, reading);
                self.second_names(at, exemption.rule, reading);
            }
        }
        if self.above.is_none_or(|above| above.require != settings.require) {
            for (at, rule) in settings.require.iter().enumerate() {
                self.networks(List::Require, at, rule, reading);
                self.families(at, rule, reading);
            }
        }
        if self.above.is_none_or(|above| above.users != settings.users) {
            self.mapped_names(reading);
        }
    }

    fn line(&self, list: List, at: usize) -> Option<usize> {
        self.places.rule(list, at + 1)
    }

    fn never(&self, list: List, at: usize, what: String, reading: &Reading<'_>) {
        reading.report.add(
            Finding::warning("config-rule-never", what)
                .at(self.shown, self.line(list, at))
                .because("the rule holds for no login")
                .mend("take it out, or mend it"),
        );
    }

    fn networks(&self, list: List, at: usize, rule: Rule<'_>, reading: &Reading<'_>) {
        let networks = rule.networks().into_iter().flat_map(Networks::iter);
        for network in networks.filter(|network| network.is_of_no_host()) {
            let what = format!("rule {:?}: {network} is the address of no host", rule.name());
            self.never(list, at, what, reading);
        }
    }

    fn families(&self, at: usize, rule: Rule<'_>, reading: &Reading<'_>) {
        let networks = rule.networks().into_iter().flat_map(Networks::iter);
        let (v4, v6): (Vec<Network>, Vec<Network>) = networks.partition(|one| one.is_ipv4());
        let forgotten = match (v4.as_slice(), v6.as_slice()) {
            (all, []) if covers_all(all) => ("IPv6", "::/0"),
            ([], all) if covers_all(all) => ("IPv4", "0.0.0.0/0"),
            _ => return,
        };
        let (family, network) = forgotten;
        reading.report.add(
            Finding::warning(
                "config-family",
                format!("rule {:?} leaves out {family}", rule.name()),
            )
            .at(self.shown, self.line(List::Require, at))
            .because(format!("users who come by {family} are exempt"))
            .mend(format!("add \"{network}\" to its networks")),
        );
    }

    fn second_names(&self, at: usize, rule: Rule<'_>, reading: &Reading<'_>) {
        for user in rule.users().into_iter().flat_map(Texts::iter) {
            if let Some(name) = canonical(reading.root, user) {
                let what = format!(
                    "rule {:?}: {user:?} is another name of the account {name:?}",
                    rule.name()
                );
                reading.report.add(
                    second_name(what)
                        .at(self.shown, self.line(List::Exempt, at))
                        .because("an exemption goes by the canonical name: this one has no effect")
                        .mend(format!(
                            "write {name:?}, which exempts the account under each of its names"
                        )),
                );
            }
        }
    }

    fn mapped_names(&self, reading: &Reading<'_>) {
        for (user, _) in self.settings.users.names.iter() {
            if let Some(name) = canonical(reading.root, user) {
                let what = format!("users.names: {user:?} is another name of the account {name:?}");
                reading.report.add(
                    second_name(what)
                        .at(self.shown, None)
                        .because("names go by the canonical name: this entry has no effect")
                        .mend(format!("write {name:?} on the left")),
                );
            }
        }
    }
}

fn second_name(what: String) -> Finding {
    Finding::warning("config-second-name", what)
}

/// The canonical name of an account that is called otherwise, on this very system.
fn canonical(root: &Root, user: &str) -> Option<String> {
    let found = root.is_live().then(|| host::account(user).ok().flatten());
    let account = found.flatten()?;
    account.other_name().is_some().then_some(account.name)
}

/// Together as large as the whole family.
fn covers_all(networks: &[Network]) -> bool {
    networks.iter().map(|network| network.share()).sum::<f64>() >= 1.0
}

/// Whether it can be told here where sessions came from, where a rule needs that.
fn sessions(reading: &Reading<'_>, known: &BTreeSet<String>, written: &Written<'_>) {
    if !reading.root.is_live() {
        return;
    }
    let concerned = IN_SESSIONS.into_iter().filter(|service| known.contains(*service));
    let concerned = concerned.filter(|service| by_network(written.policy.for_service(service)));
    let concerned: Vec<&str> = concerned.collect();
    let has_none = !Path::new(SESSIONS).is_dir();
    let why =
        "without that origin each requirement by network holds, and no exemption by network does";
    for service in &concerned {
        let what = match *service {
            _ if has_none => "without logind nothing says where a login session came from",
            "polkit-1" if Path::new(POLKIT_SERVICE).exists() => {
                "polkit's helper is started by systemd, outside of every login session"
            }
            _ if Login::own() == Login::default() => {
                "neither audit nor a control group says which login session this is: pam_loginuid and pam_systemd do"
            }
            _ => continue,
        };
        reading.report.add(
            Finding::note("config-session", what)
                .of(service)
                .at(written.shown, None)
                .because(why)
                .mend(format!("countersign explain USER --service {service}")),
        );
    }
}

fn by_network(settings: &Settings) -> bool {
    let exempting = settings.exempt.iter().map(|exemption| exemption.rule);
    let mut rules = settings.require.iter().chain(exempting);
    rules.any(|rule| rule.networks().is_some())
}
