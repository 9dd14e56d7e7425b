//! Files that an administrator does not write by mistake.

use super::*;

#[test]
fn that_is_empty_lacks_its_tenant() {
    assert_eq!(
        errors(""),
        "tenant.url: missing, set it to the address of your tenant, such as \"https://abc1234.id.cyberark.cloud\""
    );
}

#[test]
fn with_a_duplicate_key_or_table_is_refused() {
    assert_eq!(
        errors_behind_tenant("url = 'https://x'\n"),
        "line 3: tenant.url: given twice, first in line 2: take one of the two out"
    );
    assert_eq!(
        errors_behind_tenant("[login]\n[login]\n"),
        "line 4: login: given twice, first in line 3: take one of the two out"
    );
    assert_eq!(
        errors_behind_tenant("[tenant]\nid = 'A'\n"),
        "line 3: tenant: given twice, first in line 1: take one of the two out"
    );
    let apart = "[service.sudo.login]\nattempts = 2\n[login]\nattempts = 3\n\"attempts\" = 4\n";
    assert_eq!(
        errors_behind_tenant(apart),
        "line 7: login.attempts: given twice, first in line 6: take one of the two out"
    );
    assert_eq!(
        errors_behind_tenant("[[exempt]]\nname = 'x'\n[exempt]\n"),
        "line 5: exempt[1]: given twice, first in line 3: take one of the two out"
    );
}

#[test]
fn with_an_unknown_table_is_refused() {
    assert_eq!(
        errors(format!("fial_mode = \"x\"\n{TENANT}")),
        "line 1: fial_mode: unknown key, expected one of \
         tenant, login, on_demand, offline, users, require, exempt, service, push, state, log, broker, britive, admin"
    );
}

#[test]
fn that_is_no_text_is_refused() {
    assert_eq!(errors(b"[tenant]\n\0"), "line 2: there is a NUL byte");
    assert_eq!(errors(b"[tenant]\n# \xff\n"), "line 2: not UTF-8 text");
    assert_eq!(
        errors("\u{feff}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        "line 1: not UTF-8 text"
    );
}

#[test]
fn that_is_too_long_is_refused() {
    let comment = |length: usize| format!("{TENANT}#{}", "x".repeat(length - TENANT.len() - 1));
    policy(comment(256 * 1024));
    assert_eq!(errors(comment(256 * 1024 + 1)), "the file is longer than 262144 bytes");
    assert_eq!(errors(vec![b'['; 10 << 20]), "the file is longer than 262144 bytes");
}

/// On the small stack that sshd's or sudo's caller may have left us.
fn on_a_small_stack(text: String) -> String {
    let reader = std::thread::Builder::new().stack_size(128 * 1024);
    let reader = reader.spawn(move || errors(text)).expect("a thread");
    reader.join().expect("no panic")
}

#[test]
fn that_nests_without_end_is_refused() {
    for opening in ["[", "{a=", "[{a=[", "a."] {
        let nested = opening.repeat(200_000 / opening.len());
        let text = on_a_small_stack(format!("{TENANT}x = {nested}"));
        assert!(text.starts_with("line 3: "), "{text}");
        assert!(text.len() < 20_000);
    }
    let text = on_a_small_stack(format!("{}b = 1\n", "a.".repeat(100_000)));
    assert!(text.contains("recursion limit"), "{text}");
    let text = on_a_small_stack(format!("[{}b]\n", "a.".repeat(100_000)));
    assert!(text.contains("recursion limit"), "{text}");
}

#[test]
fn that_says_much_nonsense_is_refused_in_short() {
    for nonsense in ["=\n", "a\n", "\"", "'''", "[[", "]", "\\", "a=1\n", "[a]\n", "\u{7f}", "é=\n"]
    {
        let text = on_a_small_stack(nonsense.repeat(100_000 / nonsense.len()));
        assert!(text.lines().count() <= 65 && text.len() < 40_000, "{nonsense:?}");
    }
}

#[test]
fn that_is_cut_somewhere_or_has_a_byte_changed_does_not_panic() {
    let whole = super::the_shipped_file::everything();
    let changes = b"\"'[]{}=.,#\n\\\0\xff9a";
    for (at, change) in (0..whole.len()).step_by(3).zip(changes.iter().cycle()) {
        let mut bytes = whole.clone().into_bytes();
        let _ = parse(bytes.get(..at).unwrap_or_default());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *change;
        }
        let _ = parse(&bytes);
    }
}
