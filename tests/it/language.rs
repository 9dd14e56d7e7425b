//! The language of comments, messages and documents: sentences whose actor exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that name no actor.
const VAGUE: [&str; 6] = ["somebody", "nobody", "whoever", "whom", "anybody", "everybody"];
/// Beginnings that need the sentence before. In a comment they are as bad as a word without an
/// actor; in a message they may be a part of what is said.
const DANGLING: [&str; 2] = ["the same,", "there is none"];
/// In so many lines of comments there are at most two of them.
const LINES: usize = 1000;

/// What a reader sees beside the sources.
const DOCUMENTS: [&str; 12] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "conf",
    "packaging",
];
/// Words of others: a role of each tenant, and a sentence of the licence.
const QUOTED: [&str; 2] = ["Everybody", "permit persons to whom the Software is"];

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each file below a place that is text.
fn files(place: &Path) -> Vec<(String, String)> {
    if place.is_file() {
        let text = fs::read_to_string(place).ok();
        return text.map(|text| (place.display().to_string(), text)).into_iter().collect();
    }
    let entries = fs::read_dir(place).unwrap();
    entries.flat_map(|entry| files(&entry.unwrap().path())).collect()
}

fn sources(places: [&str; 2]) -> Vec<(String, String)> {
    let places = places.map(|place| files(&tree().join(place)));
    places.into_iter().flatten().filter(|(path, _)| path.ends_with(".rs")).collect()
}

fn has_word(text: &str) -> bool {
    let text = QUOTED.iter().fold(text.to_owned(), |text, quoted| text.replace(quoted, ""));
    let text = text.to_lowercase();
    // A name in a program is one word.
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| VAGUE.contains(&word))
}

fn is_vague(comment: &str) -> bool {
    let lower = comment.to_lowercase();
    has_word(comment) || DANGLING.iter().any(|dangling| lower.contains(dangling))
}

/// The literals of strings in a source, one after the other.
fn literals(source: &str) -> Vec<&str> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, here) = rest.split_at(at);
        rest = if here.starts_with("//") {
            here.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(character) = here.strip_prefix('\'') {
            // A lifetime has no second mark; a character is one, or an escape.
            let length = match character.strip_prefix('\\') {
                Some(escape) => 2 + escape.get(1..).and_then(|more| more.find('\'')).unwrap_or(0),
                None => character.chars().next().map_or(0, char::len_utf8),
            };
            let end = character.get(length..).unwrap_or_default();
            end.strip_prefix('\'').unwrap_or(character)
        } else if let Some(text) = here.strip_prefix('"') {
            let marks = before.len() - before.trim_end_matches('#').len();
            let is_raw = before.trim_end_matches('#').ends_with('r');
            let end = if is_raw {
                text.find(&format!("\"{}", "#".repeat(marks))).unwrap()
            } else {
                unescaped(text)
            };
            literals.push(&text[..end]);
            &text[end + 1..]
        } else {
            &here[1..]
        };
    }
    literals
}

/// Where the quotation mark is that ends this text.
fn unescaped(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.unwrap()
}

#[test]
fn comments_name_actors_that_exist() {
    let sources = sources(["src", "tests"]);
    let lines = sources.iter().flat_map(|(path, text)| {
        let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
        comments.map(move |line| (path, line.trim()))
    });
    let lines: Vec<_> = lines.collect();
    let vague: Vec<_> = lines.iter().filter(|(_, line)| is_vague(line)).collect();
    assert!(
        vague.len() * LINES <= 2 * lines.len(),
        "{} of {} lines:\n{vague:#?}",
        vague.len(),
        lines.len()
    );
}

#[test]
fn messages_name_actors_that_exist() {
    let sources = sources(["src", "tests/simulator"]);
    let all = sources
        .iter()
        .flat_map(|(path, text)| literals(text).into_iter().map(move |literal| (path, literal)));
    let all: Vec<_> = all.collect();
    assert!(all.len() > 5000, "{} literals: the sources were not read", all.len());
    let vague: Vec<_> = all.iter().filter(|(_, literal)| has_word(literal)).collect();
    assert!(vague.is_empty(), "{vague:#?}");
}

#[test]
fn documents_name_actors_that_exist() {
    let all = DOCUMENTS.iter().flat_map(|name| files(&tree().join(name)));
    let lines = all.flat_map(|(path, text)| {
        let vague = text.lines().filter(|line| has_word(line));
        vague.map(|line| format!("{path}: {line}")).collect::<Vec<_>>()
    });
    assert_eq!(lines.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Scripts and fixtures of the tests: a line of code counts as one of words.
#[test]
fn scripts_name_actors_that_exist() {
    let files = files(&tree().join("tests"));
    let others = files.iter().filter(|(path, _)| !path.ends_with(".rs"));
    let lines: Vec<_> = others.flat_map(|(_, text)| text.lines()).collect();
    assert!(lines.len() > LINES, "{} lines: the scripts were not read", lines.len());
    let vague: Vec<_> = lines.iter().filter(|line| has_word(line)).collect();
    assert!(vague.len() * LINES <= 2 * lines.len(), "of {} lines:\n{vague:#?}", lines.len());
}

#[test]
fn vague_words_are_seen() {
    for line in ["/// The same, unseen.", "// Nobody answers.", "//! Whom it is about."] {
        assert!(is_vague(line), "{line}");
    }
    assert!(!is_vague("/// The same session, wholesome."));
    assert!(!has_word("the role Everybody"));
    let source = r##"fn a<'l>(c: char) { b("one\"", '"', '\'', r#"t"wo"#, "th\
        ree") } // "four""##;
    assert_eq!(literals(source), ["one\\\"", "t\"wo", "th\\\n        ree"]);
}
