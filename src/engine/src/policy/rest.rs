//! A configuration without its rules and names, written anew: what a login still parses of a large
//! one. It means what the file means, without comments.
#![forbid(unsafe_code)]

use toml::de::{DeTable, DeValue};

/// Writes a configuration that was read without an error, without the lists of rules and the tables
/// of names. `None` for a value that no configuration has.
pub(super) fn without_lists(text: &str) -> Option<String> {
    let tree = DeTable::parse(text).ok()?;
    let mut rest = String::new();
    write_table(&mut rest, &mut Vec::new(), tree.get_ref())?;
    Some(rest)
}

/// Writes a table with its header: first its own keys, for a header ends it, then the tables in it.
fn write_table<'t>(
    rest: &mut String,
    path: &mut Vec<&'t str>,
    table: &'t DeTable<'_>,
) -> Option<()> {
    if !path.is_empty() {
        let header: Vec<_> = path.iter().map(|key| quoted(key)).collect();
        rest.push_str(&format!("[{}]\n", header.join(".")));
    }
    let entries = || table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()));
    let entries = || entries().filter(|(key, _)| !is_list(path, key));
    let mut tables = Vec::new();
    for (key, value) in entries() {
        match value {
            DeValue::Table(table) => tables.push((key, table)),
            value => rest.push_str(&format!("{} = {}\n", quoted(key), written(value)?)),
        }
    }
    for (key, table) in tables {
        path.push(key);
        write_table(rest, path, table)?;
        path.pop();
    }
    Some(())
}

/// Returns whether a key is one of those that hold rules or names.
fn is_list(path: &[&str], key: &str) -> bool {
    let within = match path {
        ["service", _, within @ ..] => within,
        within => within,
    };
    match within {
        [] => ["require", "exempt"].contains(&key),
        ["users"] => ["names", "keys"].contains(&key),
        _ => false,
    }
}

fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(quoted(text)),
        DeValue::Integer(number) => {
            let prefix = match number.radix() {
                2 => "0b",
                8 => "0o",
                16 => "0x",
                _ => "",
            };
            Some(format!("{prefix}{}", number.as_str()))
        }
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| written(item.get_ref())).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut string = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => string.extend(['\\', c]),
            c if c.is_control() => string.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => string.push(c),
        }
    }
    string.push('"');
    string
}
