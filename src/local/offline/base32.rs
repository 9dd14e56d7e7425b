//! Base32 (RFC 4648, section 6), as authenticators read it.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// In capitals, without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 8 / 5 + 1));
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        for (slot, byte) in group.iter_mut().skip(3).zip(chunk) {
            *slot = *byte;
        }
        let bits = u64::from_be_bytes(group);
        for at in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or(0);
            text.push(ALPHABET.get(index).copied().unwrap_or(b'A').into());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otpauth;

    /// RFC 4648, section 10.
    #[test]
    fn what_is_written_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*encode(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn every_length_and_byte_survives() {
        let bytes: Vec<u8> = (0..=255).collect();
        for start in [0, 128] {
            for length in 14..=128 {
                let bytes = &bytes[start..start + length];
                assert_eq!(*otpauth::base32(&encode(bytes)).unwrap(), bytes);
            }
        }
    }
}
