//! Accounts that could not log in any more, for a reason that this machine knows by itself: what
//! the tenant says of a user is another matter.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use countersign::audit::escape;
use countersign::policy::{self, ExemptResult, Flow, Judgement, NoTerms, Policy, PublicKey};

use super::accounts::{Account, Password};
use super::root::Root;
use super::sshd::config::Config;
use super::sshd::effective::{self, Effective};
use super::sshd::keys::{self, Places};
use super::sshd::{lists, program};
use crate::tenant::whom;
use crate::ui::output::Problem;

/// The keyword of the ways in.
const METHODS: &str = "authenticationmethods";

/// One account, and what is in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub account: String,
    pub why: String,
    pub remedy: String,
}

/// Whether the stack of a service asks for the local password before the module: a step-up, or an
/// offline code, stands behind a password that this machine has checked.
pub fn asks_local_password_first(policy: &Policy, service: &str) -> bool {
    match policy.for_service(service).step_up.flow {
        Flow::Login => sends_local_password(policy, service),
        Flow::OnDemand(_) => true,
    }
}

/// Whether the tenant gets the password that this machine has checked before. A step-up sends none.
pub fn sends_local_password(policy: &Policy, service: &str) -> bool {
    let settings = policy.for_service(service);
    settings.offline.enabled && settings.step_up.flow == Flow::Login
}

/// sshd, as it can be asked about one account.
pub struct Sshd {
    program: Option<PathBuf>,
    config: Config,
    global: Option<Effective>,
    /// Settings that do not stand in its files yet, as `KEYWORD VALUE`.
    planned: Vec<String>,
}

impl Sshd {
    /// The sshd of this system with these settings before those of its files.
    pub fn new(root: &Root, planned: Vec<String>) -> Self {
        let program = program(root);
        let global = program.as_deref();
        Self {
            global: global.and_then(|program| effective::ask_planned(program, None, &planned).ok()),
            config: Config::read(root),
            program,
            planned,
        }
    }

    /// Sources of keys that can't be looked into.
    pub fn unknown_sources(&self) -> Vec<&'static str> {
        Places::of(&self.config, self.global.as_ref()).unknown
    }

    /// Whether a key alone is not enough, for users that no Match block is about.
    pub fn asks_behind_keys(&self) -> bool {
        let methods = self.global.as_ref().and_then(|said| said.get(METHODS));
        is_followed(methods.unwrap_or_default())
    }

    /// What holds for an account: by sshd's own word, or by its files where it can't be asked.
    fn value(&self, account: &str, keyword: &str) -> String {
        let program = self.program.as_deref();
        let said = program
            .and_then(|program| effective::ask_planned(program, Some(account), &self.planned).ok());
        let said = said.as_ref().or(self.global.as_ref());
        let said = said.and_then(|said| said.get(keyword)).map(str::to_owned);
        said.or_else(|| self.planned_value(keyword))
            .or_else(|| Some(self.config.settings.get(keyword)?.value.clone()))
            .unwrap_or_default()
    }

    fn planned_value(&self, keyword: &str) -> Option<String> {
        let pairs = self.planned.iter().filter_map(|line| line.split_once(' '));
        let mut values = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(keyword));
        values.next().map(|(_, value)| value.to_owned())
    }
}

/// The accounts that have a key, log in with it alone or could until now, and could not any more
/// once the module asks behind it.
pub fn by_key(root: &Root, policy: &Policy, accounts: &[Account], sshd: &Sshd) -> Vec<Outside> {
    let places = Places::of(&sshd.config, sshd.global.as_ref());
    let with_keys = accounts.iter().filter_map(|account| {
        let files = places.files(root, account);
        let is_followed = !files.is_empty() && is_followed(&sshd.value(&account.name, METHODS));
        is_followed.then_some((account, files))
    });
    with_keys
        .filter_map(|(account, files)| {
            let root_login =
                (account.uid == 0).then(|| sshd.value(&account.name, "permitrootlogin"));
            behind_a_key(policy, account, &files, root_login.as_deref())
        })
        .collect()
}

/// Whether each way in needs PAM.
fn is_followed(methods: &str) -> bool {
    let lists = lists(methods);
    let asks = |list: &Vec<String>| list.iter().any(|one| one.starts_with("keyboard-interactive"));
    !lists.is_empty() && lists.iter().all(asks)
}

fn behind_a_key(
    policy: &Policy,
    account: &Account,
    files: &[PathBuf],
    root_login: Option<&str>,
) -> Option<Outside> {
    let why_root = match root_login {
        Some("no") => return None,
        Some("yes") | None => None,
        Some(other) => Some(format!(
            "with PermitRootLogin {other} sshd lets it in by a key, and by nothing that PAM asks behind one"
        )),
    };
    let keys = if policy.for_service("sshd").users.keys.is_empty() {
        Vec::new()
    } else {
        files.iter().flat_map(|file| keys::keys(file)).collect()
    };
    // One key with an owner at the tenant is a way in.
    let mut ways = std::iter::once(None).chain(keys.into_iter().map(Some));
    let is_in = ways.any(|key| obstacle(policy, account, "sshd", key).is_none());
    let why = obstacle(policy, account, "sshd", None).filter(|_| !is_in);
    let whys: Vec<_> = why_root.into_iter().chain(why).collect();
    (!whys.is_empty()).then(|| Outside {
        account: account.name.clone(),
        why: whys.join("; "),
        remedy: remedy_for_keys(account),
    })
}

/// The accounts with a password on this machine that could not log in by a service any more.
pub fn by_password(
    policy: &Policy,
    accounts: &[Account],
    service: &str,
    sshd: &Sshd,
) -> Vec<Outside> {
    let is_asked = |account: &&Account| match (account.uid, service) {
        (0, "sudo" | "sudo-i" | "su" | "su-l") => false,
        (0, "sshd") => sshd.value(&account.name, "permitrootlogin") == "yes",
        _ => true,
    };
    let known = accounts.iter().filter(|account| account.password == Password::Set);
    let outside = known.filter(is_asked).filter_map(|account| {
        let why = obstacle(policy, account, service, None)?;
        Some(Outside {
            account: account.name.clone(),
            why: format!("{service}: {why}"),
            remedy: remedy(account),
        })
    });
    outside.collect()
}

/// Why a login of this account by this service can't succeed, whatever is typed.
fn obstacle(
    policy: &Policy,
    account: &Account,
    service: &str,
    key: Option<PublicKey>,
) -> Option<String> {
    let judged = policy::Account {
        uid: account.uid,
        name: account.name.clone(),
        typed: account.name.clone(),
    };
    let needs_password = match whom::judged(policy, judged, service, key.into_iter().collect()) {
        Ok(Judgement::Require(_)) => asks_local_password_first(policy, service),
        Ok(Judgement::Exempt { result: ExemptResult::Ignore, .. }) => true,
        Ok(Judgement::Exempt { result: ExemptResult::Success, .. }) => false,
        Err(refusal) => return Some(told(&refusal)),
    };
    let is_locked = account.password == Password::Locked && needs_password;
    is_locked.then(|| "the stack asks for the local password, and it has none".to_owned())
}

fn told(refusal: &NoTerms) -> String {
    match refusal {
        NoTerms::RootNotMapped { .. } | NoTerms::NameNotMapped { .. } => {
            "it has no name at the tenant".to_owned()
        }
        other => other.to_string(),
    }
}

/// What an administrator can do for an account that logs in by a key.
fn remedy_for_keys(account: &Account) -> String {
    let name = escape(&account.name);
    let by_key =
        format!("let its key be enough: Match User {name}, with AuthenticationMethods publickey");
    match account.uid {
        0 => format!(
            "PermitRootLogin yes for sshd, and countersign setup --name {name}=NAME; or {by_key}; or log in as another user and use sudo"
        ),
        _ => format!("{}; or {by_key}", remedy(account)),
    }
}

/// What an administrator can do for an account.
fn remedy(account: &Account) -> String {
    let name = escape(&account.name);
    match account.uid {
        0 => {
            format!("countersign setup --name {name}=NAME; or log in as another user and use sudo")
        }
        _ => format!(
            "countersign setup --name {name}=NAME, or a password; or exempt it (countersign.toml(5))"
        ),
    }
}

/// Names of root that sshd lets in by the local password, as long as the module does not ask.
pub fn roots_by_local_password(root: &Root) -> Vec<String> {
    let sshd = Sshd::new(root, Vec::new());
    let permits = |account: &Account, keyword| sshd.value(&account.name, keyword) == "yes";
    let mut roots = accounts(root).unwrap_or_default();
    roots.retain(|account| {
        account.uid == 0
            && account.password == Password::Set
            && permits(account, "permitrootlogin")
            && (permits(account, "passwordauthentication")
                || permits(account, "kbdinteractiveauthentication"))
    });
    roots.into_iter().map(|account| account.name).collect()
}

/// All of them, one line for an account.
pub fn merged(all: Vec<Outside>) -> Vec<Outside> {
    let mut merged: Vec<Outside> = Vec::new();
    for one in all {
        match merged.iter_mut().find(|known| known.account == one.account) {
            Some(known) if known.why.contains(&one.why) => {}
            Some(known) => known.why = format!("{}; {}", known.why, one.why),
            None => merged.push(one),
        }
    }
    merged
}

/// The accounts of this system; none of an image, where NSS says nothing.
///
/// # Errors
///
/// Why they can't be listed.
pub fn accounts(root: &Root) -> Result<Vec<Account>, Problem> {
    if root.is_live() { super::accounts::all(root) } else { Ok(Vec::new()) }
}
