//! The files of the system that is looked at: this one, or a tree of files below a folder. A file
//! is read whole, and replaced so that a reader finds the old text or the new one.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use countersign::os;

use crate::ui::output::Problem;

/// Links that lead to links are followed this far.
const LINKS: usize = 40;
/// No file of a system's configuration is longer.
const MAX_FILE: u64 = 1024 * 1024;
/// The mode of a new file: every user may read it.
const MODE: u32 = 0o644;
/// The name of a file until it is whole begins so.
const DRAFT: &str = ".countersign.";

#[derive(Clone)]
pub struct Root(Option<PathBuf>);

impl Root {
    /// The system that runs.
    pub fn live() -> Self {
        Self(None)
    }

    /// The files below a folder, even if that is `/`.
    pub fn below(folder: &Path) -> Result<Self, Problem> {
        if !folder.is_dir() {
            return Err(Problem::new(format!("{}: is no folder", folder.display()))
                .hint("name the folder that the system's files are below"));
        }
        let folder = std::path::absolute(folder).map_err(Problem::new)?;
        Ok(Self(Some(folder)))
    }

    /// The image below a folder, or the system that runs: that is below `/`.
    pub fn of(folder: &Path) -> Result<Self, Problem> {
        if folder == Path::new("/") { Ok(Self::live()) } else { Self::below(folder) }
    }

    /// Whether it is the system that runs.
    pub fn is_live(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the files need root: this is the live system, and this process is not root's.
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

    /// Removes the root folder from paths in messages of other programs.
    pub fn without(&self, text: &str) -> String {
        match self.0.as_deref().and_then(Path::to_str) {
            Some(folder) if folder.len() > 1 => text.replace(folder, ""),
            Some(_) | None => text.to_owned(),
        }
    }

    /// The text of a file, a link of that system followed within it. What is no UTF-8 is taken as
    /// it comes.
    pub fn text(&self, path: &Path) -> io::Result<String> {
        let (file, length) = plain(&self.behind_links(path))?;
        let bytes = os::whole(&file, length, MAX_FILE)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.behind_links(path.as_ref()).exists()
    }

    /// The names in a folder, in order; none where it can't be read.
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        self.list(folder).unwrap_or_default()
    }

    /// Reads a file, or says why it can't be read.
    pub fn list(&self, folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.behind_links(folder.as_ref()))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Why another user than root could change this file, if so.
    pub fn open_to_others(&self, path: &Path) -> Option<String> {
        let found = fs::metadata(self.behind_links(path)).ok()?;
        let mode = found.mode() & 0o7777;
        if found.uid() != 0 && found.uid() != os::real_uid() {
            return Some(format!("belongs to uid {}", found.uid()));
        }
        (mode & 0o022 != 0)
            .then(|| format!("is writable for others than its owner (mode {mode:04o})"))
    }

    /// A file's text, `None` if there is no such file. What is no UTF-8 is an error.
    pub fn read(&self, path: &str) -> Result<Option<String>, Problem> {
        let place = self.behind_links(path.as_ref());
        let text = match fs::metadata(&place) {
            Ok(found) if found.is_dir() || found.is_file() => fs::read_to_string(place),
            Ok(_) => Err(io::Error::other("is no plain file")),
            Err(error) => Err(error),
        };
        match text {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, "can't be read", &error)),
        }
    }

    /// Gives a file this text, or removes it. Owner and mode stay as they are.
    pub fn write(&self, path: &str, text: Option<&str>) -> Result<(), Problem> {
        let place = self.real(path);
        let done = match text {
            Some(text) => replace(&place, text),
            None => remove(&place),
        };
        done.map_err(|error| failed(path, "can't be written", &error))
    }

    /// Removes what a process that was killed has left beside a file. No other program writes there
    /// meanwhile.
    pub fn sweep(&self, path: &str) {
        let place = self.real(path);
        let entries = place.parent().and_then(|folder| fs::read_dir(folder).ok());
        for entry in entries.into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Behind links: what a link points to is replaced, and not the link.
    fn real(&self, path: &str) -> PathBuf {
        self.behind_links(path.as_ref())
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

/// Opens a plain file, and tells its length. A user whose file it is can put a pipe in its place at
/// any time, even between two looks: opening that waits for no writer, and reads nothing of it.
pub fn plain(place: &Path) -> io::Result<(File, u64)> {
    let is_plain = |found: &fs::Metadata| {
        let length = found.is_file().then_some(found.len());
        length.ok_or_else(|| io::Error::other("is no plain file"))
    };
    is_plain(&fs::metadata(place)?)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(place)?;
    let length = is_plain(&file.metadata()?)?;
    if length > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok((file, length))
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

fn failed(path: &str, what: &str, error: &io::Error) -> Problem {
    let problem = Problem::new(format!("{path}: {what}: {error}"));
    match error.kind() {
        io::ErrorKind::PermissionDenied => problem.hint("this is root's: try sudo"),
        _ => problem,
    }
}

fn replace(place: &Path, text: &str) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("/"));
    make_folders(folder)?;
    let draft = folder.join(format!("{DRAFT}{:016x}", os::random()?));
    let written = fill(&draft, fs::metadata(place).ok(), text);
    written.and_then(|()| fs::rename(&draft, place)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })?;
    File::open(folder)?.sync_all()
}

/// Each user may read what is made, whatever the umask says.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folders(above)?;
    }
    fs::create_dir(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

fn fill(draft: &Path, like: Option<fs::Metadata>, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.as_bytes())?;
    if let Some(like) = &like {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    let mode = like.map_or(MODE, |like| like.mode() & 0o7777);
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

fn remove(place: &Path) -> io::Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
