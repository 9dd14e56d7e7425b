//! What sshd says of itself: which key it has verified before it asked us (`SSH_AUTH_INFO_0`,
//! sshd(8) and PAM).
#![forbid(unsafe_code)]

use data_encoding::{BASE64, BASE64_NOPAD};
use ring::digest::{SHA256, digest};

/// The fingerprint of the first public key, as `ssh-keygen -l` writes it.
///
/// The text has a line for each method that has succeeded: `publickey ssh-ed25519 AAAA...`.
pub(super) fn public_key(auth_info: &str) -> Option<String> {
    let line = auth_info.lines().find_map(|line| line.strip_prefix("publickey "))?;
    let key = BASE64.decode(line.split_ascii_whitespace().nth(1)?.as_bytes()).ok()?;
    let hash = digest(&SHA256, &key);
    Some(format!("SHA256:{}", BASE64_NOPAD.encode(hash.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn a_key_is_known_by_its_fingerprint() {
        // Of github.com's published host key.
        let expected = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
        let info = format!("publickey ssh-ed25519 {KEY}\n");
        assert_eq!(public_key(&info).as_deref(), Some(expected));
        let info = format!("password\npublickey ssh-ed25519 {KEY}\n");
        assert_eq!(public_key(&info).as_deref(), Some(expected));
    }

    #[test]
    fn without_a_key_there_is_none() {
        for info in
            ["", "password\n", "publickey", "publickey ssh-ed25519", "publickey ssh-ed25519 ?\n"]
        {
            assert_eq!(public_key(info), None, "{info:?}");
        }
    }
}
