//! Manners: every subcommand, found in clap's own tree, has examples that are right use, and a
//! place in the manual.

use clap::{Command, CommandFactory};

use crate::arguments::{Arguments, WITHOUT_CONFIG};

/// A subcommand that does something, at any depth.
struct Leaf {
    /// Its names, the outermost first.
    path: Vec<String>,
    examples: Vec<String>,
    has_json: bool,
}

fn leaves() -> Vec<Leaf> {
    let mut leaves = Vec::new();
    collect(&Arguments::command(), &[], false, &mut leaves);
    leaves
}

fn collect(command: &Command, path: &[String], has_json: bool, leaves: &mut Vec<Leaf>) {
    let has_json = has_json || command.get_arguments().any(|argument| argument.get_id() == "json");
    if !command.has_subcommands() {
        leaves.push(Leaf { path: path.to_vec(), examples: examples(command), has_json });
    }
    for below in command.get_subcommands() {
        let path = [path, &[below.get_name().to_owned()]].concat();
        collect(below, &path, has_json, leaves);
    }
}

/// The lines below "Example:" or "Examples:".
fn examples(command: &Command) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let text = text.replace("\\\n", " ");
    let mut lines = text.lines();
    let is_headed = lines.any(|line| line == "Example:" || line == "Examples:");
    assert!(is_headed || text.is_empty(), "no heading: {text}");
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// What `countersign` is given in a line for a shell, its own name first; double quotes keep words
/// together.
fn words(example: &str) -> Vec<String> {
    let start = example.rfind("countersign ").unwrap_or_else(|| panic!("not ours: {example}"));
    let (mut words, mut is_quoted) = (vec![String::new()], false);
    for letter in example[start..].chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '|' | '<' | '>' | '&' | ';' if !is_quoted => break,
            ' ' if !is_quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_subcommand_has_examples_of_its_own() {
    for leaf in leaves() {
        assert!(!leaf.examples.is_empty(), "no example: {:?}", leaf.path);
        for example in &leaf.examples {
            let words = words(example);
            let is_own = leaf.path.iter().all(|name| words.contains(name));
            assert!(is_own, "{example:?} is no example of {:?}", leaf.path);
        }
    }
}

#[test]
fn every_example_is_right_use() {
    for example in leaves().iter().flat_map(|leaf| &leaf.examples) {
        let parsed = Arguments::command().try_get_matches_from(words(example));
        assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
    }
}

#[test]
fn what_is_no_right_use_would_be_found() {
    for example in
        ["countersign explain", "countersign explain a --jsno", "countersign explain a --key x"]
    {
        assert!(Arguments::command().try_get_matches_from(words(example)).is_err());
    }
}

/// What has no result for programs is named here: a script, and what changes this machine before
/// a reader's eyes.
#[test]
fn the_help_shows_config_where_it_counts_and_nowhere_else() {
    let mut command = super::command();
    command.build();
    for below in command.get_subcommands_mut() {
        let name = below.get_name().to_owned();
        let help = below.render_long_help().to_string();
        assert_eq!(!help.contains("--config "), WITHOUT_CONFIG.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn every_subcommand_with_a_result_has_it_for_programs() {
    const WITHOUT: [&str; 5] = ["completions", "setup", "confirm", "unsetup", "purge"];
    for leaf in leaves() {
        let path = leaf.path.join(" ");
        assert_ne!(leaf.has_json, WITHOUT.contains(&path.as_str()), "{path}");
    }
}

#[test]
fn every_subcommand_is_in_the_manual() {
    let page = include_str!("../../../packaging/man/countersign.8");
    let (synopsis, rest) = page.split_once("\n.Sh DESCRIPTION\n").unwrap();
    let items: Vec<_> = rest.lines().filter(|line| line.starts_with(".It Cm ")).collect();
    let has = |text: &str, name: &str| {
        let mut lines = text.lines().filter(|line| line.contains("Cm "));
        lines.any(|line| line.split_whitespace().any(|word| word == name))
    };
    for leaf in leaves() {
        let name = leaf.path.last().unwrap();
        assert!(leaf.path.iter().all(|name| has(synopsis, name)), "synopsis: {:?}", leaf.path);
        assert!(has(&items.join("\n"), name), "no item: {:?}", leaf.path);
    }
    for section in ["FILES", "EXIT STATUS", "EXAMPLES"] {
        assert!(rest.contains(&format!("\n.Sh {section}\n")), "{section}");
    }
}
