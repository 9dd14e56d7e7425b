//! What sshd has verified: the methods and keys in `SSH_AUTH_INFO_0`, as sshd_config(5) describes
//! them for `ExposeAuthInfo`.
#![forbid(unsafe_code)]

use data_encoding::{BASE64, BASE64_NOPAD};
use ring::digest::{SHA256, digest};

use crate::policy::PublicKey;

/// The end of a certificate's type (OpenSSH, PROTOCOL.certkeys).
const CERTIFICATE: &str = "-cert-v01@openssh.com";
/// The beginning of the type of a key in a FIDO authenticator (OpenSSH, PROTOCOL.u2f).
const SECURITY_KEY: &str = "sk-";
/// The end of such a type, which its certificates have once.
const VENDOR: &str = "@openssh.com";

/// The user's keys, in the order in which sshd has verified them.
///
/// The text has a line for each method that has succeeded, such as `publickey ssh-ed25519 AAAA...`.
/// A key of another host (`hostbased`) is none of the user's.
pub(super) fn public_keys(auth_info: &str) -> Vec<PublicKey> {
    let lines = auth_info.lines().filter_map(|line| line.strip_prefix("publickey "));
    lines.filter_map(public_key).collect()
}

/// A key as files of OpenSSH have it: its type, a space, the key in base64, and perhaps a comment.
///
/// `None` for what is no key. The type inside of the key is the one that counts.
#[must_use]
pub fn public_key(line: &str) -> Option<PublicKey> {
    let key = BASE64.decode(line.split_ascii_whitespace().nth(1)?.as_bytes()).ok()?;
    let name = kind(&key)?;
    let plain = match name.strip_suffix(CERTIFICATE) {
        Some(plain) => certified(plain, &key)?,
        None => key.clone(),
    };
    let hash = digest(&SHA256, &plain);
    Some(PublicKey {
        fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(hash.as_ref())),
        is_security_key: name.starts_with(SECURITY_KEY),
    })
}

fn kind(key: &[u8]) -> Option<&str> {
    let (name, _) = field(key)?;
    std::str::from_utf8(name).ok()
}

/// The key that a certificate certifies, written as a key of its own: `ssh-keygen -l` shows the
/// fingerprint of that.
///
/// A certificate is its type, a nonce, the fields of the key, and what the authority says.
fn certified(plain: &str, certificate: &[u8]) -> Option<Vec<u8>> {
    let (fields, vendor) = match plain {
        "ssh-ed25519" => (1, ""),
        "ssh-rsa" => (2, ""),
        "ssh-dss" => (4, ""),
        "sk-ssh-ed25519" => (2, VENDOR),
        "sk-ecdsa-sha2-nistp256" => (3, VENDOR),
        plain if plain.starts_with("ecdsa-sha2-") => (2, ""),
        _ => return None,
    };
    let (_kind, rest) = field(certificate)?;
    let (_nonce, start) = field(rest)?;
    let mut rest = start;
    for _ in 0..fields {
        rest = field(rest)?.1;
    }
    let (taken, _) = start.split_at_checked(start.len().checked_sub(rest.len())?)?;
    let name = [plain, vendor].concat();
    let length = u32::try_from(name.len()).ok()?.to_be_bytes();
    Some([&length, name.as_bytes(), taken].concat())
}

/// A string of RFC 4251: its length in four bytes, and that many bytes. Returns what follows, too.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    // Of github.com's published host key.
    const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

    fn fingerprints(info: &str) -> Vec<String> {
        public_keys(info).into_iter().map(|key| key.fingerprint).collect()
    }

    #[test]
    fn a_key_is_known_by_its_fingerprint() {
        let info = format!("publickey ssh-ed25519 {KEY}\n");
        assert_eq!(fingerprints(&info), [FINGERPRINT]);
        let info = format!("password\npublickey ssh-ed25519 {KEY}\n");
        assert_eq!(fingerprints(&info), [FINGERPRINT]);
    }

    #[test]
    fn a_key_of_another_host_is_no_key_of_the_user() {
        assert!(fingerprints(&format!("hostbased ssh-ed25519 {KEY}\n")).is_empty());
    }

    #[test]
    fn without_a_key_there_is_none() {
        for info in [
            "",
            "password\n",
            "publickey",
            "publickey ssh-ed25519",
            "publickey ssh-ed25519 ?\n",
            "publickey ssh-ed25519 AAAAC3NzaC1\n",
            "publickey ssh-ed25519 /////w==\n",
        ] {
            assert!(fingerprints(info).is_empty(), "{info:?}");
        }
    }

    #[test]
    fn a_certificate_that_ends_early_is_no_key() {
        let kind = b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com";
        let whole = [&kind[..], b"\0\0\0\x01n\0\0\0\x02pk"].concat();
        let line = |bytes: &[u8]| format!("x {}", BASE64.encode(bytes));
        assert!(public_key(&line(&whole)).is_some());
        for length in kind.len()..whole.len() {
            let cut = whole.get(..length).unwrap_or_default();
            assert_eq!(public_key(&line(cut)), None, "{length}");
        }
    }
}
