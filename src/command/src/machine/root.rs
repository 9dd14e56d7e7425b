//! The system that is looked at: this one, or a tree of files below a folder.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use countersign::os;

/// Links that lead to links are followed this far.
const LINKS: usize = 40;
/// No file of a system's configuration is longer.
const MAX_FILE: u64 = 1024 * 1024;

#[derive(Clone)]
pub struct Root(Option<PathBuf>);

impl Root {
    /// The system that runs.
    pub fn live() -> Self {
        Self(None)
    }

    /// The files below a folder, even if that is `/`.
    pub fn below(folder: &Path) -> io::Result<Self> {
        std::path::absolute(folder).map(|folder| Self(Some(folder)))
    }

    /// Whether it is the system that runs.
    pub fn is_live(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there is much of it that whoever asks may not read.
    pub fn is_closed(&self) -> bool {
        self.is_live() && os::real_uid() != 0
    }

    /// Where a path of that system is on this one.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        match &self.0 {
            Some(folder) => folder.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// The same the other way round, in what others say.
    pub fn without(&self, text: &str) -> String {
        match self.0.as_deref().and_then(Path::to_str) {
            Some(folder) if folder.len() > 1 => text.replace(folder, ""),
            Some(_) | None => text.to_owned(),
        }
    }

    /// The text of a file, a link of that system followed within it. What is no UTF-8 is taken as
    /// it comes.
    pub fn text(&self, path: &Path) -> io::Result<String> {
        let place = self.behind_links(path);
        let found = fs::metadata(&place)?;
        if !found.is_file() {
            return Err(io::Error::other("is no plain file"));
        }
        if found.len() > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(place).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.behind_links(path.as_ref()).exists()
    }

    /// The names in a folder, in order; none where it can't be read.
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        self.list(folder).unwrap_or_default()
    }

    /// The same, or why it can't be read.
    pub fn list(&self, folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.behind_links(folder.as_ref()))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Why somebody else than root could change this file, if so.
    pub fn open_to_others(&self, path: &Path) -> Option<String> {
        let found = fs::metadata(self.behind_links(path)).ok()?;
        let mode = found.mode() & 0o7777;
        if found.uid() != 0 && found.uid() != os::real_uid() {
            return Some(format!("belongs to uid {}", found.uid()));
        }
        (mode & 0o022 != 0)
            .then(|| format!("is writable for others than its owner (mode {mode:04o})"))
    }

    /// Where the file is to which a path leads, every link on the way followed within that system.
    pub fn behind_links(&self, path: &Path) -> PathBuf {
        let mut at = PathBuf::from("/");
        let mut left: Vec<_> = parts(path);
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            match fs::read_link(self.place(&next)) {
                Ok(link) if links < LINKS => {
                    links += 1;
                    left.extend(parts(&link));
                    if link.is_absolute() {
                        at = PathBuf::from("/");
                    }
                }
                Ok(_) | Err(_) => at = next,
            }
        }
        self.place(at)
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}
