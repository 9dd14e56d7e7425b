//! What stands in a PAM stack, and where: before the password is asked for, or behind it.
#![forbid(unsafe_code)]

use countersign::policy::Policy;
use pam_stack::line::{Line, lines};
use pam_stack::rule::{Included, Rule};
use pam_stack::stack::{Handler, Kind, Source, name_of, read};

use super::block;
use super::passed_over::{asks_itself, passes_over_nothing};
use crate::machine::outside::asks_local_password_first;
use crate::machine::pam::stacks::names_module;
use crate::ui::output::Problem;

/// As deep are the stacks of distributions nested, and no deeper.
const DEPTH: u8 = 3;

/// Where in a stack the module stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In front: it asks for the tenant's password, and a user that no rule concerns logs in with
    /// the local one instead.
    BeforePassword,
    /// Behind the local password.
    AfterPassword,
}

impl Placement {
    /// An offline code, too, stands behind a password that this machine has checked.
    pub fn of(policy: &Policy, service: &str) -> Self {
        if asks_local_password_first(policy, service) {
            Self::AfterPassword
        } else {
            Self::BeforePassword
        }
    }

    /// The control and the module. `end` stands for what ends a stack with a success.
    pub fn rule(self, end: &str, arguments: &str) -> String {
        match self {
            Self::BeforePassword => {
                format!("[success={end} ignore=ignore default=die] pam_countersign.so{arguments}")
            }
            Self::AfterPassword => {
                format!("[success=ok ignore=ignore default=bad] pam_countersign.so{arguments}")
            }
        }
    }

    fn lines(self, arguments: &str) -> String {
        format!("auth {}\n", self.rule("done", arguments))
    }
}

/// Whether the module stands in the file, our own block aside.
pub fn is_wired_by_hand(text: &str) -> bool {
    names_module(&block::replaced(text, None))
}

/// Whether the stack is that of Debian's common-auth.
pub fn includes_common_auth(source: Source<'_>, text: &str) -> bool {
    has(source, text, DEPTH, &|included| included == Included::All("common-auth"))
}

/// Whether it is one of those that authselect writes.
pub fn includes_authselects(source: Source<'_>, text: &str) -> bool {
    has(source, text, DEPTH, &|included| {
        matches!(included.name(), "system-auth" | "password-auth" | "switchable-auth")
    })
}

/// Whether it includes the stack of one of these services, as that of `su -` does with that of su.
pub fn includes_one_of(source: Source<'_>, text: &str, services: &[String]) -> bool {
    has(source, text, DEPTH, &|included| services.iter().any(|service| included.name() == service))
}

/// Whether a line of the file, or of a file that it includes, includes what is wanted.
fn has(
    source: Source<'_>,
    text: &str,
    depth: u8,
    is_wanted: &dyn Fn(Included<'_>) -> bool,
) -> bool {
    let (lines, _) = lines(text);
    let deeper = |included: Included<'_>| {
        let text = source(included.name()).filter(|_| depth > 0);
        text.is_some_and(|text| has(source, &text, depth - 1, is_wanted))
    };
    let mut rules = lines.iter().filter_map(|line| Rule::of(&line.text));
    rules.any(|rule| {
        let included = rule.included();
        included.is_some_and(|included| is_wanted(included) || deeper(included))
    })
}

/// A service's file with the module in its place.
pub fn wired(
    source: Source<'_>,
    path: &str,
    text: &str,
    stack: Placement,
    arguments: &str,
) -> Result<String, Problem> {
    let block = block::made_of(&stack.lines(arguments));
    let wired = with_block(source, path, text, stack, &block)?;
    match stack {
        Placement::BeforePassword => passes_over_nothing(source, path, &wired).map(|()| wired),
        Placement::AfterPassword => Ok(wired),
    }
}

/// For the services of a list alone: the file is shared. It may be a template, and is not
/// looked at as a stack.
pub fn wired_for(
    source: Source<'_>,
    path: &str,
    text: &str,
    services: &str,
    arguments: &str,
) -> Result<String, Problem> {
    let stack = Placement::BeforePassword;
    let lines = format!("auth {}\n{}", unless(services), stack.lines(arguments));
    with_block(source, path, text, stack, &block::made_of(&lines))
}

/// Steps over the next line in every service that is not in the list. Where that can't be told, it
/// does not.
pub fn unless(services: &str) -> String {
    format!("[success=1 default=ignore] pam_succeed_if.so quiet service notin {services}")
}

/// The services of such a list that a file has already.
pub fn listed(text: &str) -> Vec<String> {
    let list = text.split("service notin ").nth(1).unwrap_or_default();
    let list = list.split_ascii_whitespace().next().unwrap_or_default();
    let names = list.split(':').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Whether a line of the text itself asks for a password.
pub fn asks_for_a_password(text: &str) -> bool {
    auth_lines(&|_| None, text).iter().any(|line| line.asks)
}

fn with_block(
    source: Source<'_>,
    path: &str,
    text: &str,
    stack: Placement,
    block: &str,
) -> Result<String, Problem> {
    if block::of(text) == Some(block) {
        return Ok(text.to_owned());
    }
    // Another flow has another place.
    let text = &block::replaced(text, None);
    let rules = auth_lines(source, text);
    let at = match stack {
        Placement::BeforePassword => {
            rules.iter().find(|rule| rule.asks || rule.jumps).map(|rule| rule.start)
        }
        Placement::AfterPassword => {
            let last = rules.iter().rfind(|rule| rule.asks);
            if let Some((last, instead)) = last.and_then(|last| Some((last, last.ends.as_ref()?))) {
                return Err(Problem::new(format!(
                    "{path}:{}: what stands behind `{}` is not asked",
                    last.line, last.text
                ))
                .hint(format!(
                    "make it `{instead}`, or write this stack by hand: pam_countersign(8)"
                )));
            }
            last.map(|last| last.end)
        }
    };
    match at {
        Some(at) => Ok(block::inserted(text, at, block)),
        None => Err(Problem::new(format!("{path}: nothing there asks for a password"))
            .hint("write this stack by hand: pam_countersign(8) shows three")),
    }
}

/// A line of a PAM file that is about auth.
struct Auth<'a> {
    text: &'a str,
    line: usize,
    start: usize,
    end: usize,
    /// A password is asked for here, or in what is included here.
    asks: bool,
    /// Its control counts the lines behind it.
    jumps: bool,
    /// A success here is the whole stack's; and what the line must be so that it is not.
    ends: Option<String>,
}

fn auth_lines<'a>(source: Source<'_>, text: &'a str) -> Vec<Auth<'a>> {
    let (lines, _) = lines(text);
    let auth = lines.iter().filter_map(|line| {
        let rule = Rule::of(&line.text).filter(is_about_auth)?;
        Some(auth_line(source, text, line, &rule))
    });
    auth.collect()
}

fn is_about_auth(rule: &Rule<'_>) -> bool {
    match rule.included() {
        // An @include of sessions or accounts asks no user.
        Some(Included::All(name)) => {
            let elsewhere = ["account", "session", "password"];
            !elsewhere.iter().any(|part| name.contains(part))
        }
        Some(Included::Lines(_) | Included::Substack(_)) | None => rule.kind() == Some(Kind::Auth),
    }
}

fn auth_line<'a>(source: Source<'_>, text: &'a str, line: &Line, rule: &Rule<'_>) -> Auth<'a> {
    let control = rule.control.as_ref().map_or("", |word| word.written);
    let bracketed = control.starts_with('[');
    Auth {
        text: text.get(line.span.clone()).unwrap_or_default().trim_end(),
        line: line.number,
        start: line.span.start,
        end: line.span.end,
        asks: asks(source, rule),
        jumps: bracketed && control.contains(|c: char| c.is_ascii_digit()),
        ends: ends(rule.included(), control),
    }
}

fn asks(source: Source<'_>, rule: &Rule<'_>) -> bool {
    match (rule.module(), rule.included()) {
        (Some(path), _) => asks_itself(name_of(&path.text)),
        (None, Some(included)) => asks_within(source, included.name()),
        (None, None) => false,
    }
}

/// Whether the lines of another file ask. One that is not there may.
fn asks_within(source: Source<'_>, name: &str) -> bool {
    let not_other = |file: &str| source(file).filter(|_| file != "other");
    let lines = read(&not_other, name, Kind::Auth).handlers;
    source(name).is_none() || lines.iter().filter_map(Handler::module).any(asks_itself)
}

fn ends(included: Option<Included<'_>>, control: &str) -> Option<String> {
    match included {
        Some(Included::All(_) | Included::Substack(_)) => None,
        Some(Included::Lines(name)) => Some(format!("auth substack {name}")),
        None => {
            let mut goes_on = ["required", "requisite"].into_iter();
            let goes_on = goes_on.any(|word| control.eq_ignore_ascii_case(word));
            (!goes_on).then(|| "auth requisite".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = "auth [success=done ignore=ignore default=die] pam_countersign.so\n";
    const STEP_UP: &str = "auth [success=ok ignore=ignore default=bad] pam_countersign.so\n";

    /// Files that others include.
    const FILES: [(&str, &str); 5] = [
        (
            "common-auth",
            "auth required pam_faillock.so preauth\nauth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n",
        ),
        ("google-auth", "auth required pam_google_authenticator.so\n"),
        ("deep", "@include google-auth\n"),
        ("postlogin", "session optional pam_umask.so\n"),
        ("other", "@include common-auth\n"),
    ];

    fn source(name: &str) -> Option<String> {
        let mut files = FILES.iter().filter(|(file, _)| *file == name);
        files.next().map(|(_, text)| (*text).to_owned())
    }

    fn placed(text: &str, stack: Placement) -> String {
        wired(&source, "/etc/pam.d/x", text, stack, "")
            .unwrap_or_else(|problem| problem.what().to_owned())
    }

    #[test]
    fn a_login_stands_in_front_of_what_asks_for_a_password() {
        let before = "#%PAM-1.0\nauth required pam_env.so\nauth sufficient pam_rootok.so\n";
        for asks in [
            "@include common-auth\n",
            "auth substack password-auth\n",
            "auth [success=2 default=ignore] pam_usertype.so \\\n  isregular\nauth sufficient pam_unix.so\n",
            "-auth sufficient pam_unix.so",
        ] {
            let text = format!("{before}{asks}");
            let expected = format!("{before}{}{asks}", block::made_of(LOGIN));
            assert_eq!(placed(&text, Placement::BeforePassword), expected);
        }
    }

    #[test]
    fn a_step_up_stands_behind_it() {
        let before = "account required pam_unix.so\n@include common-account\n";
        for asks in [
            "@include common-auth\n",
            "auth substack password-auth\n",
            "auth requisite pam_unix.so \\\n  nullok\n",
        ] {
            let after = "auth optional pam_cap.so\nsession required pam_unix.so\n";
            let text = format!("{before}{asks}{after}");
            let expected = format!("{before}{asks}{}{after}", block::made_of(STEP_UP));
            assert_eq!(placed(&text, Placement::AfterPassword), expected);
        }
    }

    #[test]
    fn a_step_up_behind_what_ends_the_stack_would_never_be_asked() {
        let text = "# x\nauth sufficient pam_unix.so\n";
        assert_eq!(
            placed(text, Placement::AfterPassword),
            "/etc/pam.d/x:2: what stands behind `auth sufficient pam_unix.so` is not asked"
        );
        for control in ["include", "[success=done default=die]"] {
            let text = format!("auth {control} pam_unix.so\n");
            assert!(placed(&text, Placement::AfterPassword).contains("is not asked"), "{control}");
        }
    }

    #[test]
    fn what_would_end_the_stack_is_told_with_what_would_not() {
        for (line, instead) in [
            ("auth include common-auth", "auth substack common-auth"),
            ("auth sufficient pam_unix.so", "auth requisite"),
        ] {
            let refused =
                wired(&source, "/etc/pam.d/x", line, Placement::AfterPassword, "").unwrap_err();
            let hint =
                format!("make it `{instead}`, or write this stack by hand: pam_countersign(8)");
            assert_eq!(refused.parts().1, hint);
        }
    }

    #[test]
    fn what_asks_nobody_behind_the_password_does_not_end_the_stack() {
        let text = "auth substack common-auth\nauth include postlogin\n";
        let block = block::made_of(STEP_UP);
        let expected = format!("auth substack common-auth\n{block}auth include postlogin\n");
        assert_eq!(placed(text, Placement::AfterPassword), expected);
    }

    #[test]
    fn a_stack_without_a_password_is_left_alone() {
        for text in [
            "",
            "auth required pam_permit.so\n",
            "@include common-session\n",
            "# auth required pam_unix.so\n",
        ] {
            for stack in [Placement::BeforePassword, Placement::AfterPassword] {
                assert_eq!(placed(text, stack), "/etc/pam.d/x: nothing there asks for a password");
            }
        }
    }

    #[test]
    fn a_block_that_is_there_is_replaced_in_its_place() {
        let first = placed("@include common-auth\n", Placement::BeforePassword);
        assert_eq!(placed(&first, Placement::BeforePassword), first);
        assert!(!is_wired_by_hand(&first));
        let second = placed(&first, Placement::AfterPassword);
        let behind = format!("@include common-auth\n{}", block::made_of(STEP_UP));
        assert_eq!(second, behind);
        assert_eq!(placed(&second, Placement::BeforePassword), first);
    }

    #[test]
    fn what_would_be_passed_over_stops_it() {
        for behind in [
            "auth required pam_google_authenticator.so",
            "auth requisite pam_listfile.so item=user sense=deny file=/etc/no",
        ] {
            let text = format!("@include common-auth\n{behind}\n");
            let expected = format!("/etc/pam.d/x:5: `{behind}` would be passed over");
            assert_eq!(placed(&text, Placement::BeforePassword), expected);
        }
        for (included, file) in [("google-auth", "google-auth"), ("deep", "google-auth")] {
            let text = format!("@include common-auth\n@include {included}\n");
            let expected = format!(
                "/etc/pam.d/{file}:1: `auth required pam_google_authenticator.so` would be passed over"
            );
            assert_eq!(placed(&text, Placement::BeforePassword), expected);
        }
        let before = "@include google-auth\n";
        let expected = format!("{before}{}@include common-auth\n", block::made_of(LOGIN));
        let text = format!("{before}@include common-auth\n");
        assert_eq!(placed(&text, Placement::BeforePassword), expected);
        let harmless = "@include common-auth\nauth include postlogin\nauth required pam_env.so\nauth optional pam_x.so\n";
        assert!(placed(harmless, Placement::BeforePassword).ends_with(harmless));
    }

    #[test]
    fn what_a_stack_shares_is_what_it_includes() {
        for (text, debian, authselect) in [
            ("account required pam_x.so\n@include common-auth\n", true, false),
            ("# @include common-auth\n@include common-account\n", false, false),
            ("auth substack \\\n password-auth\n", false, true),
            ("session include system-auth\n", false, true),
            ("# as in system-auth\nauth required pam_unix.so\n", false, false),
        ] {
            let none = |_: &str| None;
            let found = (includes_common_auth(&none, text), includes_authselects(&none, text));
            assert_eq!(found, (debian, authselect), "{text}");
        }
    }

    #[test]
    fn a_stack_that_includes_anothers_shares_what_that_shares() {
        let source = |name: &str| match name {
            "su" => Some("auth sufficient pam_rootok.so\n@include common-auth\n".to_owned()),
            "round" => Some("auth include round\n".to_owned()),
            _ => None,
        };
        let su = ["su".to_owned()];
        assert!(includes_common_auth(&source, "auth include su\n"));
        assert!(includes_one_of(&source, "auth include su\n", &su));
        assert!(!includes_one_of(&source, "@include common-auth\n", &su));
        assert!(!includes_common_auth(&source, "auth include round\n"));
    }

    #[test]
    fn what_somebody_wrote_by_hand_is_seen() {
        assert!(is_wired_by_hand("auth required /lib/security/pam_countersign.so debug\n"));
        assert!(!is_wired_by_hand(
            "# auth required pam_countersign.so\nauth required pam_env.so\n"
        ));
    }
}
