//! CONTRIBUTING.md names the files to touch for each kind of addition. An example of each kind is
//! looked for in every file, so that the lists stay true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = include_str!("../../CONTRIBUTING.md");

/// Where an addition can have to be made. Tests are led to by what fails.
const LOOKED_THROUGH: [&str; 5] =
    ["src", "conf", "packaging/man", "packaging/selinux", "tests/simulator"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The tracked files in which a word stands.
fn files_with(word: &str) -> BTreeSet<String> {
    let done = Command::new("git")
        .args(["grep", "--files-with-matches", "--ignore-case", "--word-regexp", "-e", word, "--"])
        .args(LOOKED_THROUGH)
        .current_dir(root())
        .output();
    let files = String::from_utf8(done.unwrap().stdout).unwrap();
    let files = files.lines().filter(|file| !file.contains("tests.rs") && !is_in_tests(file));
    files.map(str::to_owned).collect()
}

fn is_in_tests(file: &str) -> bool {
    file.starts_with("src/") && file.contains("/tests/")
}

/// The kinds of additions: the example of each, and the files that the page names.
fn kinds() -> Vec<(String, BTreeSet<String>)> {
    let sections = PAGE.split("\n### ").skip(1);
    let kinds = sections.map(|section| {
        let section = section.split("\n## ").next().unwrap();
        let (head, body) = section.split_once('\n').unwrap();
        let example = head.split("(example: `").nth(1).unwrap().split('`').next().unwrap();
        let files = body.split("\n- `").skip(1).map(|line| line.split('`').next().unwrap());
        (example.to_owned(), files.map(str::to_owned).collect())
    });
    kinds.collect()
}

#[test]
fn the_lists_of_files_are_complete() {
    if !root().join(".git").exists() {
        println!("left out: this is no checkout");
        return;
    }
    let kinds = kinds();
    assert_eq!(kinds.len(), 5);
    for (example, named) in kinds {
        assert_eq!(named, files_with(&example), "the files for {example}");
    }
}

#[test]
fn every_path_of_the_pages_is_there() {
    let pages = [PAGE, include_str!("../../ARCHITECTURE.md")];
    for word in pages.iter().flat_map(|page| page.split('`')) {
        let is_path =
            ["src/", "tests/", "packaging/", "conf/"].iter().any(|at| word.starts_with(at));
        if is_path && !word.contains([' ', '\n']) {
            assert!(fs::exists(root().join(word)).unwrap(), "{word}");
        }
    }
}
