//! What a login leaves in the memory of its host: nothing of the password.
//!
//! The tenant must not be in the same process, so the login is a child's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::pam_application::{Application, Message, PAM_SUCCESS, Reply};
use crate::rig::{ALICE, CODE, Rig, module, user};
use serde_json::json;

const FOLDER: &str = "COUNTERSIGN_TEST_FOLDER";
const MASK: u8 = 0x5a;

/// `every-word-of-this-is-unusual-zq7`, which this program holds masked alone.
fn masked() -> [u8; 33] {
    *b"?,?(#w-5(>w5<w.23)w3)w/4/)/;6w +m"
}

fn password() -> Vec<u8> {
    masked().iter().map(|byte| byte ^ MASK).collect()
}

#[test]
fn nothing_of_the_password_is_left_in_the_host() {
    let rig = Rig::new(ALICE);
    let password = String::from_utf8(password()).unwrap();
    rig.simulator.change_user("alice@example.com", &json!({ "password": password }));
    let (module, config) = (module(), rig.config());
    let line = format!("auth required {} config={}\n", module.display(), config.display());
    rig.folder.write("test", &line);
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "leftovers::a_login_and_a_look_around"])
        .env(FOLDER, rig.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by nothing_of_the_password_is_left_in_the_host"]
fn a_login_and_a_look_around() {
    let folder = std::env::var(FOLDER).unwrap();
    assert_eq!(log_in(Path::new(&folder)), PAM_SUCCESS);
    let kept = password();
    assert!(count() > 0, "what is there is found");
    drop(std::hint::black_box(kept));
    assert_eq!(count(), 0, "copies of the password");
}

fn log_in(folder: &Path) -> i32 {
    let mut application = Application::start(folder, "test", &user(), |message| match message {
        Message::Hidden(_) => Reply::Text(password()),
        Message::Shown(_) => Reply::Text(CODE.into()),
        Message::Info(_) | Message::Error(_) => Reply::Null,
    });
    application.authenticate(0)
}

/// How often the end of the password is anywhere in our memory. Its beginning is what free(3)
/// writes over.
fn count() -> usize {
    let masked = masked();
    let tail = &masked[masked.len() - 16..];
    let memory = File::open("/proc/self/mem").unwrap();
    writable()
        .into_iter()
        .filter_map(|(start, length)| {
            let mut bytes = vec![0; length];
            memory.read_exact_at(&mut bytes, start).ok()?;
            bytes.iter_mut().for_each(|byte| *byte ^= MASK);
            let found = bytes.windows(tail.len()).filter(|window| *window == tail).count();
            bytes.fill(0);
            Some(found)
        })
        .sum()
}

/// Start and length of each writable mapping.
fn writable() -> Vec<(u64, usize)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let lines = maps.lines().filter(|line| line.contains(" rw"));
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let range = |line: &str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        (hex(start), usize::try_from(hex(end) - hex(start)).unwrap())
    };
    lines.map(range).collect()
}
