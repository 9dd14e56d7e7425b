//! The file of names, read piece by piece: it can be larger than a login may grow.
#![forbid(unsafe_code)]

use std::io::Read;
use std::path::Path;

use crate::os::{Secrecy, Trusted};
use crate::policy::{ListFailed, Search};

/// Bytes of a piece. No line is longer.
const PIECE: usize = 64 * 1024;
/// A million names fit into this, in bytes.
pub const LONGEST_LIST: u64 = 64 * 1024 * 1024;

/// What the file says of a name.
pub(super) fn look_up(path: &Path, name: &str) -> Result<Option<String>, ListFailed> {
    let failed = |problem: String| ListFailed { problem };
    let file = Trusted::default().open(path, Secrecy::Public, LONGEST_LIST);
    let mut file = file.map_err(|problem| failed(problem.to_string()))?.file();
    search(&mut file, name).map_err(|problem| failed(format!("{}: {problem}", path.display())))
}

fn search(file: &mut impl Read, name: &str) -> Result<Option<String>, String> {
    let mut search = Search::for_name(name);
    let mut buffer = vec![0; PIECE];
    let mut kept = 0;
    loop {
        let room = buffer.get_mut(kept..).unwrap_or_default();
        if room.is_empty() {
            return Err(format!("a line is longer than {PIECE} bytes"));
        }
        let count = file.read(room).map_err(|error| error.to_string())?;
        let filled = buffer.get(..kept + count).unwrap_or_default();
        if count == 0 {
            search.feed(filled)?;
            return Ok(search.found());
        }
        let whole = filled.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| at + 1);
        if whole > 0 {
            search.feed(filled.get(..whole).unwrap_or_default())?;
        }
        buffer.copy_within(whole..kept + count, 0);
        kept = kept + count - whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_across_two_pieces_is_found_and_one_without_an_end_is_an_error() {
        for before in [PIECE - 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE - 5] {
            let mut text = "x\ty\n".repeat(before / 4 + 1).into_bytes();
            text.truncate(before);
            text.extend_from_slice(b"\nalice\ta@x.test\n");
            let found = search(&mut text.as_slice(), "alice");
            assert_eq!(found, Ok(Some("a@x.test".to_owned())), "{before}");
        }
        let endless = vec![b'a'; 2 * PIECE];
        assert!(search(&mut endless.as_slice(), "alice").is_err());
        assert_eq!(search(&mut [].as_slice(), "alice"), Ok(None));
    }
}
