//! Whole step-ups: the machine's own token, challenges on demand, what is remembered and how often
//! a phone rings.

mod budget;
mod memory;
mod people;
mod security_key;
mod token;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use countersign::host::{Caller, authenticate};
use countersign::refusal::Reason;

use crate::rig::person::{NAME, Person, caller, outcome};
use crate::rig::{ALICE, CODE, PASSWORD, Rig, user};

const SECRET: &str = "m4chine s&cret";

/// What the tenant knows besides Alice. The application is called `token`, so that a request for
/// one is, too.
const MACHINE: &str = r#"
[[user]]
name = "nobody@example.com"
password = "hunter2"
oath_code = "424243"

[[client]]
id = "machine@example.com"
secret = "m4chine s&cret"
app = "token"
scopes = ["mfa"]

[modifiers]
code = [["OATH"]]
message = [["SMS", "OATH"]]
push = [["OTP", "OATH"]]
password = [["UP"], ["OATH"]]
known = [["UP"]]
"#;

/// What a step-up by code looks like to the tenant.
const BY_CODE: [&str; 3] = ["OnDemandChallenge", "StartOOB", "Answer"];

/// A machine whose logins are step-ups by the challenges of `policy`. `login` are more keys of that
/// table.
fn rig_for(policy: &str, login: &str, more: &str) -> Rig {
    let rig = Rig::new(&format!("{ALICE}{MACHINE}"));
    write_secret(&rig, &format!("{SECRET}\n"), 0o600);
    configure(&rig, policy, login, more);
    rig
}

fn configure(rig: &Rig, policy: &str, login: &str, more: &str) {
    let file = rig.folder.path().join("client-secret");
    let file = file.display();
    rig.configure(&format!(
        "[login]\nflow = \"on-demand\"\n{login}\n\n[on_demand]\napp = \"token\"\n\
         client_id = \"machine@example.com\"\nclient_secret_file = \"{file}\"\nscope = \"mfa\"\n\
         policy = \"{policy}\"\n\n{more}"
    ));
}

fn write_secret(rig: &Rig, content: &str, mode: u32) -> PathBuf {
    let path = rig.folder.write("client-secret", content);
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A program such as sudo, that a user runs in a terminal.
fn sudo(rig: &Rig) -> Caller {
    Caller {
        service: "sudo".into(),
        rhost: None,
        tty: Some("/dev/pts/3".into()),
        real_uid: 4242,
        ..caller(rig)
    }
}

fn step_up(caller: &Caller, person: &mut Person<'_>) -> Result<String, Reason> {
    outcome(authenticate(caller, person).verdict)
}

/// A step-up by Alice's code.
fn by_code(rig: &Rig) -> Result<String, Reason> {
    step_up(&sudo(rig), &mut Person::answering(&[CODE]))
}

/// A step-up in which a question would be a failed test.
fn unasked(caller: &Caller) -> Result<String, Reason> {
    step_up(caller, &mut Person::answering(&[]))
}

fn uid_of(user: &str) -> u32 {
    let output = std::process::Command::new("id").args(["-u", user]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    text.trim().parse().unwrap()
}

/// Files of the state whose names begin so.
fn state_files(rig: &Rig, kind: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(rig.folder.path().join("state")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(kind)
    };
    paths.filter(is_it).collect()
}
