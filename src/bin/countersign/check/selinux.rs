//! SELinux, where it is: whether login programs may connect to the tenant.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::policy::{Policy, Tenant};

use super::finding::{Finding, Report};
use crate::root::Root;

/// The kernel's interface (selinuxfs).
const FOLDER: &str = "/sys/fs/selinux";
/// Lets login programs connect to the ports of `http_port_t`, on Fedora and its kin.
const BOOLEAN: &str = "authlogin_yubikey";
/// The ports of `http_port_t` and `http_cache_port_t` in the reference policy.
const HTTP: [u16; 9] = [80, 81, 443, 488, 8008, 8009, 8443, 9000, 8080];
/// The port of `squid_port_t`.
const SQUID: u16 = 3128;

pub fn check(root: &Root, policies: &[Policy], report: &mut Report) {
    let text = |name: &str| root.text(&Path::new(FOLDER).join(name)).ok();
    let Some(enforce) = text("enforce") else {
        report.pass("selinux", "SELinux is not enabled");
        return;
    };
    let is_enforcing = enforce.trim() == "1";
    match text(&format!("booleans/{BOOLEAN}")) {
        Some(state) if state.trim().starts_with('1') => {
            report.pass("selinux", format!("{BOOLEAN} lets login programs connect"));
        }
        state => report.add(forbidden(root, is_enforcing, state.is_some())),
    }
    policies
        .iter()
        .for_each(|policy| port(policy.tenant(), report));
}

/// The domain in which sshd asks PAM: OpenSSH 9.8 and later have a program of its own for it.
fn domain(root: &Root) -> &'static str {
    let programs = [
        "/usr/libexec/openssh/sshd-session",
        "/usr/lib/openssh/sshd-session",
    ];
    match programs.iter().any(|path| root.exists(path)) {
        true => "sshd_session_t",
        false => "sshd_t",
    }
}

fn forbidden(root: &Root, is_enforcing: bool, is_known: bool) -> Finding {
    let domain = domain(root);
    let what = format!("SELinux may forbid {domain} to connect to the tenant");
    let remedy = match is_known {
        true => format!("setsebool -P {BOOLEAN} on"),
        false => format!(
            "look for denials with: ausearch -m avc -ts recent | grep {domain}; and allow name_connect to http_port_t in a policy module of your own"
        ),
    };
    let finding = match is_enforcing {
        true => Finding::warning("selinux-boolean", what),
        false => Finding::note("selinux-boolean", format!("{what}, once it is enforcing")),
    };
    finding
        .at(format!("{FOLDER}/booleans/{BOOLEAN}"), None)
        .because("every login is then refused with the reason local, and no offline code counts")
        .mend(remedy)
}

/// Login programs may connect to ports that the policy calls http; others need a name.
fn port(tenant: &Tenant, report: &mut Report) {
    let (port, kind) = match &tenant.proxy {
        Some(proxy) => (proxy.port, "squid_port_t"),
        None => (tenant.url.port(), "http_port_t"),
    };
    if HTTP.contains(&port) || (port == SQUID && tenant.proxy.is_some()) {
        return;
    }
    report.add(
        Finding::warning(
            "selinux-port",
            format!("SELinux does not know port {port} as one of HTTP"),
        )
        .because("login programs may connect to ports of http_port_t alone")
        .mend(format!("semanage port -a -t {kind} -p tcp {port}")),
    );
}
