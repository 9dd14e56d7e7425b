//! One key of the configuration: written where the file has it, or in place of the comment that
//! shows it.
#![forbid(unsafe_code)]

use toml_edit::{DocumentMut, Item, Table, value};

/// Gives a key of a table, such as `users.names`, this text. Comments stay, but no comment of that
/// table shows the key any more: who took the `#` away later would give the key twice.
pub fn put(document: &mut DocumentMut, table: &str, key: &str, text: &str) {
    let item = table.split('.').try_fold(document.as_item(), |item, name| item.get(name));
    let there = item.and_then(|item| item.get(key));
    if there.and_then(Item::as_str) == Some(text) {
        return;
    }
    let written = document.to_string();
    let shown = shown_in(&written, table, key);
    if let (None, Some(first)) = (there, shown.first()) {
        let line = format!("{key} = {}", value(text));
        if let Ok(edited) = replaced(&written, *first, &line).parse() {
            *document = edited;
            return without(document, table, key);
        }
    }
    set(document, table, key, text);
    without(document, table, key);
}

fn set(document: &mut DocumentMut, table: &str, key: &str, text: &str) {
    let mut item = document.as_item_mut();
    for name in table.split('.') {
        let Some(above) = item.as_table_like_mut() else {
            return;
        };
        item = above.entry(name).or_insert(Item::Table(Table::new()));
    }
    let Some(table) = item.as_table_like_mut() else {
        return;
    };
    match table.get_mut(key) {
        Some(there) => *there = value(text),
        None => {
            table.insert(key, value(text));
        }
    }
}

/// Takes every comment away that shows the key.
fn without(document: &mut DocumentMut, table: &str, key: &str) {
    let text = document.to_string();
    let shown = shown_in(&text, table, key);
    let kept = text.split_inclusive('\n').enumerate();
    let kept = kept.filter(|(number, _)| !shown.contains(number));
    let kept: String = kept.map(|(_, line)| line).collect();
    if let Ok(edited) = kept.parse() {
        *document = edited;
    }
}

/// The numbers, from 0, of the lines of a table that would set the key if they were no comments.
fn shown_in(text: &str, table: &str, key: &str) -> Vec<usize> {
    let mut is_within = false;
    let mut shown = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            is_within = header(line) == Some(table);
        }
        if is_within && shows(line, key) {
            shown.push(number);
        }
    }
    shown
}

/// The name of the table that a line begins.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    Some(name.trim())
}

/// `#key = ...`
fn shows(line: &str, key: &str) -> bool {
    let line = line.strip_prefix('#').map(|line| line.trim_start_matches('#').trim_start());
    let rest = line.and_then(|line| line.strip_prefix(key));
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The text with another line of this number.
fn replaced(text: &str, number: usize, line: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(at, old)| if at == number { line } else { old });
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::put;

    fn with(text: &str, table: &str, key: &str) -> String {
        let mut document = text.parse().unwrap();
        put(&mut document, table, key, "new");
        document.to_string()
    }

    #[test]
    fn a_comment_that_shows_the_key_gives_its_place_to_it() {
        let text = "[users]\n# why\n#template = \"x\"\n\n# more\n[other]\n#template = 1\n";
        let expected = "[users]\n# why\ntemplate = \"new\"\n\n# more\n[other]\n#template = 1\n";
        assert_eq!(with(text, "users", "template"), expected);
    }

    #[test]
    fn no_comment_shows_a_key_that_is_set() {
        for text in [
            "[users]\ntemplate = \"old\" # x\n# template = \"x\"\n##template=1\n",
            "[users]\n#template = 1\n#template = 2\n",
        ] {
            let written = with(text, "users", "template");
            let lines = written.lines().filter(|line| line.contains("template"));
            assert_eq!(lines.count(), 1, "{written}");
            assert!(written.contains("template = \"new\""), "{written}");
        }
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        let text = "[users]\ntemplate = \"old\"\n# a template = is written so\n#templates = 1\n[users.names]\n#template = \"x\"\n";
        assert_eq!(with(text, "users", "template"), text.replace("\"old\"", "\"new\""));
    }

    #[test]
    fn a_table_within_a_table_is_one_too() {
        let text = "[users]\n#root = \"x\"\n[users.names]\n# why\n#root = \"x\"\n";
        let expected = "[users]\n#root = \"x\"\n[users.names]\n# why\nroot = \"new\"\n";
        assert_eq!(with(text, "users.names", "root"), expected);
        assert_eq!(
            with("[tenant]\n", "users.names", "root"),
            "[tenant]\n\n[users]\n\n[users.names]\nroot = \"new\"\n"
        );
    }

    #[test]
    fn a_table_that_is_missing_is_made() {
        assert_eq!(with("", "users", "template"), "[users]\ntemplate = \"new\"\n");
        assert_eq!(with("users = {}\n", "users", "template"), "users = { template = \"new\" }\n");
    }
}
