//! A policy that is made up, and what is said of it.

use std::collections::BTreeMap;
use std::path::Path;

use countersign::policy::{self, Policy};

use super::needs::Examination;
use crate::commands::check::finding::{Finding, Severity};
use crate::machine::root::Root;
use crate::machine::selinux::kernel::{Kernel, Source};

const CLASSES: [(&str, &[&str]); 4] = [
    (
        "dir",
        &[
            "getattr",
            "open",
            "read",
            "search",
            "write",
            "add_name",
            "remove_name",
            "lock",
            "create",
        ],
    ),
    ("file", &["create", "getattr", "map", "open", "read", "write", "link", "rename", "unlink"]),
    ("tcp_socket", &["name_connect"]),
    ("process", &["transition"]),
];

/// Everything is allowed but what is named, as (target type, class, permission).
#[derive(Default)]
struct MadeUp {
    denied: Vec<(&'static str, &'static str, &'static str)>,
    /// The types of files; those that are not named do not exist.
    labels: BTreeMap<&'static str, &'static str>,
    /// (source, target, class) to the type that is made.
    made: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    booleans: Vec<(&'static str, &'static str)>,
    is_permissive: bool,
    /// The policy module is in the policy.
    is_loaded: bool,
}

impl MadeUp {
    fn words<'q>(&self, question: &'q str) -> Option<(&'q str, &'q str, usize)> {
        let words: Vec<_> = question.split(' ').collect();
        let [source, target, class, ..] = words.as_slice() else {
            return None;
        };
        let kind = |context: &'q str| context.split(':').nth(2);
        Some((kind(source)?, kind(target)?, class.parse().ok()?))
    }
}

impl Source for MadeUp {
    fn text(&self, file: &str) -> Option<String> {
        let parts: Vec<_> = file.split('/').collect();
        match parts.as_slice() {
            ["enforce"] => Some("1".to_owned()),
            ["booleans", name] => self
                .booleans
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| (*value).to_owned()),
            ["class", class, "index"] => {
                let index = CLASSES.iter().position(|(name, _)| name == class)?;
                Some((index + 1).to_string())
            }
            ["class", class, "perms", permission] => {
                let (_, permissions) = CLASSES.iter().find(|(name, _)| name == class)?;
                let bit = permissions.iter().position(|name| name == permission)?;
                Some((bit + 1).to_string())
            }
            _ => None,
        }
    }

    fn ask(&self, file: &str, question: &str) -> Option<String> {
        if file == "context" {
            let is_known = question.contains(":staff_")
                || self.is_loaded && question.contains(":countersign_runtime_t:");
            return is_known.then(|| question.to_owned());
        }
        let (source, target, class) = self.words(question)?;
        let (class, permissions) = CLASSES[class - 1];
        if file == "create" {
            let made =
                self.made.iter().find(|made| (made.0, made.1, made.2) == (source, target, class));
            // Folders have a label of their own by their name alone.
            let made = made.filter(|_| class != "dir" || question.ends_with(" countersign"));
            let usual = if class == "process" { source } else { target };
            return Some(format!("system_u:object_r:{}:s0\0", made.map_or(usual, |made| made.3)));
        }
        let mut allowed = u32::MAX;
        for (at, permission) in permissions.iter().enumerate() {
            if self.denied.contains(&(leaked(target), class, permission)) {
                allowed &= !(1 << at);
            }
        }
        Some(format!("{allowed:x} ffffffff 0 ffffffff 7 {}", u8::from(self.is_permissive)))
    }

    fn label(&self, path: &Path) -> Option<String> {
        let kind = self.labels.get(path.to_str()?)?;
        Some(format!("system_u:object_r:{kind}:s0\n"))
    }

    fn init(&self) -> Option<String> {
        Some("system_u:system_r:init_t:s0\0".to_owned())
    }
}

fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn debian() -> MadeUp {
    MadeUp {
        labels: BTreeMap::from([
            ("/", "root_t"),
            ("/run", "var_run_t"),
            ("/root", "user_home_dir_t"),
            ("/root/tenant", "user_home_t"),
            ("/root/tenant/ca.pem", "user_home_t"),
            ("/etc", "etc_t"),
            ("/etc/countersign", "etc_t"),
            ("/etc/countersign/ca.pem", "etc_t"),
        ]),
        ..MadeUp::default()
    }
}

fn policy(more: &str) -> Policy {
    let text = format!(
        "[tenant]\nurl = \"https://tenant.example\"\n{more}[users]\ntemplate = \"{{user}}@example.com\"\n"
    );
    policy::parse(text.as_bytes()).unwrap()
}

fn found(policy: &Policy, source: &MadeUp) -> Vec<Finding> {
    let kernel = Kernel(source);
    let examination = Examination {
        kernel: &kernel,
        root: &Root::below(Path::new("/proc/self")).ok().unwrap(),
        domain: "system_u:system_r:sshd_t:s0",
        service: "sshd",
        policy,
        is_enforcing: true,
    };
    examination.findings()
}

fn said(policy: &Policy, source: &MadeUp) -> Vec<String> {
    found(policy, source).into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_policy_that_allows_everything_is_no_finding() {
    assert_eq!(said(&policy(""), &debian()), [""; 0]);
}

#[test]
fn a_port_that_a_domain_may_not_connect_to_is_an_error_with_the_switch_that_there_is() {
    let mut source = debian();
    source.denied = vec![
        ("http_port_t", "tcp_socket", "name_connect"),
        ("unreserved_port_t", "tcp_socket", "name_connect"),
    ];
    let policies = [policy(""), policy("proxy = \"http://proxy:4711\"\n")];
    assert_eq!(
        said(&policies[0], &source),
        ["SELinux: sshd_t may not connect to port 443 (http_port_t): name_connect"]
    );
    let remedy = |source: &MadeUp, policy| found(policy, source)[0].remedy.clone();
    assert_eq!(
        remedy(&source, &policies[0]),
        "semodule -i /usr/share/countersign/selinux/countersign.cil"
    );
    let on = "setsebool -P countersign_connect_any on";
    let loaded = format!("semodule -i /usr/share/countersign/selinux/countersign.cil && {on}");
    assert_eq!(remedy(&source, &policies[1]), loaded);
    source.is_loaded = true;
    assert_eq!(remedy(&source, &policies[1]), on);
    source.is_loaded = false;
    source.booleans = vec![("authlogin_yubikey", "0 0")];
    assert!(remedy(&source, &policies[0]).starts_with("setsebool -P authlogin_yubikey on"));
}

#[test]
fn a_state_folder_that_can_not_be_made_or_written_is_an_error() {
    let mut source = debian();
    source.denied = vec![("var_run_t", "dir", "create")];
    assert_eq!(
        said(&policy(""), &source),
        ["SELinux: sshd_t may not keep files in /run/countersign (var_run_t): create"]
    );
    let remedy =
        |source: &MadeUp| found(&policy(""), source).first().map(|finding| finding.remedy.clone());
    assert_eq!(
        remedy(&source).as_deref(),
        Some(
            "systemd-tmpfiles --create countersign.conf, which makes /run/countersign at each boot, too"
        )
    );
    source.denied.push(("var_run_t", "dir", "add_name"));
    let loaded = "semodule -i /usr/share/countersign/selinux/countersign.cil && ";
    assert!(remedy(&source).is_some_and(|remedy| remedy.starts_with(loaded)));
    source.denied.pop();
    source.made = vec![("sshd_t", "var_run_t", "dir", "countersign_runtime_t")];
    assert_eq!(said(&policy(""), &source), [""; 0]);
    source.labels.insert("/run/countersign", "countersign_runtime_t");
    source.labels.insert("/run/countersign/state", "countersign_runtime_t");
    source.denied =
        vec![("countersign_runtime_t", "dir", "lock"), ("countersign_runtime_t", "file", "map")];
    assert_eq!(
        said(&policy(""), &source),
        [
            "SELinux: sshd_t may not keep files in /run/countersign/state (countersign_runtime_t): lock, map"
        ]
    );
}

#[test]
fn a_file_below_a_folder_that_a_domain_can_not_enter_is_an_error() {
    let mut source = debian();
    source.denied = vec![("user_home_t", "dir", "getattr"), ("user_home_t", "file", "open")];
    let below_root = policy("ca_file = \"/root/tenant/ca.pem\"\n");
    let found = found(&below_root, &source);
    let first = found.first().unwrap();
    assert_eq!(
        (found.len(), first.id, first.what.as_str(), first.severity),
        (
            1,
            "selinux-file",
            "SELinux: sshd_t may not read /root/tenant/ca.pem, for /root/tenant is user_home_t: getattr",
            Severity::Error
        )
    );
    assert_eq!(said(&policy("ca_file = \"/etc/countersign/ca.pem\"\n"), &source), [""; 0]);
    source.is_permissive = true;
    assert_eq!(said(&below_root, &source), [""; 0]);
}

#[test]
fn a_domain_is_the_one_that_the_policy_gives_to_the_programs() {
    let mut source = debian();
    source.labels.extend([
        ("/usr/sbin/sshd", "sshd_exec_t"),
        ("/usr/lib/openssh/sshd-session", "sshd_session_exec_t"),
    ]);
    source.made = vec![("init_t", "sshd_exec_t", "process", "sshd_t")];
    let programs = ["/usr/sbin/sshd", "/usr/lib/openssh/sshd-session"].map(Path::new);
    let kernel = |source: &MadeUp| Kernel(source).started(&programs);
    assert_eq!(kernel(&source).as_deref(), Some("system_u:object_r:sshd_t:s0"));
    source.made.push(("sshd_t", "sshd_session_exec_t", "process", "sshd_session_t"));
    assert_eq!(kernel(&source).as_deref(), Some("system_u:object_r:sshd_session_t:s0"));
}
