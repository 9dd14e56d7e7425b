//! `countersign completions`: what shells make of the scripts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[path = "support/machine.rs"]
mod machine;

use std::io::Write;
use std::process::{Command, Stdio};

use machine::Machine;

fn completions(shell: &str) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["completions", shell])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    output.stdout
}

#[test]
fn a_completion_script_knows_every_subcommand_and_its_shell_understands_it() {
    for shell in ["bash", "zsh", "fish"] {
        let script = completions(shell);
        let text = String::from_utf8(script.clone()).unwrap();
        for name in ["explain", "recovery-codes", "admin-remove", "--token-file"] {
            assert!(
                text.contains(name.trim_start_matches('-')),
                "{shell}: {name}"
            );
        }
        let check = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn();
        let Ok(mut check) = check else {
            assert_ne!(shell, "bash", "the tests need bash");
            continue; // not every machine has every shell
        };
        check.stdin.take().unwrap().write_all(&script).unwrap();
        assert!(check.wait().unwrap().success(), "{shell}");
    }
}

/// What bash offers for the last of these words.
#[test]
fn bash_completes_a_subcommand() {
    let script = r#"
        source /dev/stdin
        COMP_WORDS=(countersign totp rec) COMP_CWORD=2
        _countersign countersign rec totp
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(&completions("bash"))
        .unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "recovery-codes\n"
    );
}

#[test]
fn a_shell_that_is_not_known_is_told() {
    let machine = Machine::new();
    let (out, err, code) = machine.run(&["completions", "ksh"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("[possible values: bash, zsh, fish]"), "{err}");
}
