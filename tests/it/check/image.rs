//! A system in a folder: a configuration, modules, services; and what the command says of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::process::Command;

use crate::rig::Folder;

const MODULES: &str = "usr/lib/x86_64-linux-gnu/security";

pub struct Image(Folder);

impl Image {
    /// One service, `rig`, whose stack is the documented one.
    pub fn new() -> Self {
        let image = Self(Folder::new());
        for module in [
            "cap",
            "countersign",
            "debug",
            "deny",
            "env",
            "faildelay",
            "faillock",
            "localuser",
            "nologin",
            "permit",
            "rootok",
            "sss",
            "succeed_if",
            "unix",
        ] {
            image.write(&format!("{MODULES}/pam_{module}.so"), "");
        }
        image.configure("");
        image.stack("rig", "auth [success=ok default=bad] pam_countersign.so\n");
        image.write("etc/pam.d/common-auth", COMMON_AUTH);
        image
    }

    /// Writes the configuration, and this behind what it needs at least; `[tenant]` and `[users]`
    /// may go on.
    pub fn configure(&self, more: &str) {
        let more = more.replace("[tenant]\n", "[service.other.tenant]\n");
        let (tenant, more) = match more.split_once("[service.other.tenant]\n") {
            Some((before, after)) => (after.to_owned(), before.to_owned()),
            None => (String::new(), more),
        };
        let text = format!(
            "[tenant]\nurl = \"https://tenant.example\"\n{tenant}\n[users]\ntemplate = \"{{user}}@example.com\"\n{more}"
        );
        self.write("etc/countersign/countersign.toml", &text);
    }

    pub fn stack(&self, service: &str, text: &str) {
        self.write(&format!("etc/pam.d/{service}"), text);
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o755);
        folders.create(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join(path)).unwrap();
    }

    pub fn remove_folder(&self, path: &str) {
        fs::remove_dir_all(self.0.path().join(path)).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.0.path().join(path)).unwrap();
    }

    pub fn folder(&self, path: &str, mode: u32) {
        fs::create_dir_all(self.0.path().join(path)).unwrap();
        self.mode(path, mode);
    }

    pub fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.0.path().join(path), Permissions::from_mode(mode)).unwrap();
    }

    /// Standard output, standard error and exit code.
    pub fn run(&self, arguments: &[&str]) -> (String, String, i32) {
        let root = self.0.path().to_str().unwrap();
        let all: Vec<_> = arguments.iter().copied().chain(["--root", root]).collect();
        plain(&all)
    }

    #[track_caller]
    pub fn prints(&self, arguments: &[&str], expected: &str) {
        let all = (expected.to_owned(), String::new(), 0);
        assert_eq!(self.run(arguments), all, "{arguments:?}");
    }

    fn found(&self) -> Vec<serde_json::Value> {
        let (out, _, code) = self.run(&["check", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(code == 0, report["errors"] == 0, "{out}");
        let findings = report["findings"].as_array().unwrap().iter();
        findings.filter(|finding| finding["severity"] != "passed").cloned().collect()
    }

    /// Everything that did not pass, as `SEVERITY ID PLACE WHAT`, and nothing else.
    #[track_caller]
    pub fn finds(&self, expected: &[&str]) {
        let found: Vec<_> = self.found().iter().map(short).collect();
        assert_eq!(found, expected);
    }

    /// The findings, each with what to do about it.
    #[track_caller]
    pub fn finds_with_remedies(&self, expected: &[(&str, &str)]) {
        let found = self.found();
        let found: Vec<_> = found
            .iter()
            .map(|finding| (short(finding), finding["remedy"].as_str().unwrap().to_owned()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(what, remedy)| ((*what).to_owned(), (*remedy).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    /// The ids of what did not pass, the worst first.
    pub fn ids(&self) -> Vec<String> {
        let found = self.found();
        let ids = found.iter().map(|finding| finding["id"].as_str().unwrap().to_owned());
        ids.collect()
    }
}

fn short(finding: &serde_json::Value) -> String {
    let word = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    let place = match finding["line"].as_u64() {
        Some(line) => format!("{}:{line}", word("file")),
        None => word("file"),
    };
    format!("{} {} {place} {}", word("severity"), word("id"), word("what"))
}

/// The command with these arguments and nothing else.
pub fn plain(arguments: &[&str]) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

/// As Debian has it.
const COMMON_AUTH: &str = "\
auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
auth optional pam_cap.so
";
