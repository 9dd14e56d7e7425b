//! `countersign check`, as it is typed: what it says of systems that are made up, word for word.

mod image;
mod network;
mod person;
mod polkit;
mod rules;
mod sshd;
mod stacks;

use crate::support::server;
use image::Image;

#[test]
fn a_system_that_is_set_up_well_has_nothing_to_mend() {
    let image = Image::new();
    image.prints(&["check"], "0 errors, 0 warnings, 0 notes, 5 passed\n");
    image.prints(
        &["doctor", "--verbose"],
        "passed: /etc/countersign/countersign.toml can be read\n\
         passed: sshd is not installed\n\
         passed: the auth stack of rig holds\n\
         passed: SELinux is not enabled\n\
         passed: /run/countersign/state will be made when it is needed\n\
         0 errors, 0 warnings, 0 notes, 5 passed\n",
    );
}

#[test]
fn a_program_gets_the_same_as_one_object() {
    let image = Image::new();
    image.stack("rig", "auth optional pam_countersign.so\nauth required pam_permit.so\n");
    let (out, err, code) = image.run(&["check", "--json"]);
    assert_eq!(
        (err.as_str(), code),
        ("countersign: 1 error found\nhint: keep a root shell open while you mend them\n", 1)
    );
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&found["errors"], &found["passed"]), (&1.into(), &4.into()));
    assert_eq!((&found["warnings"], &found["notes"]), (&0.into(), &0.into()));
    assert_eq!(
        found["findings"][0],
        serde_json::json!({
            "severity": "error",
            "id": "pam-refusal-ignored",
            "what": "a refusal of pam_countersign.so lets people in",
            "file": "/etc/pam.d/rig",
            "line": 1,
            "services": ["rig"],
            "path": [
                "pam_countersign.so (/etc/pam.d/rig:1) says auth_err: ignored",
                "pam_permit.so (/etc/pam.d/rig:2) says success: counts",
            ],
            "why": "the control ignores what the module says, and something else in the stack succeeds",
            "remedy": "write: auth [success=ok default=bad] pam_countersign.so",
            "ms": null,
        })
    );
}

#[test]
fn wrong_use_is_code_2_and_a_folder_that_is_none_is_said() {
    let image = Image::new();
    let (out, err, code) = image.run(&["check", "--json", "--verbose"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("cannot be used with"), "{err}");
    let (out, err, code) = image::plain(&["check", "--root", "/nonexistent"]);
    assert_eq!(
        (out.as_str(), err.as_str(), code),
        (
            "",
            "countersign: /nonexistent: is no folder\nhint: name the folder that the system's files are below\n",
            1
        )
    );
}

#[test]
fn a_configuration_that_is_wrong_is_an_error_for_each_line() {
    let image = Image::new();
    image.write("etc/countersign/countersign.toml", "[tenant]\nurl = \"http://x\"\nfoo = 1\n");
    image.finds(&[
        "error config-wrong /etc/countersign/countersign.toml:2 tenant.url: expected an https URL, found http",
        "error config-wrong /etc/countersign/countersign.toml:3 tenant.foo: unknown key, expected one of url, id, redirect_hosts, ca_file, proxy, proxy_password_file, ip_family, connect_timeout, request_timeout, multiple_operations",
    ]);
    image.remove("etc/countersign/countersign.toml");
    image.finds(&["error config-unreadable /etc/countersign/countersign.toml /etc/countersign/countersign.toml does not exist"]);
}

#[test]
fn a_configuration_that_is_nearly_too_long_is_a_warning_and_one_that_is_an_error() {
    let remedy =
        "put names into a file of their own, users.names_file; name a group in place of many users";
    let image = Image::new();
    let comment = |kib: usize| "#".repeat(kib * 1024 - 200) + "\n";
    image.configure(&comment(192));
    image.finds(&[]);
    image.configure(&comment(193));
    image.finds_with_remedies(&[(
        "warning config-large /etc/countersign/countersign.toml the configuration is 193 KiB long, and no login takes more than 256 KiB",
        remedy,
    )]);
    image.configure(&comment(300));
    image.finds_with_remedies(&[(
        "error config-large /etc/countersign/countersign.toml the configuration is 300 KiB long, and no login takes more than 256 KiB",
        remedy,
    )]);
}

#[test]
fn files_that_others_could_change_or_read_are_errors_with_the_order_that_mends_them() {
    let image = Image::new();
    image.configure(
        "[login]\nflow = \"on-demand\"\n[on_demand]\napp = \"a\"\nclient_id = \"c\"\nscope = \"s\"\npolicy = \"p\"\n\
         client_secret_file = \"/etc/countersign/secret\"\n[tenant]\nca_file = \"/etc/countersign/ca.pem\"\n",
    );
    image.stack("rig", "auth requisite pam_unix.so\nauth required pam_countersign.so\n");
    image.write("etc/countersign/ca.pem", "nothing\n");
    image.write("etc/countersign/secret", "\n");
    image.mode("etc/pam.d/rig", 0o666);
    image.mode("etc/countersign/secret", 0o640);
    image.finds_with_remedies(&[
        (
            "error ca-wrong /etc/countersign/ca.pem no certificate found: none begins with \"-----BEGIN CERTIFICATE-----\"",
            "put root certificates in PEM form into it, or take ca_file away",
        ),
        ("error secret-unreadable /etc/countersign/secret /etc/countersign/secret is a secret that others than its owner can open (mode 0640)", "chmod go= /etc/countersign/secret"),
        ("error pam-file-writable /etc/pam.d/rig a PAM service file is writable for others than its owner (mode 0666)", "chown root: /etc/pam.d/rig && chmod go-w /etc/pam.d/rig"),
    ]);
    image.mode("etc/countersign/secret", 0o600);
    image.mode("etc/pam.d/rig", 0o644);
    let module = "usr/lib/x86_64-linux-gnu/security/pam_countersign.so";
    image.mode(module, 0o775);
    image.write("etc/countersign/ca.pem", &server::Authority::new("ours").pem());
    image.finds(&[
        "error secret-wrong /etc/countersign/secret:1 there is no secret in the first line",
        "error pam-file-writable /usr/lib/x86_64-linux-gnu/security/pam_countersign.so the module is writable for others than its owner (mode 0775)",
    ]);
    image.mode(module, 0o644);
    image.mode("etc/countersign/countersign.toml", 0o666);
    image.finds_with_remedies(&[(
        "error config-unreadable /etc/countersign/countersign.toml /etc/countersign/countersign.toml is writable for others than its owner (mode 0666)",
        "chmod go-w /etc/countersign/countersign.toml",
    )]);
}

#[test]
fn records_of_offline_codes_are_looked_at_and_never_shown() {
    let image = Image::new();
    image.folder("var/lib/countersign/offline", 0o700);
    image.finds(&[]);
    image.write("var/lib/countersign/offline/totp-1000", "SECRET");
    image.mode("var/lib/countersign/offline/totp-1000", 0o600);
    image.finds_with_remedies(&[(
        "error offline-damaged /var/lib/countersign/offline/totp-1000 the record of uid 1000 can't be used: is damaged",
        "countersign totp remove USER && countersign totp enroll USER",
    )]);
    assert!(!image.run(&["check", "--verbose"]).0.contains("SECRET"));
    image.mode("var/lib/countersign/offline", 0o755);
    image.finds_with_remedies(&[(
        "error offline-unusable /var/lib/countersign/offline /var/lib/countersign/offline: is open to others than its owner (mode 0755)",
        "chmod go= /var/lib/countersign/offline",
    )]);
    image.mode("var/lib/countersign/offline", 0o700);
    image.remove("var/lib/countersign/offline/totp-1000");
    image.folder("run/countersign/state", 0o777);
    image.finds_with_remedies(&[(
        "error state-unusable /run/countersign/state /run/countersign/state: is open to others than its owner (mode 0777)",
        "chmod go= /run/countersign/state",
    )]);
}

#[test]
fn an_image_that_will_have_selinux_is_a_note_since_no_kernel_can_be_asked() {
    let image = Image::new();
    image.write("etc/selinux/config", "# SELinux\nSELINUX=disabled\n");
    image.finds(&[]);
    image.write("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=default\n");
    image.finds_with_remedies(&[(
        "note selinux-unasked /etc/selinux/config SELinux will be enforcing",
        "run countersign check on the system itself",
    )]);
}

/// Offline codes are opened by an outage, and what is one depends on the configuration.
#[test]
fn what_an_outage_is_behind_a_proxy_is_said_where_offline_codes_are_allowed() {
    const OFFLINE: &str = "[offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n";
    const FIRST: &str = "note offline-first - the local password is asked for first";
    let image = Image::new();
    image.stack("rig", "auth requisite pam_unix.so\nauth required pam_countersign.so\n");
    image.configure("[tenant]\nproxy = \"http://proxy.example:3128\"\n");
    image.finds(&[]);
    image.configure(&format!("{OFFLINE}[tenant]\nproxy = \"http://proxy.example:3128\"\n"));
    image.finds(&["note offline-proxy - behind the proxy proxy.example:3128, offline codes are opened by what the proxy answers", FIRST]);
    image.configure(&format!("{OFFLINE}[tenant]\nproxy = \"http://127.0.0.1:3128\"\n"));
    image.finds(&["warning offline-proxy-here - users of this machine can open offline codes: the proxy 127.0.0.1:3128 is on it", FIRST]);
    image.configure(&format!(
        "{OFFLINE}[login]\ndeadline = \"20s\"\n[tenant]\nrequest_timeout = \"20s\"\n"
    ));
    image.finds(&["warning offline-hurried - a tenant that takes a connection and stays silent opens no offline code", FIRST]);
}
