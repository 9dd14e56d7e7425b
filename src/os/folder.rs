//! A folder of small files that belong to the module alone: read whole, replaced whole, changed under one lock.

use std::ffi::{CStr, CString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{self, Trusted, Unsafe};
use super::{Paused, pause};

/// Nobody holds the lock longer than one read and one write take; who waits longer than this goes without.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a lock that somebody else holds is tried again.
const TURN: Duration = Duration::from_millis(5);

/// An open folder, checked from `/` down: of the trusted owner, and closed to everybody else.
pub struct Folder {
    directory: File,
    place: PathBuf,
}

/// The only process that changes the folder, as long as this lives. The kernel lets go of it with the process.
pub struct Locked<'a>(&'a Folder);

impl Folder {
    /// Opens the folder, or makes it where only it is missing.
    ///
    /// # Errors
    ///
    /// [`Unsafe`] if it, or anything above it, is in other hands, or if it can't be made.
    pub fn open(place: &Path) -> Result<Self, Unsafe> {
        Self::open_knowing(&Trusted::default(), place)
    }

    /// The same, where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`Folder::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unsafe> {
        trusted.check_above(place)?;
        let directory = match open(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(place).and_then(|()| open(place))
            }
            opened => opened,
        };
        let directory = directory.map_err(|error| files::opening(place, &error))?;
        let status = directory.metadata();
        let status = status.map_err(|error| files::opening(place, &error))?;
        files::check_owner(status.uid(), place)?;
        if status.mode() & 0o077 != 0 {
            let mode = status.mode() & 0o7777;
            let problem = format!("is open to others than its owner (mode {mode:04o}): chmod go=");
            return Err(files::broken(place, problem));
        }
        Ok(Self {
            directory,
            place: place.to_owned(),
        })
    }

    /// Waits its turn, a moment at most. Nobody may ask the user anything while holding it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if the turn does not come; else what flock(2) says.
    pub fn lock(&self) -> io::Result<Locked<'_>> {
        let end = Instant::now() + PATIENCE;
        loop {
            // SAFETY: the descriptor is ours and open.
            if unsafe { libc::flock(self.directory.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }
                == 0
            {
                return Ok(Locked(self));
            }
            let error = io::Error::last_os_error();
            let busy = matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            );
            if !busy || Instant::now() >= end || pause(TURN) == Paused::Interrupted {
                return Err(error);
            }
        }
    }

    /// A file's content, `None` if there is no such file. Any file but a plain one of the owner's is an error.
    ///
    /// # Errors
    ///
    /// What open(2) and read(2) say; [`io::ErrorKind::InvalidData`] for a file that is not as we would have left it.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = match files::open_at(&self.directory, name.as_ref(), flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let found = file.metadata()?;
        let ours = found.is_file() && found.mode() & 0o077 == 0 && found.nlink() == 1;
        if !ours || !files::is_trusted(found.uid()) || found.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a file of ours",
            ));
        }
        files::whole(&file, found.len(), limit).map(Some)
    }

    /// The names of the files, in no order. Those that are being written are not among them.
    ///
    /// # Errors
    ///
    /// What readdir(3) says.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let names = self
            .listed()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| !name.starts_with('.')).collect())
    }

    fn listed(&self) -> io::Result<std::fs::ReadDir> {
        std::fs::read_dir(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }
}

impl Locked<'_> {
    /// Puts `bytes` in the file's place, so that whoever reads finds the old or the new, and after a crash too.
    ///
    /// # Errors
    ///
    /// What the file system says. Then the old content is still there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.replace_until_boot(name, bytes)?;
        self.0.directory.sync_all()
    }

    /// The same for what a boot may forget: after a crash the old content may be back, and no half of the new.
    ///
    /// # Errors
    ///
    /// What the file system says. Then the old content is still there.
    pub fn replace_until_boot(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let directory = &self.0.directory;
        let draft = CString::new(format!(".{name}.new"))?;
        let target = CString::new(name)?;
        let created = match create(directory, &draft) {
            // Whoever wrote it was killed: nobody else writes while this lives.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                unlink(directory, &draft).and_then(|()| create(directory, &draft))
            }
            created => created,
        };
        let written = created.and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written
            .and_then(|()| rename(directory, &draft, &target))
            .inspect_err(|_| {
                let _ = unlink(directory, &draft);
            })
    }

    /// Removes a file; it is no error if there is none.
    ///
    /// # Errors
    ///
    /// What unlink(2) says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match unlink(&self.0.directory, &CString::new(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Removes the drafts of a file. Whoever wrote them was killed: nobody writes while this lives.
    ///
    /// # Errors
    ///
    /// What readdir(3) and unlink(2) say.
    pub fn sweep(&self, name: &str) -> io::Result<()> {
        let prefix = format!(".{name}.");
        for entry in self.0.listed()? {
            let file = entry?.file_name();
            match file.to_str() {
                Some(draft) if draft.starts_with(&prefix) => self.remove(draft)?,
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and open. Closing it would do the same.
        unsafe { libc::flock(self.0.directory.as_raw_fd(), libc::LOCK_UN) };
    }
}

fn open(place: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags).open(place)
}

fn make(place: &Path) -> io::Result<()> {
    // No umask can make this mode wider.
    match DirBuilder::new().mode(0o700).create(place) {
        // Somebody else was quicker; whose it is will be checked.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn create(directory: &File, name: &CStr) -> io::Result<File> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: the name ends in NUL; a descriptor that comes back is nobody else's.
    unsafe {
        match libc::openat(directory.as_raw_fd(), name.as_ptr(), flags, 0o600) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

fn rename(directory: &File, from: &CStr, to: &CStr) -> io::Result<()> {
    let directory = directory.as_raw_fd();
    // SAFETY: both names end in NUL.
    match unsafe { libc::renameat(directory, from.as_ptr(), directory, to.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn unlink(directory: &File, name: &CStr) -> io::Result<()> {
    // SAFETY: the name ends in NUL.
    match unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            Self(PathBuf::from(format!(
                "/tmp/countersign-folder-{name}-{}",
                std::process::id()
            )))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_is_read_and_nobody_else_can() {
        let place = Place::new("write");
        let folder = Folder::open(&place.0).unwrap();
        assert_eq!(folder.read("a", 100).unwrap(), None);
        folder.lock().unwrap().replace("a", b"one").unwrap();
        folder.lock().unwrap().replace("a", b"two").unwrap();
        assert_eq!(folder.read("a", 100).unwrap().unwrap(), b"two");
        assert_eq!(folder.names().unwrap(), ["a"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&place.0), mode(&place.0.join("a"))), (0o700, 0o600));
        folder.lock().unwrap().remove("a").unwrap();
        folder.lock().unwrap().remove("a").unwrap();
        assert_eq!(folder.read("a", 100).unwrap(), None);
    }

    #[test]
    fn a_file_that_is_not_as_we_left_it_is_not_read() {
        let place = Place::new("odd");
        let folder = Folder::open(&place.0).unwrap();
        let path = |name| place.0.join(name);
        fs::write(path("wide"), "x").unwrap();
        fs::set_permissions(path("wide"), Permissions::from_mode(0o644)).unwrap();
        folder.lock().unwrap().replace("once", b"x").unwrap();
        fs::hard_link(path("once"), path("twice")).unwrap();
        symlink(path("once"), path("link")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        for name in ["wide", "twice", "link", "folder"] {
            assert!(folder.read(name, 100).is_err(), "{name}");
        }
        folder.lock().unwrap().replace("long", &[0; 101]).unwrap();
        assert!(folder.read("long", 100).is_err());
    }

    #[test]
    fn a_draft_that_a_killed_process_has_left_is_in_nobodys_way() {
        let place = Place::new("draft");
        let folder = Folder::open(&place.0).unwrap();
        fs::write(place.0.join(".a.new"), "half").unwrap();
        folder.lock().unwrap().replace("a", b"whole").unwrap();
        assert_eq!(folder.read("a", 100).unwrap().unwrap(), b"whole");
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let place = Place::new("open");
        fs::create_dir(&place.0).unwrap();
        fs::set_permissions(&place.0, Permissions::from_mode(0o755)).unwrap();
        let problem = Folder::open(&place.0).err().unwrap().to_string();
        assert!(
            problem.ends_with("is open to others than its owner (mode 0755): chmod go="),
            "{problem}"
        );
    }

    #[test]
    fn one_process_at_a_time_changes_the_folder() {
        let place = Place::new("lock");
        let folder = Folder::open(&place.0).unwrap();
        folder.lock().unwrap().replace("count", b"0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let own = Folder::open(&place.0).unwrap();
                    for _ in 0..25 {
                        let locked = own.lock().unwrap();
                        let count =
                            String::from_utf8(own.read("count", 10).unwrap().unwrap()).unwrap();
                        let next = count.parse::<u32>().unwrap() + 1;
                        locked
                            .replace("count", next.to_string().as_bytes())
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(folder.read("count", 10).unwrap().unwrap(), b"100");
    }
}
