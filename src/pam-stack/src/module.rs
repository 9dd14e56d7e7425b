//! What is known of the modules in a stack: whether they show who the user is, and what they can
//! return.
#![forbid(unsafe_code)]

use crate::code::Code;
use crate::line::{Line, words};
use crate::stack::{Handler, Job, Kind, name_of};

/// Whether a line names one of these modules, whatever else it says.
#[must_use]
pub fn names_one_of(line: &Line, modules: &[&str]) -> bool {
    words(&line.text).iter().any(|word| modules.contains(&name_of(&word.text)))
}

/// What a module's success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The module that is looked for has been asked.
    Sought,
    /// The user has shown who they are.
    Verifies,
    /// Something is true of the user, the place or the time.
    Condition,
    /// The caller is root, who needs no permission.
    Root,
    /// Nothing.
    Nothing,
}

const CONDITIONS: [&str; 11] = [
    "pam_access",
    "pam_group",
    "pam_listfile",
    "pam_localuser",
    "pam_securetty",
    "pam_shells",
    "pam_succeed_if",
    "pam_time",
    "pam_timestamp",
    "pam_usertype",
    "pam_wheel",
];

const NOTHING: [&str; 34] = [
    "pam_apparmor",
    "pam_cap",
    "pam_debug",
    "pam_deny",
    "pam_echo",
    "pam_ecryptfs",
    "pam_env",
    "pam_faildelay",
    "pam_faillock",
    "pam_ftp",
    "pam_gnome_keyring",
    "pam_issue",
    "pam_keyinit",
    "pam_kwallet",
    "pam_kwallet5",
    "pam_lastlog",
    "pam_lastlog2",
    "pam_limits",
    "pam_loginuid",
    "pam_mail",
    "pam_mkhomedir",
    "pam_motd",
    "pam_mount",
    "pam_namespace",
    "pam_nologin",
    "pam_permit",
    "pam_selinux",
    "pam_sepermit",
    "pam_systemd",
    "pam_tally2",
    "pam_tty_audit",
    "pam_umask",
    "pam_warn",
    "pam_xauth",
];

/// Returns what a success of the line's module means; `sought` are the names of the module that is
/// looked for.
#[must_use]
pub fn role(handler: &Handler, sought: &[&str]) -> Role {
    match handler.module() {
        None => Role::Nothing,
        Some(name) if sought.contains(&name) => Role::Sought,
        Some("pam_rootok") => Role::Root,
        Some(name) if CONDITIONS.contains(&name) => Role::Condition,
        Some(name) if NOTHING.contains(&name) => Role::Nothing,
        Some(_) => Role::Verifies,
    }
}

/// What is asked about a stack.
pub struct World<'a> {
    /// The type of its lines.
    pub kind: Kind,
    /// The service that the stack is of.
    pub service: &'a str,
    /// The names of the module that is looked for, without folder and `.so`.
    pub sought: &'a [&'a str],
    /// What that module may say, the likelier first.
    pub answers: &'a [Code],
    /// Whether the file of a module is there, by its path in the stack.
    pub exists: &'a dyn Fn(&str) -> bool,
    /// The module that must have verified a password before the sought one is asked.
    pub first_factor: Option<&'a str>,
}

/// What the module of a line may say, the likelier first.
pub fn codes(handler: &Handler, world: &World<'_>) -> Vec<Code> {
    let Job::Module { path, arguments } = &handler.job else {
        return vec![Code::PERM_DENIED];
    };
    if !(world.exists)(path) {
        return vec![Code::MODULE_UNKNOWN];
    }
    match name_of(path) {
        name if world.sought.contains(&name) => world.answers.to_vec(),
        "pam_permit" => vec![Code::SUCCESS],
        "pam_deny" if world.kind == Kind::Session => vec![Code::SESSION_ERR],
        "pam_deny" => vec![Code::AUTH_ERR],
        "pam_rootok" => vec![Code::SUCCESS, Code::AUTH_ERR],
        "pam_debug" => vec![debugged(arguments)],
        "pam_succeed_if" => match about_service(handler, world.service) {
            Some(true) => vec![Code::SUCCESS],
            Some(false) => vec![Code::AUTH_ERR],
            None => anything(true),
        },
        _ => anything(may_ignore(handler, world.sought)),
    }
}

/// Whether a condition holds for a service, where it is about nothing else: `service in a:b`,
/// `service notin a:b`.
pub fn about_service(handler: &Handler, service: &str) -> Option<bool> {
    let is_option =
        |word: &&String| ["quiet", "quiet_fail", "quiet_success", "debug"].contains(&word.as_str());
    let words: Vec<_> =
        handler.arguments().iter().filter(|word| !is_option(word)).map(String::as_str).collect();
    let ["service", relation, list] = words.as_slice() else {
        return None;
    };
    let is_listed = list.split(':').any(|name| name == service);
    match *relation {
        "in" => Some(is_listed),
        "notin" => Some(!is_listed),
        _ => None,
    }
}

fn debugged(arguments: &[String]) -> Code {
    let code = arguments.iter().find_map(|word| word.strip_prefix("auth="));
    code.and_then(Code::named).unwrap_or(Code::SUCCESS)
}

/// Modules that verify a user return `ignore` only where an argument tells them to.
fn may_ignore(handler: &Handler, sought: &[&str]) -> bool {
    let told = |word: &String| {
        word.starts_with("ignore_") || word == "nouserok" || word.starts_with("minimum_uid")
    };
    match role(handler, sought) {
        Role::Verifies => {
            let is_google = handler.module() == Some("pam_google_authenticator");
            handler.arguments().iter().any(told)
                || is_google && handler.arguments().iter().any(|word| word == "nullok")
        }
        Role::Sought | Role::Condition | Role::Root | Role::Nothing => true,
    }
}

fn anything(may_ignore: bool) -> Vec<Code> {
    let usual = [Code::SUCCESS, Code::AUTH_ERR, Code::USER_UNKNOWN, Code::AUTHINFO_UNAVAIL];
    let others = Code::all().filter(|code| !usual.contains(code) && *code != Code::IGNORE);
    let ignore = may_ignore.then_some(Code::IGNORE);
    usual.into_iter().chain(ignore).chain(others).collect()
}
