//! Codes that count while the tenant can't be reached.

use std::path::Path;
use std::time::Duration;

use countersign::policy::{Offline, OfflineLimits};

use super::*;

const DAY: u64 = 86_400;

#[test]
fn do_not_count_if_nobody_says_so() {
    let policy = policy(TENANT);
    let offline = Offline {
        enabled: false,
        first_factor: None,
        limits: OfflineLimits { logins: 10, age: Duration::from_secs(7 * DAY) },
        pause: Duration::from_secs(3600),
        enroll_at_login: false,
    };
    assert_eq!(policy.for_service("sshd").offline, offline);
    assert_eq!(policy.offline_folder(), Path::new("/var/lib/countersign/offline"));
    assert_eq!(policy.offline_pause(), None);
}

#[test]
fn count_as_somebody_says() {
    let rest = "[offline]\nenabled = true\nfirst_factor = 'pam_sss'\nmax_logins = 3\nmax_age = '36h'\n\
                pause = '1d'\nenroll_at_login = true\nfolder = '/var/lib/x'\n\
                [service.sudo.offline]\nmax_logins = 100\n[service.su.offline]\nenabled = false\n";
    let policy = policy(format!("{TENANT}{rest}"));
    let offline = Offline {
        enabled: true,
        first_factor: Some("pam_sss".into()),
        limits: OfflineLimits { logins: 3, age: Duration::from_secs(36 * 3600) },
        pause: Duration::from_secs(DAY),
        enroll_at_login: true,
    };
    assert_eq!(policy.for_service("sshd").offline, offline);
    assert_eq!(policy.for_service("sudo").offline.limits.logins, 100);
    assert_eq!(policy.for_service("sudo").offline.limits.age, offline.limits.age);
    assert!(!policy.for_service("su").offline.enabled);
    assert_eq!(policy.offline_folder(), Path::new("/var/lib/x"));
    assert_eq!(policy.offline_pause(), Some(Duration::from_secs(DAY)));
}

#[test]
fn may_count_for_one_service_alone() {
    let policy = policy(format!(
        "{TENANT}[offline]\nfirst_factor = 'pam_unix'\n[service.sudo.offline]\nenabled = true\n"
    ));
    assert!(policy.for_service("sudo").offline.enabled && policy.offline_pause().is_some());
    assert!(!policy.for_service("sshd").offline.enabled);
}

#[test]
fn are_never_the_only_factor() {
    let needs =
        "needs first_factor, the module that has verified a password before, such as \"pam_unix\"";
    assert_eq!(
        errors_behind_tenant("[offline]\nenabled = true\n"),
        format!("line 4: offline.enabled: {needs}")
    );
    assert_eq!(
        errors_behind_tenant("[service.sudo.offline]\nenabled = true\n"),
        format!("line 4: service.sudo.offline.enabled: {needs}")
    );
    for name in [
        "",
        "pam_",
        "unix",
        "pam_countersign",
        "pam_unix.so",
        "/lib/security/pam_unix.so",
        "pam_Unix",
        "pam_unix\\n",
    ] {
        let found = errors_behind_tenant(&format!(
            "[offline]\nenabled = true\nfirst_factor = \"{name}\"\n"
        ));
        assert_eq!(
            found,
            format!(
                "line 5: offline.first_factor: expected the name of another module, without \".so\", \
                 such as \"pam_unix\", found \"{name}\""
            )
        );
    }
}

#[test]
fn have_limits() {
    for (line, error) in [
        ("max_logins = 0", "max_logins: expected an integer from 1 to 100, found the integer 0"),
        ("max_age = '59m'", "max_age: expected a duration from 1h to 90d, found \"59m\""),
        ("max_age = '91d'", "max_age: expected a duration from 1h to 90d, found \"91d\""),
        ("max_age = '1w'", "max_age: expected a duration such as \"1s\", found \"1w\""),
        ("pause = '31d'", "pause: expected a duration from 0s to 30d, found \"31d\""),
    ] {
        assert_eq!(
            errors_behind_tenant(&format!("[offline]\n{line}\n")),
            format!("line 4: offline.{error}")
        );
    }
}

#[test]
fn are_kept_in_one_folder_for_all_services() {
    let text = errors_behind_tenant("[service.sudo.offline]\nfolder = '/var/lib/x'\n");
    assert!(text.starts_with("line 4: service.sudo.offline.folder: unknown key"), "{text}");
}
