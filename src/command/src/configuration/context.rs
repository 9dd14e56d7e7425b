//! What every subcommand starts from: the configuration, and the state that it names.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use countersign::host::CONFIG;
use countersign::local::State;
use countersign::os::{self, Secrecy};
use countersign::policy::{self, Policy};

use crate::ui::output::Problem;

/// What to do on a machine where no setup has been.
const NOT_SET_UP: &str = "this machine is not set up yet: sudo countersign setup";

/// What to do about a configuration that is wrong: the one that `make install` leaves names no
/// tenant.
pub fn remedy(errors: &policy::Errors) -> &'static str {
    let is_empty = |error: &policy::Error| {
        error.key() == "tenant.url" && error.to_string().contains("set it to the address")
    };
    let is_new = errors.iter().all(is_empty);
    if is_new { NOT_SET_UP } else { "countersign.toml(5) describes every key" }
}

/// The configuration's place.
pub struct Context {
    named: Option<PathBuf>,
}

impl Context {
    /// The configuration that was named, or the usual one.
    pub fn new(named: Option<PathBuf>) -> Self {
        Self { named }
    }

    /// Where the configuration is.
    pub fn place(&self) -> &Path {
        self.named.as_deref().unwrap_or(Path::new(CONFIG))
    }

    /// Whether the administrator named it.
    pub fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// The configuration's place, from the root.
    pub fn path(&self) -> Result<String, Problem> {
        let path = std::path::absolute(self.place()).map_err(Problem::new)?;
        let text = path.into_os_string().into_string();
        text.map_err(|_| Problem::new("the configuration's path is not UTF-8"))
    }

    /// The policy, read as strictly as the module reads it.
    pub fn policy(&self) -> Result<Policy, Problem> {
        self.read().map(|(policy, _)| policy)
    }

    /// Reads the configuration, and returns its text too.
    pub fn read(&self) -> Result<(Policy, Vec<u8>), Problem> {
        let (path, bytes) = self.file()?;
        let policy = policy::parse(&bytes).map_err(|errors| {
            let lines = errors.to_string().replace('\n', "\n  ");
            Problem::new(format!("{}:\n  {lines}", path.display())).hint(remedy(&errors))
        })?;
        Ok((policy, bytes))
    }

    /// The file's place and content.
    pub fn file(&self) -> Result<(PathBuf, Vec<u8>), Problem> {
        let path = std::path::absolute(self.place()).map_err(Problem::new)?;
        let bytes = os::read(&path, Secrecy::Public, policy::LONGEST).map_err(|problem| {
            let hint =
                if path.exists() { "no login succeeds until this is mended" } else { NOT_SET_UP };
            Problem::new(problem).hint(hint)
        })?;
        Ok((path, bytes))
    }

    pub fn state(&self) -> Result<State, Problem> {
        State::open(self.policy()?.state_folder())
            .map_err(|problem| Problem::new(problem).hint("the state is root's: try sudo"))
    }
}
