//! What every subcommand starts from: the configuration, and the state that it names.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use countersign::local::State;
use countersign::os::{self, Secrecy};
use countersign::policy::{self, Policy};

use super::output::Problem;

/// No configuration is longer.
const MAX_CONFIG: u64 = 256 * 1024;

/// The configuration's place.
pub struct Context {
    config: PathBuf,
}

impl Context {
    pub fn new(config: PathBuf) -> Self {
        Self { config }
    }

    /// Where the configuration is.
    pub fn place(&self) -> &Path {
        &self.config
    }

    /// The configuration's place, from the root.
    pub fn path(&self) -> Result<String, Problem> {
        let path = std::path::absolute(&self.config).map_err(Problem::new)?;
        let text = path.into_os_string().into_string();
        text.map_err(|_| Problem::new("the configuration's path is not UTF-8"))
    }

    /// The policy, read as strictly as the module reads it.
    pub fn policy(&self) -> Result<Policy, Problem> {
        self.read().map(|(policy, _)| policy)
    }

    /// The same, and the file's content.
    pub fn read(&self) -> Result<(Policy, Vec<u8>), Problem> {
        let (path, bytes) = self.file()?;
        let policy = policy::parse(&bytes).map_err(|errors| {
            let lines = errors.to_string().replace('\n', "\n  ");
            Problem::new(format!("{}:\n  {lines}", path.display()))
                .hint("countersign.toml(5) describes every key")
        })?;
        Ok((policy, bytes))
    }

    /// The file's place and content.
    pub fn file(&self) -> Result<(PathBuf, Vec<u8>), Problem> {
        let path = std::path::absolute(&self.config).map_err(Problem::new)?;
        let bytes = os::read(&path, Secrecy::Public, MAX_CONFIG).map_err(|problem| {
            Problem::new(problem).hint("no login succeeds until this is mended")
        })?;
        Ok((path, bytes))
    }

    pub fn state(&self) -> Result<State, Problem> {
        State::open(self.policy()?.state_folder())
            .map_err(|problem| Problem::new(problem).hint("the state is root's: try sudo"))
    }
}
