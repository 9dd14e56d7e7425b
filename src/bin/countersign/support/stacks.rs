//! The stacks that name the module, with what they include: each line, but of arguments only those that are known.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use super::super::stacks::{FOLDERS, Rule, Stack, of_service};

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
        None => FOLDERS.iter().map(Path::new).collect(),
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
    let entries = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok());
    let names = entries.flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    names.dedup();
    names
}

fn file(stack: &Stack) -> Vec<String> {
    let mut lines = vec![format!("{}:", stack.path.display())];
    lines.extend(stack.lines.iter().map(|line| {
        let number = line.number;
        match &line.rule {
            Rule::Include(other) => format!("  line {number}: everything of {other}"),
            Rule::Module {
                kind,
                control,
                module,
                arguments,
            } => {
                let arguments = arguments.iter().map(|a| harmless(module, a));
                let words = [kind.as_str(), control, module]
                    .into_iter()
                    .chain(arguments);
                let words: Vec<_> = words.collect();
                format!("  line {number}: {}", words.join(" "))
            }
        }
    }));
    lines
}

fn harmless<'a>(module: &str, argument: &'a str) -> &'a str {
    let is_ours = module.contains("countersign.so") && argument.starts_with("config=/");
    match is_ours || HARMLESS.contains(&argument) {
        true => argument,
        false => "(left out)",
    }
}
