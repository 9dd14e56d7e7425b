//! Imports between files go one way: a reader who follows them never comes back to where they began.
//!
//! The test reads `use` declarations and paths that begin with `crate`, `self`, `super` or the name of
//! a crate of ours. A name that a file only passes on (`pub use`) counts as an import from the file
//! that defines it. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders of the crates, and the names by which others import them.
const CRATES: [(&str, &str); 4] = [
    ("engine", "countersign"),
    ("command", "command"),
    ("broker", "countersignd"),
    ("pam-stack", "pam_stack"),
];

/// The rooms of a crate, from the ground up: each imports from those before it alone.
const FLOORS: [(&str, &[&str]); 3] = [
    (
        "countersign",
        &[
            "audit", "echo", "refusal", "secret", "os", "otpauth", "policy", "log", "local",
            "tenant", "words", "login", "host", "broker", "pam",
        ],
    ),
    ("countersignd", &["bounds", "remote", "login", "listener", "start"]),
    ("command", &["ui", "configuration", "tenant", "machine", "commands", "arguments"]),
];

/// A module, as a path of names; the first is the crate.
type Module = Vec<String>;

/// The modules of a crate with their text, without comments and tests.
struct House {
    files: BTreeMap<Module, String>,
    /// Names that a file passes on, with where they come from.
    passed_on: BTreeMap<Module, Module>,
}

impl House {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut files = BTreeMap::new();
        for (folder, name) in CRATES {
            collect(&root.join(folder).join("src"), &[name.to_owned()], &mut files);
        }
        Self::of(files)
    }

    fn of(files: BTreeMap<Module, String>) -> Self {
        let mut house = Self { files, passed_on: BTreeMap::new() };
        let mut passed_on = BTreeMap::new();
        for (module, text) in &house.files {
            for (is_public, path) in uses(text).filter(|(is_public, _)| *is_public) {
                let (Some(from), true) = (house.absolute(module, &path), is_public) else {
                    continue;
                };
                let name = from.last().unwrap().clone();
                passed_on.insert([&module[..], &[name]].concat(), from);
            }
        }
        house.passed_on = passed_on;
        house
    }

    /// A path as it is from the root of its crate; `None` for one into other crates.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Module> {
        let first = path[0].as_str();
        let (base, rest) = match first {
            "crate" => (&module[..1], &path[1..]),
            "self" => (module, &path[1..]),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                (&module[..module.len().checked_sub(up)?], &path[up..])
            }
            _ if CRATES.iter().any(|(_, name)| *name == first) => (&path[..1], &path[1..]),
            _ if self.files.contains_key(&[module, &path[..1]].concat()) => (module, path),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    /// The file in which what a path names is defined.
    fn home(&self, path: &[String]) -> Option<&Module> {
        let is_module = |length: &usize| self.files.contains_key(&path[..*length]);
        let length = (1..=path.len()).rev().find(is_module)?;
        let next = path.get(..=length).and_then(|name| self.passed_on.get(name));
        if let Some(from) = next.filter(|from| from[..] != *path) {
            return self.home(&[&from[..], &path[length + 1..]].concat());
        }
        self.files.get_key_value(&path[..length]).map(|(module, _)| module)
    }

    /// Which files a file imports from, and the names that it takes.
    fn imports(&self, module: &Module) -> BTreeMap<&Module, BTreeSet<String>> {
        let text = &self.files[module];
        let declared = uses(text).filter(|(is_public, _)| !is_public).map(|(_, path)| path);
        let mut imports: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for path in declared.chain(inline_paths(text)) {
            let from = self.absolute(module, &path);
            let home = from.as_ref().and_then(|from| self.home(from));
            if let Some(home) = home.filter(|home| *home != module) {
                imports.entry(home).or_default().insert(path.last().unwrap().clone());
            }
        }
        imports
    }
}

fn collect(folder: &Path, module: &[String], files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.contains("tests") {
            continue;
        }
        let own = match name.as_str() {
            "lib" | "main" | "mod" => module.to_vec(),
            _ => [module, &[name]].concat(),
        };
        if path.is_dir() {
            collect(&path, &own, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(own, code(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The text without comments, and without the tests behind it.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Every name of every `use`, with whether it is passed on.
fn uses(text: &str) -> impl Iterator<Item = (bool, Module)> {
    let statements = text.split(';').filter_map(|statement| {
        let statement = statement.rsplit_once('}').map_or(statement, |(before, after)| {
            if before.contains("use ") && before.contains('{') { statement } else { after }
        });
        let at = statement.find("use ").filter(|at| {
            let before = statement[..*at].trim_end();
            before.is_empty() || before.ends_with([']', '\n', ')']) || before.ends_with("pub")
        })?;
        let is_public = statement[..at].trim_end().ends_with(['b', ')']);
        Some((is_public, names(&statement[at + 4..])))
    });
    statements.flat_map(|(is_public, names)| names.into_iter().map(move |name| (is_public, name)))
}

/// The names of a tree of imports, each as its path.
fn names(tree: &str) -> Vec<Module> {
    let tree = tree.trim();
    let Some((head, inside)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let head = head.split("::").map(str::trim).filter(|part| !part.is_empty());
    let head: Module = head.map(str::to_owned).collect();
    let mut depth = 0;
    let branches = inside.rsplit_once('}').unwrap().0.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let branches = branches.filter(|branch| !branch.trim().is_empty()).flat_map(names);
    branches
        .map(|name| [&head[..], &name].concat().into_iter().filter(|n| n != "self").collect())
        .collect()
}

/// Paths in the middle of the code that begin at a crate or at a module.
fn inline_paths(text: &str) -> impl Iterator<Item = Module> {
    let is_path = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    text.split(is_path)
        .filter(|path| path.contains("::"))
        .map(|path| {
            let parts = path.split("::").filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect::<Module>()
        })
        .filter(|path| path.last().is_some_and(|name| name != "super") && path.len() > 1)
        .filter(|path| {
            let first = path[0].as_str();
            ["crate", "self", "super"].contains(&first)
                || CRATES.iter().any(|(_, name)| *name == first)
        })
}

/// The files that lie on a circle with `start`.
fn circle<'h>(house: &'h House, start: &'h Module) -> Option<Vec<&'h Module>> {
    let (mut waiting, mut before) = (vec![start], BTreeMap::new());
    while let Some(module) = waiting.pop() {
        for next in house.imports(module).into_keys() {
            if next == start {
                let mut circle = vec![module];
                while let Some(earlier) = before.get(circle[circle.len() - 1]) {
                    circle.push(*earlier);
                }
                circle.reverse();
                return Some(circle);
            }
            if !before.contains_key(next) {
                before.insert(next, module);
                waiting.push(next);
            }
        }
    }
    None
}

#[test]
fn no_file_imports_from_a_file_that_imports_from_it() {
    let house = House::read();
    let circles: Vec<String> = house
        .files
        .keys()
        .filter_map(|module| circle(&house, module))
        .map(|circle| {
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            names.join(" -> ")
        })
        .collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn a_room_imports_from_rooms_below_it_alone() {
    let house = House::read();
    for (name, rooms) in FLOORS {
        let floor = |module: &Module| {
            let room = module.get(1).filter(|_| module[0] == name)?;
            let floor = rooms.iter().position(|other| other == room);
            Some(floor.unwrap_or_else(|| panic!("{room} has no floor")))
        };
        for module in house.files.keys().filter(|module| module[0] == name) {
            for (from, names) in house.imports(module) {
                if let (Some(own), Some(other)) = (floor(module), floor(from)) {
                    let (module, from) = (module.join("::"), from.join("::"));
                    assert!(other <= own, "{module} imports {names:?} from {from}, above it");
                }
            }
        }
    }
}

#[test]
fn circles_are_seen() {
    let file =
        |name: &str, text: &str| (vec!["countersign".to_owned(), name.to_owned()], text.to_owned());
    for (one, other) in [
        ("use super::b::{self, B};", "use crate::a::A;"),
        ("use std::fmt;\n\npub use super::b::B;\nuse super::b::C;", "fn f() { crate::a::g() }"),
        ("use super::{\n    b::{B, C},\n};", "pub(crate) use x::Y;\nuse countersign::a;"),
    ] {
        let house = House::of([file("a", one), file("b", other)].into());
        let a = house.files.keys().next().unwrap();
        assert!(circle(&house, a).is_some(), "{one}");
        let house = House::of([file("a", one), file("b", "use std::fmt;")].into());
        let a = house.files.keys().next().unwrap();
        assert!(circle(&house, a).is_none(), "{one}");
    }
}
