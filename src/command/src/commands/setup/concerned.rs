//! Who a setup is about: who is asked what they were not asked before, who is asked nothing, and
//! who is left outside.
#![forbid(unsafe_code)]

use countersign::policy::{Flow, Policy};

use super::arguments::Arguments;
use super::asked::ask_tenant;
use super::parts::sshd::{self, Keys};
use super::wanted::Wanted;
use crate::machine::outside::{
    Outside, Sshd, accounts, asks_local_password_first, by_key, by_password, merged,
};
use crate::machine::root::Root;
use crate::machine::{invoker, sudoers};
use crate::ui::output::Problem;

/// What is said before the yes.
#[derive(Default)]
pub struct Concerned {
    asked: Vec<String>,
    unasked: Vec<String>,
    pub outside: Vec<Outside>,
}

impl Concerned {
    /// Looks at accounts, keys and rules of sudo, and asks the tenant about who typed the command.
    pub fn find(root: &Root, wanted: &Wanted, arguments: &Arguments) -> Result<Self, Problem> {
        let mut concerned = Self {
            asked: asked(wanted),
            unasked: unasked(root, wanted.services()),
            outside: Vec::new(),
        };
        if !root.is_live() {
            let line = "Accounts of an image are not looked at: run `sudo countersign check` on the machine itself.";
            concerned.unasked.push(line.to_owned());
            return Ok(concerned);
        }
        let sshd = Sshd::new(root, sshd::lines(wanted.answers.keys));
        concerned.outside = merged(left_outside(root, wanted, arguments, &sshd)?);
        if is_sshd(wanted) && sshd.asks_behind_keys() {
            let sources = sshd.unknown_sources().into_iter();
            concerned.unasked.extend(sources.map(|source| {
                format!("Keys come from {source} too: whether their owners can meet the tenant is not known.")
            }));
        }
        Ok(concerned)
    }

    pub fn shown(&self) -> String {
        let mut text = String::from("Who is asked from now on:\n");
        text.extend(self.asked.iter().map(|line| format!("  {line}\n")));
        if !self.unasked.is_empty() {
            text.push_str("Not protected, or not checked:\n");
            text.extend(self.unasked.iter().map(|line| format!("  {line}\n")));
        }
        if !self.outside.is_empty() {
            text.push_str("Who could not log in any more:\n");
            text.extend(
                self.outside
                    .iter()
                    .map(|one| format!("  {}: {}\n    do: {}\n", one.account, one.why, one.remedy)),
            );
        }
        text
    }

    /// The accounts that are left outside, by name.
    pub fn names(&self) -> String {
        let names = self.outside.iter().map(|one| one.account.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}

fn is_sshd(wanted: &Wanted) -> bool {
    wanted.services().iter().any(|service| service == "sshd")
}

/// A line for each program, and one more where the tenant is asked for something else behind a key.
fn asked(wanted: &Wanted) -> Vec<String> {
    let (policy, keys) = (&wanted.policy, wanted.answers.keys);
    let services = wanted.services().iter();
    let services = services.filter(|service| !["sudo-i", "su-l"].contains(&service.as_str()));
    let mut lines = Vec::new();
    for service in services {
        let step_up = &policy.for_service(service).step_up;
        let without_key = what(policy, service, &step_up.flow);
        let behind_key = what(policy, service, &step_up.after_public_key);
        match (who_behind_key(service, keys), without_key == behind_key) {
            (Some(with_key), false) => {
                lines.push(format!("{service}, who logs in without a key: {without_key}"));
                lines.push(format!("{service}, {with_key}: {behind_key}"));
            }
            (None, _) | (Some(_), true) => {
                lines.push(format!("{service}, {}: {without_key}", who(service, keys)));
            }
        }
    }
    let settings = policy.for_service("");
    if !settings.require.is_empty() || !settings.exempt.is_empty() {
        lines.push("who is left out by [[require]] or [[exempt]]: the local password".to_owned());
    }
    lines
}

fn who(service: &str, keys: Option<Keys>) -> &'static str {
    match (service, keys) {
        ("sshd", Some(Keys::Followed)) => "every user, behind a key too",
        ("sshd", Some(Keys::Verified)) => {
            "every user, behind a key too, but for a security key that a PIN or a fingerprint has unlocked"
        }
        ("sshd", Some(Keys::Alone)) => "who logs in without a key",
        ("sshd", Some(Keys::Refused)) => "every user, and no key is taken",
        ("sshd", None) => "who logs in, as AuthenticationMethods of sshd has it",
        ("sudo", _) => "each user that sudo asks for a password",
        ("su", _) => "who types su, but not root",
        _ => "every user",
    }
}

/// Who is asked although they have shown a key.
fn who_behind_key(service: &str, keys: Option<Keys>) -> Option<&'static str> {
    match (service, keys) {
        ("sshd", Some(Keys::Followed)) => Some("who has shown a key"),
        ("sshd", None) => Some("who has shown a key, if AuthenticationMethods of sshd asks then"),
        ("sshd", Some(Keys::Alone | Keys::Refused)) | (_, _) => None,
    }
}

/// What is asked in a service, where this is what the tenant is asked for.
fn what(policy: &Policy, service: &str, flow: &Flow) -> &'static str {
    match (asks_local_password_first(policy, service), flow) {
        (true, Flow::Login) => {
            "the local password first, which the tenant gets too: a user with two different passwords is refused, and so is one without a local password"
        }
        (true, Flow::OnDemand(_)) => "the local password, and then the challenges of the tenant",
        (false, Flow::Login) => "the password of the tenant, and what the tenant asks behind it",
        (false, Flow::OnDemand(_)) => "no password, but the challenges of the tenant",
    }
}

/// What sudo and doas leave out, where they are set up.
fn unasked(root: &Root, services: &[String]) -> Vec<String> {
    let has = |name: &str| services.iter().any(|service| service == name);
    if !has("sudo") && !has("doas") {
        return Vec::new();
    }
    let found = sudoers::read(root);
    let lines = found.all.iter().filter(|one| !one.is_service(services)).map(|one| {
        let place = format!("{}:{}", one.file.display(), one.line);
        format!("{}: {} ({place})\n    do: {}", one.what(), one.why(), one.remedy())
    });
    let elsewhere = found.elsewhere.iter();
    let elsewhere = elsewhere.map(|source| {
        format!("rules of sudo from {source}, which were not looked at: sudo -l -U USER shows them")
    });
    lines.chain(elsewhere).collect()
}

fn left_outside(
    root: &Root,
    wanted: &Wanted,
    arguments: &Arguments,
    sshd: &Sshd,
) -> Result<Vec<Outside>, Problem> {
    let accounts = accounts(root)?;
    let mut outside = Vec::new();
    if is_sshd(wanted) {
        outside.extend(by_key(root, &wanted.policy, &accounts, sshd));
    }
    for service in wanted.services() {
        outside.extend(by_password(&wanted.policy, &accounts, service, sshd));
    }
    outside.extend(who_typed_it(wanted, arguments));
    Ok(outside)
}

/// The person behind sudo, who may be unknown to the tenant.
fn who_typed_it(wanted: &Wanted, arguments: &Arguments) -> Option<Outside> {
    let name = invoker::name().filter(|_| !arguments.without_tenant)?;
    if wanted.answers.test_user.as_deref() == Some(&name) {
        return None;
    }
    let problem = ask_tenant(&wanted.policy, &name, wanted.services()).err()?;
    let (why, hint) = problem.parts();
    Some(Outside {
        account: name,
        why: format!("you typed this, and {why}"),
        remedy: format!("{hint}; or keep a root shell open, and another way to root"),
    })
}
