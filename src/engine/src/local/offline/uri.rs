//! The otpauth URI, with which a key gets into an authenticator, and out of another system.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use super::otp::{Key, Shape};
use crate::otpauth;

/// The URI of a key, for a user (`alice`) of a machine.
#[must_use]
pub fn write(key: &Key, issuer: &str, user: &str, host: &str) -> Zeroizing<String> {
    let Shape { algorithm, digits, period } = key.shape();
    let issuer = escaped(issuer);
    let account = escaped(&format!("{user}@{host}"));
    let secret = key.base32();
    let parts = [
        "otpauth://totp/",
        &issuer,
        ":",
        &account,
        "?secret=",
        &secret,
        "&issuer=",
        &issuer,
        "&algorithm=",
        algorithm.name(),
        &format!("&digits={digits}&period={period}"),
    ];
    // One allocation: nothing of the secret stays behind in a buffer that grew.
    let mut uri = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| uri.push_str(part));
    uri
}

/// RFC 3986: everything but the unreserved characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(byte.into());
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Reads a URI, or a secret in base32 that stands alone.
///
/// # Errors
///
/// What is wrong, without the secret.
pub fn read(text: &str) -> Result<Key, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("nothing was given".into());
    }
    if !text.contains("://") {
        let secret = otpauth::base32(text).map_err(|problem| problem.to_string())?;
        return Key::new(secret, Shape::default());
    }
    let read = otpauth::parse(text).map_err(|problem| problem.to_string())?;
    let shape =
        Shape { algorithm: read.algorithm, digits: read.digits, period: read.period.into() };
    Key::new(read.secret, shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otpauth::Algorithm;

    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn shape(query: &str) -> Result<Shape, String> {
        read(&format!("otpauth://totp/Britive:a%40b?secret={SECRET}{query}")).map(|key| key.shape())
    }

    #[test]
    fn what_was_written_is_read_with_every_name_in_it() {
        let key = read(SECRET).unwrap();
        let uri = write(&key, "Counter sign", "a%l&i:c e\u{e4}", "host");
        assert_eq!(
            *uri,
            format!(
                "otpauth://totp/Counter%20sign:a%25l%26i%3Ac%20e%C3%A4%40host?secret={SECRET}\
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
            ("&algorithm=SHA256", Algorithm::Sha256),
            ("&algorithm=sha-512", Algorithm::Sha512),
            ("&ALGORITHM=HmacSHA1", Algorithm::Sha1),
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
            assert_eq!(*read(text).unwrap().base32(), SECRET, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_right_is_refused() {
        let (short, other) = ("GEZDGNBVGY3TQOJQ", "https://x/?secret=GEZDGNBV");
        for (text, part) in
            [("", "nothing was given"), (short, "112 bits"), (other, "otpauth://totp/")]
        {
            let problem = read(text).err().unwrap();
            assert!(problem.contains(part), "{text}: {problem}");
        }
        assert!(shape("&digits=7").is_err());
        assert!(shape("&period=0").is_err());
    }
}
