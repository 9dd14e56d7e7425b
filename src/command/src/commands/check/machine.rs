//! The computer as `check` looks at it, and what was found so far.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use countersign::policy::{Policy, Settings};

use super::configuration::read;
use super::finding::Report;
use super::reading::Reading;
use super::services;
use crate::machine::root::Root;

/// What each check looks at, and adds its findings to.
pub struct Machine {
    pub root: Root,
    /// The services that name the module in their authentication.
    pub named: BTreeSet<String>,
    pub report: Report,
    /// The configuration of services that name none.
    usual: PathBuf,
    /// Each configuration is read once, and its faults are reported then.
    known: RefCell<BTreeMap<PathBuf, Option<Rc<Policy>>>>,
}

impl Machine {
    pub fn new(root: Root, usual: PathBuf) -> Self {
        Self {
            named: services::named(&root),
            root,
            report: Report::default(),
            usual,
            known: RefCell::default(),
        }
    }

    /// Returns the configurations that count: each that the stack of a service names, or the usual
    /// one if no service names the module; and the one that the administrator asks about.
    pub fn policies(&self, wanted: Option<&Path>) -> Vec<Rc<Policy>> {
        let services = self.named.iter();
        let named = services.map(|service| services::config(&self.root, service));
        let mut paths: BTreeSet<_> =
            named.map(|path| path.unwrap_or_else(|| self.usual.clone())).collect();
        if paths.is_empty() {
            paths.insert(self.usual.clone());
        }
        paths.extend(wanted.map(Path::to_owned));
        paths.iter().filter_map(|path| self.policy(Some(path))).collect()
    }

    /// Returns the configuration at this place, or the usual one; `None` if it can't be used.
    pub fn policy(&self, path: Option<&Path>) -> Option<Rc<Policy>> {
        let path = path.unwrap_or(&self.usual);
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let reading = Reading { root: &self.root, report: &self.report };
        let policy = read(&reading, path).map(Rc::new);
        self.known.borrow_mut().insert(path.to_owned(), policy.clone());
        policy
    }

    /// Returns the configuration that the stack of a service names.
    pub fn policy_of(&self, service: &str) -> Option<Rc<Policy>> {
        self.policy(services::config(&self.root, service).as_deref())
    }

    /// Returns what that configuration says of the service.
    pub fn settings_of(&self, service: &str) -> Option<Settings> {
        self.policy_of(service).map(|policy| policy.for_service(service).clone())
    }
}
