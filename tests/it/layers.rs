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
                4,
                "granted, remembered, by a security key, exempt"
            );
        }
    }
}
