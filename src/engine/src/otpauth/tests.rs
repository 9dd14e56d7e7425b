//! Codes of the standards, the URIs of the vendor's document, what people make of them, and what
//! must be refused.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const KEY: &str = "SPE6SOTTGB7SYXQMXMNUKBCRO3PHT6YN";

fn refused(uri: &str) -> String {
    match read_uri(uri) {
        Ok(_) => panic!("taken: {uri}"),
        Err(invalid) => invalid.to_string(),
    }
}

/// The secret in base16, and the shape.
fn taken(uri: &str) -> (String, Shape) {
    let key = read_uri(uri).unwrap_or_else(|invalid| panic!("{uri}: {invalid}"));
    (HEXLOWER.encode(key.secret()), key.shape())
}

#[test]
fn both_uris_of_the_document_are_read() {
    let uri = format!(
        "otpauth://totp/Britive:qa4-bgprasad?secret={KEY}&issuer=Britive&algorithm=SHA1&digits=6&period=30"
    );
    let secret = "93c9e93a73307f2c5e0cbb1b45045176de79fb0d";
    assert_eq!(taken(&uri), (secret.into(), Shape::default()));
    // As it stands there, with a line end in it.
    let uri = "otpauth://totp/Britive:ymwmacdev-yiumen.wong@britive.com? \n\
               secret=K5WWKYUNX3KWCDVF7CN2RYP7IBPTGYNS&issuer=Britive&algorithm=SHA512&digits=6&period=30";
    let secret = "576d65628dbed5610ea5f89ba8e1ff405f3361b2".to_owned();
    let shape = Shape { algorithm: Algorithm::SHA512, ..Shape::default() };
    assert_eq!(taken(uri), (secret, shape));
}

#[test]
fn what_is_not_said_is_as_everywhere() {
    let uri = format!("otpauth://totp/x?secret={KEY}");
    assert_eq!(taken(&uri).1, Shape::default());
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
        assert_eq!(taken(&uri).1.algorithm.as_str(), name);
    }
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
        (
            format!("otpauth://totp/x?secret={}", "A".repeat(22)),
            "the secret has 104 bits: only 112 to 1024 are accepted",
        ),
        ("otpauth://totp/x?secret=".into(), "the secret has 0 bits: only 112 to 1024 are accepted"),
        (
            format!("otpauth://totp/x?secret={}", "A".repeat(207)),
            "the secret has 1032 bits: only 112 to 1024 are accepted",
        ),
        (with("&digits=7"), "codes of 7 digits: only 6 or 8 are accepted"),
        (with("&digits=+6"), "digits is no number that could be meant"),
        (with("&digits=%2B6"), "digits is no number that could be meant"),
        (with("&digits="), "digits is no number that could be meant"),
        (with("&period=14"), "a period of 14 s: only 15 to 120 are accepted"),
        (with("&period=121"), "a period of 121 s: only 15 to 120 are accepted"),
        (with("&period=18446744073709551616"), "period is no number that could be meant"),
        (with("&algorithm=MD5"), "an unknown algorithm"),
        (with("&algorithm="), "an unknown algorithm"),
        (format!("otpauth://totp/%ff?secret={KEY}"), "not UTF-8 behind the percent signs"),
        (format!("otpauth://totp/%1b[31m?secret={KEY}"), "a label that can't be shown"),
        (format!("otpauth://totp/\u{1b}?secret={KEY}"), "a control character in it"),
        (format!("otpauth://totp/{}?secret={KEY}", "x".repeat(257)), "a label that can't be shown"),
        (with(&"x".repeat(2048)), "longer than any such URI"),
    ] {
        let said = refused(&uri);
        assert_eq!(said, why, "{uri}");
        assert!(!said.contains(KEY));
    }
}

fn key(secret: &[u8], algorithm: Algorithm, digits: u8) -> Key {
    let shape = Shape { algorithm, digits, ..Shape::default() };
    Key::new(Zeroizing::new(secret.to_vec()), shape).unwrap()
}

/// RFC 6238, appendix B. The seeds of the longer hashes are as long as these (errata 2866).
#[test]
fn codes_are_those_of_rfc_6238() {
    let seed = b"1234567890".repeat(7);
    let rows = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (time, sha1, sha256, sha512) in rows {
        for (algorithm, length, code) in [
            (Algorithm::SHA1, 20, sha1),
            (Algorithm::SHA256, 32, sha256),
            (Algorithm::SHA512, 64, sha512),
        ] {
            let key = key(&seed[..length], algorithm, 8);
            assert_eq!(*key.code_at(time), code, "{algorithm:?} at {time}");
            assert_eq!(key.step_of(code, time), Some(time / 30));
        }
    }
}

/// RFC 4226, appendix D: counters 0 to 9 are the steps of the first five minutes.
#[test]
fn codes_are_those_of_rfc_4226() {
    let key = key(b"12345678901234567890", Algorithm::SHA1, 6);
    let codes = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (step, code) in (0..).zip(codes) {
        assert_eq!(*key.code_at(step * 30), code);
    }
}

#[test]
fn a_code_is_good_for_one_step_before_and_after_its_own() {
    let key = key(b"12345678901234567890", Algorithm::SHA1, 6);
    let (time, own) = (1_111_111_109_u64, 1_111_111_109 / 30);
    for distance in -3_i64..=3 {
        let at = time.checked_add_signed(distance * 30).unwrap();
        let expected = (-1..=1).contains(&distance).then_some(at / 30);
        assert_eq!(key.step_of(&key.code_at(at), time), expected, "{distance}");
    }
    // To the second: a code lives from 30 s before its step to the end of the one behind it.
    let code = key.code_at(own * 30);
    for (at, good) in [(-31, false), (-30, true), (59, true), (60, false)] {
        let at = (own * 30).checked_add_signed(at).unwrap();
        assert_eq!(key.step_of(&code, at).is_some(), good, "{at}");
    }
    assert_eq!(key.step_of("755224", 0), Some(0), "there is nothing before 1970");
}

#[test]
fn only_plain_digits_of_the_right_length_are_a_code() {
    let key = key(b"12345678901234567890", Algorithm::SHA1, 6);
    assert_eq!(key.step_of("287082", 59), Some(1));
    for odd in [
        "",
        "28708",
        "2870820",
        "+28708",
        "-28708",
        " 28708",
        "28708\0",
        "287O82",
        "\u{ff12}\u{ff18}\u{ff17}\u{ff10}\u{ff18}\u{ff12}",
        "0x4611",
    ] {
        assert_eq!(key.step_of(odd, 59), None, "{odd:?}");
    }
    assert_eq!(key.step_of(&"2".repeat(600), 59), None);
}

#[test]
fn a_key_is_as_strong_as_it_must_be() {
    let new = |bytes, shape| {
        let key = Key::new(Zeroizing::new(vec![7; bytes]), shape);
        key.err().map(|invalid| invalid.to_string())
    };
    let plain = Shape::default();
    for bytes in [14, 20, 128] {
        assert_eq!(new(bytes, plain), None, "{bytes}");
    }
    for bytes in [0, 5, 10, 13, 129, 1025] {
        let bits = bytes * 8;
        let problem = format!("the secret has {bits} bits: only 112 to 1024 are accepted");
        assert_eq!(new(bytes, plain), Some(problem));
    }
    for digits in [0, 5, 7, 9, 255] {
        assert!(new(20, Shape { digits, ..plain }).is_some());
    }
    for (period, good) in [(14, false), (15, true), (120, true), (121, false)] {
        assert_eq!(new(20, Shape { period, ..plain }).is_none(), good);
    }
    for period in [0, u64::MAX] {
        assert!(new(20, Shape { period, ..plain }).is_some());
    }
}

const PLAIN: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn shape(query: &str) -> Result<Shape, Invalid> {
    read(&format!("otpauth://totp/Britive:a%40b?secret={PLAIN}{query}")).map(|key| key.shape())
}

#[test]
fn what_was_written_is_read_with_every_name_in_it() {
    let key = read(PLAIN).unwrap();
    let uri = write(&key, "Counter sign", "a%l&i:c e\u{e4}", "host");
    assert_eq!(
        *uri,
        format!(
            "otpauth://totp/Counter%20sign:a%25l%26i%3Ac%20e%C3%A4%40host?secret={PLAIN}\
             &issuer=Counter%20sign&algorithm=SHA1&digits=6&period=30"
        )
    );
    let again = read(&uri).unwrap();
    assert_eq!(again.base32(), key.base32());
    assert_eq!(again.shape(), key.shape());
}

#[test]
fn what_other_systems_write_is_read() {
    let plain = Shape::default();
    assert_eq!(shape(""), Ok(plain));
    for (query, algorithm) in [
        ("&algorithm=SHA256", Algorithm::SHA256),
        ("&algorithm=sha-512", Algorithm::SHA512),
        ("&ALGORITHM=HmacSHA1", Algorithm::SHA1),
    ] {
        assert_eq!(shape(query), Ok(Shape { algorithm, ..plain }), "{query}");
    }
    let (digits, period) = (8, 60);
    let long = Shape { digits, period, ..plain };
    assert_eq!(shape("&issuer=B&digits=8&period=60&image=https%3A%2F%2Fx"), Ok(long));
    for text in [
        "OTPAUTH://TOTP/x?secret=gezd%20gnbv-gy3t%20qojq%20gezdgnbvgy3tqojq",
        "otpauth://totp?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ%3D%3D#x",
        "  gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n",
    ] {
        assert_eq!(*read(text).unwrap().base32(), PLAIN, "{text}");
    }
}

#[test]
fn what_can_not_be_right_is_refused() {
    let (short, other) = ("GEZDGNBVGY3TQOJQ", "https://x/?secret=GEZDGNBV");
    for (text, part) in [("", "nothing was given"), (short, "80 bits"), (other, "otpauth://totp/")]
    {
        let problem = read(text).err().unwrap().to_string();
        assert!(problem.contains(part), "{text}: {problem}");
    }
    assert!(shape("&digits=7").is_err());
    assert!(shape("&period=0").is_err());
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
        period in 15..=120_u64,
    ) {
        let secret = scribbled(&encoded(&bytes), &how);
        let uri = format!("otpauth://totp/a?digits={digits}&period={period}&secret={secret}");
        let found = read_uri(&uri).map_err(|invalid| TestCaseError::fail(invalid.to_string()))?;
        prop_assert_eq!(found.secret(), &bytes);
        prop_assert_eq!(found.shape(), Shape { digits, period, ..Shape::default() });
        prop_assert!(found.has_secret(&found.base32()));
    }

    #[test]
    fn nothing_makes_it_panic_and_nothing_gets_past_the_bounds(
        head in prop_oneof![Just("otpauth://totp/"), Just("otpauth://totp/a?secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Just("")],
        tail in "[ -~\u{e9}\u{1b}%&=?+0-9a-z]{0,80}",
    ) {
        if let Ok(found) = read_uri(&format!("{head}{tail}")) {
            let Shape { digits, period, .. } = found.shape();
            prop_assert!((14..=128).contains(&found.secret().len()));
            prop_assert!([6, 8].contains(&digits) && (15..=120).contains(&period));
        }
    }

    #[test]
    fn base32_takes_any_text(text in "\\PC{0,300}") {
        let _ = read(&text);
    }
}
