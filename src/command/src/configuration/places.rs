//! Where in the configuration a rule or a key stands.
#![forbid(unsafe_code)]

use countersign::policy::{self, Setting};

/// Which list a rule is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `[[exempt]]`
    Exempt,
    /// `[[require]]`
    Require,
}

impl List {
    /// The key of the list.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            List::Exempt => "exempt",
            List::Require => "require",
        }
    }
}

/// The file, key by key.
pub struct Places {
    settings: Vec<Setting>,
    /// The service's own tables, as the file spells it.
    own: Option<String>,
}

impl Places {
    pub fn new(bytes: &[u8], service: &str) -> Self {
        let settings = policy::outline(bytes);
        let wanted = policy::key("service", service);
        let mut paths = settings.iter().map(|setting| &setting.path);
        let own = paths.find(|path| path.eq_ignore_ascii_case(&wanted)).cloned();
        Self { settings, own }
    }

    /// The path and the line of a key that holds for the service: its own, or the file's.
    pub fn of(&self, path: &str) -> Option<(String, usize)> {
        let own = self.own.as_ref().map(|own| format!("{own}.{path}"));
        let paths = own.into_iter().chain([path.to_owned()]);
        paths.filter_map(|path| self.line(&path).map(|line| (path, line))).next()
    }

    /// The line of a rule. A service's own list stands in place of the file's.
    pub fn rule(&self, list: List, position: usize) -> Option<usize> {
        let key = list.key();
        let own = self.own.as_ref().map(|own| format!("{own}.{key}"));
        let own = own.filter(|own| self.line(&format!("{own}[1]")).is_some());
        let list = own.unwrap_or_else(|| key.to_owned());
        self.line(&format!("{list}[{position}]"))
    }

    fn line(&self, path: &str) -> Option<usize> {
        let found = self.settings.iter().find(|setting| setting.path == path);
        found.map(|setting| setting.line)
    }
}
