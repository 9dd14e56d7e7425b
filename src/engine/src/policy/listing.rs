//! The file of names, `users.names_file`: one line a person, `local-name<TAB>name-in-the-tenant`,
//! in any order.
//!
//! A login looks for its own line and reads no other: what is wrong elsewhere is for `countersign
//! check`.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;

use memchr::memmem::Finder;

use super::error::quoted;
use super::value::{is_clean, is_tenant_name};

/// The file of names can't be used for this name. That is never a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFailed {
    /// The file and what is wrong with it.
    pub problem: String,
}

impl fmt::Display for ListFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

/// Looks for the line of one name, in pieces of the file that each hold whole lines.
pub struct Search {
    /// What stands at the beginning of the line.
    start: Vec<u8>,
    /// The same behind the line before; none for a name that no line can have.
    finder: Option<Finder<'static>>,
    is_first: bool,
    found: Option<String>,
}

impl Search {
    /// For a local name.
    #[must_use]
    pub fn for_name(name: &str) -> Self {
        let start = format!("{name}\t").into_bytes();
        let possible = !name.is_empty() && !name.starts_with('#') && !name.contains(['\t', '\n']);
        let finder = possible.then(|| Finder::new(&format!("\n{name}\t")).into_owned());
        Self { start, finder, is_first: true, found: None }
    }

    /// The next whole lines.
    ///
    /// # Errors
    ///
    /// The name stands there twice, or what stands beside it is no name in the tenant.
    pub fn feed(&mut self, lines: &[u8]) -> Result<(), String> {
        if std::mem::take(&mut self.is_first) && lines.starts_with(BYTE_ORDER_MARK) {
            return Err("it begins with a byte order mark".to_owned());
        }
        let Some(finder) = self.finder.take() else {
            return Ok(());
        };
        if lines.starts_with(&self.start) {
            self.take(lines)?;
        }
        for at in finder.find_iter(lines) {
            self.take(lines.get(at + 1..).unwrap_or_default())?;
        }
        self.finder = Some(finder);
        Ok(())
    }

    /// The name in the tenant, at the end.
    #[must_use]
    pub fn found(self) -> Option<String> {
        self.found
    }

    /// What stands behind the name, to the end of the line.
    fn take(&mut self, from: &[u8]) -> Result<(), String> {
        let value = from.get(self.start.len()..).unwrap_or_default();
        let value = value.split(|byte| *byte == b'\n').next();
        let name = String::from_utf8_lossy(&self.start).trim_end().to_owned();
        if self.found.is_some() {
            return Err(format!("{} is there twice", quoted(&name)));
        }
        let value = std::str::from_utf8(value.unwrap_or_default());
        let value = value.ok().filter(|value| is_mapped_name(value));
        let wrong = || format!("no name in the tenant beside {}", quoted(&name));
        self.found = Some(value.ok_or_else(wrong)?.to_owned());
        Ok(())
    }
}

/// As in `users.names`: a template has its own key.
fn is_mapped_name(value: &str) -> bool {
    is_tenant_name(value) && !value.contains(['{', '}'])
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Everything that is wrong with a file of names, with the line.
#[must_use]
pub fn faults(text: &[u8]) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        match entry(line) {
            Ok(None) => {}
            Ok(Some(name)) => {
                if let Some(first) = known.insert(name, number) {
                    faults.push((number, format!("{} is in line {first} already", quoted(name))));
                }
            }
            Err(problem) => faults.push((number, problem)),
        }
    }
    faults
}

/// The local name of a line; none in an empty one and in a comment.
fn entry(line: &[u8]) -> Result<Option<&str>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "not UTF-8 text".to_owned())?;
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let expected = || {
        let found = quoted(line);
        format!("expected a local name, a tab and a name in the tenant, found {found}")
    };
    let (name, value) = line.split_once('\t').ok_or_else(expected)?;
    let is_whole = !name.is_empty() && is_clean(name) && is_mapped_name(value);
    is_whole.then_some(Some(name)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(pieces: &[&str], name: &str) -> Result<Option<String>, String> {
        let mut search = Search::for_name(name);
        pieces.iter().try_for_each(|piece| search.feed(piece.as_bytes()))?;
        Ok(search.found())
    }

    #[test]
    fn a_name_is_found_wherever_its_line_is() {
        let pieces =
            ["# people\nalice\ta@x.test\nbob\tb@x.test\n", "carol\tc@x.test\n", "dan\td@x.test"];
        for (name, found) in [
            ("alice", Some("a@x.test")),
            ("bob", Some("b@x.test")),
            ("carol", Some("c@x.test")),
            ("dan", Some("d@x.test")),
            ("lice", None),
            ("ALICE", None),
            ("a@x.test", None),
            ("# people", None),
            ("", None),
            ("alice\ta@x.test\nbob", None),
        ] {
            assert_eq!(look_up(&pieces, name), Ok(found.map(str::to_owned)), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_or_beside_nothing_is_an_error_for_that_name_alone() {
        for pieces in [&["bob\tb\nbob\tb\n"][..], &["bob\tb\n", "bob\tc\n"]] {
            assert_eq!(look_up(pieces, "bob"), Err("\"bob\" is there twice".into()));
            assert_eq!(look_up(pieces, "alice"), Ok(None));
        }
        for line in ["bob\t\n", "bob\tb\r\n", "bob\tb b\n", "bob\tb\tc\n", "bob\t{user}\n"] {
            let said = "no name in the tenant beside \"bob\"";
            assert_eq!(look_up(&[line], "bob"), Err(said.into()), "{line:?}");
        }
        assert!(look_up(&["\u{feff}alice\ta\n"], "bob").is_err());
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "alice\ta\n\n# x\nbob b\nalice\tc\n\tc\ncarol\tc\r\n";
        let faults = faults(text.as_bytes());
        let lines: Vec<_> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 6, 7]);
        assert_eq!(faults[1].1, "\"alice\" is in line 1 already");
        assert!(super::faults(b"alice\ta\n").is_empty());
        assert_eq!(super::faults(b"a\xff\tb\n"), [(1, "not UTF-8 text".to_owned())]);
    }
}
