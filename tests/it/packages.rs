//! The parts of packages and of a release that need no build: the workflow, the changelog, and what
//! is installed. `make test-packages` tries the packages themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn workflow() -> Yaml {
    YamlLoader::load_from_str(&text(".github/workflows/release.yml")).unwrap().remove(0)
}

/// Every step of every job.
fn steps(workflow: &Yaml) -> Vec<Yaml> {
    let jobs = workflow["jobs"].as_hash().unwrap().values();
    let steps = jobs.flat_map(|job| job["steps"].as_vec().unwrap());
    steps.cloned().collect()
}

/// The words behind each `make` of a script.
fn made(script: &str) -> Vec<String> {
    let commands = script.lines().filter_map(|line| line.trim().strip_prefix("make "));
    commands.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn the_release_workflow_makes_what_a_release_has_from_targets_that_exist() {
    let workflow = workflow();
    let runs = steps(&workflow);
    let runs = runs.iter().filter_map(|step| step["run"].as_str());
    let targets: BTreeSet<_> = runs.flat_map(made).collect();
    let wanted = ["dist", "test", "test-packages"].map(str::to_owned);
    assert_eq!(targets, BTreeSet::from(wanted));
    let makefile = text("Makefile");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "{target}");
    }
}

#[test]
fn the_release_workflow_builds_both_architectures_and_signs() {
    let workflow = workflow();
    let runners = workflow["jobs"]["build"]["strategy"]["matrix"]["runner"].as_vec().unwrap();
    let names: Vec<_> = runners.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, ["ubuntu-24.04", "ubuntu-24.04-arm"]);
    let published = workflow["jobs"]["publish"]["steps"].as_vec().unwrap();
    let all = format!("{published:?}");
    assert!(all.contains("cosign sign-blob") && all.contains("attest-build-provenance"), "{all}");
    // What builds can't write: only the job that publishes has a token that can.
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
    assert!(workflow["jobs"]["build"]["permissions"].is_badvalue());
}

#[test]
fn each_step_of_the_release_workflow_does_one_thing() {
    for step in steps(&workflow()) {
        let (run, uses) = (step["run"].as_str(), step["uses"].as_str());
        assert!(run.is_some() != uses.is_some(), "{step:?}");
        assert!(uses.is_none_or(|uses| uses.contains("@v")), "{step:?}");
    }
}

#[test]
fn the_changelog_has_the_version_of_the_tree_with_its_day() {
    let changelog = text("CHANGELOG.md");
    let versions: Vec<_> = changelog.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let (newest, rest) = versions.split_first().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    // Between releases, what is new stands above the version that the tree still has.
    let released = if *newest == "Unreleased" { rest[0] } else { newest };
    assert!(released.starts_with(&format!("{version} (")), "{released}");
    let days: Vec<_> = versions
        .iter()
        .filter(|head| **head != "Unreleased")
        .map(|head| head.split_once(" (").unwrap().1.strip_suffix(')').unwrap())
        .collect();
    assert!(days.iter().all(|day| day.len() == 10), "{days:?}");
    assert!(days.is_sorted_by(|newer, older| newer >= older), "{days:?}");
}

#[test]
fn the_control_files_have_what_debian_demands_and_no_placeholder_that_is_not_known() {
    let fields = ["Package", "Version", "Architecture", "Maintainer", "Depends", "Description"];
    let known = ["VERSION", "ARCHITECTURE", "GLIBC", "SIZE", "BUILD_IDS"];
    let mut seen = 0;
    for entry in fs::read_dir(root().join("packaging/deb")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "control") {
            continue;
        }
        seen += 1;
        let control = fs::read_to_string(&path).unwrap();
        for field in fields {
            assert!(
                control.lines().any(|line| line.starts_with(&format!("{field}: "))),
                "{path:?}"
            );
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(control.starts_with(&format!("Package: {name}\n")), "{path:?}");
        let lines = control.lines().filter(|line| !line.starts_with("Maintainer: "));
        for word in lines.flat_map(|line| line.split('@').skip(1).step_by(2)) {
            assert!(known.contains(&word), "{path:?}: {word}");
        }
    }
    assert_eq!(seen, 4);
}

/// A libpam with these symbols and no others is what the packages are linked with.
#[test]
fn the_map_of_libpam_has_what_the_programs_use() {
    let map = text("packaging/release/libpam.map");
    let module = crate::rig::module();
    for program in [Path::new(env!("CARGO_BIN_EXE_countersign")), module.as_path()] {
        let shown = Command::new("nm").args(["-D", "--undefined-only"]).arg(program).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        let symbols = shown.split_whitespace().filter(|word| word.starts_with("pam_"));
        let symbols: Vec<_> = symbols.map(|word| word.split('@').next().unwrap()).collect();
        assert!(!symbols.is_empty(), "{program:?}");
        for symbol in symbols {
            assert!(map.contains(&format!(" {symbol};")), "{symbol}");
        }
    }
}
