//! What a stack would no longer ask because the module, in front, has let the user in.
#![forbid(unsafe_code)]

use pam_stack::code::Code;
use pam_stack::control::Action;
use pam_stack::stack::{Handler, Kind, Source, read};

use crate::machine::pam::our_module::is_path_of_ours;
use crate::ui::output::{Done, Problem};

/// Modules that ask for a password themselves.
const PASSWORD_MODULES: [&str; 7] = [
    "pam_unix",
    "pam_sss",
    "pam_ldap",
    "pam_krb5",
    "pam_winbind",
    "pam_systemd_home",
    "pam_radius_auth",
];
/// They mark the end of a stack, count wrong passwords of this machine, or refuse no user.
const HARMLESS: [&str; 9] = [
    "pam_deny",
    "pam_permit",
    "pam_faillock",
    "pam_tally2",
    "pam_faildelay",
    "pam_env",
    "pam_group",
    "pam_cap",
    "pam_mail",
];

/// A success of ours ends the stack: nothing behind it, or in what it includes, may
/// refuse the user.
pub fn passes_over_nothing(source: Source<'_>, path: &str, text: &str) -> Done {
    let name = path.rsplit('/').next().unwrap_or(path);
    let this_one = |other: &str| if other == name { Some(text.to_owned()) } else { source(other) };
    let stack = read(&this_one, name, Kind::Auth);
    let is_ours = |line: &&Handler| line.module().is_some_and(is_path_of_ours);
    let mut behind = stack.handlers.iter().skip_while(|line| !is_ours(line));
    match behind.find(|line| demands(line)) {
        None => Ok(()),
        Some(line) => Err(Problem::new(format!(
            "/etc/pam.d/{}: `{}` would be passed over",
            line.place, line.text
        ))
        .hint("write this stack by hand: pam_countersign(8) shows three")),
    }
}

/// Whether the line refuses people for another reason than a password, which the tenant asks for.
fn demands(line: &Handler) -> bool {
    let is_strict = matches!(line.control.action(Code::AUTH_ERR), Action::Bad | Action::Die);
    let Some(module) = line.module() else {
        return false;
    };
    is_strict && !is_path_of_ours(module) && !asks_itself(module) && !HARMLESS.contains(&module)
}

/// Whether a module, by its name, asks for a password.
pub fn asks_itself(module: &str) -> bool {
    PASSWORD_MODULES.contains(&module)
}
