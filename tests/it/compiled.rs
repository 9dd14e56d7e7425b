//! The compiled form of a configuration, as a process leaves it that is killed while it makes one.

use std::ffi::c_long;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rig::Folder;
use crate::support::traced::{Stop, Traced};

/// Where compiled forms are.
const PLACE: &str = "/run/countersign/state";
/// Root is exempt, by the last rule of many.
const RIGHT: &str = "exempt by last\n";

/// A machine with a configuration that is long enough.
struct Machine(Folder);

impl Machine {
    fn new() -> Self {
        let folder = Folder::new();
        let rule = |name: &str, user: &str| {
            format!("[[exempt]]\nname = \"{name}\"\nusers = [\"{user}\"]\n")
        };
        let rules: String = (0..50).map(|n| rule(&format!("rule {n}"), &format!("u{n}"))).collect();
        let log = folder.path().join("log");
        let text = format!(
            "[tenant]\nurl = \"https://tenant.example\"\n[users]\ntemplate = \"{{user}}@example.com\"\n\
             [log]\nsocket = \"{}\"\n{rules}{}",
            log.display(),
            rule("last", "root")
        );
        folder.write("countersign.toml", &text);
        Self(folder)
    }

    fn login(&self) -> Command {
        let program = std::env::current_exe().unwrap();
        let folder = program.parent().unwrap().parent().unwrap();
        let mut command = Command::new(folder.join("examples/limits_act"));
        command.arg(self.0.path()).arg("log_in");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    #[track_caller]
    fn logs_in(&self, when: &str) {
        let output = self.login().output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), RIGHT, "{when}");
    }

    /// The compiled form, which a login leaves.
    fn compiled(&self) -> (PathBuf, Vec<u8>) {
        loop {
            self.logs_in("untouched");
            if let [file] = entries().as_slice() {
                return (file.clone(), fs::read(file).unwrap());
            }
        }
    }

    /// A login that is about to begin its system call with this number. `None` if it has ended by
    /// then: one run may have a few calls more than another.
    fn held(&self, call: usize) -> Option<Traced> {
        let traced = Traced::start(&mut self.login(), "");
        // Two stops for each call.
        let mut stops = (0..2 * call + 1).map(|_| traced.next());
        let has_ended = stops.any(|stop| matches!(stop, Stop::Exited(_)));
        (!has_ended).then_some(traced)
    }

    /// How many system calls there are before a login looks at the configuration, and at its end.
    fn calls(&self) -> (usize, usize) {
        let traced = Traced::start(&mut self.login(), "");
        let (mut first, mut count) = (None, 0);
        while let Stop::Call = traced.next() {
            let call = c_long::try_from(traced.registers().orig_rax).unwrap();
            // The first directory on the way to it.
            if call == libc::SYS_statx {
                first.get_or_insert(count);
            }
            count += 1;
            if call == libc::SYS_exit_group || matches!(traced.next(), Stop::Exited(_)) {
                break;
            }
        }
        traced.kill();
        (first.unwrap(), count)
    }
}

/// All that is in the place, hidden names too.
fn entries() -> Vec<PathBuf> {
    let entries = fs::read_dir(PLACE).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What is there before a login: nothing, or what counts for nothing.
fn begins_with(file: &Path, stale: Option<&[u8]>) {
    fs::remove_file(file).unwrap();
    if let Some(bytes) = stale {
        fs::write(file, bytes).unwrap();
    }
    assert_eq!(entries().len(), usize::from(stale.is_some()));
}

#[test]
fn a_login_that_is_killed_at_any_system_call_leaves_no_half_of_a_compiled_form() {
    let mount = "mount -t tmpfs -o mode=755 none /run && exec \"$0\" \"$@\"";
    let within = |program: &Path| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", mount]).arg(program);
        command
    };
    let tried = within(Path::new("true")).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        // By the handle itself: libtest keeps what a test that passes has printed.
        let what =
            "kill -9 while a configuration is compiled: only root can have a /run of its own";
        writeln!(std::io::stdout(), "\nleft out {what}").unwrap();
        return;
    }
    let mut command = within(&std::env::current_exe().unwrap());
    command.args(["--exact", "compiled::in_a_run_of_its_own", "--ignored", "--nocapture"]);
    assert!(command.status().unwrap().success());
}

/// Killed at any system call, and held there while another login goes its way.
#[test]
#[ignore = "run by a_login_that_is_killed_at_any_system_call_leaves_no_half_of_a_compiled_form"]
fn in_a_run_of_its_own() {
    let machine = Machine::new();
    let (file, whole) = machine.compiled();
    let stale = Some(&b"of an earlier build"[..]);
    for (stale, another) in [(None, false), (stale, false), (stale, true)] {
        begins_with(&file, stale);
        let (first, end) = machine.calls();
        let (mut before, mut after) = (0, 0);
        for call in first..end {
            let when = format!("killed at call {call}, another login meanwhile: {another}");
            begins_with(&file, stale);
            let Some(traced) = machine.held(call) else {
                break;
            };
            if another {
                machine.logs_in(&when);
            }
            traced.kill();
            match fs::read(&file).ok() {
                found if found.as_ref() == Some(&whole) => after += 1,
                None => before += 1,
                found => {
                    assert_eq!(found.as_deref(), stale, "{when}");
                    before += 1;
                }
            }
            machine.logs_in(&when);
            assert_eq!(entries(), std::slice::from_ref(&file), "{when}");
            assert!(fs::read(&file).unwrap() == whole, "{when}: another form");
        }
        assert!(another || before > 10 && after > 10, "{before} before, {after} after");
    }
}
