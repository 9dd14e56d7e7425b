//! Fingerprints of public keys, and whose they are.

use super::*;

const KEY: &str = "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k";

#[test]
fn have_owners() {
    let policy = policy(format!(
        "{TENANT}[users.keys]\n'{KEY}' = 'alice@example.com'\n\
         [service.sudo.users.keys]\n'{KEY}' = 'adm-alice@example.com'\n"
    ));
    let owner = |service| policy.for_service(service).users.keys.get(KEY);
    assert_eq!(owner("sshd"), Some("alice@example.com"));
    assert_eq!(owner("sudo"), Some("adm-alice@example.com"));
}

#[test]
fn are_written_as_ssh_keygen_writes_them() {
    for key in [
        "",
        "SHA256:",
        "p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k",
        "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2",
        "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k=",
        "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2l",
        "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi-k",
        "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi k",
        "sha256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k",
        " SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k",
        "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJlbaU",
        "alice",
    ] {
        let text = errors_behind_tenant(&format!("[users.keys]\n'{key}' = 'alice@example.com'\n"));
        let (_, said) = text.split_once(": expected ").expect("an expectation");
        let shown: String = key.chars().take(48).collect();
        let more = if key.len() > 48 { "..." } else { "" };
        assert_eq!(
            said,
            format!(
                "a fingerprint, \"SHA256:\" and 43 characters, as \"ssh-keygen -lf FILE\" shows it, found \"{shown}{more}\""
            )
        );
    }
}

#[test]
fn that_are_wrong_are_named_with_their_line() {
    assert_eq!(
        errors_behind_tenant("[users.keys]\n\"\\u001b[31m\" = 'a b'\n"),
        "line 4: users.keys.\"\\u{1b}[31m\": expected a fingerprint, \"SHA256:\" and 43 characters, as \
         \"ssh-keygen -lf FILE\" shows it, found \"\\u{1b}[31m\"\n\
         line 4: users.keys.\"\\u{1b}[31m\": expected a name such as \"alice@example.com\", found \"a b\""
    );
}

#[test]
fn have_one_owner_each_who_is_no_template() {
    let twice = format!("[users.keys]\n'{KEY}' = 'a@x'\n'{KEY}' = 'b@x'\n");
    assert_eq!(
        errors_behind_tenant(&twice),
        format!(
            "line 5: users.keys.\"{KEY:.48}...\": given twice, first in line 4: take one of the two out"
        )
    );
    assert_eq!(
        errors_behind_tenant(&format!("[users.keys]\n'{KEY}' = '{{user}}@x'\n")),
        format!(
            "line 4: users.keys.\"{}...\": a template has its place in users.template, above the table of names",
            &KEY[..48]
        )
    );
}

#[test]
fn that_stand_without_quotes_are_no_toml() {
    let text = errors_behind_tenant("[users.keys]\nSHA256:abc = 'alice@example.com'\n");
    assert!(text.starts_with("line 4: not valid TOML: "), "{text}");
}
