//! Walks the parsed file: a key is known because the code asked for it, and what is left over is an
//! error.
#![forbid(unsafe_code)]

use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Findings, join};
use super::value::{Checked, described};

/// A table of the file, or the place of a missing one.
///
/// When it goes, it reports the keys that the code did not ask for; so none can be forgotten.
pub(super) struct Table<'t> {
    path: Rc<str>,
    line: Option<usize>,
    entries: Option<&'t DeTable<'t>>,
    asked: Vec<&'static str>,
    findings: &'t Findings,
}

/// One key with its value.
pub(super) struct Entry<'t> {
    /// The path of its table.
    table: Rc<str>,
    key: &'t str,
    /// Which item of a list, from 1.
    item: Option<usize>,
    line: usize,
    value: &'t DeValue<'t>,
    findings: &'t Findings,
}

impl<'t> Table<'t> {
    /// The file itself.
    pub(super) fn root(entries: &'t DeTable<'t>, findings: &'t Findings) -> Self {
        Table {
            path: Rc::from(""),
            line: None,
            entries: Some(entries),
            asked: Vec::new(),
            findings,
        }
    }

    fn entry(&mut self, key: &'static str) -> Option<Entry<'t>> {
        self.asked.push(key);
        self.findings.known(key, &self.path);
        let (name, value) = self.entries?.get_key_value(key)?;
        Some(self.open(name, value))
    }

    fn open(
        &self,
        name: &'t Spanned<impl AsRef<str>>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Entry<'t> {
        Entry {
            table: self.path.clone(),
            key: name.get_ref().as_ref(),
            item: None,
            line: self.findings.line(name.span().start),
            value: value.get_ref(),
            findings: self.findings,
        }
    }

    /// Reads a key into its slot; what is absent or wrong leaves the slot as it is.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&DeValue<'_>) -> Checked<T>,
        slot: &mut T,
    ) {
        if let Some(value) = self.given(key, check) {
            *slot = value;
        }
    }

    /// Reads a key, if it is there and right.
    pub(super) fn given<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&DeValue<'_>) -> Checked<T>,
    ) -> Option<T> {
        self.entry(key)?.check(check)
    }

    /// Reads a list, each item with an error of its own.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&DeValue<'_>) -> Checked<T>,
    ) -> Option<Vec<T>> {
        let items = self.entry(key)?.items()?;
        Some(items.into_iter().filter_map(|item| item.check(&check)).collect())
    }

    /// A table inside this one; an empty one if it is not there.
    pub(super) fn table(&mut self, key: &'static str) -> Table<'t> {
        match self.entry(key) {
            Some(entry) => entry.into_table(),
            None => Table {
                path: join(&self.path, key).into(),
                line: self.line,
                entries: None,
                asked: Vec::new(),
                findings: self.findings,
            },
        }
    }

    /// The tables of `[[key]]`; none if there is no such key.
    pub(super) fn tables(&mut self, key: &'static str) -> Option<Vec<Table<'t>>> {
        let items = self.entry(key)?.items()?;
        Some(items.into_iter().map(Entry::into_table).collect())
    }

    /// Every key in the order of the file, where the administrator chooses their names.
    pub(super) fn entries(mut self) -> Vec<(&'t str, Entry<'t>)> {
        let named = self.entries.take().into_iter().flatten();
        let mut entries: Vec<(&str, Entry<'t>)> =
            named.map(|(name, value)| (name.get_ref().as_ref(), self.open(name, value))).collect();
        entries.sort_by_key(|(_, entry)| entry.line);
        entries
    }

    /// The key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// The key is there with a list that has nothing in it.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let value = self.entries.and_then(|entries| entries.get(key));
        value.and_then(|value| value.get_ref().as_array()).is_some_and(|items| items.is_empty())
    }

    /// Says what is wrong with a key, although its own value is right.
    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) {
        let span = self
            .entries
            .and_then(|entries| entries.get_key_value(key))
            .map(|(name, _)| name.span());
        let line = span.map_or(self.line, |span| Some(self.findings.line(span.start)));
        self.findings.wrong(line.unwrap_or(1), &join(&self.path, key), problem);
    }

    /// As [`Table::wrong`], about `key`, unless something is wrong with `cause` itself: one error
    /// is enough.
    pub(super) fn wrong_if_fine(&self, cause: &str, key: &str, problem: impl Into<String>) {
        if !self.has(cause) {
            self.wrong(key, problem);
        }
    }

    /// Says what is wrong with the whole table, if it is one.
    pub(super) fn wrong_altogether(&self, problem: impl Into<String>) {
        if self.entries.is_none() {
            return;
        }
        self.findings.wrong(self.line.unwrap_or(1), &self.path, problem);
    }

    /// Says that a key must be there.
    pub(super) fn missing(&self, key: &str, problem: &str) {
        let problem = format!("missing, {problem}");
        self.findings.missing(self.line, join(&self.path, key), problem);
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let Some(entries) = self.entries else { return };
        for name in entries.keys() {
            let key: &str = name.get_ref();
            if !self.asked.contains(&key) {
                let place = (self.findings.line(name.span().start), join(&self.path, key));
                self.findings.unknown(place, key, &self.asked);
            }
        }
    }
}

impl<'t> Entry<'t> {
    /// The value, if it passes.
    pub(super) fn check<T>(&self, check: impl Fn(&DeValue<'_>) -> Checked<T>) -> Option<T> {
        match check(self.value) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.wrong(problem);
                None
            }
        }
    }

    /// Says what is wrong here.
    pub(super) fn wrong(&self, problem: impl Into<String>) {
        self.findings.wrong(self.line, &self.path(), problem);
    }

    fn path(&self) -> String {
        let path = join(&self.table, self.key);
        match self.item {
            Some(number) => format!("{path}[{number}]"),
            None => path,
        }
    }

    fn items(&self) -> Option<Vec<Entry<'t>>> {
        let Some(items) = self.value.as_array() else {
            self.wrong(format!("expected a list, found {}", described(self.value)));
            return None;
        };
        let open = |(position, item): (usize, &'t Spanned<DeValue<'t>>)| Entry {
            table: self.table.clone(),
            key: self.key,
            item: Some(position + 1),
            line: self.findings.line(item.span().start),
            value: item.get_ref(),
            findings: self.findings,
        };
        Some(items.iter().enumerate().map(open).collect())
    }

    /// The table that stands here; an empty one if it is something else.
    pub(super) fn into_table(self) -> Table<'t> {
        let entries = self.value.as_table();
        if entries.is_none() {
            self.wrong(format!("expected a table, found {}", described(self.value)));
        }
        Table {
            path: self.path().into(),
            line: Some(self.line),
            entries,
            asked: Vec::new(),
            findings: self.findings,
        }
    }
}
