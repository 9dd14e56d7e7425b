//! Who typed the command: the person behind sudo, doas or su.
#![forbid(unsafe_code)]

use countersign::os;

/// What sudo and doas call the user who typed them.
const NAMES: [&str; 2] = ["SUDO_USER", "DOAS_USER"];

/// The name of the user who typed the command, if it is not root. Of use for advice alone: the
/// environment and the login uid prove nothing.
pub fn name() -> Option<String> {
    let named = NAMES.iter().find_map(|name| said(name));
    let name = named.or_else(logged_in)?;
    let uid = os::uid_of(&name).ok()??;
    (uid != 0).then_some(name)
}

#[expect(clippy::disallowed_methods, reason = "advice follows from it, and nothing else")]
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|name| !name.is_empty())
}

/// The login uid of the kernel's audit, which su keeps; unset it is -1.
fn logged_in() -> Option<String> {
    let uid = std::fs::read_to_string("/proc/self/loginuid").ok()?;
    let uid: u32 = uid.trim().parse().ok()?;
    let is_set = uid != u32::MAX;
    os::name_of(uid).ok()?.filter(|_| is_set)
}
