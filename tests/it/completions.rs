//! `countersign completions`: what shells make of the scripts.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::machine::Machine;

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
            assert!(text.contains(name.trim_start_matches('-')), "{shell}: {name}");
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

/// What bash offers for the last of these words, as the shell itself would ask.
fn offered(words: &[&str]) -> Vec<String> {
    let script = format!(
        "source /dev/stdin; COMP_WORDS=(countersign {}) COMP_CWORD={}\n\
         complete -p countersign | grep -q -- '-F _countersign_names' || exit 1\n\
         _countersign_names countersign \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len()
    );
    let mut bash = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(&completions("bash")).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_users_and_services() {
    assert_eq!(offered(&["totp", "rec"]), ["recovery-codes"]);
    for words in
        [&["explain", "daemo"][..], &["check", "--user", "daemo"], &["totp", "show", "daemo"]]
    {
        assert!(offered(words).contains(&"daemon".to_owned()), "{words:?}");
    }
    // Every system with PAM has this file.
    assert_eq!(offered(&["explain", "--service", "othe"]), ["other"]);
    assert!(!offered(&["policy", "daemo"]).contains(&"daemon".to_owned()));
}

#[test]
fn zsh_and_fish_know_where_users_and_services_come_from() {
    let text = |shell| String::from_utf8(completions(shell)).unwrap();
    let (zsh, fish) = (text("zsh"), text("fish"));
    assert!(zsh.contains(":user -- A user of this machine:_users"), "{zsh}");
    assert!(zsh.contains(r#":SERVICE:_files -W "(/etc/pam.d /usr/lib/pam.d)""#), "{zsh}");
    assert!(!zsh.contains(":SERVICE:_default"), "{zsh}");
    let services =
        r#" -l service -d 'The PAM service' -r -f -a "(ls /etc/pam.d /usr/lib/pam.d 2>/dev/null)""#;
    assert!(fish.contains(services), "{fish}");
    assert!(
        fish.contains(
            r#"from explain forget login mechanisms rehearse" -f -a "(__fish_complete_users)""#
        ),
        "{fish}"
    );
}

#[test]
fn a_shell_that_is_not_known_is_told() {
    let machine = Machine::new();
    let (out, err, code) = machine.run(&["completions", "ksh"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("[possible values: bash, zsh, fish]"), "{err}");
}
