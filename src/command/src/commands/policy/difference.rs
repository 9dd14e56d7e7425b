//! The difference between a policy set as it is and as it would be, for people.
#![forbid(unsafe_code)]

use crate::tenant::admin::Block;
use countersign::tenant::text::shown_line;
use similar::TextDiff;

use super::policy_sets::harmless;

/// Room for one line, in characters.
const LINE: usize = 400;

/// A unified diff of both, line by line harmless; empty where there is no difference.
pub fn between(is: &Block, would_be: &Block) -> String {
    let (is_text, would_be_text) = (text(is), text(would_be));
    let diff = TextDiff::from_lines(&is_text, &would_be_text);
    let path = harmless(&is.path());
    let mut unified = diff.unified_diff();
    let unified = unified
        .context_radius(3)
        .header(&format!("{path} as it is"), &format!("{path} as it would be"))
        .to_string();
    let lines: Vec<_> = unified.lines().map(|line| shown_line(line, LINE)).collect();
    lines.join("\n")
}

fn text(block: &Block) -> String {
    let mut text = block.json().pretty();
    text.push('\n');
    text
}
