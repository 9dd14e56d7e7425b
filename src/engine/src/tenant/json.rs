//! The text of a reply before it is JSON of any shape: all of it UTF-8 and whole characters, also
//! where nothing looks, and nested no deeper than it may be.
//!
//! serde reads what it is asked for, and passes over the rest.
#![forbid(unsafe_code)]

use memchr::memchr2;

/// Half of a pair of `\u` escapes, which stands for no character (RFC 8259, section 8.2).
const HALF: &str = "half a character (a lone surrogate)";

/// The text of a body.
///
/// # Errors
///
/// What is wrong with it, without a word of it.
pub fn text(body: &[u8], deepest: usize) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "not UTF-8")?;
    let mut depth = 0_usize;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => pass_string(&mut bytes)?,
            b'{' | b'[' if depth == deepest => return Err("nested too deeply"),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(text)
}

/// Goes behind the quote that ends a string.
fn pass_string(bytes: &mut std::slice::Iter<'_, u8>) -> Result<(), &'static str> {
    while let Some(at) = memchr2(b'\\', b'"', bytes.as_slice()) {
        if bytes.nth(at) == Some(&b'"') {
            return Ok(());
        }
        pass_escape(bytes)?;
    }
    *bytes = [].iter();
    Ok(())
}

/// Goes behind an escape, and behind the second half of its character.
fn pass_escape(bytes: &mut std::slice::Iter<'_, u8>) -> Result<(), &'static str> {
    if bytes.next() != Some(&b'u') {
        return Ok(());
    }
    match unit(bytes) {
        Some(0xdc00..=0xdfff) => Err(HALF),
        Some(0xd800..=0xdbff) => {
            let is_escape = bytes.next() == Some(&b'\\') && bytes.next() == Some(&b'u');
            let second = unit(bytes).filter(|_| is_escape);
            matches!(second, Some(0xdc00..=0xdfff)).then_some(()).ok_or(HALF)
        }
        // What is no hexadecimal number is the parser's to refuse.
        Some(_) | None => Ok(()),
    }
}

fn unit(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u16> {
    let digits = bytes.as_slice().get(..4)?;
    *bytes = bytes.as_slice().get(4..)?.iter();
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_nothing_looks_at_is_text_too() {
        for good in [
            r#"{"a":"é","b":[1]}"#,
            r#"{"a":"\u00e9 \ud83d\ude00 \\ud800 \" \\"}"#,
            "\u{feff}{}",
            "",
            r#"{"a":"\u12"#,
            r#"{"a":"\uzzzz"}"#,
        ] {
            assert_eq!(text(good.as_bytes(), 2), Ok(good));
        }
        for bad in [&b"{\"\xff\":1}"[..], b"{\"a\":\"\xed\xa0\x80\"}", b"{}\x80", b"\xc3"] {
            assert_eq!(text(bad, 2), Err("not UTF-8"));
        }
        for half in [
            r#"{"a":"\ud800"}"#,
            r#"{"\udc00":1}"#,
            r#"{"a":"\ud800\u0041"}"#,
            r#"{"a":"\ud800x"}"#,
            r#"{"a":"\ud800\n"}"#,
            r#"{"a":"\uD83D\uD83D\uDE00"}"#,
        ] {
            assert_eq!(text(half.as_bytes(), 2), Err(super::HALF), "{half}");
        }
        assert_eq!(text(br#"{"a":[{}]}"#, 2), Err("nested too deeply"));
        assert_eq!(text(br#"{"[[[{{{":"]]"}"#, 1), Ok(r#"{"[[[{{{":"]]"}"#));
    }
}
