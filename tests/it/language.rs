//! The language of comments: sentences whose actor exists.

use std::fs;
use std::path::Path;

/// Words that name no actor, or need the sentence before. As seldom as this, they are quotations.
const VAGUE: [&str; 8] =
    ["somebody", "nobody", "whoever", "whom", "anybody", "everybody", "the same,", "there is none"];
/// In so many lines of comments there are at most two of them.
const LINES: usize = 1000;

fn comments(folder: &Path, lines: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            comments(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let place = path.display().to_string();
            let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
            lines.extend(comments.map(|line| (place.clone(), line.trim().to_owned())));
        }
    }
}

fn is_vague(line: &str) -> bool {
    let line = line.to_lowercase();
    let words = |c: char| !c.is_alphanumeric();
    VAGUE.iter().any(|vague| {
        if vague.contains([' ', ',']) {
            line.contains(vague)
        } else {
            line.split(words).any(|word| word == *vague)
        }
    })
}

#[test]
fn comments_name_actors_that_exist() {
    let mut lines = Vec::new();
    comments(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), &mut lines);
    let vague: Vec<_> = lines.iter().filter(|(_, line)| is_vague(line)).collect();
    assert!(
        vague.len() * LINES <= 2 * lines.len(),
        "{} of {} lines:\n{vague:#?}",
        vague.len(),
        lines.len()
    );
}

#[test]
fn vague_words_are_seen() {
    for line in ["/// The same, unseen.", "// Nobody answers.", "//! Whom it is about."] {
        assert!(is_vague(line), "{line}");
    }
    assert!(!is_vague("/// The same session, wholesome."));
}
