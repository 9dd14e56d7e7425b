use std::fs;

use super::*;

/// What is found in these files of a system.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let folder = format!(
        "/tmp/countersign-sudoers-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let place = |path: &str| PathBuf::from(format!("{folder}{path}"));
    for (path, text) in files {
        fs::create_dir_all(place(path).parent().unwrap()).unwrap();
        fs::write(place(path), text).unwrap();
    }
    let root = Root::below(Path::new(&folder)).ok().unwrap();
    let found = read(&root);
    fs::remove_dir_all(folder).unwrap();
    let shown =
        found.all.iter().map(|one| format!("{}:{}: {}", one.file.display(), one.line, one.what()));
    shown.chain(found.elsewhere.iter().map(|source| format!("elsewhere: {source}"))).collect()
}

fn of(sudoers: &str) -> Vec<String> {
    let found = found(&[("/etc/sudoers", sudoers)]);
    found.into_iter().map(|line| line.replace("/etc/sudoers:", "")).collect()
}

#[test]
fn nopasswd_is_found_however_it_is_written() {
    assert_eq!(
        of("alice ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        ["1: sudo asks alice nothing (NOPASSWD)"]
    );
    assert_eq!(
        of("%sudo , bob ALL = NOPASSWD : /usr/bin/apt, /bin/ls\n"),
        ["1: sudo asks the group sudo, bob nothing for some commands (NOPASSWD)"]
    );
    assert_eq!(
        of(
            "# carol ALL = NOPASSWD: ALL\nUser_Alias OPS = alice, bob\nOPS ALL = (root) \\\n  SETENV: NOPASSWD: ALL # why\n"
        ),
        ["3: sudo asks OPS (alice, bob) nothing (NOPASSWD)"]
    );
    assert_eq!(
        of("bob ALL = NOPASSWD: /bin/ls, PASSWD: ALL\n#1000 ALL = NOPASSWD:SETENV: ALL\n"),
        [
            "1: sudo asks bob nothing for some commands (NOPASSWD)",
            "2: sudo asks #1000 nothing (NOPASSWD)",
        ]
    );
    assert_eq!(of("ALL ALL = NOPASSWD: ALL\n"), ["1: sudo asks every user nothing (NOPASSWD)"]);
}

#[test]
fn what_asks_as_usual_is_no_exception() {
    let usual = "Defaults env_reset, timestamp_timeout=5, secure_path=\"/usr/sbin:/usr/bin\"\nDefaults use_pty\nDefaults timestamp_type=tty\n\
        root ALL=(ALL:ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) ALL\nbob ALL = PASSWD: ALL\nCmnd_Alias X = /bin/NOPASSWD\n";
    assert_eq!(of(usual), [""; 0]);
}

#[test]
fn settings_say_who_is_asked_nothing_or_for_how_long() {
    let sudoers = "Defaults !authenticate\nDefaults:alice !authenticate, timestamp_timeout = -1\nDefaults exempt_group = admins\n\
        Defaults passprompt=\"a, !authenticate\", timestamp_timeout=120\nDefaults !tty_tickets\nDefaults timestamp_type=global\n\
        Defaults pam_service=my-sudo, rootpw\nDefaults>root !authenticate\nDefaults:root !authenticate\n";
    assert_eq!(
        of(sudoers),
        [
            "1: sudo asks every user nothing (!authenticate)",
            "2: sudo asks alice nothing (!authenticate)",
            "2: sudo asks alice once, and not again until the next boot (timestamp_timeout)",
            "3: sudo asks the group admins nothing (exempt_group)",
            "4: sudo asks every user again after 120 minutes only (timestamp_timeout)",
            "5: what every user confirmed for sudo counts in other terminals too (timestamp_type)",
            "6: what every user confirmed for sudo counts in other terminals too (timestamp_type)",
            "7: sudo asks the PAM service my-sudo about every user (pam_service)",
            "7: sudo asks every user for another account's password (rootpw)",
            "8: sudo asks some users (root) nothing (!authenticate)",
        ]
    );
}

#[test]
fn files_that_are_included_are_read_as_sudo_reads_them() {
    let rule = "alice ALL = NOPASSWD: ALL\n";
    let files = [
        ("/etc/sudoers", "@includedir /etc/sudoers.d\n#include more\n"),
        ("/etc/sudoers.d/one", rule),
        ("/etc/sudoers.d/two.conf", rule),
        ("/etc/sudoers.d/three~", rule),
        ("/etc/more", rule),
        (
            "/etc/doas.conf",
            "# x\npermit persist keepenv alice\npermit nopass :wheel\npermit nopass root\n",
        ),
        ("/etc/nsswitch.conf", "passwd: files\nsudoers: files sss # x\n"),
    ];
    assert_eq!(
        found(&files),
        [
            "/etc/sudoers.d/one:1: sudo asks alice nothing (NOPASSWD)",
            "/etc/more:1: sudo asks alice nothing (NOPASSWD)",
            "/etc/doas.conf:3: doas asks the group wheel nothing (nopass)",
            "elsewhere: sss",
        ]
    );
}

#[test]
fn files_that_include_themselves_end() {
    assert_eq!(of("@include /etc/sudoers\nalice ALL = NOPASSWD: ALL\n").len(), DEPTH + 1);
}
