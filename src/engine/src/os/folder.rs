//! A folder of small files that belong to the module alone. Each appears whole under its name, or
//! not at all.
//!
//! A login takes no lock: it makes files, reads them, maps them ([`Cells`]) and removes them. The
//! lock is for commands of root's that replace files.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, CWD, FlockOperation, IFlags, Mode, OFlags, RenameFlags, flock, ioctl_getflags,
    ioctl_setflags, linkat, mkdirat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::files::{self, Trusted, Unsafe};
use super::{Cells, Mapped, Paused, pause, random, with_growth_refused};

/// How long a command waits for another one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a lock that another process holds is tried again.
const TURN: Duration = Duration::from_millis(5);
/// The owner reads and writes a file, and no other user opens it.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder, checked from `/` down: of the trusted owner, and closed to all other users.
pub struct Folder {
    directory: File,
    place: PathBuf,
}

/// The only process that changes the folder, as long as this lives. The kernel lets go of it with
/// the process.
pub struct Locked<'a>(&'a Folder);

impl Folder {
    /// Opens the folder, or makes it where it is missing, and the one that it is in where that is
    /// missing too.
    ///
    /// # Errors
    ///
    /// [`Unsafe`] if it, or anything above it, is in other hands, or if it can't be made.
    pub fn open(place: &Path) -> Result<Self, Unsafe> {
        Self::open_knowing(&Trusted::default(), place)
    }

    /// Opens the folder where some directories are known to be in trusted hands.
    ///
    /// # Errors
    ///
    /// As [`Folder::open`].
    pub fn open_knowing(trusted: &Trusted, place: &Path) -> Result<Self, Unsafe> {
        if let Some(folder) = Self::find(trusted, place)? {
            return Ok(folder);
        }
        if let Some(above) = place.parent().filter(|above| above.symlink_metadata().is_err()) {
            trusted.check_above(above)?;
            make_open(above).map_err(|error| files::opening(above, &error))?;
        }
        make(place).map_err(|error| files::opening(place, &error))?;
        let missing = || io::Error::from_raw_os_error(libc::ENOENT);
        Self::find(trusted, place)?.ok_or_else(|| files::opening(place, &missing()))
    }

    /// Opens the folder; `None` if it is missing, or the one that it is in.
    ///
    /// # Errors
    ///
    /// [`Unsafe`] if it, or anything above it, is in other hands.
    pub fn find(trusted: &Trusted, place: &Path) -> Result<Option<Self>, Unsafe> {
        match trusted.check_above(place) {
            Err(error) if error.is_missing() => return Ok(None),
            checked => checked?,
        }
        let directory = match open(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| files::opening(place, &error))?,
        };
        let status = directory.metadata();
        let status = status.map_err(|error| files::opening(place, &error))?;
        files::check_keeper(status.uid(), place)?;
        if status.mode() & 0o077 != 0 {
            let mode = status.mode() & 0o7777;
            let problem = format!("is open to others than its owner (mode {mode:04o}): chmod go=");
            return Err(files::broken(place, problem));
        }
        Ok(Some(Self { directory, place: place.to_owned() }))
    }

    /// Has files follow from where the version before this one kept them: the folder that this one
    /// is in. Where this one is there, nothing is done. What can't be moved stays where it is, and
    /// a look into this folder then says what is wrong.
    ///
    /// The files of the last prefix come last: they are of no use without the others.
    pub fn follow(place: &Path, prefixes: &[&str]) {
        let is_missing = place.symlink_metadata().is_err();
        if let (true, Some(above)) = (is_missing, place.parent()) {
            let _ = Self::take_from(above, place, prefixes);
        }
    }

    fn take_from(above: &Path, place: &Path, prefixes: &[&str]) -> io::Result<()> {
        let old = open(above)?;
        let listed = std::fs::read_dir(format!("/proc/self/fd/{}", old.as_raw_fd()))?;
        let names: Vec<_> =
            listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        let is_known = |name: &String| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let is_ours = files::is_keeper(old.metadata()?.uid());
        if !is_ours || !names.iter().any(is_known) {
            return Ok(());
        }
        make(place)?;
        let new = open(place)?;
        for prefix in prefixes {
            for name in names.iter().filter(|name| name.starts_with(prefix)) {
                let _ = renameat_with(&old, name, &new, name, RenameFlags::NOREPLACE);
            }
        }
        old.sync_all()?;
        new.sync_all()
    }

    /// A folder in this one, checked as this one is. It is made where it is missing, if `makes`;
    /// else it is `None`.
    ///
    /// # Errors
    ///
    /// What open(2) and mkdir(2) say; [`io::ErrorKind::InvalidData`] for one that is in other
    /// hands, or open to others.
    pub fn within(&self, name: &str, makes: bool) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let open = || files::open_at(&self.directory, name, flags);
        let directory = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !makes {
                    return Ok(None);
                }
                self.make_folder(name)?;
                open()?
            }
            opened => opened?,
        };
        let status = directory.metadata()?;
        if !files::is_keeper(status.uid()) || status.mode() & 0o077 != 0 {
            return Err(odd("not a folder of ours"));
        }
        let place = self.place.join(name);
        Ok(Some(Self { directory, place }))
    }

    fn make_folder(&self, name: &str) -> io::Result<()> {
        match mkdirat(&self.directory, name, Mode::RWXU) {
            Err(Errno::EXIST) => Ok(()),
            made => {
                made?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                give_to_owner(&files::open_at(&self.directory, name, flags)?, &self.directory)
            }
        }
    }

    /// Waits its turn, a moment at most. Never in a login: its user could stop it, and so every
    /// other login who waits.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`], with the process that holds it, if the turn does not come;
    /// else what flock(2) says.
    pub fn lock(&self) -> io::Result<Locked<'_>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let Err(error) = flock(&self.directory, FlockOperation::NonBlockingLockExclusive)
            else {
                return Ok(Locked(self));
            };
            let busy = matches!(error, Errno::WOULDBLOCK | Errno::INTR);
            if busy && Instant::now() >= end {
                return Err(self.held());
            }
            if !busy || pause(TURN) == Paused::Interrupted {
                return Err(error.into());
            }
        }
    }

    /// The lock is another process's: which one, as /proc/locks tells.
    fn held(&self) -> io::Error {
        let inode = self.directory.metadata().map(|found| found.ino());
        let locks = std::fs::read_to_string("/proc/locks");
        let holder = match (inode, locks) {
            (Ok(inode), Ok(locks)) => holder(&locks, inode),
            _ => None,
        };
        let by = holder.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
        io::Error::new(io::ErrorKind::WouldBlock, format!("{by} has it locked"))
    }

    /// A file's content, `None` if there is no such file. Any file but a plain one of the owner's
    /// is an error.
    ///
    /// # Errors
    ///
    /// What open(2) and read(2) say; [`io::ErrorKind::InvalidData`] for a file that is not as we
    /// would have left it.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let found = self.find_file(name, limit)?;
        found.map(|(file, length)| files::whole(&file, length, limit)).transpose()
    }

    /// Maps a file that is made whole and never changed, `None` if there is no such file. Any file
    /// but a plain one of the owner's is an error.
    ///
    /// # Errors
    ///
    /// As [`Folder::read`], and what mmap(2) says.
    pub fn view(&self, name: &str, limit: u64) -> io::Result<Option<Mapped>> {
        let found = self.find_file(name, limit)?;
        found
            .map(|(file, length)| {
                if file.metadata()?.uid() != super::effective_uid() {
                    return Err(odd("made by another user"));
                }
                let length = usize::try_from(length);
                Mapped::map(&file, length.map_err(|_| odd("too long"))?)
            })
            .transpose()
    }

    /// Opens a file of ours, and tells its length.
    fn find_file(&self, name: &str, limit: u64) -> io::Result<Option<(File, u64)>> {
        let file = match self.plain(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let found = file.metadata()?;
        let ours = found.is_file() && found.mode() & 0o077 == 0 && found.nlink() == 1;
        if !ours || !files::is_keeper(found.uid()) || found.len() > limit {
            return Err(odd("not a file of ours"));
        }
        Ok(Some((file, found.len())))
    }

    /// When a file was last changed, as its date says, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What open(2) and fstat(2) say.
    pub fn date(&self, name: &str) -> io::Result<u64> {
        let modified = self.plain(name)?.metadata()?.modified()?;
        Ok(modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// Gives a file another date, which needs no room, and waits until that is on the disk.
    ///
    /// # Errors
    ///
    /// What open(2), futimens(2) and fsync(2) say.
    pub fn set_date(&self, name: &str, seconds: u64) -> io::Result<()> {
        let file = self.plain(name)?;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))?;
        file.sync_all()
    }

    fn plain(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        files::open_at(&self.directory, name, flags)
    }

    /// Maps a file of `head` bytes and `words` words, `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// What open(2) says, and as for mapping it.
    pub fn map(&self, name: &str, head: usize, words: usize) -> io::Result<Option<Cells>> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY;
        match files::open_at(&self.directory, name, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => Cells::map(file, head, words).map(Some),
        }
    }

    /// Makes a file with this content, whole, unless there is one: whether it was made.
    ///
    /// # Errors
    ///
    /// What the file system says. Then nothing was made.
    pub fn make(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let draft = Draft::new(&self.directory, bytes)?;
        let synced = draft.file.sync_all();
        synced.and_then(|()| draft.publish(&self.directory, name))
    }

    /// Makes a file with this content, which a boot may forget, and maps it as [`Folder::map`]
    /// does, `None` if there is one.
    ///
    /// # Errors
    ///
    /// As [`Folder::make`] and [`Folder::map`].
    pub fn make_mapped(
        &self,
        name: &str,
        bytes: &[u8],
        head: usize,
        words: usize,
    ) -> io::Result<Option<Cells>> {
        let draft = Draft::new(&self.directory, bytes)?;
        if !draft.publish(&self.directory, name)? {
            return Ok(None);
        }
        Cells::map(draft.file, head, words).map(Some)
    }

    /// Makes a file with this content, whole, in place of one that is there. It grants, or is of no
    /// matter: of two that write at once, either may win.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.make(name, bytes)? {
            self.remove(name)?;
            self.make(name, bytes)?;
        }
        Ok(())
    }

    /// Removes a file. A missing one is no error.
    ///
    /// # Errors
    ///
    /// What unlink(2) says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match unlink(&self.directory, name) {
            Err(Errno::NOENT) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Waits until what was made and removed is on the disk.
    ///
    /// # Errors
    ///
    /// What fsync(2) says.
    pub fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    /// Whether there is a file with this name, whatever it is.
    ///
    /// # Errors
    ///
    /// What fstatat(2) says.
    pub fn has(&self, name: &str) -> io::Result<bool> {
        match statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of the files, in no order. Those that are being written are not among them.
    ///
    /// # Errors
    ///
    /// What readdir(3) says.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let names = self.listed()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
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
    /// Puts `bytes` in the file's place, so that a reader finds the old or the new, and after
    /// a crash too.
    ///
    /// # Errors
    ///
    /// What the file system says. Then the old content is still there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let directory = &self.0.directory;
        let draft = format!(".{name}.new");
        let created = match create(directory, &draft) {
            // The process that wrote it was killed: no other one writes while this lives.
            Err(Errno::EXIST) => unlink(directory, &draft).and_then(|()| create(directory, &draft)),
            created => created,
        };
        let written = created.map_err(io::Error::from).and_then(|mut file| {
            give_to_owner(&file, directory)?;
            file.write_all(bytes)?;
            file.sync_all()
        });
        written
            .and_then(|()| Ok(rename(directory, &draft, name, RenameFlags::empty())?))
            .inspect_err(|_| {
                let _ = unlink(directory, &draft);
            })?;
        self.0.sync()
    }

    /// Removes a file. A missing one is no error.
    ///
    /// # Errors
    ///
    /// What unlink(2) says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    /// Removes every file whose name begins so.
    ///
    /// # Errors
    ///
    /// What readdir(3) and unlink(2) say.
    pub fn sweep(&self, prefix: &str) -> io::Result<()> {
        for entry in self.0.listed()? {
            let file = entry?.file_name();
            match file.to_str() {
                Some(name) if name.starts_with(prefix) => self.remove(name)?,
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the descriptor would do the same.
        let _ = flock(&self.0.directory, FlockOperation::Unlock);
    }
}

/// A file that has no name yet, so that a process that is killed leaves nothing behind.
struct Draft {
    file: File,
    /// Where the file system can't do without.
    name: Option<String>,
}

impl Draft {
    fn new(directory: &File, bytes: &[u8]) -> io::Result<Self> {
        let mut draft = match nameless(directory) {
            Ok(file) => Self { file, name: None },
            Err(Errno::OPNOTSUPP) => Self::named(directory)?,
            Err(error) => return Err(error.into()),
        };
        let _ = change_in_place(&draft.file);
        let written = with_growth_refused(bytes.len(), || {
            give_to_owner(&draft.file, directory)?;
            draft.file.write_all(bytes)
        });
        written.inspect_err(|_| draft.forget(directory)).map(|()| draft)
    }

    fn named(directory: &File) -> io::Result<Self> {
        let name = format!(".{:016x}.new", random()?);
        Ok(Self { file: create(directory, &name)?, name: Some(name) })
    }

    /// Gives it its name, if no file has that: whether it has it.
    fn publish(&self, directory: &File, target: &str) -> io::Result<bool> {
        let named = match &self.name {
            Some(name) => rename(directory, name, target, RenameFlags::NOREPLACE),
            None => link(&self.file, directory, target),
        };
        match named.inspect_err(|_| self.forget(directory)) {
            Err(Errno::EXIST) => Ok(false),
            named => {
                named?;
                // The folder may have changed hands meanwhile.
                give_to_owner(&self.file, directory).map(|()| true)
            }
        }
    }

    fn forget(&self, directory: &File) {
        if let Some(name) = &self.name {
            let _ = unlink(directory, name);
        }
    }
}

/// Gives what root has made to the owner of the folder that it is in: where the broker keeps what
/// is kept, it can use what a login of root's or a command has made.
fn give_to_owner(made: &File, directory: &File) -> io::Result<()> {
    let (own, owner) = (made.metadata()?, directory.metadata()?);
    if own.uid() == owner.uid() || super::effective_uid() != 0 {
        return Ok(());
    }
    std::os::unix::fs::fchown(made, Some(owner.uid()), Some(owner.gid()))
}

/// Has btrfs change a file where it lies, so that a full disk changes nothing for it. Other file
/// systems do so by themselves, or do not know how.
fn change_in_place(file: &File) -> rustix::io::Result<()> {
    ioctl_setflags(file, ioctl_getflags(file)? | IFlags::NOCOW)
}

fn link(file: &File, directory: &File, target: &str) -> rustix::io::Result<()> {
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, own, directory, target, AtFlags::SYMLINK_FOLLOW)
}

fn odd(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// The process that has the inode locked, of a list as proc_locks(5) describes it.
fn holder(locks: &str, inode: u64) -> Option<u32> {
    let end = format!(":{inode}");
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let place = words.iter().position(|word| word.ends_with(&end))?;
        let is_held = words.get(1).is_some_and(|kind| *kind == "FLOCK");
        is_held.then(|| words.get(place.checked_sub(1)?)?.parse().ok())?
    })
}

fn open(place: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags).open(place)
}

/// Makes a folder that is open to all: the broker's socket is beside the folder that is made in it.
fn make_open(place: &Path) -> io::Result<()> {
    make(place)?;
    // By its descriptor, and beyond what the umask has left.
    open(place)?.set_permissions(Permissions::from_mode(0o755))
}

fn make(place: &Path) -> io::Result<()> {
    // No umask can make this mode wider.
    match DirBuilder::new().mode(0o700).create(place) {
        // Another process was quicker; the owner will be checked.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn create(directory: &File, name: &str) -> rustix::io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    openat(directory, name, OFlags::RDWR | OFlags::CLOEXEC | flags, OWN).map(File::from)
}

fn nameless(directory: &File) -> rustix::io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::TMPFILE;
    openat(directory, ".", flags, OWN).map(File::from)
}

fn rename(directory: &File, from: &str, to: &str, flags: RenameFlags) -> rustix::io::Result<()> {
    renameat_with(directory, from, directory, to, flags)
}

fn unlink(directory: &File, name: &str) -> rustix::io::Result<()> {
    unlinkat(directory, name, AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            Self(PathBuf::from(format!("/tmp/countersign-folder-{name}-{}", std::process::id())))
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
    fn files_of_the_version_before_follow_into_a_folder_that_is_missing() {
        let place = Place::new("follow");
        let before = Folder::open(&place.0).unwrap();
        let inner = place.0.join("inner");
        Folder::follow(&inner, &["b-", "a-"]);
        assert!(!inner.exists(), "there was nothing");
        for name in ["a-1", "b-1", "c-1"] {
            before.make(name, name.as_bytes()).unwrap();
        }
        Folder::follow(&inner, &["b-", "a-"]);
        let names = |folder: &Folder| {
            let mut names = folder.names().unwrap();
            names.sort();
            names
        };
        let folder = Folder::open(&inner).unwrap();
        assert_eq!(names(&folder), ["a-1", "b-1"]);
        assert_eq!(names(&before), ["c-1", "inner"]);
        before.make("a-1", b"later").unwrap();
        Folder::follow(&inner, &["b-", "a-"]);
        assert_eq!(folder.read("a-1", 100).unwrap().unwrap(), b"a-1");
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
                        locked.replace("count", next.to_string().as_bytes()).unwrap();
                    }
                });
            }
        });
        assert_eq!(folder.read("count", 10).unwrap().unwrap(), b"100");
    }
}
