//! `countersign setup` and `unsetup` on the image of a system: arguments, exact output, exit code,
//! and every file.

use crate::support::terminal;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::policy::{self, SecurityKey};
use serde_json::{Value, json};

use crate::support::terminal::Terminal;
use crate::support::traced::{Stop, Traced};

const TENANT: [&str; 6] = [
    "--tenant",
    "https://abc1234.id.cyberark.cloud",
    "--template",
    "{user}@example.com",
    "--without-tenant",
    "--yes",
];
const MODULES: &str = "/usr/lib/x86_64-linux-gnu/security";
const COMMON_AUTH: &str = "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
const SSHD_STACK: &str = "# sshd\n@include common-auth\naccount required pam_nologin.so\n";
const SUDO_STACK: &str = "session required pam_limits.so\n@include common-auth\n";
/// What becomes of keys is decided there already.
const SSHD: &str = "# sshd\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM no\nAuthenticationMethods publickey keyboard-interactive:pam\n";
const UNDECIDED: &str = "Include /etc/ssh/sshd_config.d/*.conf\n";
const CONFIGURATION: &str = "# ours\n[tenant]\n# where\nurl = \"\" # fill in\n";

/// The image of a system, below a folder of its own.
struct Image(PathBuf);

impl Image {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-setup-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let image = Self(path.into());
        for module in ["countersign", "deny", "limits", "nologin", "permit", "unix"] {
            image.write(&format!("{MODULES}/pam_{module}.so"), "");
        }
        image.write("/etc/pam.d/common-auth", COMMON_AUTH);
        image.write("/etc/pam.d/sshd", SSHD_STACK);
        image.write("/etc/pam.d/sudo", SUDO_STACK);
        image.write("/etc/ssh/sshd_config", SSHD);
        image.write("/etc/countersign/countersign.toml", CONFIGURATION);
        image
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// Gives the record of the first setup another content.
    fn edits_record(&self, edit: impl FnOnce(Value) -> Value) {
        let record = serde_json::from_str(&self.read(JOURNAL)).unwrap();
        self.write(JOURNAL, &edit(record).to_string());
    }

    /// Every file of the system, its own journal aside.
    fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        collect(&self.0.join("etc"), &mut files);
        files
    }

    /// Standard output, standard error and exit code.
    fn run(&self, arguments: &[&str]) -> (String, String, i32) {
        let output = Command::new("setsid")
            .args(["--wait", env!("CARGO_BIN_EXE_countersign")])
            .args(arguments)
            .arg("--root")
            .arg(&self.0)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.0.to_str().unwrap(), "IMAGE")
        };
        let code = output.status.code().unwrap();
        (text(output.stdout), text(output.stderr), code)
    }

    /// A setup on a terminal: each question, and what is typed.
    fn answers(&self, dialogue: &[(&str, &str)]) -> terminal::Seen {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["setup", "--without-tenant", "--root"]).arg(&self.0);
        let mut terminal = Terminal::start(&mut command);
        for (question, answer) in dialogue {
            terminal.wait_for(question);
            terminal.type_line(answer);
        }
        terminal.end()
    }

    fn setup(&self, more: &[&str]) -> (String, String, i32) {
        let arguments: Vec<_> = ["setup"].iter().chain(&TENANT).chain(more).copied().collect();
        self.run(&arguments)
    }

    /// Expects a success, and gives what it printed.
    #[track_caller]
    fn sets_up(&self, more: &[&str]) -> String {
        let (out, err, code) = self.setup(more);
        assert_eq!((err.as_str(), code), ("", 0));
        out
    }

    /// Expects a failure that says this and writes nothing.
    #[track_caller]
    fn fails(&self, arguments: &[&str], expected: &str, code: i32) {
        let before = self.files();
        let all = (String::new(), expected.to_owned(), code);
        assert_eq!(self.run(arguments), all, "{arguments:?}");
        assert!(self.files() == before, "{arguments:?}");
    }
}

/// A record as version 1 has it: the files of all parts in one list, and flags.
fn as_version_1(record: Value) -> Value {
    let (mut changes, mut debian, mut authselect, mut sshd) = (vec![], false, Value::Null, false);
    for part in record["parts"].as_array().unwrap() {
        let (name, part) = part.as_object().unwrap().iter().next().unwrap();
        let list = |name: &str| part[name].as_array().unwrap().clone();
        match name.as_str() {
            "Configuration" | "Service" => changes.push(part.clone()),
            "Debian" => {
                debian = true;
                changes.extend(list("profiles").into_iter().chain(list("stacks")));
            }
            "Authselect" => {
                authselect = part["before"].clone();
                changes.extend(list("files"));
            }
            "Sshd" => {
                sshd = true;
                changes.extend(list("settings"));
            }
            other => panic!("{other}"),
        }
    }
    json!({
        "version": 1,
        "changes": changes,
        "named": record["named"],
        "debian": debian,
        "authselect": authselect,
        "sshd": sshd,
        "awaited": record["awaited"],
    })
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files)
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            files.insert(path.clone(), format!("{mode:o} {}", fs::read_to_string(&path).unwrap()));
        }
    }
}

const BOTH: [&str; 2] = ["--service", "sshd,sudo"];
const JOURNAL: &str = "/var/lib/countersign/setup/1.json";

#[test]
fn what_will_change_is_shown_and_then_written() {
    let image = Image::new();
    let expected = r#"--- /etc/countersign/countersign.toml
+++ /etc/countersign/countersign.toml
@@ -1,4 +1,7 @@
 # ours
 [tenant]
 # where
-url = "" # fill in
+url = "https://abc1234.id.cyberark.cloud"
+
+[users]
+template = "{user}@example.com"

--- /etc/pam.d/sshd
+++ /etc/pam.d/sshd
@@ -1,3 +1,6 @@
 # sshd
+# BEGIN countersign: `countersign unsetup` takes this out
+auth [success=done ignore=ignore default=die] pam_countersign.so
+# END countersign
 @include common-auth
 account required pam_nologin.so

--- /etc/pam.d/sudo
+++ /etc/pam.d/sudo
@@ -1,2 +1,5 @@
 session required pam_limits.so
+# BEGIN countersign: `countersign unsetup` takes this out
+auth [success=done ignore=ignore default=die] pam_countersign.so
+# END countersign
 @include common-auth

--- /dev/null
+++ /etc/ssh/sshd_config.d/10-countersign.conf
@@ -0,0 +1,9 @@
+# For /etc/ssh/sshd_config.d: the first value that sshd reads wins, so this must come before the distribution's files.
+# OpenSSH 8.4 knows the second line as "ChallengeResponseAuthentication yes".
+UsePAM yes
+KbdInteractiveAuthentication yes
+PasswordAuthentication no
+# A public key alone never asks PAM. With this line a key is followed by Countersign, and who has none gets in without:
+#AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam
+# If a key alone is to be enough, say so:
+#AuthenticationMethods publickey keyboard-interactive:pam

Who is asked from now on:
  sshd, who logs in, as AuthenticationMethods of sshd has it: the password of the tenant, and what the tenant asks behind it
  sudo, each user that sudo asks for a password: the password of the tenant, and what the tenant asks behind it
Not protected, or not checked:
  Accounts of an image are not looked at: run `sudo countersign check` on the machine itself.

"#;
    let before = image.files();
    let shown = image.sets_up(&["--service", "sshd,sudo", "--dry-run"]);
    assert_eq!(shown, format!("{expected}Nothing was written.\n"));
    assert!(image.files() == before);
    let written = "Written. `countersign unsetup` puts everything back.\n";
    assert_eq!(image.sets_up(&BOTH), format!("{expected}{written}"));
    assert!(image.files() != before);
}

#[test]
fn what_was_answered_is_proposed_the_next_time_even_if_it_was_taken_back() {
    let image = Image::new();
    image.write("/etc/ssh/sshd_config", UNDECIDED);
    let name = ["--name", "ada=admin@example.com"];
    image.sets_up(&[&["--service", "sudo,sshd", "--keys", "alone"][..], &name].concat());
    assert_eq!(image.run(&["unsetup"]).2, 0);
    let seen = image.answers(&[
        ("Address of the tenant (https://...) [https://abc1234.id.cyberark.cloud]: ", ""),
        ("What {user} is called there, such as {user}@example.com [{user}@example.com]: ", ""),
        ("PAM services [sudo,sshd]: ", ""),
        ("What becomes of public keys (followed, verified, alone or refused) [alone]: ", ""),
        ("Write this? [y/N] ", "y"),
    ]);
    assert_eq!((seen.stderr.as_str(), seen.code), ("", Some(0)));
    assert!(
        image.read("/etc/countersign/countersign.toml").contains("\nada = \"admin@example.com\"\n")
    );
    assert_eq!(image.run(&["unsetup"]).2, 0);
    assert!(!image.read("/etc/countersign/countersign.toml").contains("ada"));
    let (_, err, code) = image.run(&["setup", "--without-tenant", "--yes"]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(image.read("/etc/pam.d/sudo").contains("pam_countersign.so"));
}

#[test]
fn what_becomes_of_keys_has_no_silent_default() {
    let image = Image::new();
    image.write("/etc/ssh/sshd_config", UNDECIDED);
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(BOTH).collect();
    image.fails(
        &arguments,
        "countersign: there is no terminal to ask on\n\
         hint: say it on the command line: --keys followed, --keys verified, --keys alone or --keys refused\n",
        1,
    );
}

#[test]
fn after_a_no_nothing_is_written() {
    let image = Image::new();
    let before = image.files();
    let said = TENANT.into_iter().filter(|word| *word != "--yes").chain(BOTH);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("setup").args(said).arg("--root").arg(&image.0);
    let mut terminal = Terminal::start(&mut command);
    terminal.wait_for("Write this? [y/N] ");
    terminal.type_line("");
    let seen = terminal.end();
    assert_eq!((seen.stderr.as_str(), seen.code), ("countersign: nothing was written\n", Some(1)));
    assert!(image.files() == before);
}

#[test]
fn a_program_with_two_services_gets_both() {
    let image = Image::new();
    image.write("/etc/pam.d/sudo-i", SUDO_STACK);
    image.sets_up(&["--service", "sudo"]);
    assert_eq!(image.read("/etc/pam.d/sudo-i"), image.read("/etc/pam.d/sudo"));
}

#[test]
fn a_second_setup_finds_nothing_to_do_and_unsetup_leaves_no_trace() {
    let image = Image::new();
    image.write("/etc/ssh/sshd_config.d/50-theirs.conf", "X11Forwarding no\n");
    let mode = Permissions::from_mode(0o640);
    fs::set_permissions(image.at("/etc/pam.d/sudo"), mode).unwrap();
    let before = image.files();
    image.sets_up(&BOTH);
    let after = image.files();
    assert_eq!(image.sets_up(&BOTH), "Everything is set up already: nothing to change.\n");
    assert!(image.files() == after);
    let done = "Everything is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
    assert!(image.files() == before);
    image.fails(
        &["unsetup"],
        "countersign: nothing was set up by this command\n\
         hint: sudo countersign setup sets it up; remove lines that you wrote by hand: those of /etc/pam.d that name pam_countersign.so\n",
        1,
    );
}

#[test]
fn one_setup_after_the_other_is_taken_back_whole() {
    let image = Image::new();
    let before = image.files();
    image.sets_up(&["--service", "sudo"]);
    assert!(!image.at("/etc/ssh/sshd_config.d").exists());
    image.sets_up(&["--service", "sshd"]);
    assert!(image.read("/etc/pam.d/sudo").contains("pam_countersign"));
    image.run(&["unsetup"]);
    assert!(image.files() == before);
}

#[test]
fn a_link_of_an_image_is_followed_within_it() {
    let image = Image::new();
    let stack = image.at("/etc/pam.d/sshd");
    fs::rename(&stack, image.at("/etc/stack-of-the-image")).unwrap();
    std::os::unix::fs::symlink("/etc/stack-of-the-image", &stack).unwrap();
    image.sets_up(&["--service", "sshd"]);
    assert!(fs::read_link(&stack).is_ok(), "the link stays one");
    let text = image.read("/etc/stack-of-the-image");
    assert!(text.contains("pam_countersign.so"), "{text}");
    assert!(text.ends_with("@include common-auth\naccount required pam_nologin.so\n"));
}

#[test]
fn files_are_kept_as_they_were_for_root_alone() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let kept = "/var/lib/countersign/setup/1/etc/pam.d/sshd";
    assert_eq!(image.read(kept), SSHD_STACK);
    // The broker enters the first, for a folder of its own in it.
    for (path, expected) in [("/var/lib/countersign", 0o755), ("/var/lib/countersign/setup", 0o700)]
    {
        let mode = fs::metadata(image.at(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{path}");
    }
}

#[test]
fn what_was_edited_since_stays_edited() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let edit = |path: &str| {
        let text = image.read(path);
        image.write(path, &format!("{text}# edited\n"));
    };
    for path in ["/etc/pam.d/sshd", "/etc/countersign/countersign.toml"] {
        edit(path);
    }
    let configuration = image.read("/etc/countersign/countersign.toml");
    let said = "/etc/countersign/countersign.toml was changed since, and stays as it is\n\
        Everything else is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (said.into(), String::new(), 0));
    assert_eq!(image.read("/etc/pam.d/sshd"), format!("{SSHD_STACK}# edited\n"));
    assert_eq!(image.read("/etc/countersign/countersign.toml"), configuration);
}

/// openssh-server and sudo were purged.
#[test]
fn what_is_gone_by_now_is_not_made_anew() {
    let image = Image::new();
    image.write("/etc/ssh/sshd_config", "UsePAM yes\n");
    image.sets_up(&["--service", "sshd,sudo", "--keys", "alone"]);
    let gone = ["/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/ssh/sshd_config"];
    for path in gone {
        fs::remove_file(image.at(path)).unwrap();
    }
    let done = "Everything is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
    assert_eq!(gone.map(|path| image.at(path).exists()), [false; 3]);
}

#[test]
fn of_an_edited_drop_in_a_copy_is_kept() {
    let image = Image::new();
    let before = image.files();
    image.sets_up(&BOTH);
    let drop_in = "/etc/ssh/sshd_config.d/10-countersign.conf";
    let edited = format!("{}AllowGroups staff\n", image.read(drop_in));
    image.write(drop_in, &edited);
    let said = format!(
        "{drop_in} was edited since: /var/lib/countersign/setup/edited{drop_in} is a copy\n\
         Everything else is as it was before the first setup.\n"
    );
    assert_eq!(image.run(&["unsetup"]), (said, String::new(), 0));
    let copy = format!("/var/lib/countersign/setup/edited{drop_in}");
    assert_eq!(image.read(&copy), edited);
    assert!(image.files() == before);
    image.sets_up(&BOTH);
    image.write(drop_in, "# otherwise\n");
    image.run(&["unsetup"]);
    assert_eq!(image.read(&copy), edited);
    assert_eq!(image.read(&format!("{copy}.1")), "# otherwise\n");
}

#[test]
fn a_block_whose_marks_are_gone_is_not_forgotten() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let text = image.read("/etc/pam.d/sudo");
    image.write("/etc/pam.d/sudo", &text.replace("# END countersign\n", ""));
    let (out, err, code) = image.run(&["unsetup"]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert_eq!(
        err,
        "countersign: not everything could be put back:\n  /etc/pam.d/sudo: the marks of the block are gone, and the module \
         is still named there: take it out by hand\n  /etc/countersign/countersign.toml stays as long as /etc/pam.d/sudo names the \
         module\nhint: mend that, and then again: sudo countersign unsetup\n"
    );
    assert!(image.read("/etc/countersign/countersign.toml").contains("abc1234"));
    assert!(!image.at("/etc/ssh/sshd_config.d/10-countersign.conf").exists());
    image.write("/etc/pam.d/sudo", SUDO_STACK);
    let done = "Everything is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
}

/// What a login still needs where the marks of its block, or a line written by hand, keep the module
/// in its stack.
#[test]
fn the_configuration_and_the_settings_of_sshd_stay_as_long_as_a_stack_needs_them() {
    let image = Image::new();
    image.write("/etc/pam.d/su", SUDO_STACK);
    let before = image.files();
    image.sets_up(&BOTH);
    let sshd = image.read("/etc/pam.d/sshd");
    image.write("/etc/pam.d/sshd", &sshd.replace("# END countersign\n", ""));
    let (_, err, code) = image.run(&["unsetup"]);
    assert_eq!(code, 1);
    let drop_in = "/etc/ssh/sshd_config.d/10-countersign.conf";
    for path in [drop_in, "/etc/countersign/countersign.toml"] {
        let said = format!("\n  {path} stays as long as /etc/pam.d/sshd names the module\n");
        assert!(err.contains(&said), "{err}");
        assert!(image.at(path).exists());
    }
    assert!(image.read("/etc/countersign/countersign.toml").contains("abc1234"));
    image.write("/etc/pam.d/sshd", SSHD_STACK);
    let by_hand = format!("auth required pam_countersign.so\n{SUDO_STACK}");
    image.write("/etc/pam.d/su", &by_hand);
    let expected = "countersign: not everything could be put back:\n  \
        /etc/countersign/countersign.toml stays as long as /etc/pam.d/su names the module\n\
        hint: mend that, and then again: sudo countersign unsetup\n";
    assert_eq!(image.run(&["unsetup"]), (String::new(), expected.into(), 1));
    assert!(!image.at(drop_in).exists());
    image.write("/etc/pam.d/su", SUDO_STACK);
    assert_eq!(image.run(&["unsetup"]).2, 0);
    assert!(image.files() == before);
}

#[test]
fn a_stack_that_named_the_module_before_keeps_no_configuration() {
    let image = Image::new();
    image.write("/etc/pam.d/sudo", "auth required pam_countersign.so\n");
    image.sets_up(&BOTH);
    assert_eq!(image.run(&["unsetup"]).2, 0);
    assert_eq!(image.read("/etc/countersign/countersign.toml"), CONFIGURATION);
}

/// What packages run before the module goes: `None` where it succeeds.
fn removal_is_refused(image: &Image) -> Option<String> {
    let (_, err, code) = image.run(&["unsetup", "--for-removal"]);
    assert_eq!(err.is_empty(), code == 0, "{err}");
    (code != 0).then_some(err)
}

#[test]
fn before_the_module_goes_its_lines_do_and_that_no_second_factor_is_left_is_said() {
    let image = Image::new();
    let before = image.files();
    assert_eq!(image.run(&["unsetup", "--for-removal"]), (String::new(), String::new(), 0));
    assert!(!image.at("/var/lib/countersign").exists());
    image.sets_up(&BOTH);
    let (out, err, code) = image.run(&["unsetup", "--for-removal"]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(
        out,
        "Everything is as it was before the first setup.\n\
         No login is asked for a second factor by this machine any more: the local password, or a key, is enough.\n"
    );
    assert!(image.files() == before);
    assert_eq!(removal_is_refused(&image), None);
}

#[test]
fn as_long_as_a_stack_names_the_module_by_hand_no_line_goes_before_it() {
    let line = "auth required pam_countersign.so\n";
    let refused = |path: &str| {
        format!(
            "countersign: these stacks name the module, and would let no user in without it: {path} (nothing was changed)\n\
             hint: take its lines out by hand, from a root shell that stays open until a new login has worked, and then again\n"
        )
    };
    // Beside what a setup wrote, and without any setup.
    let image = Image::new();
    image.write("/etc/pam.d/su", &format!("{line}{SUDO_STACK}"));
    image.fails(&["unsetup", "--for-removal"], &refused("/etc/pam.d/su"), 1);
    image.sets_up(&BOTH);
    image.fails(&["unsetup", "--for-removal"], &refused("/etc/pam.d/su"), 1);
    image.write("/etc/pam.d/su", SUDO_STACK);
    // In the stack of a setup, whose marks are gone.
    let text = image.read("/etc/pam.d/sudo");
    image.write("/etc/pam.d/sudo", &text.replace("# END countersign\n", ""));
    image.fails(&["unsetup", "--for-removal"], &refused("/etc/pam.d/sudo"), 1);
    image.write("/etc/pam.d/sudo", &text);
    assert_eq!(removal_is_refused(&image), None);
    // In a stack that had it before the setup.
    image.write("/etc/pam.d/sudo", line);
    image.sets_up(&BOTH);
    image.fails(&["unsetup", "--for-removal"], &refused("/etc/pam.d/sudo"), 1);
}

#[test]
fn a_line_that_an_administrator_wrote_below_the_block_is_found_when_the_block_is_gone() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let text = image.read("/etc/pam.d/sudo");
    image.write("/etc/pam.d/sudo", &format!("{text}auth required pam_countersign.so\n"));
    let before = image.files();
    let refused = removal_is_refused(&image).unwrap();
    assert!(refused.contains("without it: /etc/pam.d/sudo (nothing was changed)"), "{refused}");
    assert!(image.files() == before);
}

#[test]
fn what_changes_while_the_question_waits_is_not_written_over() {
    let image = Image::new();
    let said = TENANT.into_iter().filter(|word| *word != "--yes").chain(BOTH);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("setup").args(said).arg("--root").arg(&image.0);
    let mut terminal = Terminal::start(&mut command);
    terminal.wait_for("Write this? [y/N] ");
    image.write("/etc/pam.d/sudo", &format!("# mine\n{SUDO_STACK}"));
    let before = image.files();
    terminal.type_line("y");
    let seen = terminal.end();
    assert_eq!(
        (seen.stderr.as_str(), seen.code),
        (
            "countersign: /etc/pam.d/sudo was changed meanwhile, and nothing was written\n\
             hint: run `countersign setup` again\n",
            Some(1)
        )
    );
    assert!(image.files() == before);
}

#[test]
fn a_configuration_that_no_login_would_take_is_put_back_at_once() {
    let image = Image::new();
    let mode = Permissions::from_mode(0o666);
    fs::set_permissions(image.at("/etc/countersign/countersign.toml"), mode).unwrap();
    let before = image.files();
    let (_, err, code) = image.setup(&BOTH);
    assert_eq!(code, 1);
    assert!(err.contains("it would not hold:\n  /etc/countersign/countersign.toml"), "{err}");
    assert!(image.files() == before);
}

#[test]
fn no_link_of_an_image_leads_out_of_it() {
    let image = Image::new();
    let outside = Image::new();
    let here = |path: &str| outside.at(path).to_str().unwrap().to_owned();
    fs::remove_dir_all(image.at("/etc/countersign")).unwrap();
    std::os::unix::fs::symlink(here("/etc/countersign"), image.at("/etc/countersign")).unwrap();
    let before = outside.files();
    let (_, err, _) = image.setup(&BOTH);
    assert!(outside.files() == before, "{err}");
    assert_eq!(image.run(&["unsetup"]).2, i32::from(!err.is_empty()));
}

#[test]
fn what_is_no_plain_file_is_not_waited_for() {
    let image = Image::new();
    fs::remove_file(image.at("/etc/pam.d/sudo")).unwrap();
    let made = Command::new("mkfifo").arg(image.at("/etc/pam.d/sudo")).status();
    assert!(made.unwrap().success());
    let (_, err, code) = image.setup(&BOTH);
    let expected = "countersign: /etc/pam.d/sudo: can't be read: is no plain file\n";
    assert_eq!((err.as_str(), code), (expected, 1));
}

#[test]
fn what_is_there_already_is_kept() {
    let image = Image::new();
    let by_hand = "auth required pam_countersign.so\n";
    let drop_in = "UsePAM yes\nKbdInteractiveAuthentication yes\n";
    image.write("/etc/pam.d/sudo", by_hand);
    image.write("/etc/ssh/sshd_config.d/10-countersign.conf", drop_in);
    let shown = image.sets_up(&BOTH);
    let first = "/etc/pam.d/sudo names the module already, and stays as it is.\n";
    assert!(shown.starts_with(first), "{shown}");
    assert_eq!(image.read("/etc/pam.d/sudo"), by_hand);
    assert_eq!(image.read("/etc/ssh/sshd_config.d/10-countersign.conf"), drop_in);
}

#[test]
fn where_sshd_includes_no_drop_ins_its_settings_stand_at_the_top() {
    let image = Image::new();
    let config = "UsePAM no\nMatch User x\nInclude /etc/ssh/sshd_config.d/*.conf\n";
    image.write("/etc/ssh/sshd_config", config);
    image.sets_up(&["--service", "sshd,sudo", "--keys", "refused"]);
    let block = "# BEGIN countersign: `countersign unsetup` takes this out\n\
        UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n\
        AuthenticationMethods keyboard-interactive:pam\n# END countersign\n";
    assert_eq!(image.read("/etc/ssh/sshd_config"), format!("{block}{config}"));
    image.run(&["unsetup"]);
    assert_eq!(image.read("/etc/ssh/sshd_config"), config);
}

#[test]
fn another_factor_in_an_included_file_is_not_passed_over() {
    let image = Image::new();
    image.write("/etc/pam.d/google-auth", "auth required pam_google_authenticator.so\n");
    image.write("/etc/pam.d/sshd", &format!("{SSHD_STACK}@include google-auth\n"));
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(BOTH).collect();
    image.fails(
        &arguments,
        "countersign: /etc/pam.d/google-auth:1: `auth required pam_google_authenticator.so` would be passed over\n\
         hint: write this stack by hand: pam_countersign(8) shows three\n",
        1,
    );
}

#[test]
fn a_step_up_stands_behind_the_local_password() {
    let image = Image::new();
    image.write(
        "/etc/countersign/countersign.toml",
        "[tenant]\nurl = \"\"\n[service.sudo.login]\nflow = \"on-demand\"\n[on_demand]\napp = \"a\"\nclient_id = \"c\"\n\
         client_secret_file = \"/etc/countersign/s\"\nscope = \"s\"\npolicy = \"p\"\n",
    );
    image.write("/etc/countersign/s", "secret\n");
    let mode = Permissions::from_mode(0o600);
    fs::set_permissions(image.at("/etc/countersign/s"), mode).unwrap();
    image.sets_up(&BOTH);
    let rule = "auth [success=ok ignore=ignore default=bad] pam_countersign.so\n";
    let block = format!(
        "# BEGIN countersign: `countersign unsetup` takes this out\n{rule}# END countersign\n"
    );
    assert_eq!(image.read("/etc/pam.d/sudo"), format!("{SUDO_STACK}{block}"));
    assert!(image.read("/etc/pam.d/sshd").contains("[success=done ignore=ignore default=die]"));
}

/// As sshd and sudo are on RHEL and Fedora.
#[test]
fn a_step_up_stands_behind_a_substack_and_an_include_is_told_to_become_one() {
    let image = Image::new();
    let stack = "auth required pam_unix.so\n";
    image.write("/etc/pam.d/system-auth", stack);
    image.write("/etc/pam.d/postlogin", "session optional pam_limits.so\n");
    image.write("/etc/pam.d/sudo", "auth include system-auth\n");
    let offline = "[service.sudo.offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n";
    let configuration = format!("{CONFIGURATION}{offline}");
    image.write("/etc/countersign/countersign.toml", &configuration);
    let sudo = ["--service", "sudo"];
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(sudo).collect();
    image.fails(
        &arguments,
        "countersign: /etc/pam.d/sudo:1: what stands behind `auth include system-auth` is not asked\n\
         hint: make it `auth substack system-auth`, or write this stack by hand: pam_countersign(8)\n",
        1,
    );
    let (asks, behind) = ("auth substack system-auth\n", "auth include postlogin\n");
    image.write("/etc/pam.d/sudo", &format!("{asks}{behind}"));
    image.sets_up(&sudo);
    let block = "# BEGIN countersign: `countersign unsetup` takes this out\n\
        auth [success=ok ignore=ignore default=bad] pam_countersign.so\n# END countersign\n";
    let wired = format!("{asks}{block}{behind}");
    assert_eq!(image.read("/etc/pam.d/sudo"), wired);
}

#[test]
fn where_offline_codes_count_the_local_password_comes_first() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let configuration = image.read("/etc/countersign/countersign.toml");
    let offline = "[service.sudo.offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n";
    image.write("/etc/countersign/countersign.toml", &format!("{configuration}\n{offline}"));
    image.sets_up(&BOTH);
    let rule = "auth [success=ok ignore=ignore default=bad] pam_countersign.so\n";
    let block = format!(
        "# BEGIN countersign: `countersign unsetup` takes this out\n{rule}# END countersign\n"
    );
    assert_eq!(image.read("/etc/pam.d/sudo"), format!("{SUDO_STACK}{block}"));
}

/// The lines about sshd: with `[login]` and `[service.sshd.offline]` as given, and this answer about
/// keys.
fn said_of_sshd(login: &str, offline: &str, keys: &[&str]) -> Vec<String> {
    let image = Image::new();
    image.write("/etc/ssh/sshd_config", UNDECIDED);
    image.write(
        "/etc/countersign/countersign.toml",
        &format!(
            "[tenant]\nurl = \"\"\n[login]\n{login}\n[service.sshd.offline]\n{offline}\n[on_demand]\n\
             app = \"a\"\nclient_id = \"c\"\nclient_secret_file = \"/etc/countersign/s\"\nscope = \"s\"\npolicy = \"p\"\n",
        ),
    );
    image.write("/etc/countersign/s", "secret\n");
    let mode = Permissions::from_mode(0o600);
    fs::set_permissions(image.at("/etc/countersign/s"), mode).unwrap();
    let shown = image.sets_up(&[&["--service", "sshd", "--dry-run"], keys].concat());
    let of_sshd = shown.lines().filter_map(|line| line.strip_prefix("  sshd, "));
    of_sshd.map(str::to_owned).collect()
}

#[test]
fn who_is_asked_for_which_password_is_said_with_a_key_and_without_one() {
    const TENANTS: &str = "the password of the tenant, and what the tenant asks behind it";
    const NONE: &str = "no password, but the challenges of the tenant";
    const LOCAL: &str = "the local password, and then the challenges of the tenant";
    const BOTH: &str = "the local password first, which the tenant gets too: a user with two different passwords is refused, and so is one without a local password";
    let (flow, after) = ("flow = \"on-demand\"", "after_public_key = \"on-demand\"");
    let both = format!("{flow}\n{after}");
    let offline = "enabled = true\nfirst_factor = \"pam_unix\"";
    let (followed, without) = ("every user, behind a key too", "who logs in without a key");
    let with = "who has shown a key";
    for (login, offline, keys, expected) in [
        ("", "", "followed", vec![(followed, TENANTS)]),
        (after, "", "followed", vec![(without, TENANTS), (with, NONE)]),
        (flow, "", "followed", vec![(without, LOCAL), (with, BOTH)]),
        (&both, "", "followed", vec![(followed, LOCAL)]),
        ("", offline, "followed", vec![(followed, BOTH)]),
        (after, offline, "followed", vec![(without, BOTH), (with, LOCAL)]),
        (after, "", "alone", vec![(without, TENANTS)]),
        (after, "", "refused", vec![("every user, and no key is taken", TENANTS)]),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|(who, what)| format!("{who}: {what}")).collect();
        let said = said_of_sshd(login, offline, &["--keys", keys]);
        assert_eq!(said, expected, "{login} {offline} {keys}");
    }
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    let image = Image::new();
    image.write("/etc/countersign/countersign.toml", "[login]\n[tenant]\n[login]\n");
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(BOTH).collect();
    image.fails(
        &arguments,
        "countersign: /etc/countersign/countersign.toml:\n  \
         line 3: login: given twice, first in line 1: take one of the two out\n\
         hint: mend that first: no login succeeds by such a file either\n",
        1,
    );
}

#[test]
fn of_a_key_that_is_written_no_comment_stays_that_would_give_it_twice() {
    let image = Image::new();
    let shipped = include_str!("../../conf/countersign.toml");
    image.write("/etc/countersign/countersign.toml", shipped);
    image.sets_up(&["--service", "sudo"]);
    let written = image.read("/etc/countersign/countersign.toml");
    let template = |text: &str| {
        let lines = text.lines().filter(|line| line.contains("template = "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(template(shipped), ["#template = \"{user}@example.com\""]);
    assert_eq!(template(&written), ["template = \"{user}@example.com\""]);
    let others = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(others(&written), others(shipped) - 1);
}

#[test]
fn a_service_with_a_dot_in_its_name_is_one_for_everything() {
    let image = Image::new();
    image.write("/etc/pam.d/vpn.office", SUDO_STACK);
    image.write("/etc/pam.d/vpn.dpkg-old", "auth required pam_countersign.so\n");
    let before = image.files();
    image.sets_up(&["--service", "vpn.office"]);
    let by_hand = image.read("/etc/pam.d/vpn.office");
    let by_hand = by_hand.replace("# BEGIN countersign", "# begin");
    image.write("/etc/pam.d/vpn.office", &by_hand);
    let (_, err, code) = image.run(&["unsetup"]);
    let stays =
        "/etc/countersign/countersign.toml stays as long as /etc/pam.d/vpn.office names the module";
    assert!(err.contains(stays) && code == 1, "{err}");
    image.write("/etc/pam.d/vpn.office", SUDO_STACK);
    assert_eq!(image.run(&["unsetup"]).2, 0);
    assert!(image.files() == before);
}

#[test]
fn a_stack_of_a_package_is_copied_and_the_copy_goes_again() {
    for folder in ["/usr/lib/pam.d", "/usr/etc/pam.d"] {
        let image = Image::new();
        let vendor = format!("{folder}/polkit-1");
        image.write(&vendor, SUDO_STACK);
        let before = image.files();
        let out = image.sets_up(&["--service", "polkit-1"]);
        let said = format!(
            "/etc/pam.d/polkit-1 is made from {vendor}, and counts in its place: later versions of that file do not.\n"
        );
        assert!(out.starts_with(&said), "{out}");
        assert!(image.read("/etc/pam.d/polkit-1").contains("pam_countersign.so"));
        assert_eq!(image.read(&vendor), SUDO_STACK);
        assert_eq!(image.run(&["unsetup"]).2, 0);
        assert!(image.files() == before);
    }
}

#[test]
fn another_configuration_is_named_in_the_stacks() {
    let image = Image::new();
    image.sets_up(&["--service", "sudo", "--config", "/etc/other.toml"]);
    let rule =
        "auth [success=done ignore=ignore default=die] pam_countersign.so config=/etc/other.toml\n";
    assert!(image.read("/etc/pam.d/sudo").contains(rule));
    assert!(image.read("/etc/other.toml").contains("url = \"https://abc1234.id.cyberark.cloud\""));
}

#[test]
fn names_in_the_configuration_do_without_a_template() {
    let image = Image::new();
    let names = "[users.names]\nalice = \"alice@example.com\"\n";
    image.write("/etc/countersign/countersign.toml", &format!("{CONFIGURATION}{names}"));
    let (_, err, code) = image.run(&[
        "setup",
        "--tenant",
        "https://abc1234.id.cyberark.cloud",
        "--without-tenant",
        "--yes",
        "--service",
        "sudo",
    ]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(!image.read("/etc/countersign/countersign.toml").contains("template"));
}

#[test]
fn what_can_not_be_done_is_said_with_its_remedy() {
    let image = Image::new();
    image.write("/etc/pam.d/odd", "auth required pam_permit.so\n");
    let with = |more: &[&'static str]| -> Vec<&str> {
        ["setup"].iter().chain(&TENANT).chain(more).copied().collect()
    };
    image.fails(
        &with(&["--service", "sshd,nginx"]),
        "countersign: there is no PAM service nginx\n\
         hint: the services of this machine are common-auth, odd, sshd, sudo\n",
        1,
    );
    image.fails(
        &with(&["--service", "../sshd"]),
        "countersign: there is no PAM service ../sshd\n\
         hint: the services of this machine are common-auth, odd, sshd, sudo\n",
        1,
    );
    image.fails(
        &with(&["--service", "odd"]),
        "countersign: /etc/pam.d/odd: nothing there asks for a password\n\
         hint: write this stack by hand: pam_countersign(8) shows three\n",
        1,
    );
    image.fails(
        &with(&[]),
        "countersign: there is no terminal to ask on\nhint: say it on the command line: --service\n",
        1,
    );
    image.fails(
        &["setup", "--service", "sudo", "--without-tenant"],
        "countersign: there is no terminal to ask on\nhint: say it on the command line: --tenant\n",
        1,
    );
    image.fails(
        &[
            "setup",
            "--service",
            "sudo",
            "--without-tenant",
            "--template",
            "x",
            "--tenant",
            "http://x",
        ],
        "countersign: /etc/countersign/countersign.toml, as it would be:\n  \
         line 4: tenant.url: expected an https URL, found http\n  \
         line 7: users.template: expected a template with {user} in it once, such as \"{user}@example.com\", found \"x\"\n\
         hint: countersign.toml(5) describes every key\n",
        1,
    );
    fs::remove_file(image.at("/etc/ssh/sshd_config")).unwrap();
    image.fails(
        &with(&BOTH),
        "countersign: /etc/ssh/sshd_config: there is no such file\n\
         hint: install the ssh server first, or leave sshd out of --service\n",
        1,
    );
}

#[test]
fn a_configuration_that_is_too_long_is_refused_and_one_that_nearly_is_is_told() {
    let said = |kib: usize| format!("is {kib} KiB long, and no login takes more than 256 KiB");
    let remedy =
        "put names into a file of their own, users.names_file; name a group in place of many users";
    let image = Image::new();
    let write = |length: usize| {
        let text = format!("{CONFIGURATION}#{}\n", "-".repeat(length - CONFIGURATION.len() - 2));
        image.write("/etc/countersign/countersign.toml", &text);
    };
    let arguments: Vec<_> = ["setup"].iter().chain(&TENANT).chain(&BOTH).copied().collect();
    write(257 * 1024);
    image.fails(
        &arguments,
        &format!("countersign: /etc/countersign/countersign.toml {}\nhint: {remedy}\n", said(257)),
        1,
    );
    write(256 * 1024);
    image.fails(
        &arguments,
        &format!(
            "countersign: /etc/countersign/countersign.toml, as it would be, {}\nhint: {remedy}\n",
            said(257)
        ),
        1,
    );
    write(200 * 1024);
    let told = image.sets_up(&BOTH);
    let expected = format!("/etc/countersign/countersign.toml {}: {remedy}.\n", said(201));
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn without_a_yes_nothing_is_written() {
    let image = Image::new();
    let before = image.files();
    let arguments: Vec<_> = TENANT.into_iter().filter(|word| *word != "--yes").collect();
    let arguments: Vec<_> = ["setup"].into_iter().chain(arguments).chain(BOTH).collect();
    let (_, err, code) = image.run(&arguments);
    assert_eq!(
        (err.as_str(), code),
        ("countersign: there is no terminal to ask on\nhint: with --yes, it is not asked\n", 1)
    );
    assert!(image.files() == before);
}

#[test]
fn a_journal_that_can_not_be_read_stops_everything() {
    let image = Image::new();
    image.sets_up(&BOTH);
    let text = image.read(JOURNAL);
    image.write(JOURNAL, &text.replace("\"version\": 2", "\"version\": 3"));
    let expected = "countersign: /var/lib/countersign/setup/1.json: version 3\n\
        hint: the files as they were before are in /var/lib/countersign/setup/1\n";
    image.fails(&["unsetup"], expected, 1);
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(BOTH).collect();
    image.fails(&arguments, expected, 1);
}

#[test]
fn wrong_uses_are_usage_errors() {
    let image = Image::new();
    for (arguments, expected) in [
        (
            vec!["setup", "--confirm-within", "5m"],
            "the argument '--confirm-within <TIME>' cannot be used with '--root <FOLDER>'",
        ),
        (
            vec!["setup", "--without-tenant", "--test-user", "x"],
            "the argument '--without-tenant' cannot be used with '--test-user <USER>'",
        ),
        (vec!["confirm"], "unexpected argument '--root' found"),
    ] {
        let (out, err, code) = image.run(&arguments);
        assert_eq!((out.as_str(), code), ("", 2));
        assert!(err.contains(expected), "{err}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["setup", "--confirm-within", "1s"])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("expected a time from 5s to 24h, such as 5m"), "{err}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn keys_are_left_alone_or_followed() {
    let image = Image::new();
    let methods = || {
        let text = image.read("/etc/ssh/sshd_config.d/10-countersign.conf");
        let mut lines = text.lines().map(str::to_owned);
        lines.rfind(|line| line.starts_with("AuthenticationMethods "))
    };
    image.sets_up(&BOTH);
    assert_eq!(methods(), None);
    image.sets_up(&["--service", "sshd", "--keys", "refused"]);
    let refused = "AuthenticationMethods keyboard-interactive:pam";
    assert_eq!(methods().as_deref(), Some(refused));
    image.sets_up(&["--service", "sshd", "--keys", "followed"]);
    let followed =
        "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam";
    assert_eq!(methods().as_deref(), Some(followed));
    image.sets_up(&BOTH);
    assert_eq!(methods().as_deref(), Some(followed));
    image.sets_up(&["--service", "sshd", "--keys", "alone"]);
    let alone = "AuthenticationMethods publickey keyboard-interactive:pam";
    assert_eq!(methods().as_deref(), Some(alone));
    let security_key = || {
        let policy = policy::parse(image.read("/etc/countersign/countersign.toml").as_bytes());
        policy.unwrap().for_service("sshd").step_up.security_key
    };
    assert_eq!(security_key(), SecurityKey::Off);
    image.sets_up(&["--service", "sshd", "--keys", "verified"]);
    assert_eq!(methods().as_deref(), Some(followed));
    let drop_in = image.read("/etc/ssh/sshd_config.d/10-countersign.conf");
    assert!(drop_in.ends_with("\nPubkeyAuthOptions verify-required\n"), "{drop_in}");
    assert_eq!(security_key(), SecurityKey::Enough);
    image.sets_up(&["--service", "sshd", "--keys", "followed"]);
    let drop_in = image.read("/etc/ssh/sshd_config.d/10-countersign.conf");
    assert!(!drop_in.contains("PubkeyAuthOptions"), "{drop_in}");
    assert_eq!(security_key(), SecurityKey::Off);
    image.write("/etc/ssh/sshd_config.d/10-countersign.conf", "# edited\n");
    let arguments =
        ["setup"].into_iter().chain(TENANT).chain(["--service", "sshd", "--keys", "followed"]);
    image.fails(
        &arguments.collect::<Vec<_>>(),
        "countersign: /etc/ssh/sshd_config.d/10-countersign.conf was edited, and stays as it is\n\
         hint: write AuthenticationMethods into it, and leave --keys out\n",
        1,
    );
}

#[test]
fn stacks_that_would_not_hold_are_put_back_at_once() {
    let image = Image::new();
    fs::remove_file(image.at(&format!("{MODULES}/pam_countersign.so"))).unwrap();
    image.write("/etc/pam.d/sudo", "auth sufficient pam_permit.so\n@include common-auth\n");
    let before = image.files();
    let (_, err, code) = image.setup(&BOTH);
    assert_eq!(code, 1);
    assert!(
        err.starts_with(
            "countersign: everything is as it was before: it would not hold:\n  /etc/pam.d/sshd:3: "
        ),
        "{err}"
    );
    for part in ["\n  /etc/pam.d/sudo:", "pam_countersign.so", "\nhint: mend that first"] {
        assert!(err.contains(part), "{err}");
    }
    assert!(image.files() == before);
}

/// `countersign setup` on the image, held before its first instruction.
fn held(image: &Image) -> Traced {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("setup").args(TENANT).args(BOTH).arg("--root").arg(&image.0);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Traced::start(&mut command, "")
}

/// `countersign unsetup` on the image, to its end; it must not start any program.
#[cfg(target_arch = "x86_64")]
#[track_caller]
fn unsetup_starts_no_program(image: &Image) -> i32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["unsetup", "--root"]).arg(&image.0);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let traced = Traced::start(&mut command, "");
    let starting = [libc::SYS_clone, libc::SYS_clone3, libc::SYS_fork, libc::SYS_vfork];
    loop {
        if let Stop::Exited(code) = traced.next() {
            return code;
        }
        let call = traced.registers().orig_rax.cast_signed();
        if starting.contains(&call) {
            traced.kill();
            panic!("it starts a program of this machine");
        }
    }
}

/// As on the disk of a machine that was set up while it ran.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_a_running_machine_set_up_is_taken_back_on_its_disk_without_any_program() {
    for convert in [|record| record, as_version_1] {
        let image = Image::new();
        let timer = "/etc/systemd/system/countersign-rollback.timer";
        image.write(timer, "[Timer]\n");
        let before = image.files();
        image.sets_up(&BOTH);
        image.edits_record(|mut record| {
            let parts = record["parts"].as_array_mut().unwrap();
            let (services, mut others): (Vec<_>, Vec<_>) =
                parts.drain(..).partition(|part| part.get("Service").is_some());
            assert_eq!(services.len(), 2);
            let stacks = services.into_iter().map(|mut part| {
                part["Service"]["kind"] = "Managed".into();
                part["Service"].take()
            });
            let stacks: Vec<_> = stacks.collect();
            others.insert(1, json!({ "Debian": { "profiles": [], "stacks": stacks } }));
            *parts = others;
            convert(record)
        });
        assert_eq!(unsetup_starts_no_program(&image), 0);
        assert!(image.files() == before);
    }
}

#[test]
fn what_authselect_wrote_is_not_taken_back_from_outside() {
    for convert in [|record| record, as_version_1] {
        let image = Image::new();
        image.sets_up(&BOTH);
        image.edits_record(|mut record| {
            let authselect = json!({ "Authselect": { "before": "local", "files": [] } });
            record["parts"].as_array_mut().unwrap().push(authselect);
            convert(record)
        });
        image.fails(
            &["unsetup"],
            "countersign: authselect(8) has to be run on that system for this\n\
             hint: start it, or chroot into it, and type there: sudo countersign unsetup\n",
            1,
        );
    }
}

#[test]
fn a_record_of_version_1_is_taken_back_as_it_was_written() {
    for config in [SSHD, "UsePAM no\n"] {
        let image = Image::new();
        image.write("/etc/ssh/sshd_config", config);
        image.write("/usr/lib/pam.d/polkit-1", SUDO_STACK);
        image.write("/etc/pam.d/su", &format!("auth required pam_countersign.so\n{SUDO_STACK}"));
        let before = image.files();
        image.sets_up(&["--service", "sshd,sudo,polkit-1", "--keys", "alone"]);
        image.edits_record(as_version_1);
        let sshd = image.read("/etc/pam.d/sshd");
        image.write("/etc/pam.d/sshd", &sshd.replace("# END countersign\n", ""));
        let (_, err, code) = image.run(&["unsetup"]);
        assert_eq!(code, 1);
        assert_eq!(err.matches(" stays as long as /etc/pam.d/sshd names the module\n").count(), 2);
        assert_eq!(image.read("/etc/pam.d/sudo"), SUDO_STACK);
        image.write("/etc/pam.d/sshd", SSHD_STACK);
        let done = "Everything is as it was before the first setup.\n";
        assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
        assert!(image.files() == before);
    }
}

#[test]
fn a_record_of_version_1_that_waits_for_its_confirmation_is_waited_for() {
    let image = Image::new();
    let before = image.files();
    image.sets_up(&BOTH);
    image.edits_record(|record| {
        let mut record = as_version_1(record);
        record["awaited"] =
            json!({ "token": "1", "services": ["sshd"], "boot": "x", "since": 1, "until": 0 });
        record
    });
    let arguments: Vec<_> = ["setup"].into_iter().chain(TENANT).chain(BOTH).collect();
    image.fails(
        &arguments,
        "countersign: the last setup is not confirmed, and is put back now, unless the machine was restarted in between\n\
         hint: from a new login: sudo countersign confirm; or at once: sudo countersign unsetup\n",
        1,
    );
    let done = "Everything is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
    assert!(image.files() == before);
}

#[test]
fn a_record_that_stays_is_not_said_to_be_a_change_that_was_not_made() {
    let image = Image::new();
    let before = image.files();
    image.sets_up(&BOTH);
    let copies = "/var/lib/countersign/setup/1";
    fs::remove_dir_all(image.at(copies)).unwrap();
    image.write(copies, "no folder\n");
    let expected = "countersign: /var/lib/countersign/setup: Not a directory (os error 20)\n\
        hint: the files are put back, and only the record of it stayed: mend that, and then again: sudo countersign unsetup\n";
    assert_eq!(image.run(&["unsetup"]), (String::new(), expected.into(), 1));
    assert!(image.files() == before);
    fs::remove_file(image.at(copies)).unwrap();
    let done = "Everything is as it was before the first setup.\n";
    assert_eq!(image.run(&["unsetup"]), (done.into(), String::new(), 0));
}

/// A setup that is held at the begin of a call: the call before is done, and this one has not
/// begun.
#[cfg(target_arch = "x86_64")]
fn held_after(image: &Image, stops: usize) -> Traced {
    let traced = held(image);
    for _ in 0..=stops {
        assert!(!matches!(traced.next(), Stop::Exited(_)), "{stops}");
    }
    traced
}

/// How many stops there are before each call that changes a file or a folder.
#[cfg(target_arch = "x86_64")]
fn stops_at_changes() -> Vec<usize> {
    let changing = [
        libc::SYS_mkdir,
        libc::SYS_mkdirat,
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_fchown,
        libc::SYS_fchmod,
        libc::SYS_fsync,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_unlink,
        libc::SYS_unlinkat,
    ];
    let image = Image::new();
    let traced = held(&image);
    let mut found = Vec::new();
    // Only what comes after the loader and the reading of the system.
    let mut writes = false;
    for stops in 0.. {
        match traced.next() {
            Stop::Exited(_) => break,
            Stop::Call | Stop::Signal(_) => {}
        }
        writes |= image.at("/var/lib/countersign/setup").exists();
        let call = traced.registers().orig_rax.cast_signed();
        if stops % 2 == 0 && writes && changing.contains(&call) {
            found.push(stops);
        }
    }
    assert!(found.len() > 50, "{found:?}");
    found
}

/// Nothing of what was written is left, and what is set up next works.
#[track_caller]
fn is_taken_back(image: &Image, before: &BTreeMap<PathBuf, String>, when: &str) {
    let (_, err, _) = image.run(&["unsetup"]);
    let nothing = err.starts_with("countersign: nothing was set up by this command");
    assert!(err.is_empty() || nothing, "{when}: {err}");
    let after = image.files();
    let names = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(before), "{when}");
    assert!(after == *before, "{when}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_setup_that_is_killed_anywhere_can_be_taken_back() {
    for stops in stops_at_changes() {
        let image = Image::new();
        let before = image.files();
        held_after(&image, stops).kill();
        is_taken_back(&image, &before, &format!("killed at stop {stops}"));
    }
}

/// Ctrl-C, a lost connection, an end of the session.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_setup_that_is_interrupted_is_put_back_by_itself_or_is_whole() {
    let signals = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];
    let mut whole = 0;
    for (stops, signal) in stops_at_changes().into_iter().zip(signals.iter().cycle()) {
        let image = Image::new();
        let before = image.files();
        let traced = held_after(&image, stops);
        // SAFETY: the process is ours and has not been waited for.
        unsafe { libc::kill(traced.child.id().cast_signed(), *signal) };
        traced.to_the_end();
        if image.files() != before {
            let second = image.sets_up(&BOTH);
            assert_eq!(
                second, "Everything is set up already: nothing to change.\n",
                "signal {signal} at stop {stops}"
            );
            whole += 1;
        }
    }
    assert!(whole < 10, "{whole}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_setup_in_which_anything_fails_is_taken_back_or_is_whole() {
    for stops in stops_at_changes() {
        let image = Image::new();
        let before = image.files();
        let traced = held_after(&image, stops);
        traced.fail(libc::ENOSPC);
        traced.to_the_end();
        is_taken_back(&image, &before, &format!("stop {stops} failed"));
    }
}
