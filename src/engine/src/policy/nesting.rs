//! How deep a text nests, looked at before it is parsed: the parser calls itself, and a caller's
//! stack can be small.
#![forbid(unsafe_code)]

/// Lists and inline tables in each other; no setting needs more than six.
const DEEPEST: usize = 16;

/// The byte where a text nests too deep.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '#', '[', '{', ']', '}']) {
        let from = rest.get(at..)?;
        match from.as_bytes().first() {
            Some(b'[' | b'{') if depth == DEEPEST => return Some(text.len() - from.len()),
            Some(b'[' | b'{') => depth += 1,
            Some(b']' | b'}') => depth = depth.saturating_sub(1),
            Some(_) | None => {}
        }
        rest = behind(from);
    }
    None
}

/// What comes behind a bracket, a comment or a string. One that is not closed ends with its line,
/// or with the text.
fn behind(from: &str) -> &str {
    let strings =
        [("\"\"\"", "", true), ("'''", "", false), ("\"", "\n", true), ("'", "\n", false)];
    let string = strings.into_iter().find(|(quote, _, _)| from.starts_with(quote));
    if let Some((quote, end, escapes)) = string {
        return behind_string(from.get(quote.len()..).unwrap_or(""), quote, end, escapes);
    }
    match from.strip_prefix('#') {
        Some(comment) => comment.split_once('\n').map_or("", |(_, next)| next),
        None => from.get(1..).unwrap_or(""),
    }
}

fn behind_string<'t>(mut inside: &'t str, quote: &str, end: &str, escapes: bool) -> &'t str {
    loop {
        if let Some(next) = inside.strip_prefix(quote) {
            return next;
        }
        let mut characters = inside.chars();
        match characters.next() {
            None => return "",
            Some(c) if end.contains(c) => return inside,
            Some('\\') if escapes => drop(characters.next()),
            Some(_) => {}
        }
        inside = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn sixteen_levels_are_enough() {
        assert_eq!(too_deep(&"[".repeat(16)), None);
        assert_eq!(too_deep(&"[{".repeat(9)), Some(16));
        assert_eq!(too_deep(&"[]".repeat(100)), None);
        assert_eq!(too_deep(&"]".repeat(100)), None);
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(20);
        for text in [
            format!("# {many}"),
            format!("a = \"{many}\""),
            format!("a = \"\\\"{many}\""),
            format!("a = '{many}'"),
            format!("a = '''\n'{many}'''"),
            format!("a = \"\"\"\n\\\"\"\"{many}\"\"\""),
        ] {
            assert_eq!(too_deep(&text), None, "{text}");
            assert!(too_deep(&format!("{text}\nb = {many}")).is_some(), "{text}");
        }
    }

    #[test]
    fn a_string_that_is_not_closed_hides_no_more_than_its_line() {
        let many = "[".repeat(20);
        assert_eq!(too_deep(&format!("a = '\n{many}")), Some(22));
        assert_eq!(too_deep(&format!("a = \"\\\n{many}")), None);
        assert_eq!(too_deep(&format!("a = \"\"\"\n{many}")), None);
    }
}
