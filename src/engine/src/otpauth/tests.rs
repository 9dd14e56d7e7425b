//! The URIs of the vendor's document, what people make of them, and what must be refused.

use proptest::prelude::*;

use super::*;

const KEY: &str = "SPE6SOTTGB7SYXQMXMNUKBCRO3PHT6YN";

fn refused(uri: &str) -> String {
    match parse(uri) {
        Ok(_) => panic!("taken: {uri}"),
        Err(invalid) => invalid.to_string(),
    }
}

/// Label, secret in base16, algorithm, digits, period.
fn taken(uri: &str) -> (String, String, &'static str, u8, u8) {
    let found = parse(uri).unwrap_or_else(|invalid| panic!("{uri}: {invalid}"));
    let secret = found.secret.iter().map(|byte| format!("{byte:02x}"));
    let algorithm = found.algorithm.name();
    (found.label, secret.collect(), algorithm, found.digits, found.period)
}

#[test]
fn both_uris_of_the_document_are_read() {
    let uri = format!(
        "otpauth://totp/Britive:qa4-bgprasad?secret={KEY}&issuer=Britive&algorithm=SHA1&digits=6&period=30"
    );
    let secret = "93c9e93a73307f2c5e0cbb1b45045176de79fb0d";
    assert_eq!(taken(&uri), ("Britive:qa4-bgprasad".into(), secret.into(), "SHA1", 6, 30));
    // As it stands there, with a line end in it.
    let uri = "otpauth://totp/Britive:ymwmacdev-yiumen.wong@britive.com? \n\
               secret=K5WWKYUNX3KWCDVF7CN2RYP7IBPTGYNS&issuer=Britive&algorithm=SHA512&digits=6&period=30";
    let label = "Britive:ymwmacdev-yiumen.wong@britive.com".to_owned();
    let secret = "576d65628dbed5610ea5f89ba8e1ff405f3361b2".to_owned();
    assert_eq!(taken(uri), (label, secret, "SHA512", 6, 30));
}

#[test]
fn what_is_not_said_is_as_everywhere() {
    let uri = format!("otpauth://totp/x?secret={KEY}");
    let (label, _, algorithm, digits, period) = taken(&uri);
    assert_eq!((label.as_str(), algorithm, digits, period), ("x", "SHA1", 6, 30));
}

#[test]
fn a_secret_is_read_however_it_is_written() {
    let plain = taken(&format!("otpauth://totp/x?secret={KEY}"));
    for secret in [
        KEY.to_lowercase(),
        format!("{KEY}===="),
        format!("{KEY}%3D%3d"),
        "SPE6-SOTT-GB7S-YXQM-XMNU-KBCR-O3PH-T6YN".into(),
        "spe6+sott+gb7s+yxqm+xmnu+kbcr+o3ph+t6yn".into(),
        "SPE6%20SOTT%20GB7SYXQM XMNUKBCR O3PHT6YN".into(),
    ] {
        let uri = format!("OTPAUTH://TOTP/x?image=https://a/b.png&SECRET={secret}#end");
        assert_eq!(taken(&uri), plain, "{secret}");
    }
}

#[test]
fn the_other_spellings_of_a_hash_function_are_known() {
    for (word, name) in
        [("sha1", "SHA1"), ("HmacSHA1", "SHA1"), ("SHA-256", "SHA256"), ("HMACSHA512", "SHA512")]
    {
        let uri = format!("otpauth://totp/x?secret={KEY}&algorithm={word}");
        assert_eq!(taken(&uri).2, name);
    }
}

#[test]
fn labels_are_decoded() {
    let uri = format!("otpauth://totp/J%C3%BCrgen%3A%20a@b?secret={KEY}");
    assert_eq!(taken(&uri).0, "Jürgen: a@b");
}

#[test]
fn the_bounds_are_where_they_are_said_to_be() {
    for good in ["digits=8", "period=15", "period=120", "period=030", "counter=1"] {
        taken(&format!("otpauth://totp/x?secret={KEY}&{good}"));
    }
    // 112 bits are 23 characters, 1024 are 205.
    taken(&format!("otpauth://totp/x?secret={}", "A".repeat(23)));
    taken(&format!("otpauth://totp/x?secret={}", "A".repeat(205)));
}

#[test]
fn everything_else_is_refused_with_its_reason_and_without_the_secret() {
    let with = |rest: &str| format!("otpauth://totp/x?secret={KEY}{rest}");
    for (uri, why) in [
        (String::new(), "expected otpauth://totp/..."),
        ("https://a/b?secret=x".into(), "expected otpauth://totp/..."),
        (
            format!("otpauth://hotp/x?secret={KEY}&counter=1"),
            "codes that do not follow the time (only totp is known)",
        ),
        ("otpauth://totp/x".into(), "no secret in it"),
        ("otpauth://totp/x?issuer=secret".into(), "no secret in it"),
        (with(&format!("&secret={KEY}")), "secret is there twice"),
        (with("&digits=6&DIGITS=6"), "digits is there twice"),
        ("otpauth://totp/x?secret=SPE6SOTTGB1".into(), "a secret that is not base32"),
        (format!("otpauth://totp/x?secret=={KEY}"), "a secret that is not base32"),
        (format!("otpauth://totp/x?secret={}", "A".repeat(22)), "a secret of fewer than 112 bits"),
        ("otpauth://totp/x?secret=".into(), "a secret of fewer than 112 bits"),
        (format!("otpauth://totp/x?secret={}", "A".repeat(207)), "a secret of more than 1024 bits"),
        (with("&digits=7"), "codes of other than 6 or 8 digits"),
        (with("&digits=+6"), "digits is no number that could be meant"),
        (with("&digits=%2B6"), "digits is no number that could be meant"),
        (with("&digits="), "digits is no number that could be meant"),
        (with("&period=14"), "codes for other than 15 to 120 seconds"),
        (with("&period=121"), "codes for other than 15 to 120 seconds"),
        (with("&period=18446744073709551615"), "period is no number that could be meant"),
        (with("&algorithm=MD5"), "an unknown algorithm"),
        (with("&algorithm="), "an unknown algorithm"),
        (format!("otpauth://totp/%ff?secret={KEY}"), "not UTF-8 behind the percent signs"),
        (format!("otpauth://totp/%1b[31m?secret={KEY}"), "a label that nobody could read"),
        (format!("otpauth://totp/\u{1b}?secret={KEY}"), "a control character in it"),
        (
            format!("otpauth://totp/{}?secret={KEY}", "x".repeat(257)),
            "a label that nobody could read",
        ),
        (with(&"x".repeat(2048)), "longer than any such URI"),
    ] {
        let said = refused(&uri);
        assert_eq!(said, why, "{uri}");
        assert!(!said.contains(KEY));
    }
}

/// Written by the book, padding and all: the other direction, to check against.
fn encoded(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let bits: Vec<char> = bits.chars().collect();
    let mut text = String::new();
    for chunk in bits.chunks(5) {
        let group = format!("{:0<5}", chunk.iter().collect::<String>());
        let index = usize::from_str_radix(&group, 2).unwrap();
        text.push(char::from(ALPHABET[index]));
    }
    while !text.len().is_multiple_of(8) {
        text.push('=');
    }
    text
}

/// A secret with its letters in some case and gaps in some places.
fn scribbled(secret: &str, how: &[u8]) -> String {
    let mut text = String::new();
    for (c, how) in secret.chars().zip(how.iter().cycle()) {
        match how % 4 {
            0 => text.push(c.to_ascii_lowercase()),
            1 => text.extend([c, ' ']),
            2 => text.extend(["%20", c.to_string().as_str()]),
            _ => text.push(c),
        }
    }
    text
}

proptest! {
    // A failure prints its input; nothing is kept in the tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_secret_comes_back(
        bytes in proptest::collection::vec(any::<u8>(), 14..=128),
        how in proptest::collection::vec(any::<u8>(), 1..9),
        digits in prop_oneof![Just(6), Just(8)],
        period in 15..=120_u8,
    ) {
        let secret = scribbled(&encoded(&bytes), &how);
        let uri = format!("otpauth://totp/a?digits={digits}&period={period}&secret={secret}");
        let found = parse(&uri).map_err(|invalid| TestCaseError::fail(invalid.to_string()))?;
        prop_assert_eq!(&*found.secret, &bytes);
        prop_assert_eq!((found.digits, found.period), (digits, period));
    }

    #[test]
    fn nothing_makes_it_panic_and_nothing_gets_past_the_bounds(
        head in prop_oneof![Just("otpauth://totp/"), Just("otpauth://totp/a?secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Just("")],
        tail in "[ -~\u{e9}\u{1b}%&=?+0-9a-z]{0,80}",
    ) {
        if let Ok(found) = parse(&format!("{head}{tail}")) {
            prop_assert!((14..=128).contains(&found.secret.len()));
            prop_assert!([6, 8].contains(&found.digits) && (15..=120).contains(&found.period));
            prop_assert!(!found.label.chars().any(char::is_control));
        }
    }

    #[test]
    fn base32_takes_any_text(text in "\\PC{0,300}") {
        let _ = base32(&text);
    }
}
