//! What a line does and what to write instead, in its own words.
#![forbid(unsafe_code)]

use pam_stack::code::Code;
use pam_stack::control::Action;
use pam_stack::stack::{Handler, Job, Trouble};

use crate::commands::check::finding::Finding;

/// The control that grants only what the module grants.
pub const SAFE: &str = "[success=ok default=bad]";
/// A safe control where a user may be exempt.
pub const SAFE_EXEMPTING: &str = "[success=ok ignore=ignore default=bad]";

/// The module of a line and its arguments, as they are written.
pub fn module_of(line: &Handler) -> String {
    let Job::Module { path, arguments } = &line.job else {
        return "pam_countersign.so".to_owned();
    };
    let words = std::iter::once(path).chain(arguments);
    let words =
        words.map(|word| if word.contains(' ') { format!("[{word}]") } else { word.clone() });
    words.collect::<Vec<_>>().join(" ")
}

/// A line by the name of its module.
pub fn name(line: &Handler) -> String {
    let module = line.module().map(|name| format!("{name}.so"));
    module.unwrap_or_else(|| format!("\"{}\"", line.text))
}

/// What an action does, in words.
pub fn consequence(action: Action) -> String {
    match action {
        Action::Ignore => "ignored".to_owned(),
        Action::Ok => "counts".to_owned(),
        Action::Done => "ends the stack".to_owned(),
        Action::Bad => "fails".to_owned(),
        Action::Die => "fails at once".to_owned(),
        Action::Reset => "forgets what was before".to_owned(),
        Action::Jump(1) => "skips a line".to_owned(),
        Action::Jump(lines) => format!("skips {lines} lines"),
    }
}

/// Why it matters that a refusal with this code is ignored.
pub fn meaning(code: Code) -> &'static str {
    match code {
        Code::AUTHINFO_UNAVAIL => {
            "the module says so whenever the tenant can't be reached, and an attacker on the network can cause that"
        }
        Code::MODULE_UNKNOWN => {
            "libpam says so where the module can't be loaded, as in the middle of an upgrade"
        }
        _ => "the control ignores what the module says, and something else in the stack succeeds",
    }
}

pub fn trouble(trouble: &Trouble) -> Finding {
    let (what, why, remedy) = match trouble {
        Trouble::Type(word) => (
            format!("{word} is no type of a PAM line"),
            "libpam takes it for an auth line that always fails",
            "write auth, account, password or session".to_owned(),
        ),
        Trouble::Control(word, misread) => (
            format!(
                "[{word}] can't be read: expected {}, found \"{}\"",
                misread.expected, misread.found
            ),
            "libpam then takes every answer of the module for a failure, a success too",
            end_or_typo(word).to_owned(),
        ),
        Trouble::NoControl => (
            "the line has no control".to_owned(),
            "libpam takes it for one that always fails",
            format!("write: auth {SAFE} pam_countersign.so"),
        ),
        Trouble::NoModule => (
            "the line names no module".to_owned(),
            "libpam takes it for one that always fails",
            "name the module behind the control".to_owned(),
        ),
        Trouble::Missing(name) => (
            format!("{name} is included and can't be read"),
            "libpam then refuses every user",
            format!("mend the name, or put the file into /etc/pam.d/{name}"),
        ),
        Trouble::TooDeep(name) => (
            format!("{name} is included too deep, or by itself"),
            "libpam then refuses every user, or crashes",
            "take one of the includes away".to_owned(),
        ),
        Trouble::Unfinished => (
            "the file ends in a line that is to be continued".to_owned(),
            "libpam then reads nothing of the file",
            "take the backslash at its end away".to_owned(),
        ),
    };
    Finding::error("pam-unreadable", what).because(why).mend(remedy)
}

fn end_or_typo(word: &str) -> &'static str {
    if word.contains("end") {
        "\"end\" is a word of /usr/share/pam-configs: in /etc/pam.d write the number of lines to skip, or done"
    } else {
        "write VALUE=ACTION, with ignore, bad, die, ok, done, reset or a number; pam.conf(5) lists the values"
    }
}
