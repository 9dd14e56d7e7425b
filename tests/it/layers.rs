//! The rules of the rooms: which file may touch what. They are rules of the design, so they are
//! checked.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the crates, with its path below `src` without the crate's own `src`, and
/// its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    collect(root, &mut files);
    let name = |path: &Path| {
        let path = path.strip_prefix(root).unwrap().display().to_string();
        path.replacen("/src/", "/", 1)
    };
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The file as the compiler sees it outside of tests, without comments.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    body.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_test(name: &str) -> bool {
    name.contains("tests")
}

fn within(name: &str, rooms: &[&str]) -> bool {
    rooms.iter().any(|room| name.starts_with(room))
}

fn assert_only(rooms: &[&str], what: &str) {
    for (name, text) in sources() {
        if !is_test(&name) && !within(&name, rooms) {
            assert!(!code(&text).contains(what), "{name} must not use {what}");
        }
    }
}

/// The engine forbids unsafe code file by file, for two of its rooms need it; the other crates as
/// crates, but for the command's one file that talks to libpam.
#[test]
fn unsafe_code_is_in_two_rooms_and_one_file_and_forbidden_everywhere_else() {
    let allowed =
        ["engine/pam/", "engine/os/", "engine/lib.rs", "command/machine/pam/application.rs"];
    for (name, text) in sources() {
        let may = within(&name, &allowed)
            || is_test(&name)
            || ["command/main.rs", "command/machine/mod.rs", "command/machine/pam/mod.rs"]
                .contains(&name.as_str());
        assert!(may || text.contains("#![forbid(unsafe_code)]"), "{name}");
        let is_main = ["command/main.rs", "command/machine/mod.rs", "command/machine/pam/mod.rs"]
            .contains(&name.as_str());
        assert!(!is_main || text.contains("#![deny(unsafe_code)]"), "{name}");
    }
}

#[test]
fn every_file_says_first_what_lives_in_it() {
    for (name, text) in sources() {
        assert!(text.starts_with("//! ") || is_test(&name), "{name}");
    }
}

#[test]
fn what_decides_can_not_touch_the_world() {
    for (name, text) in sources() {
        let decides = within(
            &name,
            &[
                "engine/login",
                "engine/policy",
                "engine/words",
                "engine/refusal.rs",
                "engine/tenant/re",
                "engine/tenant/silence",
                "engine/tenant/text",
                "engine/otpauth",
                "command/tenant/britive/wire",
                "command/tenant/britive/refusal",
                "command/tenant/britive/token",
                "command/tenant/admin/wire",
                "command/tenant/admin/refusal",
                "command/tenant/admin/block",
                "command/tenant/admin/rule",
                "command/tenant/admin/json",
            ],
        );
        if !decides || is_test(&name) || name == "engine/tenant/resolver.rs" {
            continue;
        }
        let code = code(&text);
        for what in [
            "std::fs",
            "std::env",
            "std::net::T",
            "Instant",
            "SystemTime",
            "std::process",
            "std::thread",
            "libc",
            "crate::os",
            "crate::host",
            "countersign::os",
            "countersign::host",
        ] {
            assert!(!code.contains(what), "{name} must not use {what}");
        }
    }
}

#[test]
fn one_room_names_the_http_crate() {
    assert_only(&["engine/tenant/http"], "ureq");
}

#[test]
fn one_file_drives_a_login() {
    assert_only(&["engine/host/drive.rs", "engine/login"], "Step::Send");
}

#[test]
fn one_file_names_the_log_crate_and_one_room_the_pam_crate() {
    assert_only(&["engine/log.rs"], "syslog::");
    // The table of reasons names the codes for libpam.
    assert_only(&["engine/pam/", "engine/refusal.rs"], " ::pam::");
}

#[test]
fn the_table_of_reasons_imports_nothing_of_the_rest() {
    for (name, text) in sources() {
        assert!(name != "engine/refusal.rs" || !code(&text).contains("crate::"));
    }
}

/// The modules of a room with what each of them imports of the same room, by their paths in it.
fn imports(room: &str) -> Vec<(String, Vec<String>)> {
    let inside = |name: &str| name.strip_prefix(room)?.strip_suffix(".rs").map(str::to_owned);
    let files = sources().into_iter().filter(|(name, _)| !is_test(name));
    let files: Vec<_> = files.filter_map(|(name, text)| Some((inside(&name)?, text))).collect();
    let module = |path: &str| path.trim_end_matches("mod").trim_end_matches('/').to_owned();
    let known: Vec<_> = files.iter().map(|(path, _)| module(path)).collect();
    let imports = |(path, text): &(String, String)| {
        let named = named(&module(path), &code(text));
        // An item of a module is imported from the module.
        let of = |name: String| match known.contains(&name) {
            true => name,
            false => name.rsplit_once('/').map_or_else(String::new, |(above, _)| above.to_owned()),
        };
        (module(path), named.into_iter().map(of).collect())
    };
    files.iter().map(imports).collect()
}

/// The paths that follow `super::`, and those below the modules that are declared here.
fn named(module: &str, code: &str) -> Vec<String> {
    let below = |above: &str, name: &str| match above {
        "" => name.to_owned(),
        above => format!("{above}/{name}"),
    };
    let word = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    let (mut found, mut above) = (Vec::new(), module.to_owned());
    for (at, _) in code.match_indices("super::") {
        if !code[..at].ends_with("super::") {
            module.clone_into(&mut above);
        }
        above = above.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
        let rest = &code[at + "super::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        let names =
            names.into_iter().filter_map(word).filter(|name| name != "super" && !name.is_empty());
        found.extend(names.map(|name| below(&above, &name)));
    }
    let declared = code.lines().filter_map(|line| {
        line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
    });
    let used = declared.filter(|name| code.contains(&format!("{name}::")));
    found.extend(used.map(|name| below(module, name)));
    found
}

#[test]
fn no_files_of_a_login_its_host_or_setup_import_each_other_in_a_circle() {
    for room in ["engine/login/", "engine/host/", "command/commands/setup/"] {
        let mut left = imports(room);
        assert!(left.len() > 10, "{room}");
        // A file that imports nothing of what is left can be read next.
        while !left.is_empty() {
            let names: Vec<_> = left.iter().map(|(name, _)| name.clone()).collect();
            let before = left.len();
            left.retain(|(_, imports)| imports.iter().any(|name| names.contains(name)));
            assert!(left.len() < before, "{room}: a circle, or behind one: {left:?}");
        }
    }
}

#[test]
fn a_proof_is_made_in_one_file() {
    for (name, text) in sources() {
        let makes = code(&text).contains("Proof {") && name != "engine/login/proof.rs";
        assert!(!makes, "{name} makes a proof");
    }
}

#[test]
fn success_is_said_in_one_function() {
    for (name, text) in sources() {
        let code = code(&text);
        // What libpam answers us is compared with it in two more places.
        let may =
            ["engine/pam/mod.rs", "engine/pam/handle.rs", "command/machine/pam/application.rs"]
                .contains(&name.as_str())
                || is_test(&name);
        assert!(may || !code.contains("PAM_SUCCESS"), "{name}");
        if name == "engine/pam/mod.rs" {
            assert_eq!(
                code.matches("=> PamResultCode::PAM_SUCCESS").count(),
                3,
                "granted, remembered, exempt"
            );
        }
    }
}
