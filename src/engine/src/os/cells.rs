//! A small file of constant size whose words several processes change at once, through a shared
//! mapping.
//!
//! Nothing is locked, so a process that its user stops holds up no other one. Nothing grows, so a
//! full disk, a quota and `RLIMIT_FSIZE` change nothing; a limit on memory or descriptors is an
//! error before anything was read.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use super::files;

/// An open file of ours, mapped: some bytes that never change, then words that do.
pub struct Cells {
    file: File,
    start: NonNull<libc::c_void>,
    head: usize,
    size: usize,
}

impl Cells {
    /// Maps an open file of `head` bytes, a multiple of 8, and `words` words.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] for a file that is not as we would have left it; else what
    /// fstat(2) and mmap(2) say.
    pub(super) fn map(file: File, head: usize, words: usize) -> io::Result<Self> {
        let size = head + words * size_of::<AtomicU64>();
        let found = file.metadata()?;
        let ours = found.is_file() && found.mode() & 0o077 == 0 && found.nlink() == 1;
        if !ours
            || !files::is_trusted(found.uid())
            || found.len() != size as u64
            || !head.is_multiple_of(8)
        {
            return Err(odd());
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a file that is ours and open; what comes back is as long as was
        // asked for.
        let start = unsafe {
            let descriptor = file.as_raw_fd();
            libc::mmap(ptr::null_mut(), size, access, libc::MAP_SHARED, descriptor, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start).ok_or_else(odd)?;
        Ok(Self { file, start, head, size })
    }

    /// Has the pages ready for writing. Where a file system has no room for that (btrfs, after a
    /// snapshot), this is an error here and no SIGBUS later. Not needed in memory.
    ///
    /// # Errors
    ///
    /// What madvise(2) says.
    pub fn populate(&self) -> io::Result<()> {
        // SAFETY: the mapping is ours, and as long as this says.
        let done =
            unsafe { libc::madvise(self.start.as_ptr(), self.size, libc::MADV_POPULATE_WRITE) };
        let error = io::Error::last_os_error();
        // Linux before 5.14 does not know it.
        let is_done = done == 0 || error.raw_os_error() == Some(libc::EINVAL);
        if is_done { Ok(()) } else { Err(error) }
    }

    /// The words. Any process may change any of them at any time.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        let count = (self.size - self.head) / size_of::<AtomicU64>();
        // SAFETY: the mapping begins on a page and `head` is a multiple of 8; it lives as long as
        // `self`, nobody truncates the file but root, and every process changes words by atomic
        // operations alone.
        unsafe {
            let first = self.start.as_ptr().cast::<u8>().add(self.head);
            slice::from_raw_parts(first.cast::<AtomicU64>(), count)
        }
    }

    /// The bytes before the words.
    ///
    /// # Errors
    ///
    /// What pread(2) says.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = vec![0; self.head];
        self.file.read_exact_at(&mut head, 0)?;
        Ok(head)
    }

    /// Waits until the words are on the disk.
    ///
    /// # Errors
    ///
    /// What fdatasync(2) says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Whether the file still has its name: it was neither replaced nor removed.
    ///
    /// # Errors
    ///
    /// What fstat(2) says.
    pub fn is_current(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() == 1)
    }

    /// Marks the number `at` as this process's, for as long as this lives: not even SIGKILL leaves
    /// the mark behind. Nobody waits for it.
    ///
    /// # Errors
    ///
    /// What fcntl(2) says.
    pub fn hold(&self, at: u64) -> io::Result<()> {
        let mut range = range(at, libc::F_RDLCK)?;
        // SAFETY: the descriptor is ours and open, and `range` outlives the call.
        match unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_SETLK, &mut range) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Whether another process (or another [`Cells`] of this one) holds the number `at`.
    ///
    /// # Errors
    ///
    /// What fcntl(2) says.
    pub fn is_held(&self, at: u64) -> io::Result<bool> {
        let mut range = range(at, libc::F_WRLCK)?;
        // SAFETY: the descriptor is ours and open, and `range` outlives the call.
        match unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_GETLK, &mut range) } {
            0 => Ok(libc::c_int::from(range.l_type) != libc::F_UNLCK),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr(), self.size) };
    }
}

/// One byte at this place of a file.
fn range(at: u64, kind: libc::c_int) -> io::Result<libc::flock> {
    // SAFETY: a flock is plain data.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = libc::c_short::try_from(kind).map_err(|_| odd())?;
    range.l_whence = libc::c_short::try_from(libc::SEEK_SET).map_err(|_| odd())?;
    range.l_start = libc::off_t::try_from(at).map_err(|_| odd())?;
    range.l_len = 1;
    Ok(range)
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a file of ours")
}
