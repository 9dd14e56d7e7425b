//! Reading a file that decides about logins: every part of its path must be in trusted hands.
//!
//! The path is looked at from `/` down, one directory after the other, and no link is allowed. A
//! directory that was found in trusted hands keeps what is in it, for no other user can rename or
//! replace that: so what is true of a directory when the one below it is looked at is still true
//! when the file is opened. The file itself is checked once it is open: what was checked is what is
//! read.

use std::cell::RefCell;
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};

/// A text is compared piece by piece, of so many bytes: on the stack, for what is freed is wiped.
const PIECE: usize = 8 * 1024;

/// Who may read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Each user may read it; only its owner may write.
    Public,
    /// Its owner alone may read and write it.
    Secret,
}

/// Why a file is not read: which part of the path, what is wrong with it, and what would mend it.
#[derive(Debug)]
pub struct Unsafe {
    place: PathBuf,
    problem: String,
    /// What the system said, where it is that.
    code: Option<i32>,
}

impl Unsafe {
    /// Whether there is no such file or folder.
    pub(super) fn is_missing(&self) -> bool {
        self.code == Some(libc::ENOENT)
    }

    /// Whether it is so for every process like this one: not because this one lacks memory,
    /// descriptors or room, which its caller may have seen to.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.code.is_none_or(is_lasting)
    }
}

/// Whether an error is about what is there, and not about what this process has left.
pub(super) fn is_lasting(code: i32) -> bool {
    let lasting =
        [libc::EACCES, libc::EPERM, libc::EROFS, libc::ENOENT, libc::ENOTDIR, libc::ELOOP];
    lasting.contains(&code)
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place.display(), self.problem)
    }
}

impl std::error::Error for Unsafe {}

/// The directories that were found in trusted hands, for as long as one login takes: none is looked
/// at twice, for in the meantime only trusted users could have changed them.
#[derive(Debug, Default)]
pub struct Trusted(RefCell<Vec<PathBuf>>);

impl Trusted {
    /// As [`read`], where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`read`].
    pub fn read(&self, path: &Path, secrecy: Secrecy, limit: u64) -> Result<Vec<u8>, Unsafe> {
        self.open(path, secrecy, limit)?.read(path, limit)
    }

    /// The same file, opened and not read yet.
    ///
    /// # Errors
    ///
    /// As [`read`].
    pub fn open(&self, path: &Path, secrecy: Secrecy, limit: u64) -> Result<Opened, Unsafe> {
        self.check_above(path)?;
        let mut options = OpenOptions::new();
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = options.read(true).custom_flags(flags).open(path);
        let file = opened.map_err(|e| opening(path, &e))?;
        let found = file.metadata().map_err(|e| opening(path, &e))?;
        check_file(&found, path, secrecy, limit)?;
        Ok(Opened { file, found })
    }

    /// Checks every directory on the way to the file, from `/` down.
    pub(super) fn check_above(&self, path: &Path) -> Result<(), Unsafe> {
        let Some(above) = path.file_name().and(path.parent()).filter(|_| path.is_absolute()) else {
            return Err(broken(path, "is not the absolute path of a file".into()));
        };
        let mut place = PathBuf::from("/");
        self.check(&place)?;
        for component in above.components() {
            match component {
                Component::RootDir => {}
                Component::Normal(part) => {
                    place.push(part);
                    self.check(&place)?;
                }
                Component::ParentDir | Component::CurDir | Component::Prefix(_) => {
                    return Err(broken(path, "holds a \"..\": write the path out".into()));
                }
            }
        }
        Ok(())
    }

    fn check(&self, place: &Path) -> Result<(), Unsafe> {
        let mut trusted = self.0.borrow_mut();
        if !trusted.iter().any(|known| known == place) {
            check_directory(place)?;
            trusted.push(place.to_owned());
        }
        Ok(())
    }
}

/// An open file that is safe to believe.
#[derive(Debug)]
pub struct Opened {
    file: File,
    found: Metadata,
}

impl Opened {
    /// The file itself, to read it in pieces.
    #[must_use]
    pub fn file(self) -> File {
        self.file
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.found.len()
    }

    /// Reads the whole file, which was opened at this path, at most `limit` bytes of it.
    ///
    /// # Errors
    ///
    /// [`Unsafe`] if it can't be read, or has grown beyond the limit.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Unsafe> {
        let bytes = whole(&self.file, self.found.len(), limit);
        let bytes = bytes.map_err(|error| broken(path, format!("can't be read: {error}")))?;
        if bytes.len() as u64 > limit {
            return Err(broken(path, format!("is larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Whether the file is this text as a whole, read now.
    #[must_use]
    pub fn holds(&self, text: &[u8]) -> bool {
        let mut piece = [0; PIECE];
        let mut rest = text;
        loop {
            let at = (text.len() - rest.len()) as u64;
            let Ok(count) = self.file.read_at(&mut piece, at) else {
                return false;
            };
            let read = piece.get(..count).unwrap_or_default();
            let Some(behind) = rest.strip_prefix(read) else {
                return false;
            };
            rest = behind;
            // There was room for more, so it was the end.
            if count == 0 || (rest.is_empty() && count < piece.len()) {
                return rest.is_empty();
            }
        }
    }
}

/// Reads the whole of a file that is safe to believe, at most `limit` bytes of it.
///
/// Trusted are root, and the user that the process runs as: a user who
/// runs a program of their own gains nothing by lying to it.
///
/// # Errors
///
/// [`Unsafe`] if the file or a directory above it is missing, a link, not a regular file, of
/// another owner, writable for others, linked twice, too large or, for [`Secrecy::Secret`],
/// readable for others.
pub fn read(path: &Path, secrecy: Secrecy, limit: u64) -> Result<Vec<u8>, Unsafe> {
    Trusted::default().read(path, secrecy, limit)
}

/// A file that was `length` bytes long a moment ago, up to one byte more than `limit`. It takes one
/// read where that brings just so much, and finds room for more: then it was the end.
///
/// # Errors
///
/// What read(2) says.
pub fn whole(mut file: &File, length: u64, limit: u64) -> io::Result<Vec<u8>> {
    let length = length.min(limit);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0) + 1];
    let count = file.read(&mut bytes)?;
    bytes.truncate(count);
    if count as u64 != length {
        // It has grown or shrunk since, or came in pieces.
        let rest = (limit + 1).saturating_sub(count as u64);
        file.take(rest).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The directory itself: the last part of `place` may not be a link, and all before it are no
/// links.
fn check_directory(place: &Path) -> Result<(), Unsafe> {
    let found = fs::symlink_metadata(place).map_err(|e| opening(place, &e))?;
    if !found.is_dir() {
        return Err(opening(place, &io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    check_owner(found.uid(), place)?;
    // In a sticky directory such as /tmp no user can replace what belongs to another one.
    if found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0 {
        let mode = found.mode() & 0o7777;
        let problem =
            format!("is writable for others than its owner (mode {mode:04o}): chmod go-w");
        return Err(broken(place, problem));
    }
    Ok(())
}

fn check_file(status: &Metadata, path: &Path, secrecy: Secrecy, limit: u64) -> Result<(), Unsafe> {
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

/// root, or the user that the process runs as.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == super::effective_uid()
}

/// The account that the broker runs as.
pub const BROKER: &str = "countersign";

/// As [`is_trusted`], for what is kept between logins: there, root also trusts the broker, which
/// keeps it where it runs. A configuration or a secret of the broker's is none.
pub(super) fn is_keeper(uid: u32) -> bool {
    is_trusted(uid) || super::effective_uid() == 0 && is_broker(uid)
}

fn is_broker(uid: u32) -> bool {
    super::uid_of(BROKER).is_ok_and(|found| found == Some(uid))
}

pub(super) fn check_keeper(uid: u32, place: &Path) -> Result<(), Unsafe> {
    if is_keeper(uid) { Ok(()) } else { check_owner(uid, place) }
}

pub(super) fn check_owner(uid: u32, place: &Path) -> Result<(), Unsafe> {
    if is_trusted(uid) {
        return Ok(());
    }
    Err(broken(place, format!("belongs to uid {uid}: it must belong to root")))
}

pub(super) fn open_at(directory: &File, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?.into())
}

pub(super) fn opening(place: &Path, error: &io::Error) -> Unsafe {
    let problem = match error.raw_os_error() {
        Some(libc::ENOENT) => "does not exist".into(),
        Some(libc::ELOOP) => "is a symbolic link: name the file itself".into(),
        Some(libc::ENOTDIR) => "is a symbolic link or no directory: write the real path".into(),
        _ => format!("can't be opened: {error}"),
    };
    Unsafe { code: error.raw_os_error(), ..broken(place, problem) }
}

pub(super) fn broken(place: &Path, problem: String) -> Unsafe {
    Unsafe { place: place.to_owned(), problem, code: None }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn what_comes_in_pieces_is_read_to_its_end() {
        let (read, mut write) = io::pipe().unwrap();
        let file = File::from(OwnedFd::from(read));
        std::thread::scope(|scope| {
            write.write_all(b"half").unwrap();
            let reader = scope.spawn(|| whole(&file, 8, 100));
            // Only what was there is in the first read; the rest comes when that has been taken.
            while readable(&file) {}
            write.write_all(b"half").unwrap();
            drop(write);
            assert_eq!(reader.join().unwrap().unwrap(), b"halfhalf");
        });
    }

    fn readable(file: &File) -> bool {
        poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&Timespec::default())) == Ok(1)
    }

    struct Folder(PathBuf);

    impl Folder {
        /// Below /tmp, whose sticky bit makes it safe for all users.
        fn new(name: &str) -> Self {
            let path =
                PathBuf::from(format!("/tmp/countersign-files-{name}-{}", std::process::id()));
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
    fn a_directory_is_looked_at_once_and_none_in_other_hands_is_ever_trusted() {
        let folder = Folder::new("trusted");
        let path = folder.file("a", 0o644);
        let open_to_all = |yes| {
            let mode = if yes { 0o777 } else { 0o700 };
            fs::set_permissions(&folder.0, Permissions::from_mode(mode)).unwrap();
        };
        let trusted = Trusted::default();
        open_to_all(true);
        for _ in 0..2 {
            assert!(trusted.read(&path, Secrecy::Public, 100).is_err());
        }
        open_to_all(false);
        assert_eq!(trusted.read(&path, Secrecy::Public, 100).unwrap(), b"content");
        // Only its owner can do that, who is trusted.
        open_to_all(true);
        assert!(trusted.read(&path, Secrecy::Public, 100).is_ok());
        assert!(read(&path, Secrecy::Public, 100).is_err());
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
        assert_eq!(public(&link), "DIR/link: is a symbolic link: name the file itself");
        let twice = folder.0.join("twice");
        fs::hard_link(folder.file("once", 0o644), &twice).unwrap();
        assert_eq!(public(&twice), "DIR/twice: has more than one name (a hard link)");
        assert_eq!(public(&folder.0.join("none")), "DIR/none: does not exist");
        assert_eq!(public(&folder.0), "DIR: is not a regular file");
        assert_eq!(public(Path::new("etc/x")), "etc/x: is not the absolute path of a file");
        assert_eq!(public(Path::new("/etc/../x")), "/etc/../x: holds a \"..\": write the path out");
        let large = folder.0.join("large");
        fs::write(&large, [b'x'; 101]).unwrap();
        assert_eq!(public(&large), "DIR/large: is larger than 100 bytes");
    }

    #[test]
    fn a_pipe_in_place_of_the_file_does_not_hang_the_login() {
        let folder = Folder::new("fifo");
        let path = folder.0.join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        assert_eq!(folder.refusal(&path, Secrecy::Public), "DIR/fifo: is not a regular file");
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
        if crate::os::effective_uid() != 0 {
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
