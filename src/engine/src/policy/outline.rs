//! Where each setting stands in the file: its line, its path and its value as TOML. Judges nothing.
#![forbid(unsafe_code)]

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Findings;
use super::error::join;
use super::nesting::too_deep;

/// One key of the file, known or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The line, counted from 1.
    pub line: usize,
    /// The path as errors have it: `login.deadline`, `exempt[1].users`,
    /// `service.sudo.login.remember`.
    pub path: String,
    /// The value as TOML; `None` for a table.
    pub value: Option<String>,
}

impl Setting {
    /// Whether its own key is this one, whatever tables it is in.
    pub(super) fn is_named(&self, key: &str) -> bool {
        let own = join("", key);
        let list = self.path.strip_suffix(']');
        let list = list.and_then(|path| path.rsplit_once('['));
        let path = list.map_or(&*self.path, |(list, _)| list);
        let above = path.strip_suffix(own.as_str());
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    }
}

/// Every key of the file, in the order of the file. Of a file that is no TOML, what can be made
/// out.
#[must_use]
pub fn outline(bytes: &[u8]) -> Vec<Setting> {
    let text = String::from_utf8_lossy(bytes);
    if too_deep(&text).is_some() {
        return Vec::new();
    }
    let findings = Findings::new(&text);
    let (tree, _) = DeTable::parse_recoverable(&text);
    let mut settings = Vec::new();
    add_table(tree.get_ref(), "", &findings, &mut settings);
    settings.sort_by_key(|setting| setting.line);
    settings
}

/// `key` below `path`, as [`Setting::path`] has it.
#[must_use]
pub fn key(path: &str, key: &str) -> String {
    join(path, key)
}

fn add_table(table: &DeTable<'_>, path: &str, findings: &Findings, settings: &mut Vec<Setting>) {
    for (name, value) in table {
        let path = join(path, name.get_ref());
        let line = findings.line(name.span().start);
        add(value.get_ref(), path, line, findings, settings);
    }
}

fn add(
    value: &DeValue<'_>,
    path: String,
    line: usize,
    findings: &Findings,
    settings: &mut Vec<Setting>,
) {
    match (value, tables_of(value)) {
        (DeValue::Table(table), _) => {
            add_table(table, &path, findings, settings);
            let value = None;
            settings.push(Setting { line, path, value });
        }
        (_, Some(tables)) => {
            for (position, (table, start)) in tables.into_iter().enumerate() {
                let path = format!("{path}[{}]", position + 1);
                add_table(table, &path, findings, settings);
                let (line, value) = (findings.line(start), None);
                settings.push(Setting { line, path, value });
            }
        }
        (value, None) => {
            let value = Some(written(value));
            settings.push(Setting { line, path, value });
        }
    }
}

/// The tables of a list of tables, with where they begin.
fn tables_of<'v, 't>(value: &'v DeValue<'t>) -> Option<Vec<(&'v DeTable<'t>, usize)>> {
    let items = value.as_array()?;
    let tables = items.iter().map(|item: &Spanned<DeValue<'t>>| {
        let table = item.get_ref().as_table()?;
        Some((table, item.span().start))
    });
    let tables: Option<Vec<_>> = tables.collect();
    tables.filter(|tables| !tables.is_empty())
}

fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| written(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(_) => "{...}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let settings = outline(text.as_bytes()).into_iter();
        settings.map(|s| format!("{} {} {}", s.line, s.path, s.value.unwrap_or_default())).collect()
    }

    #[test]
    fn each_key_is_found_with_its_line_its_path_and_its_value() {
        let text = "[tenant]\nurl = 'https://x'\n\n[users.names]\n\"a b\" = \"c\"\n[[exempt]]\nusers = ['x', \"y\"]\nuntil = 2026-01-31\n\
            [[exempt]]\nname = 'z'\n[service.sudo.login]\nattempts = 0x3\nfederated = true\n";
        assert_eq!(
            shown(text),
            [
                "1 tenant ",
                "2 tenant.url \"https://x\"",
                "4 users.names ",
                "4 users ",
                "5 users.names.\"a b\" \"c\"",
                "6 exempt[1] ",
                "7 exempt[1].users [\"x\", \"y\"]",
                "8 exempt[1].until 2026-01-31",
                "9 exempt[2] ",
                "10 exempt[2].name \"z\"",
                "11 service.sudo.login ",
                "11 service.sudo ",
                "11 service ",
                "12 service.sudo.login.attempts 3",
                "13 service.sudo.login.federated true",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_toml_is_outlined_as_far_as_it_goes() {
        assert_eq!(shown("[push]\ncount = 3\n?\n").first().unwrap(), "1 push ");
        assert_eq!(shown("\u{0}"), [""; 0]);
    }
}
