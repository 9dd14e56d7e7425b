//! The configuration, key by key: values that are right where they are, and no comments.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::policy::{self, Errors, Setting};

pub struct Configuration<'a> {
    path: &'a Path,
    settings: &'a [Setting],
    errors: Option<Errors>,
}

impl<'a> Configuration<'a> {
    pub fn new(path: &'a Path, bytes: &[u8], settings: &'a [Setting]) -> Self {
        Self { path, settings, errors: policy::parse(bytes).err() }
    }

    /// Of what is wrong, line and key: the rest of an error may repeat the value.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.path.display().to_string()];
        for error in self.errors.iter().flat_map(Errors::iter) {
            let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
            let key = match error.key() {
                "" => "not valid TOML",
                key => key,
            };
            lines.push(format!("wrong: {line}{key}"));
        }
        lines.extend(self.settings.iter().filter_map(|setting| {
            let value = setting.value.as_ref()?;
            let shown =
                if self.is_harmless(&setting.path) { &without_user(value) } else { "(left out)" };
            Some(format!("line {}: {} = {shown}", setting.line, setting.path))
        }));
        lines
    }

    /// A key that is known, with a value that passes. In a file that was not understood whole
    /// nothing does.
    fn is_harmless(&self, path: &str) -> bool {
        self.errors.as_ref().is_none_or(|errors| {
            let is_whole =
                errors.unlisted() == 0 && errors.iter().all(|error| !error.key().is_empty());
            is_whole && errors.iter().all(|error| !concerns(error.key(), path))
        })
    }
}

/// An address without the user before its host, where people put passwords too.
fn without_user(value: &str) -> String {
    match (value.split_once("://"), value.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://(left out)@{host}"),
        (Some(_) | None, None) | (None, Some(_)) => value.to_owned(),
    }
}

/// The error is about this key, about something in it, or about a table that it is in.
fn concerns(error: &str, path: &str) -> bool {
    let is_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    is_in(error, path) || is_in(path, error)
}
