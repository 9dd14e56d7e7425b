//! What is known of the modules in a stack: whether they tell who somebody is, and what they can
//! return.
#![forbid(unsafe_code)]

use std::cmp::Reverse;

use countersign::refusal::Reason;

use super::code::Code;
use super::line::{Line, words};
use super::stack::{Handler, Job, Kind, name_of};

/// Our own, installed and as cargo leaves it.
const OURS: [&str; 2] = ["pam_countersign", "libcountersign"];

/// Whether it is our own that has this path in a stack.
pub fn is_ours(path: &str) -> bool {
    OURS.contains(&name_of(path))
}

/// Whether a line names our own, whatever else it says.
pub fn names_ours(line: &Line) -> bool {
    words(&line.text).iter().any(|word| is_ours(&word.text))
}

/// What a module's success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Countersign has been asked.
    Ours,
    /// Somebody has shown who they are.
    Verifies,
    /// Something is true of the user, the place or the time.
    Condition,
    /// The caller is root, who needs nobody's leave.
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

pub fn role(handler: &Handler) -> Role {
    match handler.module() {
        None => Role::Nothing,
        Some(name) if is_ours(name) => Role::Ours,
        Some("pam_rootok") => Role::Root,
        Some(name) if CONDITIONS.contains(&name) => Role::Condition,
        Some(name) if NOTHING.contains(&name) => Role::Nothing,
        Some(_) => Role::Verifies,
    }
}

/// The codes of our own refusals, that of the most reasons first, and what libpam returns where it
/// can't load the module.
pub fn refusals() -> Vec<Code> {
    let mut counts: Vec<(Code, usize)> = Vec::new();
    for code in Reason::ALL.map(|reason| Code::numbered(reason.pam_code() as u8)) {
        match counts.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => counts.push((code, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let ours = counts.into_iter().map(|(code, _)| code);
    ours.chain([Code::MODULE_UNKNOWN]).collect()
}

/// What is asked about a stack.
pub struct World<'a> {
    pub kind: Kind,
    /// The service that the stack is of.
    pub service: &'a str,
    /// A rule of the configuration may exempt somebody.
    pub exempts: bool,
    /// Whether the file of a module is there, by its path in the stack.
    pub exists: &'a dyn Fn(&str) -> bool,
    /// The module that must have verified a password before an offline code counts.
    pub first_factor: Option<&'a str>,
}

/// What the module of a line may say, the likelier first. Never empty.
pub fn codes(handler: &Handler, world: &World<'_>) -> Vec<Code> {
    let Job::Module { path, arguments } = &handler.job else {
        return vec![Code::PERM_DENIED];
    };
    if !(world.exists)(path) {
        return vec![Code::MODULE_UNKNOWN];
    }
    match name_of(path) {
        name if is_ours(name) => ours(world),
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
        _ => anything(may_ignore(handler)),
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

fn ours(world: &World<'_>) -> Vec<Code> {
    match world.kind {
        Kind::Auth => {
            let ignore = world.exempts.then_some(Code::IGNORE);
            [Code::SUCCESS].into_iter().chain(ignore).chain(refusals()).collect()
        }
        Kind::Account => vec![Code::IGNORE],
        // It has no function for these.
        Kind::Password | Kind::Session => vec![Code::MODULE_UNKNOWN],
    }
}

fn debugged(arguments: &[String]) -> Code {
    let code = arguments.iter().find_map(|word| word.strip_prefix("auth="));
    code.and_then(Code::named).unwrap_or(Code::SUCCESS)
}

/// Modules that verify somebody say `ignore` only where they are told to.
fn may_ignore(handler: &Handler) -> bool {
    let told = |word: &String| {
        word.starts_with("ignore_") || word == "nouserok" || word.starts_with("minimum_uid")
    };
    match role(handler) {
        Role::Verifies => {
            let is_google = handler.module() == Some("pam_google_authenticator");
            handler.arguments().iter().any(told)
                || is_google && handler.arguments().iter().any(|word| word == "nullok")
        }
        Role::Ours | Role::Condition | Role::Root | Role::Nothing => true,
    }
}

fn anything(may_ignore: bool) -> Vec<Code> {
    let usual = [Code::SUCCESS, Code::AUTH_ERR, Code::USER_UNKNOWN, Code::AUTHINFO_UNAVAIL];
    let others = Code::all().filter(|code| !usual.contains(code) && *code != Code::IGNORE);
    let ignore = may_ignore.then_some(Code::IGNORE);
    usual.into_iter().chain(ignore).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    #[test]
    fn each_code_of_a_refusal_is_listed_once_and_the_usual_one_first() {
        let words = "auth_err maxtries authinfo_unavail service_err conv_err perm_denied \
                     user_unknown system_err module_unknown";
        let codes: Vec<_> = refusals().into_iter().map(Code::word).collect();
        assert_eq!(codes.join(" "), words);
    }

    #[test]
    fn a_line_names_our_own_by_a_word_of_it() {
        for (text, is_named) in [
            ("auth required pam_countersign.so", true),
            ("-auth required /lib/security/pam_countersign.so debug", true),
            ("auth required /src/target/debug/libcountersign.so", true),
            ("auth pam_countersign.so", true),
            ("login auth required [pam_countersign.so]", true),
            ("auth required pam_countersign_old.so", false),
            ("auth required pam_notcountersign.so", false),
            ("auth required pam_unix.so # pam_countersign.so", false),
            ("auth required pam_unix.so config=/pam_countersign.toml", false),
        ] {
            let (lines, _) = lines(text);
            assert_eq!(lines.iter().any(names_ours), is_named, "{text}");
        }
    }
}
