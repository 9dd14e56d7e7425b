//! Text that came from a server. It reaches a screen or a log through [`ServerText::shown`] and no
//! other way.
#![forbid(unsafe_code)]

use crate::echo::Echoes;

/// Words of the tenant's, kept apart from our own until they have been made harmless.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerText(String);

impl ServerText {
    /// Takes the text as it came.
    #[must_use]
    pub fn new(raw: String) -> Self {
        Self(raw)
    }

    /// The text, unless it repeats a secret.
    #[must_use]
    pub fn without(self, echoes: &Echoes) -> Self {
        Self(echoes.kept_out_of(self.0))
    }

    /// At most `max` characters, on one line, without control, formatting or direction characters.
    #[must_use]
    pub fn shown(&self, max: usize) -> String {
        shown(&self.0, max)
    }

    /// The text as it came, to compare it or to send it back. Never to show it.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }
}

/// So that nothing gets into a log by way of a `{:?}`.
impl std::fmt::Debug for ServerText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerText({:?})", self.shown(40))
    }
}

/// Makes foreign text harmless: white space folded, invisible characters dropped, cut at `max`
/// characters.
#[must_use]
pub fn shown(raw: &str, max: usize) -> String {
    let mut clean = String::with_capacity(raw.len().min(4 * max));
    let mut count = 0;
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut gap = !clean.is_empty();
        let mut marks = Marks::default();
        for c in word.chars() {
            if !is_visible(c) {
                if !gap {
                    join(&mut clean, c);
                }
                continue;
            }
            if !marks.have_room_for(c) {
                continue;
            }
            if count + usize::from(gap) + 1 > max {
                return cut(clean, max);
            }
            if gap {
                clean.push(' ');
                count += 1;
                gap = false;
            }
            clean.push(c);
            count += 1;
        }
    }
    clean
}

/// Makes one line of foreign text harmless whose spaces mean something: invisible characters
/// dropped, cut at `max`.
#[must_use]
pub fn shown_line(raw: &str, max: usize) -> String {
    let (mut clean, mut count) = (String::new(), 0);
    let mut marks = Marks::default();
    for c in raw.chars() {
        if !is_visible(c) {
            join(&mut clean, c);
            continue;
        }
        if !marks.have_room_for(c) {
            continue;
        }
        if count == max {
            return cut(clean, max);
        }
        clean.push(c);
        count += 1;
    }
    clean
}

/// How many marks the scripts that can't do without put on one letter (a vowel and a tone in Thai, a
/// vowel and a doubling in Arabic).
const MARKS: u8 = 2;

/// How many marks the last letter carries, `None` where there is no letter to carry any.
#[derive(Default)]
struct Marks(Option<u8>);

impl Marks {
    /// Whether a character may be shown next, and counts it.
    fn have_room_for(&mut self, c: char) -> bool {
        self.0 = match self.0 {
            _ if c == ' ' => None,
            _ if !is_mark(c) => Some(0),
            Some(marks) if marks < MARKS => Some(marks + 1),
            Some(_) | None => return false,
        };
        true
    }
}

/// Whether a terminal shows a character on or in the one before it: a mark, or a vowel or an end of
/// a Korean syllable.
fn is_mark(c: char) -> bool {
    let is_jamo = matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}');
    is_jamo || unicode_normalization::char::is_combining_mark(c)
}

/// A mark becomes part of the letter before it, where the two are one character (Unicode's
/// canonical composition): an "n" and a tilde are an "ñ". All other marks of the Latin, Greek and
/// Cyrillic scripts are dropped.
fn join(clean: &mut String, mark: char) {
    let Some(letter) = clean.chars().next_back() else {
        return;
    };
    let composed = unicode_normalization::char::compose(letter, mark);
    if let Some(composed) = composed.filter(|composed| is_visible(*composed)) {
        clean.pop();
        clean.push(composed);
    }
}

/// Marks that something is missing, inside the limit.
fn cut(mut clean: String, max: usize) -> String {
    while clean.chars().count() + 3 > max && clean.pop().is_some() {}
    clean.push_str(if max >= 3 { "..." } else { "" });
    clean
}

/// Not a control, format, private-use or unassigned-for-display character (Unicode general
/// categories Cc, Cf, Co, Cn as far as they matter on a terminal), and no combining storm.
fn is_visible(c: char) -> bool {
    !matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}'
        | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_line_ends_of_a_server_do_not_reach_the_screen() {
        assert_eq!(shown("\u{1b}[31mPassword:\r\nfor root\u{7}", 80), "[31mPassword: for root");
        assert_eq!(shown("a\u{202e}b\u{2066}c\u{200b}d\u{e0041}", 80), "abcd");
        assert_eq!(shown("line\u{2028}line\u{85}line", 80), "line line line");
        assert_eq!(shown("  %n%s  \t x ", 80), "%n%s x");
    }

    #[test]
    fn marks_are_not_piled_up_and_formats_not_passed_on() {
        for hidden in [
            "\u{300}",
            "\u{36f}",
            "\u{1ab0}",
            "\u{1dc0}",
            "\u{20d0}",
            "\u{fe20}",
            "\u{ad}",
            "\u{61c}",
            "\u{200e}",
            "\u{202a}",
            "\u{2060}",
            "\u{2069}",
            "\u{feff}",
            "\u{fff9}",
            "\u{13430}",
            "\u{1bca0}",
            "\u{1d173}",
            "\u{e000}",
            "\u{e0001}",
            "\u{f0000}",
            "\u{10ffff}",
            "\u{7f}\u{9b}",
        ] {
            let seen = shown(&format!("q{}b", hidden.repeat(50)), 80);
            assert!(["qb", "q b"].contains(&seen.as_str()), "{seen:?}");
        }
        assert_eq!(shown("Jürgen שלום 日本", 80), "Jürgen שלום 日本");
    }

    #[test]
    fn a_letter_carries_two_marks_of_a_script_that_needs_them_and_no_more() {
        for (script, word) in [
            ("Thai", "ที่นี่"),
            ("Lao", "ນ້ຳ ໃຫ້"),
            ("Hebrew", "שָׁלוֹם"),
            ("Arabic", "مُحَمَّد"),
            ("Devanagari", "क्ष्मी"),
            ("Korean, taken apart", "\u{1112}\u{1161}\u{11ab}"),
        ] {
            assert_eq!(shown(word, 80), word, "{script}");
            assert_eq!(shown_line(word, 80), word, "{script}");
        }
        for mark in ["\u{e48}", "\u{5b8}", "\u{64f}", "\u{94d}", "\u{1161}", "\u{489}"] {
            let [one, many] = [1, 50].map(|times| mark.repeat(times));
            let bounded = format!("a{one}{one} b");
            assert_eq!(shown(&format!("a{many} {many}b"), 80), bounded, "{mark:?}");
            assert_eq!(shown_line(&format!("a{many} {many}b"), 80), bounded, "{mark:?}");
            assert_eq!(shown(&format!("{many}b"), 80), "b", "{mark:?}: on what is before it");
        }
    }

    /// Letters, gaps, and marks of many scripts, the hidden ones too.
    fn any_text() -> impl Strategy<Value = String> {
        let marks = prop::sample::select(vec![
            '\u{e31}', '\u{e48}', '\u{5b0}', '\u{5c1}', '\u{64b}', '\u{651}', '\u{670}', '\u{93e}',
            '\u{94d}', '\u{f71}', '\u{17d2}', '\u{1161}', '\u{11ab}', '\u{301}', '\u{489}',
            '\u{200d}', '\u{fe0f}',
        ]);
        let letters = prop::sample::select(vec!['a', 'ก', 'ש', 'م', 'क', 'ᄒ', ' ', '"', '\t']);
        let any = prop_oneof![4 => marks, 2 => letters, 1 => any::<char>()];
        prop::collection::vec(any, 0..60).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_letter_carries_more_marks_than_two_whatever_comes(raw in any_text(), max in 0_usize..60) {
            for seen in [shown(&raw, max), shown_line(&raw, max)] {
                prop_assert!(seen.chars().count() <= max);
                prop_assert!(seen.chars().all(is_visible));
                // As if the text began behind a letter that has all of its marks.
                let (mut marks, mut letter) = (MARKS, ' ');
                for c in seen.chars() {
                    if is_mark(c) {
                        marks += 1;
                    } else {
                        (marks, letter) = (if c == ' ' { MARKS } else { 0 }, c);
                    }
                    prop_assert!(marks <= MARKS, "{marks} marks on {letter:?}");
                }
            }
        }
    }

    #[test]
    fn letters_that_come_apart_are_put_together() {
        assert_eq!(shown("Man\u{303}ana", 80), "Mañana");
        assert_eq!(shown("Ma\u{303}", 80), "Mã");
        assert_eq!(shown("Ju\u{308}rgen Mu\u{308}ller", 80), "Jürgen Müller");
        assert_eq!(shown("Vie\u{323}\u{302}t", 80), "Việt");
        assert_eq!(shown_line("  Zu\u{308}rich\u{7}", 80), "  Zürich");
        // Bounded as before, and a mark alone, at a gap, or on what it makes no letter with is
        // dropped.
        assert_eq!(shown("e\u{301}e\u{301}e\u{301}", 3), "ééé");
        assert_eq!(shown("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", 4), "é...");
        assert_eq!(shown_line("e\u{301}e\u{301}e\u{301}", 2), "");
        for (raw, seen) in [
            ("\u{303}a", "a"),
            ("n \u{303}a", "n a"),
            ("x\u{303}", "x"),
            ("n\u{303}\u{303}\u{303}", "ñ"),
            ("=\u{338}", "≠"),
            ("a\u{202e}\u{303}b", "ãb"),
            ("n\u{e0303}", "n"),
        ] {
            assert_eq!(shown(raw, 80), seen, "{raw:?}");
        }
    }

    #[test]
    fn a_line_keeps_its_spaces_and_nothing_that_hides() {
        assert_eq!(shown_line("    \"a\":  1,\u{9b}\u{202e}\n", 80), "    \"a\":  1,");
        assert_eq!(shown_line(&"x".repeat(12), 10), "xxxxxxx...");
        assert_eq!(shown_line("exactly ten", 11), "exactly ten");
    }

    #[test]
    fn server_text_is_bounded_and_says_that_it_was_cut() {
        assert_eq!(shown(&"x".repeat(100), 10), "xxxxxxx...");
        assert_eq!(shown("exactly ten", 11), "exactly ten");
        assert_eq!(shown("ééééé", 5), "ééééé");
        assert_eq!(shown("éééééé", 5), "éé...");
    }
}
