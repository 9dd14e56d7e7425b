//! What the machine itself remembers between logins: small files of root's, gone at boot.
//!
//! Nothing is locked, so that no process that its user stops holds up another one. What limits
//! a user is counted in place (`ledger`, `marks`) before anything is decided by it; what allows
//! something is a file that is made whole or not at all.
//!
//! Time is counted from boot and nothing else, so a changed clock changes nothing; a record of
//! another boot is void. Whatever can't be read is never taken for empty: the caller is told, and
//! goes on without what it would have allowed.
#![forbid(unsafe_code)]

pub mod budget;
mod ledger;
mod marks;
pub mod memory;
pub mod offline;
pub mod token;

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use ledger::{Ledger, Stamp};
pub use ledger::{Unmarked, Unusable};

use crate::os::{self, Folder, Trusted};

/// How the files are named, before what they are about.
const FILES: [&str; 3] = ["token-", "confirmed-", "pushes-"];
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
    /// The pushes that were looked at last, and their file's name: the first push of a login needs
    /// no second look.
    looked_at: RefCell<Option<(String, Ledger)>>,
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
    /// [`Unusable`] if it is in other hands, or can't be made: by a caller that is not root, for
    /// example.
    pub fn open(place: &Path) -> Result<Self, Unusable> {
        Self::open_knowing(&Trusted::default(), place)
    }

    /// Opens the folder where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unusable> {
        Folder::follow(place, &FILES);
        let folder =
            Folder::open_knowing(trusted, place).map_err(|error| Unusable(error.to_string()))?;
        let boot = os::boot_id().map_err(|error| Unusable(format!("boot_id: {error}")))?;
        Ok(Self { folder, boot, clock: Box::new(os::boot_clock), looked_at: RefCell::default() })
    }

    /// Seconds since boot.
    #[must_use]
    pub fn now(&self) -> u64 {
        (self.clock)().as_secs()
    }

    /// Reads a file; `None` if it is missing, or of an earlier boot.
    fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unusable> {
        self.load_from(&self.folder, name)
    }

    fn load_from<T: DeserializeOwned>(
        &self,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<T>, Unusable> {
        let wrong = |problem: &str| wrong(folder, name, &problem);
        let read = folder.read(name, MAX_FILE).map_err(|error| wrong(&error.to_string()))?;
        let Some(bytes) = read else {
            return Ok(None);
        };
        let sealed: Sealed<T> =
            serde_json::from_slice(&bytes).map_err(|_| wrong("is damaged: remove it"))?;
        match sealed {
            Sealed { version: VERSION, boot, content } if boot == self.boot => Ok(Some(content)),
            Sealed { version: VERSION, .. } => Ok(None),
            Sealed { .. } => Err(wrong("is of another version: remove it")),
        }
    }

    /// Writes one file, in place of what was there.
    fn store<T: Serialize>(&self, folder: &Folder, name: &str, content: T) -> Result<(), Unusable> {
        let sealed = Sealed { version: VERSION, boot: self.boot.clone(), content };
        let bytes = serde_json::to_vec(&sealed);
        let bytes = bytes.map_err(|error| Unusable(error.to_string()))?;
        let put = folder.put(name, &bytes);
        put.map_err(|error| wrong(folder, name, &error))
    }

    /// Removes a file, whatever is in it.
    fn remove(&self, name: &str) -> Result<(), Unusable> {
        let removed = self.folder.remove(name);
        removed.map_err(|error| self.wrong(name, &error))
    }

    fn stamp(&self) -> Stamp {
        Stamp::new(&self.boot, self.now(), 0)
    }

    fn wrong(&self, name: &str, error: &std::io::Error) -> Unusable {
        wrong(&self.folder, name, error)
    }

    /// The files whose name begins so.
    fn names(&self, prefix: &str) -> Result<Vec<String>, Unusable> {
        let names = self.folder.names();
        let names = names.map_err(|error| self.wrong("", &error))?;
        Ok(names.into_iter().filter(|name| name.starts_with(prefix)).collect())
    }
}

fn wrong(folder: &Folder, name: &str, problem: &dyn fmt::Display) -> Unusable {
    Unusable(format!("{}/{name}: {problem}", folder.place().display()))
}

/// A name for a file that belongs to `what`, which may be anything.
fn file_name(kind: &str, what: &str) -> String {
    format!("{kind}-{}", fingerprint(what.as_bytes()))
}

/// The first 16 bytes of the SHA-256, in hexadecimal.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    HEXLOWER.encode(hash.as_ref().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests;
