//! Who is neither at a terminal of this machine nor has shown a key: a robot, perhaps.

use super::*;

const KEY: &str = "SHA256:p6wU0VxRqcAHrSZM5iGlF6nJYWvVhOZ0q9hZSMpDi2k";

fn is_stranger(rhost: &str, has_terminal: bool, key: Option<&str>) -> bool {
    let subject = Subject {
        public_keys: key.map(a_key).into_iter().collect(),
        has_terminal,
        ..subject("alice", 1000, rhost)
    };
    only(judged("", &subject)).stranger
}

#[test]
fn comes_from_elsewhere_or_has_no_terminal() {
    assert!(!is_stranger("", true, None));
    assert!(is_stranger("", false, None));
    for rhost in ["192.0.2.7", "::1", "127.0.0.1", "host.example", "?"] {
        assert!(is_stranger(rhost, true, None), "{rhost}");
    }
}

#[test]
fn has_shown_no_key() {
    assert!(!is_stranger("192.0.2.7", true, Some(KEY)));
    assert!(!is_stranger("192.0.2.7", false, Some(KEY)));
}
