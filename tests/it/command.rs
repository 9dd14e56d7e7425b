//! The command, as it is typed: arguments, exact output, exit code.

use crate::support::session;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::support::machine::Machine;
use countersign::local::memory::{Circumstances, Scope};
use countersign::os::Session;
use countersign::policy::Push;

const LIMITS: Push =
    Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(6000) };

fn remembered() -> Circumstances {
    Circumstances {
        uid: 0,
        tenant_user: "alice@example.com".into(),
        tty: "/dev/pts/1".into(),
        rhost: "192.0.2.7".into(),
        real_uid: 1000,
        account: "root".into(),
        configuration: "c0ffee".into(),
    }
}

#[test]
fn confirmations_are_listed_and_forgotten() {
    session::lead();
    let machine = Machine::new();
    machine.prints(&["sessions"], "No confirmation is remembered: every user is asked.\n");
    machine.prints(&["sessions", "--json"], "[]\n");
    let scope = Scope::StepUp { service: "sudo".into(), session: Session::own().unwrap() };
    let time = Duration::from_secs(600);
    machine.state().remember(remembered(), scope, time).unwrap();
    machine.prints(
        &["sessions"],
        "uid 0 as alice@example.com: for sudo on /dev/pts/1, 0 s ago, for another 10 min\n",
    );
    machine.prints(&["forget", "root"], "uid 0 is asked again.\n");
    machine.prints(&["sessions"], "No confirmation is remembered: every user is asked.\n");
    let monitor = Session::own().unwrap().leader;
    machine.state().remember(remembered(), Scope::Ssh { monitor }, time).unwrap();
    machine.prints(
        &["sessions"],
        "uid 0 as alice@example.com: by ssh from 192.0.2.7, 0 s ago, for another 10 min\n",
    );
    let (json, _, code) = machine.run(&["sessions", "--json"]);
    assert!(json.starts_with("[{\"account\":\"root\",\"age_seconds\":"), "{json}");
    assert!(json.contains("\"scope\":\"ssh\"") && json.contains("\"uid\":0"), "{json}");
    assert_eq!(code, 0);
    machine.prints(&["forget", "--all"], "uid 0 is asked again.\n");
    machine.prints(&["forget", "--all"], "");
    machine.prints(&["forget", "--all", "--json"], "[]\n");
    machine.prints(&["forget", "root", "--json"], "[0]\n");
}

#[test]
fn the_budget_is_shown_and_reset() {
    let machine = Machine::new();
    for name in ["Alice@example.com", "alice@example.com"] {
        let ringing = machine.state().spend(name, LIMITS).unwrap();
        ringing.ok().unwrap().answered().unwrap();
    }
    machine.prints(&["budget"], "alice@example.com: rung 2 times, the last 0 s ago\n");
    let state = machine.state();
    state.deny("alice@example.com", &[], LIMITS).unwrap();
    let (text, _, _) = machine.run(&["budget"]);
    assert!(text.contains("; paused for another 1 h "), "{text}");
    machine.prints(
        &["budget", "--reset", "ALICE@example.com"],
        "The phone of ALICE@example.com may ring again.\n",
    );
    machine.prints(&["budget", "--json"], "[]\n");
}

#[test]
fn what_can_not_be_done_is_said_with_a_hint() {
    let machine = Machine::new();
    machine.fails(
        &["forget", "no\nbody"],
        "countersign: there is no user no\\nbody\nhint: name a user of this machine, not of the tenant\n",
        1,
    );
    let state = machine.0.join("state");
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    machine.fails(
        &["sessions"],
        "countersign: DIR/state: is open to others than its owner (mode 0755): chmod go=\nhint: the state is root's: try sudo\n",
        1,
    );
    fs::remove_file(machine.0.join("countersign.toml")).unwrap();
    machine.fails(
        &["budget"],
        "countersign: DIR/countersign.toml: does not exist\nhint: this machine is not set up yet: sudo countersign setup\n",
        1,
    );
}

#[test]
fn the_version_is_told_alone_and_behind_each_subcommand() {
    let machine = Machine::new();
    for words in [&["--version"][..], &["check", "--version"], &["totp", "enroll", "--version"]] {
        let (out, err, code) = machine.run(words);
        assert!(out.starts_with("countersign"), "{words:?}: {out}");
        assert!(out.ends_with(concat!(" ", env!("CARGO_PKG_VERSION"), "\n")), "{words:?}: {out}");
        assert_eq!((err.as_str(), code), ("", 0), "{words:?}");
    }
}

#[test]
fn wrong_use_is_code_2_and_shows_the_right_one() {
    let machine = Machine::new();
    for (arguments, said) in [
        (vec![], "Usage: countersign"),
        (vec!["forgot"], "a similar subcommand exists: 'forget'"),
        (vec!["forget"], "required arguments were not provided"),
        (vec!["forget", "alice", "--all"], "cannot be used with"),
        (vec!["budget", "--json", "--reset", "x"], "cannot be used with"),
    ] {
        let (out, err, code) = machine.run(&arguments);
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
}

#[test]
fn a_configuration_that_would_change_nothing_is_refused() {
    let machine = Machine::new();
    for command in ["confirm", "unsetup", "completions bash"] {
        let arguments: Vec<_> = command.split(' ').collect();
        let name = arguments.first().unwrap();
        machine.fails(
            &arguments,
            &format!("countersign: --config: {name} reads no configuration\nhint: leave it out\n"),
            2,
        );
    }
    machine.fails(
        &["rehearse", "alice"],
        "countersign: --config: rehearse takes the configuration that the stack names\n\
         hint: copy the stack into a folder, write config=FILE behind pam_countersign.so there, and name the folder with --stacks\n",
        2,
    );
}

/// A system in a folder, with files of ours and a stack.
#[test]
fn a_command_without_a_configuration_has_help_that_does_not_speak_of_one() {
    let machine = Machine::new();
    for command in ["rehearse", "confirm", "unsetup", "completions"] {
        for option in ["--help", "-h"] {
            let (help, err, code) = machine.run(&[command, option]);
            assert_eq!((err.as_str(), code), ("", 0), "{command} {option}");
            assert!(!help.contains("--config "), "{command} {option}: {help}");
        }
    }
    let (_, err, code) = machine.run(&["unsetup", "--config", "/x"]);
    assert_eq!(
        (err.lines().next(), code),
        (Some("countersign: --config: unsetup reads no configuration"), 2)
    );
}

fn left_behind(stack: &str) -> Machine {
    let machine = Machine::new();
    for (path, text) in [
        ("etc/pam.d/sshd", stack),
        ("etc/countersign/countersign.toml", ""),
        ("etc/countersign/secret", "hunter2"),
        ("var/lib/countersign/totp-1000", ""),
        ("var/lib/other", ""),
    ] {
        let place = machine.0.join("image").join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    machine
}

#[test]
fn purge_removes_what_is_ours_and_nothing_that_a_stack_still_needs() {
    let machine = left_behind("auth required pam_countersign.so\n");
    let image = machine.0.join("image");
    let purge = |more: &[&str]| {
        machine.run(&[&["purge", "--root", image.to_str().unwrap()], more].concat())
    };
    let (out, err, code) = purge(&["--yes"]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("countersign: a stack still names the module: /etc/pam.d/sshd\nhint: run sudo countersign unsetup first"), "{err}");
    std::fs::write(image.join("etc/pam.d/sshd"), "").unwrap();
    std::fs::create_dir(image.join("var/lib/countersign/setup")).unwrap();
    std::fs::write(image.join("var/lib/countersign/setup/1.json"), "").unwrap();
    let (_, err, _) = purge(&["--yes"]);
    assert!(err.starts_with("countersign: a setup was not put back\n"), "{err}");
    std::fs::remove_file(image.join("var/lib/countersign/setup/1.json")).unwrap();
    // The answers of a setup stay when it is taken back.
    std::fs::write(image.join("var/lib/countersign/setup/answers.json"), "{}").unwrap();
    let listed = "to be removed: /etc/countersign/countersign.toml\nto be removed: /etc/countersign/secret\n\
        to be removed: /var/lib/countersign/setup/answers.json\n\
        to be removed: /var/lib/countersign/totp-1000\n";
    let shown = |out: &str| out.replace("DIR/image", "");
    let (out, _, code) = purge(&["--dry-run"]);
    assert_eq!((shown(&out), code), (format!("{listed}Nothing was removed.\n"), 0));
    assert!(image.join("etc/countersign/secret").exists());
    let (out, _, code) = purge(&["--yes"]);
    assert_eq!((shown(&out), code), (format!("{listed}4 files removed.\n"), 0));
    assert!(!image.join("etc/countersign").exists() && !image.join("var/lib/countersign").exists());
    assert!(image.join("var/lib/other").exists());
    assert_eq!(purge(&[]).0, "Nothing is left.\n");
}

#[test]
fn a_link_in_a_folder_of_ours_is_removed_and_what_it_leads_to_is_not() {
    let machine = left_behind("");
    let image = machine.0.join("image");
    let link = image.join("etc/countersign/link");
    std::os::unix::fs::symlink(image.join("var/lib"), &link).unwrap();
    let (_, err, code) = machine.run(&["purge", "--yes", "--root", image.to_str().unwrap()]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(image.join("var/lib/other").exists() && !link.exists());
}

#[test]
fn on_a_machine_that_was_not_set_up_every_error_names_setup() {
    let machine = Machine::new();
    machine.configure(include_str!("../../conf/countersign.toml"));
    for arguments in [
        &["budget"][..],
        &["sessions"],
        &["forget", "--all"],
        &["mechanisms", "root"],
        &["explain", "root"],
        &["login", "root"],
        &["totp", "list"],
        &["policy", "list"],
    ] {
        let (_, err, code) = machine.run(arguments);
        let hint = "\nhint: this machine is not set up yet: sudo countersign setup\n";
        assert!(err.ends_with(hint) && code == 1, "{arguments:?}: {err}");
    }
    let (out, _, _) = machine.run(&["check", "--offline"]);
    assert!(out.contains("do: this machine is not set up yet: sudo countersign setup\n"), "{out}");
}
