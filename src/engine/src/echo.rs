//! Whether what the other side says repeats a secret of this login, in whatever spelling.
//!
//! A tenant that quotes a request in an error would put a password or a client secret into the log.
//! What a secret looks like in the encodings in use is known before: raw, escaped as JSON, XML or a
//! URL, in hexadecimal digits, and in base64 wherever in it the secret begins. Letters and digits
//! alone are compared, in one case, so that no punctuation hides it.
#![forbid(unsafe_code)]

use data_encoding::{BASE64_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

/// What stands in the place of words that repeat a secret.
pub const WITHHELD: &str = "(withheld: it repeats a secret of this login)";

/// What is shorter is in every text.
const SHORTEST: usize = 3;
/// As many letters and digits of a secret in a row are too many.
const RUN: usize = 8;
const STEP: usize = 4;
/// Words with a bit for each run: a login knows some hundred runs.
const WORDS: usize = 16;
/// Escapes are taken off as many times.
const LAYERS: usize = 3;

/// The secrets of a login, as they would look in a text.
#[derive(Default)]
pub struct Echoes {
    spellings: Vec<Zeroizing<String>>,
    /// Eight letters of each from every fourth on: a text is searched for all of them at once.
    runs: Zeroizing<Vec<u64>>,
    /// The bit of each run: a piece of a text whose bit is not set is none of them.
    bits: Zeroizing<[u64; WORDS]>,
}

impl Echoes {
    /// One more secret. What is shorter than three letters and digits can't be kept out of any
    /// text.
    pub fn know(&mut self, secret: &str) {
        let letters = reduced(secret);
        if letters.len() < SHORTEST || self.spellings.contains(&letters) {
            return;
        }
        self.add(letters, SHORTEST);
        self.add(reduced(&Zeroizing::new(HEXLOWER.encode(secret.as_bytes()))), 2 * SHORTEST);
        for before in 0..3 {
            self.add(reduced(&base64(secret, before)), 2 * SHORTEST);
        }
    }

    fn add(&mut self, spelling: Zeroizing<String>, shortest: usize) {
        if spelling.len() >= shortest {
            for run in spelling.as_bytes().windows(RUN).step_by(STEP).map(run) {
                let (word, bit) = place(run);
                if let Some(bits) = self.bits.get_mut(word) {
                    *bits |= bit;
                }
                self.runs.push(run);
            }
            self.spellings.push(spelling);
        }
    }

    /// Whether a text repeats any of them, or more than a few letters of one.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        let mut text = Zeroizing::new(text.to_owned());
        for _ in 0..LAYERS {
            let letters = reduced(&text);
            let is_cut = text.trim_end().ends_with("...");
            if self.are_in_letters(&letters) || is_cut && self.begin_at_end_of(&letters) {
                return true;
            }
            if !text.contains(['%', '\\', '&']) {
                return false;
            }
            let inside = unescaped(&text);
            if inside == text {
                return false;
            }
            text = inside;
        }
        false
    }

    /// Eleven letters in a row of any secret hold one of its runs. A short secret must be there
    /// whole.
    fn are_in_letters(&self, letters: &str) -> bool {
        let is_known = |run: u64| {
            let (word, bit) = place(run);
            self.bits.get(word).is_none_or(|bits| bits & bit != 0) && self.runs.contains(&run)
        };
        let mut windows = letters.as_bytes().windows(RUN).map(run);
        let mut short = self.spellings.iter().filter(|secret| secret.len() < RUN);
        windows.any(is_known) || short.any(|secret| letters.contains(secret.as_str()))
    }

    /// Whether letters that were cut end in the middle of a secret.
    fn begin_at_end_of(&self, letters: &str) -> bool {
        let begins = |secret: &Zeroizing<String>| {
            let mut beginnings = (STEP..STEP + RUN).filter_map(|end| secret.get(..end));
            beginnings.any(|beginning| letters.ends_with(beginning))
        };
        self.spellings.iter().any(begins)
    }

    /// The text, unless it repeats a secret.
    #[must_use]
    pub fn kept_out_of(&self, text: String) -> String {
        if self.are_in(&text) { WITHHELD.to_owned() } else { text }
    }

    /// A text of our own with the other side's words in quotation marks: those that repeat a secret
    /// are taken out.
    #[must_use]
    pub fn kept_out_of_quotes(&self, text: &str) -> String {
        if !text.contains('"') {
            return text.to_owned();
        }
        let parts = text.split('"').enumerate();
        let parts = parts.map(|(number, part)| {
            let is_theirs = number % 2 == 1;
            if is_theirs && self.are_in(part) { "..." } else { part }
        });
        parts.collect::<Vec<_>>().join("\"")
    }
}

/// Eight bytes as one number.
fn run(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |run, byte| run << 8 | u64::from(*byte))
}

/// Where the bit of a run is: a word, and a bit of it.
fn place(run: u64) -> (usize, u64) {
    let hash = run.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    ((hash / 64) as usize, 1 << (hash % 64))
}

/// Letters and digits, in lower case.
fn reduced(text: &str) -> Zeroizing<String> {
    let mut letters = Zeroizing::new(String::with_capacity(2 * text.len()));
    if text.is_ascii() {
        let bytes = text.bytes().filter(u8::is_ascii_alphanumeric);
        letters.extend(bytes.map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        let lower = text.chars().flat_map(char::to_lowercase);
        letters.extend(lower.filter(|c| c.is_alphanumeric()));
    }
    letters
}

/// The characters that a secret has in base64 wherever as many bytes stand before it, and none that
/// others share.
fn base64(secret: &str, before: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(secret.as_bytes());
    let digits = Zeroizing::new(BASE64_NOPAD.encode(&bytes));
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    Zeroizing::new(digits.get(first..last).unwrap_or_default().to_owned())
}

/// One layer of escapes less: of URLs, of JSON and its like, of XML.
fn unescaped(text: &str) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, c) = escape(rest).unwrap_or((first.len_utf8(), Escaped::Char(first)));
        match c {
            Escaped::Byte(byte) => bytes.push(byte),
            Escaped::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// The escape at the beginning of a text, and its length.
fn escape(text: &str) -> Option<(usize, Escaped)> {
    let number = |from: usize, to: usize| u32::from_str_radix(text.get(from..to)?, 16).ok();
    let byte = |from| Some(Escaped::Byte(u8::try_from(number(from, from + 2)?).ok()?));
    match text.get(..2)? {
        "\\u" => Some((6, Escaped::Char(char::from_u32(number(2, 6)?)?))),
        "\\x" => Some((4, byte(2)?)),
        "&#" => entity(text),
        two if two.starts_with('%') => Some((3, byte(1)?)),
        two if two.starts_with('\\') => Some((2, Escaped::Char(two.chars().nth(1)?))),
        _ => None,
    }
}

/// A character of XML by its number. Those with names are no letters.
fn entity(text: &str) -> Option<(usize, Escaped)> {
    let end = text.find(';').filter(|end| *end <= 10)?;
    let digits = text.get(2..end)?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    Some((end + 1, Escaped::Char(char::from_u32(number.ok()?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c4nary& Übel+Ei/7";

    fn knowing(secret: &str) -> Echoes {
        let mut echoes = Echoes::default();
        echoes.know(secret);
        echoes
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let echoes = knowing(SECRET);
        let form: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let every: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let json: String = SECRET.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let xml: String = SECRET.chars().map(|c| format!("&#{};", c as u32)).collect();
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        for spelling in [
            SECRET.to_owned(),
            SECRET.to_uppercase(),
            form.clone(),
            form.to_lowercase(),
            every.replace('%', "%25"),
            every,
            json.replace('\\', "\\\\"),
            json,
            xml,
            hex.to_uppercase(),
            hex.as_bytes()
                .chunks(2)
                .map(|two| std::str::from_utf8(two).unwrap())
                .collect::<Vec<_>>()
                .join(":"),
            SECRET.replace(' ', "\n"),
            SECRET[..16].to_owned(),
            SECRET[2..].to_owned(),
        ] {
            assert!(echoes.are_in(&format!("error: <{spelling}>, sorry")), "{spelling}");
        }
    }

    #[test]
    fn base64_is_found_wherever_the_secret_stands_in_it() {
        use data_encoding::{BASE64, BASE64URL};
        let echoes = knowing(SECRET);
        for before in ["", "i", "id", "id:", "client:", "some.client@example.com:"] {
            for after in ["", "a", "ab", "abc"] {
                let text = format!("{before}{SECRET}{after}");
                for coding in [BASE64, BASE64URL] {
                    let spelling = coding.encode(text.as_bytes());
                    assert!(echoes.are_in(&spelling), "{before} {after}");
                    assert!(echoes.are_in(&spelling.to_lowercase()), "{before} {after}");
                }
            }
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        let echoes = knowing(SECRET);
        for text in [
            "",
            "a",
            "invalid_client",
            "The client c4nary is locked",
            "%",
            "\\",
            "&#",
            "\\ud800",
            "%zz",
            "&#x;",
        ] {
            assert_eq!(echoes.kept_out_of(text.to_owned()), text);
        }
        for cut in ["it was c4na...", "c4nary& \u{dc}b..."] {
            assert!(echoes.are_in(cut), "{cut}");
        }
        let none = knowing("ab");
        assert!(!none.are_in("ab cab"));
        assert!(knowing("123456").are_in("your code 123 456"));
        assert!(!knowing("123456").are_in("SMS to XXX-1234"));
    }

    #[test]
    fn of_a_prompt_only_the_other_sides_words_are_taken_out() {
        let echoes = knowing("verification");
        assert_eq!(
            echoes.kept_out_of_quotes(
                "Text (\"VERIFICATION%20!\") or (\"mail\").\nVerification code: "
            ),
            "Text (\"...\") or (\"mail\").\nVerification code: "
        );
    }
}
