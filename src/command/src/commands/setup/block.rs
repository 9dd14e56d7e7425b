//! The lines of a file that are ours: between two marks, and nothing outside of them is touched.
#![forbid(unsafe_code)]

const BEGIN: &str = "# BEGIN countersign: `countersign unsetup` takes this out";
const END: &str = "# END countersign";

/// The lines between the marks and the marks themselves, with their place, if there is a block.
fn span(text: &str) -> Option<(usize, usize)> {
    let start = line_start(text, BEGIN)?;
    let rest = text.get(start..)?;
    let end = start + line_start(rest, END)?;
    let after = text.get(end..)?.find('\n').map_or(text.len(), |at| end + at + 1);
    Some((start, after))
}

fn line_start(text: &str, line: &str) -> Option<usize> {
    let mut at = 0;
    for candidate in text.split_inclusive('\n') {
        if candidate.trim_end() == line {
            return Some(at);
        }
        at += candidate.len();
    }
    None
}

/// The block, marks included.
pub fn of(text: &str) -> Option<&str> {
    let (start, end) = span(text)?;
    text.get(start..end)
}

/// A block of these lines.
pub fn made_of(lines: &str) -> String {
    format!("{BEGIN}\n{lines}{END}\n")
}

/// The text with another block in the old one's place, or with none.
pub fn replaced(text: &str, block: Option<&str>) -> String {
    match span(text) {
        Some((start, end)) => {
            let (before, after) = (text.get(..start), text.get(end..));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            format!("{before}{}{after}", block.unwrap_or_default())
        }
        None => text.to_owned(),
    }
}

/// The text with the block at this place, in front of whatever stands there.
pub fn inserted(text: &str, at: usize, block: &str) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    // A last line without an end is one all the same.
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{gap}{block}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_goes_in_and_comes_out_and_leaves_no_trace() {
        let text = "one\ntwo\n";
        for at in [0, 4, 8] {
            let with = inserted(text, at, &made_of("three\n"));
            assert_eq!(of(&with), Some(made_of("three\n").as_str()));
            assert_eq!(replaced(&with, None), text);
            let other = made_of("four\n");
            assert_eq!(of(&replaced(&with, Some(&other))), Some(other.as_str()));
        }
    }

    #[test]
    fn what_was_written_around_a_block_stays() {
        let with = inserted("one\ntwo\n", 4, &made_of("three\n"));
        let edited = with.replace("two", "2").replace("one", "1");
        assert_eq!(replaced(&edited, None), "1\n2\n");
    }

    #[test]
    fn a_mark_alone_is_no_block() {
        for text in [BEGIN, END, "", "# END countersign\nx\n"] {
            assert_eq!(of(text), None);
            assert_eq!(replaced(text, None), text);
        }
    }
}
