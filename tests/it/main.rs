//! The tests that start the command, load the module or log in, as one program: what they share is
//! compiled and linked once. Run one file with `cargo test --test it NAME::`.

#![expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod britive;
mod check;
mod command;
mod compiled;
mod completions;
mod contributing;
mod explain;
mod imports;
mod install;
mod keys;
mod language;
mod layers;
mod leftovers;
#[cfg(target_arch = "x86_64")]
mod limits;
mod login;
mod login_command;
mod manual;
mod mechanisms;
mod module;
mod offline;
mod packages;
mod packaging;
mod pam_application;
mod policy_command;
mod rehearse;
mod rig;
mod selinux;
mod setup;
mod simulated_tenant;
mod step_up;
mod support;
mod support_bundle;
mod totp;
mod transcripts;

#[test]
fn no_file_is_forgotten() {
    let here = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it")).unwrap()
    {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(name == "main" || here.contains(&format!("mod {name};\n")), "{name}");
    }
}
