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
        for c in word.chars() {
            if !is_visible(c) {
                if !gap {
                    join(&mut clean, c);
                }
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
    for c in raw.chars() {
        if !is_visible(c) {
            join(&mut clean, c);
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

/// A mark becomes part of the letter before it, where the two are one character (Unicode's
/// canonical composition): an "n" and a tilde are an "ñ". All other marks are dropped, so that none
/// can be piled up.
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
