//! Whether what the other side says repeats a secret of this login, in whatever spelling.
//!
//! A tenant that quotes a request in an error would put a password or a client secret into the log.
//! What a secret looks like in the encodings in use is known before: raw, escaped as JSON, XML or a
//! URL, in hexadecimal digits, and in base64 wherever in it the secret begins. Letters and digits
//! alone are compared, in one case, so that no punctuation hides it.
#![forbid(unsafe_code)]

use std::mem;

use data_encoding::{BASE64_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

/// What stands in the place of words that repeat a secret.
pub const WITHHELD: &str = "(withheld: it repeats a secret of this login)";

/// What is shorter is in every text.
const SHORTEST: usize = 3;
/// As many letters and digits of a secret in a row are too many.
const RUN: usize = 8;
const STEP: usize = 4;
/// A secret of as many letters stays one where some more of them are known, and has many runs.
const LONG: usize = 256;
const LONG_STEP: usize = 16;
/// Escapes are taken off as many times.
const LAYERS: usize = 3;

/// The secrets of a login, as they would look in a text.
#[derive(Default)]
pub struct Echoes {
    /// As they are: none is looked at twice.
    secrets: Vec<Zeroizing<String>>,
    /// The first letters of each spelling; all of them, where there are fewer than a run has.
    beginnings: Vec<Zeroizing<Vec<u8>>>,
    /// Eight letters of each from every fourth on: a text is searched for all of them at once.
    runs: Runs,
}

impl Echoes {
    /// One more secret. What is shorter than three letters and digits can't be kept out of any
    /// text.
    pub fn know(&mut self, secret: &str) {
        if self.secrets.iter().any(|known| known.as_str() == secret) {
            return;
        }
        let letters = reduced(secret);
        if letters.len() < SHORTEST {
            return;
        }
        self.secrets.push(Zeroizing::new(secret.to_owned()));
        let step = if letters.len() < LONG { STEP } else { LONG_STEP };
        // Two letters for a byte in hexadecimal digits, and four for three in each base64.
        self.runs.make_room((letters.len() + 6 * secret.len()) / step);
        self.add(&letters, SHORTEST, step);
        self.add(Zeroizing::new(HEXLOWER.encode(secret.as_bytes())).as_bytes(), 2 * SHORTEST, step);
        for before in 0..3 {
            self.add(&reduced(&base64(secret, before)), 2 * SHORTEST, step);
        }
    }

    fn add(&mut self, spelling: &[u8], shortest: usize, step: usize) {
        if spelling.len() >= shortest {
            let beginning = spelling.get(..STEP + RUN - 1).unwrap_or(spelling);
            self.beginnings.push(Zeroizing::new(beginning.to_vec()));
            runs(spelling).step_by(step).for_each(|run| self.runs.add(run));
        }
    }

    /// Whether a text repeats any of them, or more than a few letters of one.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        self.are_in_layers(text, LAYERS)
    }

    fn are_in_layers(&self, text: &str, layers: usize) -> bool {
        let letters = reduced(text);
        let is_cut = text.trim_end().ends_with("...");
        if self.are_in_letters(&letters) || is_cut && self.begin_at_end_of(&letters) {
            return true;
        }
        if layers == 1 || !text.contains(['%', '\\', '&']) {
            return false;
        }
        let inside = unescaped(text);
        *inside != text && self.are_in_layers(&inside, layers - 1)
    }

    /// Eleven letters in a row of any secret hold one of its runs, and 23 of a long one. A short
    /// secret must be there whole.
    fn are_in_letters(&self, letters: &[u8]) -> bool {
        let mut short = self.beginnings.iter().filter(|secret| secret.len() < RUN);
        runs(letters).any(|run| self.runs.has(run))
            || short
                .any(|secret| letters.windows(secret.len()).any(|part| part == secret.as_slice()))
    }

    /// Whether letters that were cut end in the middle of a secret.
    fn begin_at_end_of(&self, letters: &[u8]) -> bool {
        let begins = |secret: &Zeroizing<Vec<u8>>| {
            let mut beginnings = (STEP..STEP + RUN).filter_map(|end| secret.get(..end));
            beginnings.any(|beginning| letters.ends_with(beginning))
        };
        self.beginnings.iter().any(begins)
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

/// Each eight letters in a row, as one number.
fn runs(letters: &[u8]) -> impl Iterator<Item = u64> {
    letters.windows(RUN).filter_map(|run| Some(u64::from_ne_bytes(*run.first_chunk()?)))
}

/// A set of runs, of which it keeps hashes: a table in which each stands at the place that it names,
/// or behind it. They have 31 bits: of a million other runs, less than one passes for one of a long
/// secret's.
#[derive(Default)]
struct Runs {
    /// Twice as many places as runs, and a power of two. 0 is an empty place.
    places: Vec<u32>,
    count: usize,
}

impl Runs {
    /// For so many more.
    fn make_room(&mut self, more: usize) {
        let wanted = (2 * (self.count + more)).next_power_of_two();
        if wanted > self.places.len() {
            let before = mem::replace(&mut self.places, vec![0; wanted]);
            before.into_iter().filter(|hash| *hash != 0).for_each(|hash| self.put(hash));
        }
    }

    fn add(&mut self, run: u64) {
        self.count += 1;
        self.put(hash(run));
    }

    fn put(&mut self, hash: u32) {
        if let Some(place) = self.place(hash).and_then(|place| self.places.get_mut(place)) {
            *place = hash;
        }
    }

    fn has(&self, run: u64) -> bool {
        let hash = hash(run);
        self.place(hash).and_then(|place| self.places.get(place)) == Some(&hash)
    }

    /// Where it stands, or the empty place for it.
    fn place(&self, hash: u32) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        let mut place = hash as usize & last;
        loop {
            let found = *self.places.get(place)?;
            if found == hash || found == 0 {
                return Some(place);
            }
            place = (place + 1) & last;
        }
    }
}

/// Mixes all bits of a run; never 0.
fn hash(run: u64) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = run.wrapping_mul(MIX);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(MIX);
    (mixed >> 32) as u32 | 1 << 31
}

/// What becomes of a byte of ASCII: letters and digits in lower case, and 0 for all else.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and would say so")]
static LETTERS: [u8; 128] = {
    let mut letters = [0; 128];
    let mut byte: u8 = 0;
    while byte.is_ascii() {
        if byte.is_ascii_alphanumeric() {
            letters[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

/// Letters and digits, in lower case.
fn reduced(text: &str) -> Zeroizing<Vec<u8>> {
    if text.is_ascii() {
        let mut letters = Zeroizing::new(Vec::with_capacity(text.len()));
        let found = text.bytes().filter_map(|byte| LETTERS.get(usize::from(byte)).copied());
        letters.extend(found.filter(|letter| *letter != 0));
        return letters;
    }
    let lower = text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric());
    let mut letters = Zeroizing::new(String::with_capacity(2 * text.len()));
    letters.extend(lower);
    Zeroizing::new(mem::take(&mut *letters).into_bytes())
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

    /// Of any length, and in each spelling: what holds a run of it is found.
    #[test]
    fn of_a_long_secret_each_part_is_found() {
        for length in [8, 40, 255, 256, 1000, 4000] {
            let secret: String = (0..length)
                .map(|n| {
                    char::from(b"abcdefghijkmnopqrstuvwxyzABCDEFGH-_.0123456789"[n * n * 7 % 46])
                })
                .collect();
            let echoes = knowing(&secret);
            let most = if length < LONG { STEP } else { LONG_STEP } + RUN - 1;
            let hex = HEXLOWER.encode(secret.as_bytes());
            let spellings = [secret.clone(), hex, base64(&secret, 0).to_string()];
            for spelling in spellings {
                let letters = String::from_utf8(reduced(&spelling).to_vec()).unwrap();
                let parts = letters.as_bytes().windows(most.min(letters.len()));
                for part in parts {
                    assert!(echoes.are_in(std::str::from_utf8(part).unwrap()), "{length}");
                }
                assert!(echoes.are_in(&format!("{}...", &letters[..STEP])));
            }
            assert!(
                !echoes.are_in("no letters of it are in these words, 0f1e2d3c4b5a69788796a5b4")
            );
        }
    }

    #[test]
    fn secrets_are_found_whichever_came_first() {
        let mixed = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number = |n| mixed(mixed(n) >> 29 ^ n);
        let secrets: Vec<String> = (0..40).map(|n| format!("{:016x}", number(n))).collect();
        let mut echoes = Echoes::default();
        assert!(!echoes.are_in(&secrets[0]));
        for known in 0..secrets.len() {
            echoes.know(&secrets[known]);
            echoes.know(&secrets[known]);
            assert!(secrets[..=known].iter().all(|secret| echoes.are_in(secret)));
            assert!(secrets[known + 1..].iter().all(|secret| !echoes.are_in(secret)));
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
