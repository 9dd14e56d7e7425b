//! A folder of root's own for files that are thrown away again.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use countersign::os;

use crate::ui::output::Problem;

/// The folder; dropping it removes it with all that is in it.
pub struct Scratch(String);

impl Scratch {
    /// Makes it in `/run`, closed to all others.
    pub fn new() -> Result<Self, Problem> {
        let number = os::random().map_err(Problem::new)?;
        let place = format!("/run/countersign-setup.{number:016x}");
        let made = fs::DirBuilder::new().mode(0o700).create(&place);
        made.map_err(|error| Problem::new(format!("{place}: {error}")).hint("try sudo"))?;
        Ok(Self(place))
    }

    /// Its path.
    pub fn place(&self) -> &str {
        &self.0
    }

    /// Its path, as programs of the standard library take one.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
