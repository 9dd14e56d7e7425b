//! The configuration and the files that it names, as strictly as the module takes them.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;

use countersign::host::{self, LocalUsers, NoSecret, Whence};
use countersign::os::{self, Secrecy, Trusted};
use countersign::policy::{self, Flow, Origin, Policy, Tenant};
use countersign::tenant::http::Client;

use super::finding::Finding;
use super::listing;
use super::reading::{COMMAND, LOGINS, Need, Reading, unreadable};
use super::rules::{self, Written};
use crate::configuration::context;
use crate::configuration::room::{self, Room};

/// So much is read of a configuration, in bytes, to say how much too long it is.
const READ: u64 = 64 * policy::LONGEST;

/// Reads a configuration and looks at every file that it names.
pub fn read(reading: &Reading<'_>, path: &Path) -> Option<Policy> {
    let Reading { root, report } = reading;
    let shown = path.display().to_string();
    let bytes = match os::read(&root.place(path), Secrecy::Public, READ) {
        Ok(bytes) => bytes,
        Err(problem) => {
            report.add(unreadable(
                "config-unreadable",
                root,
                &problem.to_string(),
                &shown,
                &LOGINS,
            ));
            return None;
        }
    };
    match Room::of(bytes.len()) {
        Room::Enough => {}
        Room::Little(said) => report.add(
            Finding::warning("config-large", format!("the configuration {said}"))
                .at(&shown, None)
                .because("no login succeeds by a longer one")
                .mend(room::REMEDY),
        ),
        Room::None(said) => {
            report.add(
                Finding::error("config-large", format!("the configuration {said}"))
                    .at(&shown, None)
                    .because("no login succeeds by it")
                    .mend(room::REMEDY),
            );
            return None;
        }
    }
    match policy::parse(&bytes) {
        Ok(policy) => {
            report.pass("config", format!("{shown} can be read"));
            files(reading, &policy);
            accounts(reading, &policy, &shown);
            let (policy, bytes, shown) = (&policy, &bytes, &shown);
            let written = Written { policy, bytes, shown };
            rules::check(reading, &written);
            Some(policy.clone())
        }
        Err(errors) => {
            let remedy = context::remedy(&errors);
            errors.iter().for_each(|error| report.add(wrong(error, &shown, remedy)));
            None
        }
    }
}

fn wrong(error: &policy::Error, shown: &str, remedy: &str) -> Finding {
    let text = error.to_string();
    let text = text.split_once(": ").filter(|_| error.line().is_some());
    let what = text.map_or_else(|| error.to_string(), |(_, rest)| rest.to_owned());
    Finding::error("config-wrong", what)
        .at(shown, error.line())
        .because("no login succeeds by a configuration that is wrong anywhere")
        .mend(remedy)
}

/// The files of every service: secrets, certificates.
fn files(reading: &Reading<'_>, policy: &Policy) {
    let services: Vec<_> = std::iter::once("").chain(policy.services()).collect();
    let all = services.iter().map(|service| policy.for_service(service));
    let mut secrets = BTreeSet::new();
    let mut authorities = BTreeSet::new();
    let mut lists = BTreeSet::new();
    for settings in all {
        for flow in [&settings.step_up.flow, &settings.step_up.after_public_key] {
            if let Flow::OnDemand(on_demand) = flow {
                secrets.insert(on_demand.client.secret_file.clone());
            }
        }
        lists.extend(settings.users.names_file.clone());
        let proxy = settings.tenant.proxy.as_ref();
        secrets.extend(proxy.and_then(|proxy| proxy.password_file.clone()));
        if settings.tenant.ca_file.is_some() {
            authorities.insert(settings.tenant.ca_file.clone());
            certificates(reading, &settings.tenant, &LOGINS);
        }
    }
    lists.iter().for_each(|path| listing::check(reading, path));
    if !reading.root.is_closed() {
        secrets.iter().for_each(|path| secret(reading, path, &LOGINS));
        if let Some(admin) = policy.admin() {
            secret(reading, &admin.secret_file, &COMMAND);
        }
    }
    if let Some(britive) = policy.britive().filter(|britive| britive.ca_file.is_some()) {
        let mut place = policy.tenant().clone();
        place.ca_file.clone_from(&britive.ca_file);
        certificates(reading, &place, &COMMAND);
    }
}

fn secret(reading: &Reading<'_>, path: &Path, need: &Need) {
    let Reading { root, report } = reading;
    let shown = path.display().to_string();
    match host::secret_line(&root.place(path), &Trusted::default()) {
        Err(NoSecret::Unsafe(problem)) => {
            let problem = problem.to_string();
            report.add(unreadable("secret-unreadable", root, &problem, &shown, need));
        }
        Err(NoSecret::Wrong(line, why)) => {
            let finding = Finding::error("secret-wrong", why).at(shown, Some(line));
            let remedy = "write the secret into it as its only line, and nothing else";
            report.add(need.of(finding).mend(remedy));
        }
        Ok(_) => report.pass("secret", format!("{shown} is root's alone")),
    }
}

fn certificates(reading: &Reading<'_>, tenant: &Tenant, need: &Need) {
    let Reading { root, report } = reading;
    let Some(path) = &tenant.ca_file else { return };
    let shown = path.display().to_string();
    let mut here = Tenant { proxy: None, ..tenant.clone() };
    here.ca_file = Some(root.place(path));
    let settings = match host::connection(&here, &Trusted::default()) {
        Ok(settings) => settings,
        Err(refusal) => {
            report.add(unreadable("ca-unreadable", root, &refusal.detail, &shown, need));
            return;
        }
    };
    match Client::new(&settings) {
        Ok(_) => report.pass("ca", format!("{shown} has certificates")),
        Err(problem) => {
            let finding = Finding::error("ca-wrong", problem.to_string()).at(shown, None);
            let remedy = "put root certificates in PEM form into it, or take ca_file away";
            report.add(need.of(finding).mend(remedy));
        }
    }
}

/// Users and groups that rules name and the system does not know: such a rule says less than it
/// seems to.
fn accounts(reading: &Reading<'_>, policy: &Policy, shown: &str) {
    let Reading { root, report } = reading;
    if !root.is_live() {
        return;
    }
    match policy.unknown_accounts(&LocalUsers::from(Whence::Told(Origin::Unclear))) {
        Ok(notes) => notes.iter().for_each(|note| {
            report.add(
                Finding::warning("config-account", note.to_string())
                    .at(shown, None)
                    .because("the rule does not apply to the account that its name suggests")
                    .mend("make the account, or take its name out of the rule"),
            );
        }),
        Err(failed) => report.add(
            Finding::warning("config-accounts", format!("accounts can't be looked up: {failed}"))
                .at(shown, None)
                .because("the module then refuses each user that a rule could apply to")
                .mend("getent passwd"),
        ),
    }
}
