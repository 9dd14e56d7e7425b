//! The files of a system: read whole, and replaced so that whoever reads finds the old or the new.
#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use countersign::os;

use crate::machine::root::Root;
use crate::ui::output::Problem;

/// What a file of the system has where nobody has said otherwise: everybody may read it.
const MODE: u32 = 0o644;

/// What a file is called until it is whole.
const DRAFT: &str = ".countersign.";

/// The image below a folder, or the system that runs: that is below `/`.
pub fn root(folder: &Path) -> Result<Root, Problem> {
    match folder == Path::new("/") {
        true => Ok(Root::live()),
        false if !folder.is_dir() => {
            Err(Problem::new(format!("{}: is no folder", folder.display()))
                .hint("name the folder that the system's files are below"))
        }
        false => Root::below(folder).map_err(Problem::new),
    }
}

impl Root {
    /// A file's text, `None` if there is no such file.
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

    /// Removes what a process that was killed has left beside a file. Nobody else writes there
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

/// Everybody may look into what is made, whatever the umask says.
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
