//! Keys that sshd has verified: their fingerprints are those of ssh-keygen(1).

use countersign::host;

/// A fingerprint by `ssh-keygen -l`, and the key: each type that ssh-keygen makes, with and without
/// a certificate.
const KEYS: &str = include_str!("public_keys.txt");

#[test]
fn a_fingerprint_is_the_one_that_ssh_keygen_shows() {
    let mut security_keys = 0;
    for line in KEYS.lines() {
        let (fingerprint, key) = line.split_once(' ').unwrap();
        let found = host::public_key(key).unwrap_or_else(|| panic!("{key}"));
        assert_eq!(found.fingerprint, fingerprint, "{key}");
        assert_eq!(found.is_security_key, key.starts_with("sk-"), "{key}");
        security_keys += usize::from(found.is_security_key);
    }
    assert_eq!((KEYS.lines().count(), security_keys), (14, 4));
}
