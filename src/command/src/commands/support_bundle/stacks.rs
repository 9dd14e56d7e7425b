//! The stacks that name the module, with what they include: each line, but of arguments only those
//! that are known.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use pam_stack::rule::Rule;
use pam_stack::stack::name_of;

use crate::machine::pam::our_module::is_path_of_ours;
use crate::machine::pam::stacks::{self, Stack, is_leftover, of_service};
use crate::machine::root::Root;

/// Words that modules take and that can be no secret.
const HARMLESS: [&str; 17] = [
    "audit",
    "authfail",
    "authsucc",
    "debug",
    "forward_pass",
    "local_users_only",
    "no_warn",
    "nodelay",
    "nullok",
    "preauth",
    "quiet",
    "sha512",
    "shadow",
    "silent",
    "try_first_pass",
    "use_first_pass",
    "use_authtok",
];

pub fn section(folder: Option<&Path>) -> Vec<String> {
    let folders: Vec<&Path> = match folder {
        Some(folder) => vec![folder],
        None => stacks::folders(&Root::live()).into_iter().map(Path::new).collect(),
    };
    let mut shown: Vec<PathBuf> = Vec::new();
    let mut lines = Vec::new();
    for service in services(&folders) {
        let stacks = of_service(&folders, &service);
        if !stacks.iter().any(Stack::names_module) {
            continue;
        }
        for stack in stacks {
            if !shown.contains(&stack.path) {
                lines.extend(file(&stack));
                shown.push(stack.path);
            }
        }
    }
    if lines.is_empty() {
        lines.push("no stack names pam_countersign".to_owned());
    }
    lines
}

fn services(folders: &[&Path]) -> Vec<String> {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let names = entries.flatten().flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let mut names: Vec<_> = names.filter(|name| !is_leftover(name)).collect();
    names.sort();
    names.dedup();
    names
}

fn file(stack: &Stack) -> Vec<String> {
    let mut lines = vec![format!("{}:", stack.path.display())];
    let said =
        |(number, rule): (usize, Rule<'_>)| Some(format!("  line {number}: {}", said(&rule)?));
    lines.extend(stack.rules().filter_map(said));
    lines
}

/// `None` of a line that ends before it has said anything.
fn said(rule: &Rule<'_>) -> Option<String> {
    if let Some(included) = rule.included() {
        let name = included.name();
        return (!name.is_empty()).then(|| format!("everything of {name}"));
    }
    let (control, module) = (rule.control.as_ref()?, rule.module()?);
    let is_ours = is_about_service(rule);
    let arguments = rule.arguments().iter();
    let arguments = arguments.map(|argument| {
        if is_ours { argument.written } else { harmless(module.written, argument.written) }
    });
    let words = [rule.first.written, control.written, module.written];
    let words: Vec<_> = words.into_iter().chain(arguments).collect();
    Some(words.join(" "))
}

/// A condition on the name of the service alone, as setup writes it: it names services, and nothing
/// else.
fn is_about_service(rule: &Rule<'_>) -> bool {
    let is_condition =
        rule.module().is_some_and(|module| name_of(&module.text) == "pam_succeed_if");
    let words = rule.arguments().iter().map(|word| word.text.as_str());
    let words: Vec<_> = words.filter(|word| !HARMLESS.contains(word)).collect();
    let is_list =
        |list: &str| list.chars().all(|c| c.is_ascii_alphanumeric() || ":._-".contains(c));
    is_condition && matches!(words.as_slice(), ["service", "in" | "notin", list] if is_list(list))
}

fn harmless<'a>(module: &str, argument: &'a str) -> &'a str {
    let is_config = is_path_of_ours(module) && argument.starts_with("config=/");
    if is_config || HARMLESS.contains(&argument) { argument } else { "(left out)" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pam_stack::line::lines;

    #[test]
    fn a_condition_on_the_service_is_shown_whole_and_no_other() {
        let condition = "auth [success=1 default=ignore] pam_succeed_if.so";
        for (arguments, shown) in [
            ("service notin sshd:sudo quiet", "service notin sshd:sudo quiet"),
            ("service in polkit-1", "service in polkit-1"),
            ("user = alice", "(left out) (left out) (left out)"),
            (
                "service in a user = b",
                "(left out) (left out) (left out) (left out) (left out) (left out)",
            ),
            ("service in hunter2!", "(left out) (left out) (left out)"),
        ] {
            let line = format!("{condition} {arguments}");
            let said = said(&Rule::of(&line).unwrap());
            assert_eq!(said, Some(format!("{condition} {shown}")));
        }
    }

    #[test]
    fn a_stack_is_read_as_libpam_reads_it() {
        let text = "# a comment\n@include common-auth # more\n\nauth [success=1 default=ignore] \\\n  pam_unix.so nullok # x\n\
            -auth include other\naccount substack third\nauth\n";
        let lines = lines(text).0;
        let shown = lines.iter().filter_map(|line| {
            let said = said(&Rule::of(&line.text)?)?;
            Some(format!("{} {said}", line.number))
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "2 everything of common-auth",
                "4 auth [success=1 default=ignore] pam_unix.so nullok",
                "6 everything of other",
                "7 everything of third",
            ]
        );
    }
}
