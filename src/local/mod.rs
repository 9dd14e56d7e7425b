//! What the machine itself remembers between logins: small files of root's, gone at boot.
//!
//! Time is counted from boot and nothing else, so a changed clock changes nothing; a record of another boot is void.
//! Whatever can't be read is never taken for empty: the caller is told, and goes on without what it would have allowed.
#![forbid(unsafe_code)]

pub mod budget;
pub mod memory;
pub mod offline;
pub mod token;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::os::{self, Folder, Trusted};

/// The largest of our files.
const MAX_FILE: u64 = 64 * 1024;
/// The format of the files. Another one is not guessed at.
const VERSION: u32 = 1;

/// The folder, and what time it is.
pub struct State {
    folder: Folder,
    boot: String,
    /// The time since boot, whenever it is asked: a login takes a while.
    clock: Box<dyn Fn() -> Duration>,
}

/// Why the state can't be used: which part of it, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(pub String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What every file has around its content.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    version: u32,
    boot: String,
    content: T,
}

impl State {
    /// Opens the folder, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// [`Unusable`] if it is in other hands, or can't be made: by a caller that is not root, for example.
    pub fn open(place: &Path) -> Result<Self, Unusable> {
        Self::open_knowing(&Trusted::default(), place)
    }

    /// The same, where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unusable> {
        let folder =
            Folder::open_knowing(trusted, place).map_err(|error| Unusable(error.to_string()))?;
        let boot = os::boot_id().map_err(|error| Unusable(format!("boot_id: {error}")))?;
        Ok(Self {
            folder,
            boot,
            clock: Box::new(os::boot_clock),
        })
    }

    /// Seconds since boot.
    #[must_use]
    pub fn now(&self) -> u64 {
        (self.clock)().as_secs()
    }

    /// A file's content; `None` if there is none, or one of an earlier boot.
    fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unusable> {
        let wrong = |problem: &str| {
            Unusable(format!(
                "{}/{name}: {problem}",
                self.folder.place().display()
            ))
        };
        let read = self
            .folder
            .read(name, MAX_FILE)
            .map_err(|error| wrong(&error.to_string()))?;
        let Some(bytes) = read else {
            return Ok(None);
        };
        let sealed: Sealed<T> =
            serde_json::from_slice(&bytes).map_err(|_| wrong("is damaged: remove it"))?;
        match sealed {
            Sealed {
                version: VERSION,
                boot,
                content,
            } if boot == self.boot => Ok(Some(content)),
            Sealed {
                version: VERSION, ..
            } => Ok(None),
            Sealed { .. } => Err(wrong("is of another version: remove it")),
        }
    }

    /// Reads, changes and writes one file, while nobody else does. `change` says whether there is anything to write.
    fn update<T: Serialize + DeserializeOwned + Default, R>(
        &self,
        name: &str,
        change: impl FnOnce(&mut T) -> (Change, R),
    ) -> Result<R, Unusable> {
        let wrong = |error: std::io::Error| {
            Unusable(format!("{}/{name}: {error}", self.folder.place().display()))
        };
        let locked = self.folder.lock().map_err(wrong)?;
        let mut content = self.load(name)?.unwrap_or_default();
        let (changed, result) = change(&mut content);
        let sealed = Sealed {
            version: VERSION,
            boot: self.boot.clone(),
            content,
        };
        match changed {
            Change::Write => {
                let bytes = serde_json::to_vec(&sealed);
                let bytes = bytes.map_err(|error| Unusable(error.to_string()))?;
                locked.replace_until_boot(name, &bytes).map_err(wrong)?;
            }
            Change::Remove => locked.remove(name).map_err(wrong)?,
            Change::None => {}
        }
        Ok(result)
    }

    /// Removes a file, whatever is in it.
    fn remove(&self, name: &str) -> Result<(), Unusable> {
        let removed = self.folder.lock().and_then(|locked| locked.remove(name));
        removed.map_err(|e| Unusable(format!("{}/{name}: {e}", self.folder.place().display())))
    }

    /// The files whose name begins so.
    fn names(&self, prefix: &str) -> Result<Vec<String>, Unusable> {
        let names = self.folder.names();
        let names =
            names.map_err(|e| Unusable(format!("{}: {e}", self.folder.place().display())))?;
        Ok(names
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .collect())
    }
}

/// What becomes of a file.
enum Change {
    Write,
    Remove,
    None,
}

/// A name for a file that belongs to `what`, which may be anything.
fn file_name(kind: &str, what: &str) -> String {
    format!("{kind}-{}", fingerprint(what.as_bytes()))
}

/// The first 16 bytes of the SHA-256, in hexadecimal.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hex(hash.as_ref().iter().take(16))
}

/// Bytes in hexadecimal, in lower case.
fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('?');
    let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

#[cfg(test)]
mod tests;
