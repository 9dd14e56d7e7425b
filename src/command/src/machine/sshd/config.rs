//! sshd_config(5) and its drop-ins: which line sets what. The first value that is obtained wins.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::machine::root::Root;

pub const MAIN: &str = "/etc/ssh/sshd_config";
/// Files that include each other end here, as in sshd (`SERVCONF_MAX_DEPTH`).
const DEPTH: usize = 16;

/// A line that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub value: String,
    pub file: PathBuf,
    pub line: usize,
}

/// A line that counts for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    pub criteria: String,
    pub keyword: String,
    pub setting: Setting,
}

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// By keyword in lower case, the winner.
    pub settings: BTreeMap<String, Setting>,
    pub matched: Vec<Matched>,
}

impl Config {
    pub fn read(root: &Root) -> Self {
        let mut config = Config::default();
        config.file(root, Path::new(MAIN), &mut None, 0);
        config
    }

    fn file(&mut self, root: &Root, path: &Path, criteria: &mut Option<String>, depth: usize) {
        let Ok(text) = root.text(path) else { return };
        for (index, line) in text.lines().enumerate() {
            let Some((keyword, value)) = parsed(line) else {
                continue;
            };
            match keyword.as_str() {
                "include" if depth < DEPTH => {
                    for file in included(root, &value) {
                        // A Match in a file that is included ends with it.
                        self.file(root, &file, &mut criteria.clone(), depth + 1);
                    }
                }
                "match" if value.eq_ignore_ascii_case("all") => *criteria = None,
                "match" => *criteria = Some(value),
                _ => {
                    let setting = Setting { value, file: path.to_owned(), line: index + 1 };
                    self.take(criteria.as_ref(), keyword, setting);
                }
            }
        }
    }

    fn take(&mut self, criteria: Option<&String>, keyword: String, setting: Setting) {
        match criteria {
            Some(criteria) => {
                self.matched.push(Matched { criteria: criteria.clone(), keyword, setting })
            }
            None => {
                self.settings.entry(keyword).or_insert(setting);
            }
        }
    }
}

/// What a file says by itself, line by line: keywords in lower case, and their values.
pub fn settings(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines().filter_map(parsed)
}

/// Keyword, under the name that counts today, and value of a line; nothing of an empty one or a
/// comment.
fn parsed(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_ascii_whitespace() || c == '=')?;
    let (keyword, value) = line.split_at(end);
    let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '=');
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches('"').to_owned();
    let keyword = match keyword.to_ascii_lowercase().as_str() {
        "challengeresponseauthentication" | "skeyauthentication" => {
            "kbdinteractiveauthentication".to_owned()
        }
        keyword => keyword.to_owned(),
    };
    Some((keyword, value))
}

/// The files that an Include names, in order.
fn included(root: &Root, value: &str) -> Vec<PathBuf> {
    let patterns = value.split_ascii_whitespace();
    let files = patterns.flat_map(|pattern| {
        let path = Path::new("/etc/ssh").join(pattern.trim_matches('"'));
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let last = path.file_name().and_then(|name| name.to_str());
        let last = last.unwrap_or_default().to_owned();
        let names = root.names(&folder).into_iter();
        let fitting = names.filter(move |name| fits(name.as_bytes(), last.as_bytes()));
        let fitting: Vec<_> = fitting.map(|name| folder.join(name)).collect();
        fitting
    });
    files.collect()
}

/// Whether a name fits a pattern of `*` and `?`; a name with a dot in front needs one in the
/// pattern, as in glob(7).
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    let is_hidden = name.first() == Some(&b'.') && pattern.first() != Some(&b'.');
    !is_hidden && matches(name, pattern)
}

fn matches(name: &[u8], pattern: &[u8]) -> bool {
    match (name.split_first(), pattern.split_first()) {
        (None, None) => true,
        (_, Some((b'*', rest))) => {
            matches(name, rest)
                || name.split_first().is_some_and(|(_, others)| matches(others, pattern))
        }
        (Some((_, others)), Some((b'?', rest))) => matches(others, rest),
        (Some((letter, others)), Some((wanted, rest))) => letter == wanted && matches(others, rest),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_keyword_and_value_under_todays_name() {
        for (line, expected) in [
            ("UsePAM yes", Some(("usepam", "yes"))),
            ("  USEPAM = \"yes\" ", Some(("usepam", "yes"))),
            ("UsePAM=no # why", Some(("usepam", "no"))),
            ("ChallengeResponseAuthentication yes", Some(("kbdinteractiveauthentication", "yes"))),
            ("#UsePAM yes", None),
            ("", None),
            ("UsePAM", None),
        ] {
            let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(parsed(line), expected, "{line}");
        }
    }

    #[test]
    fn patterns_are_those_of_glob() {
        for (name, pattern, fit) in [
            ("10-x.conf", "*.conf", true),
            (".x.conf", "*.conf", false),
            ("x.conf~", "*.conf", false),
            ("a", "?", true),
            ("ab", "?", false),
            ("", "*", true),
        ] {
            assert_eq!(fits(name.as_bytes(), pattern.as_bytes()), fit, "{name} {pattern}");
        }
    }
}
