//! Reading a file that decides about logins: every part of its path must be in trusted hands.
//!
//! The path is walked from `/`, one directory after the other, and no link is followed; what was checked is what is
//! read.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Who may read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Everybody may read it; only its owner may write.
    Public,
    /// Nobody but its owner may even read it.
    Secret,
}

/// Why a file is not read: which part of the path, what is wrong with it, and what would mend it.
#[derive(Debug)]
pub struct Unsafe {
    place: PathBuf,
    problem: String,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place.display(), self.problem)
    }
}

impl std::error::Error for Unsafe {}

/// Reads the whole of a file that is safe to believe, at most `limit` bytes of it.
///
/// Trusted are root, and the user that the process runs as: who is somebody else's program anyway gains nothing
/// by lying to it.
///
/// # Errors
///
/// [`Unsafe`] if the file or a directory above it is missing, a link, not a regular file, of another owner,
/// writable for others, linked twice, too large or, for [`Secrecy::Secret`], readable for others.
pub fn read(path: &Path, secrecy: Secrecy, limit: u64) -> Result<Vec<u8>, Unsafe> {
    let (directory, name) = parent(path)?;
    let open = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::from(open_at(&directory, name, open).map_err(|e| opening(path, &e))?);
    check_file(&file, path, secrecy, limit)?;
    // All of it in one read, and one more that finds the end.
    let length = file.metadata().map_or(0, |found| found.len().min(limit));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 64);
    let taken = file.take(limit + 1).read_to_end(&mut bytes);
    taken.map_err(|error| broken(path, format!("can't be read: {error}")))?;
    if bytes.len() as u64 > limit {
        return Err(broken(path, format!("is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// The directory that holds the file, opened, with everything above it checked.
pub(super) fn parent(path: &Path) -> Result<(OwnedFd, &OsStr), Unsafe> {
    let Some(name) = path.file_name().filter(|_| path.is_absolute()) else {
        return Err(broken(path, "is not the absolute path of a file".into()));
    };
    let mut place = PathBuf::from("/");
    let mut directory = root().map_err(|e| opening(&place, &e))?;
    check_directory(&directory, &place)?;
    for component in path.parent().into_iter().flat_map(Path::components) {
        match component {
            Component::RootDir => {}
            Component::Normal(part) => {
                place.push(part);
                let open = libc::O_PATH | libc::O_DIRECTORY;
                directory = open_at(&directory, part, open).map_err(|e| opening(&place, &e))?;
                check_directory(&directory, &place)?;
            }
            Component::ParentDir | Component::CurDir | Component::Prefix(_) => {
                return Err(broken(path, "holds a \"..\": write the path out".into()));
            }
        }
    }
    Ok((directory, name))
}

fn check_directory(directory: &OwnedFd, place: &Path) -> Result<(), Unsafe> {
    let status = status(directory).map_err(|e| opening(place, &e))?;
    check_owner(status.uid, place)?;
    // In a sticky directory such as /tmp nobody can replace what belongs to somebody else.
    if status.mode & 0o022 != 0 && status.mode & 0o1000 == 0 {
        let mode = status.mode & 0o7777;
        let problem =
            format!("is writable for others than its owner (mode {mode:04o}): chmod go-w");
        return Err(broken(place, problem));
    }
    Ok(())
}

fn check_file(file: &File, path: &Path, secrecy: Secrecy, limit: u64) -> Result<(), Unsafe> {
    let status = file.metadata().map_err(|e| opening(path, &e))?;
    if !status.is_file() {
        return Err(broken(path, "is not a regular file".into()));
    }
    check_owner(status.uid(), path)?;
    let mode = status.mode() & 0o7777;
    let problem = match secrecy {
        Secrecy::Public if mode & 0o022 != 0 => {
            format!("is writable for others than its owner (mode {mode:04o}): chmod go-w")
        }
        Secrecy::Secret if mode & 0o077 != 0 => {
            format!("is a secret that others than its owner can open (mode {mode:04o}): chmod go=")
        }
        _ if status.nlink() != 1 => "has more than one name (a hard link)".into(),
        _ if status.len() > limit => format!("is larger than {limit} bytes"),
        Secrecy::Public | Secrecy::Secret => return Ok(()),
    };
    Err(broken(path, problem))
}

/// root, or whoever the process runs as.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == super::effective_uid()
}

pub(super) fn check_owner(uid: u32, place: &Path) -> Result<(), Unsafe> {
    if is_trusted(uid) {
        return Ok(());
    }
    Err(broken(
        place,
        format!("belongs to uid {uid}: it must belong to root"),
    ))
}

fn root() -> io::Result<OwnedFd> {
    open(
        libc::AT_FDCWD,
        c"/".to_owned(),
        libc::O_PATH | libc::O_DIRECTORY,
    )
}

pub(super) fn open_at(
    directory: &OwnedFd,
    name: &OsStr,
    flags: libc::c_int,
) -> io::Result<OwnedFd> {
    open(directory.as_raw_fd(), CString::new(name.as_bytes())?, flags)
}

fn open(directory: libc::c_int, name: CString, flags: libc::c_int) -> io::Result<OwnedFd> {
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: the name ends in NUL; a descriptor that comes back is nobody else's.
    unsafe {
        match libc::openat(directory, name.as_ptr(), flags) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}

pub(super) struct Status {
    pub(super) uid: u32,
    pub(super) mode: u32,
}

pub(super) fn status(directory: &OwnedFd) -> io::Result<Status> {
    // SAFETY: fstat fills the buffer or fails; it is read only where it was filled.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        match libc::fstat(directory.as_raw_fd(), &mut status) {
            0 => Ok(Status {
                uid: status.st_uid,
                mode: status.st_mode,
            }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

pub(super) fn opening(place: &Path, error: &io::Error) -> Unsafe {
    let problem = match error.raw_os_error() {
        Some(libc::ENOENT) => "does not exist".into(),
        Some(libc::ELOOP) => "is a symbolic link: name the file itself".into(),
        Some(libc::ENOTDIR) => "is a symbolic link or no directory: write the real path".into(),
        _ => format!("can't be opened: {error}"),
    };
    broken(place, problem)
}

pub(super) fn broken(place: &Path, problem: String) -> Unsafe {
    Unsafe {
        place: place.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Folder(PathBuf);

    impl Folder {
        /// Below /tmp, whose sticky bit makes it safe for everybody.
        fn new(name: &str) -> Self {
            let path = PathBuf::from(format!(
                "/tmp/countersign-files-{name}-{}",
                std::process::id()
            ));
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, "content").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        }

        fn refusal(&self, path: &Path, secrecy: Secrecy) -> String {
            let text = read(path, secrecy, 100).unwrap_err().to_string();
            text.replace(self.0.to_str().unwrap(), "DIR")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_in_trusted_hands_is_read() {
        let folder = Folder::new("good");
        let path = folder.file("a", 0o644);
        assert_eq!(read(&path, Secrecy::Public, 100).unwrap(), b"content");
        let path = folder.file("b", 0o600);
        assert_eq!(read(&path, Secrecy::Secret, 100).unwrap(), b"content");
    }

    #[test]
    fn each_unsafe_file_is_refused_with_what_would_mend_it() {
        let folder = Folder::new("bad");
        let public = |path: &Path| folder.refusal(path, Secrecy::Public);
        let path = folder.file("group", 0o664);
        assert_eq!(
            public(&path),
            "DIR/group: is writable for others than its owner (mode 0664): chmod go-w"
        );
        assert_eq!(
            folder.refusal(&folder.file("secret", 0o640), Secrecy::Secret),
            "DIR/secret: is a secret that others than its owner can open (mode 0640): chmod go="
        );
        let link = folder.0.join("link");
        symlink(folder.file("target", 0o644), &link).unwrap();
        assert_eq!(
            public(&link),
            "DIR/link: is a symbolic link: name the file itself"
        );
        let twice = folder.0.join("twice");
        fs::hard_link(folder.file("once", 0o644), &twice).unwrap();
        assert_eq!(
            public(&twice),
            "DIR/twice: has more than one name (a hard link)"
        );
        assert_eq!(public(&folder.0.join("none")), "DIR/none: does not exist");
        assert_eq!(public(&folder.0), "DIR: is not a regular file");
        assert_eq!(
            public(Path::new("etc/x")),
            "etc/x: is not the absolute path of a file"
        );
        assert_eq!(
            public(Path::new("/etc/../x")),
            "/etc/../x: holds a \"..\": write the path out"
        );
        let large = folder.0.join("large");
        fs::write(&large, [b'x'; 101]).unwrap();
        assert_eq!(public(&large), "DIR/large: is larger than 100 bytes");
    }

    #[test]
    fn a_pipe_in_place_of_the_file_does_not_hang_the_login() {
        let folder = Folder::new("fifo");
        let path = folder.0.join("fifo");
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name ends in NUL.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(
            folder.refusal(&path, Secrecy::Public),
            "DIR/fifo: is not a regular file"
        );
    }

    #[test]
    fn a_directory_on_the_way_that_others_can_write_is_refused() {
        let folder = Folder::new("parent");
        let inner = folder.0.join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o775)).unwrap();
        fs::write(inner.join("file"), "content").unwrap();
        assert_eq!(
            folder.refusal(&inner.join("file"), Secrecy::Public),
            "DIR/inner: is writable for others than its owner (mode 0775): chmod go-w"
        );
        symlink(&inner, folder.0.join("alias")).unwrap();
        assert_eq!(
            folder.refusal(&folder.0.join("alias/file"), Secrecy::Public),
            "DIR/alias: is a symbolic link or no directory: write the real path"
        );
    }

    #[test]
    fn somebody_elses_file_is_refused() {
        // SAFETY: geteuid and chown touch nothing of ours.
        if unsafe { libc::geteuid() } != 0 {
            return; // only root can give a file away
        }
        let folder = Folder::new("owner");
        let path = folder.file("alien", 0o600);
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert_eq!(
            folder.refusal(&path, Secrecy::Secret),
            "DIR/alien: belongs to uid 12345: it must belong to root"
        );
    }
}
