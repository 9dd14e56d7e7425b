//! The budget of pushes, and where it is kept.

use std::path::Path;
use std::time::Duration;

use countersign::policy::Push;

use super::*;

#[test]
fn are_few_if_nobody_says_otherwise() {
    let policy = policy(TENANT);
    let (count, window, pause) = (3, Duration::from_secs(600), Duration::from_secs(60));
    assert_eq!(policy.push(), Push { count, window, pause });
    assert_eq!(policy.state_folder(), Path::new("/run/countersign/state"));
}

#[test]
fn are_as_many_as_somebody_says() {
    let rest = "[push]\ncount = 0\nwindow = '24h'\npause = '0s'\n[state]\nfolder = '/var/lib/x'\n";
    let policy = policy(format!("{TENANT}{rest}"));
    let (count, window, pause) = (0, Duration::from_secs(86_400), Duration::ZERO);
    assert_eq!(policy.push(), Push { count, window, pause });
    assert_eq!(policy.state_folder(), Path::new("/var/lib/x"));
}

#[test]
fn have_limits() {
    for (line, error) in [
        ("count = 101", "count: expected an integer from 0 to 100, found the integer 101"),
        ("count = -1", "count: expected an integer from 0 to 100, found the integer -1"),
        ("window = '59s'", "window: expected a duration from 1m to 24h, found \"59s\""),
        ("window = '25h'", "window: expected a duration from 1m to 24h, found \"25h\""),
        (
            "pause = '4294967295h'",
            "pause: expected a duration from 0s to 24h, found \"4294967295h\"",
        ),
        ("pause = '1H'", "pause: expected a duration such as \"1s\", found \"1H\""),
        ("pause = '1w'", "pause: expected a duration such as \"1s\", found \"1w\""),
        ("pause = '1h30m'", "pause: expected a duration such as \"1s\", found \"1h30m\""),
    ] {
        assert_eq!(
            errors_behind_tenant(&format!("[push]\n{line}\n")),
            format!("line 4: push.{error}")
        );
    }
}

#[test]
fn are_counted_by_person_and_not_by_service() {
    assert_eq!(
        errors_behind_tenant(
            "[service.sudo.push]\ncount = 9\n[service.sudo.state]\nfolder = '/x'\n"
        ),
        "line 3: service.sudo.push: unknown key here, did you mean \"push\"\n\
         line 5: service.sudo.state: unknown key here, did you mean \"state\""
    );
}

#[test]
fn are_kept_in_a_folder_with_an_absolute_path() {
    for folder in ["", "run", "./run", "/run/../etc", "~/x"] {
        assert_eq!(
            errors_behind_tenant(&format!("[state]\nfolder = '{folder}'\n")),
            format!(
                "line 4: state.folder: expected an absolute path without \"..\", found \"{folder}\""
            )
        );
    }
}
