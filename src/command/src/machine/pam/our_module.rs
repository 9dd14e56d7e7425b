//! The module as stacks know it: its names, and what it says.
#![forbid(unsafe_code)]

use std::cmp::Reverse;

use countersign::refusal::Reason;
use pam_stack::code::Code;
use pam_stack::line::Line;
use pam_stack::module::{Role, names_one_of, role};
use pam_stack::stack::{Handler, Kind, name_of};

/// Installed, and as cargo leaves it.
pub const NAMES: [&str; 2] = ["pam_countersign", "libpam_countersign"];

/// Whether a path in a stack is the module's.
pub fn is_path_of_ours(path: &str) -> bool {
    NAMES.contains(&name_of(path))
}

/// Whether a line asks the module.
pub fn is_ours(line: &Handler) -> bool {
    role(line, &NAMES) == Role::Sought
}

/// Whether a line names the module, whatever else it says.
pub fn names_ours(line: &Line) -> bool {
    names_one_of(line, &NAMES)
}

/// The codes of the module's refusals, that of the most reasons first, and what libpam returns where
/// it can't load the module.
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

/// What the module may say in a line of this type, the likelier first; `exempts` if a rule of the
/// configuration may exempt a user.
pub fn answers(kind: Kind, exempts: bool) -> Vec<Code> {
    match kind {
        Kind::Auth => {
            let ignore = exempts.then_some(Code::IGNORE);
            [Code::SUCCESS].into_iter().chain(ignore).chain(refusals()).collect()
        }
        Kind::Account => vec![Code::IGNORE],
        // It has no function for these.
        Kind::Password | Kind::Session => vec![Code::MODULE_UNKNOWN],
    }
}

#[cfg(test)]
mod tests {
    use pam::constants::PamResultCode;
    use pam_stack::line::lines;

    use super::*;

    #[test]
    fn each_code_of_a_refusal_is_listed_once_and_the_usual_one_first() {
        let words = "auth_err maxtries authinfo_unavail service_err conv_err perm_denied \
                     user_unknown system_err module_unknown";
        let codes: Vec<_> = refusals().into_iter().map(Code::word).collect();
        assert_eq!(codes.join(" "), words);
    }

    /// libpam's control words and its header name the same codes, one of them in two ways.
    #[test]
    fn the_codes_of_stacks_and_those_of_the_module_have_the_same_numbers() {
        for code in Code::all() {
            let number = i32::try_from(code.number()).unwrap();
            let name = format!("{:?}", PamResultCode::try_from(number).unwrap());
            let word = name.trim_start_matches("PAM_").to_ascii_lowercase();
            assert_eq!(code.word(), word.replace("authtok_recovery_err", "authtok_recover_err"));
        }
    }

    #[test]
    fn a_line_names_our_own_by_a_word_of_it() {
        for (text, is_named) in [
            ("auth required pam_countersign.so", true),
            ("-auth required /lib/security/pam_countersign.so debug", true),
            ("auth required /src/target/debug/libpam_countersign.so", true),
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
