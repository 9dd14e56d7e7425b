//! A key in a FIDO authenticator that sshd has verified: a factor, or enough.

use super::*;

/// Made by hand: no authenticator has the private key.
const SECURITY_KEY: &str = "publickey sk-ssh-ed25519@openssh.com SK\n";
const PLAIN: &str =
    "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";

/// The line of `tests/it/keys` with this type, as sshd writes it, and its fingerprint.
fn known(kind: &str) -> (String, &'static str) {
    let lines = include_str!("../keys/public_keys.txt").lines();
    let mut lines = lines.filter_map(|line| line.split_once(' '));
    let (fingerprint, key) = lines.find(|(_, key)| key.split_once(' ').unwrap().0 == kind).unwrap();
    (format!("publickey {key}\n"), fingerprint)
}

fn behind(auth_info: &str, rig: &Rig) -> Caller {
    Caller { ssh_auth_info: Some(auth_info.into()), ..caller(rig) }
}

#[test]
fn that_is_enough_is_all_that_a_login_needs() {
    let rig = rig_for("code", "security_key = \"enough\"", "");
    for kind in [
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ssh-ed25519-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    ] {
        let (auth_info, fingerprint) = known(kind);
        let mut person = Person::answering(&[]);
        assert_eq!(step_up(&behind(&auth_info, &rig), &mut person), Ok("security key".into()));
        assert!(person.seen.is_empty(), "{:?}", person.seen);
        let detail = format!("security key {fingerprint}");
        rig.audit().assert(&[
            ("outcome", "granted"),
            ("reason", "security_key"),
            ("tenant_user", NAME),
            ("detail", &detail),
            ("requests", "0"),
        ]);
    }
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn is_sshds_word_about_the_key_itself() {
    let after = "after_public_key = \"on-demand\"\nsecurity_key = \"enough\"";
    let rig = rig_for("code", after, "");
    let (auth_info, _) = known("sk-ssh-ed25519@openssh.com");
    let of_the_host = auth_info.replace("publickey", "hostbased");
    let misnamed = PLAIN.replace("ssh-ed25519", "sk-ssh-ed25519@openssh.com");
    for caller in [
        behind(PLAIN, &rig),
        behind(&misnamed, &rig),
        behind(&of_the_host, &rig),
        behind(&SECURITY_KEY.replace("SK", "AAAA"), &rig),
        Caller { tty: Some("/dev/pts/3".into()), ..behind(&auth_info, &rig) },
        Caller { tty: None, ..behind(&auth_info, &rig) },
    ] {
        let mut person = Person::answering(&[CODE]);
        assert_eq!(step_up(&caller, &mut person), Ok("OATH".into()));
    }
}

#[test]
fn that_is_a_factor_leaves_one_challenge_of_any_kind() {
    let (auth_info, fingerprint) = known("sk-ssh-ed25519@openssh.com");
    let rig = rig_for("known", "after_public_key = \"on-demand\"\nsecurity_key = \"factor\"", "");
    let mut person = Person::answering(&[PASSWORD]);
    assert_eq!(step_up(&behind(&auth_info, &rig), &mut person), Ok("UP".into()));
    let detail = format!("security key {fingerprint}");
    rig.audit().assert(&[("reason", "ok"), ("mechanisms", "UP"), ("detail", &detail)]);
    let mut person = Person::answering(&[PASSWORD]);
    assert_eq!(step_up(&behind(PLAIN, &rig), &mut person), Err(Reason::TooFewFactors));
    configure(&rig, "code", "after_public_key = \"on-demand\"\nsecurity_key = \"factor\"", "");
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(&behind(&auth_info, &rig), &mut person), Ok("OATH".into()));
}

#[test]
fn that_is_a_factor_leaves_the_password() {
    let (auth_info, _) = known("sk-ecdsa-sha2-nistp256@openssh.com");
    let rig = Rig::new(&ALICE.replace("[[\"UP\"], [\"OATH\"]]", "[[\"UP\"]]"));
    rig.configure("[login]\nsecurity_key = \"factor\"\n");
    let mut person = Person::answering(&[]);
    assert_eq!(step_up(&behind(&auth_info, &rig), &mut person), Ok("UP".into()));
    assert_eq!(person.seen, ["(password)"]);
    for (setting, auth_info) in [("factor", PLAIN), ("off", auth_info.as_str())] {
        rig.configure(&format!("[login]\nsecurity_key = \"{setting}\"\n"));
        let mut person = Person::answering(&[]);
        let met = step_up(&behind(auth_info, &rig), &mut person);
        assert_eq!(met, Err(Reason::TooFewFactors), "{setting}");
    }
}
