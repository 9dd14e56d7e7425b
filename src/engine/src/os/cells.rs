//! A small file of constant size whose words several processes change at once, through a shared
//! mapping.
//!
//! Nothing is locked, so a process that its user stops holds up no other one. Nothing grows, so a
//! full disk, a quota and `RLIMIT_FSIZE` change nothing; a limit on memory or descriptors is an
//! error before anything was read.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use super::files;

/// An open file of ours, mapped: some bytes that never change, then words that do.
pub struct Cells {
    file: File,
    start: NonNull<c_void>,
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
            || !files::is_keeper(found.uid())
            || found.len() != size as u64
            || !head.is_multiple_of(8)
        {
            return Err(odd());
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping of a file that is ours and open; what comes back is as long as was
        // asked for.
        let start = unsafe { mmap(ptr::null_mut(), size, access, MapFlags::SHARED, &file, 0) }?;
        let start = NonNull::new(start).ok_or_else(odd)?;
        Ok(Self { file, start, head, size })
    }

    /// Has the pages ready for writing. Where a file system has no room for that (btrfs, after a
    /// snapshot), this is an error here and no SIGBUS later. Not needed in memory.
    ///
    /// # Errors
    ///
    /// ENOSPC where there is no room; else what madvise(2) says.
    pub fn populate(&self) -> io::Result<()> {
        // SAFETY: the mapping is ours, and as long as this says.
        match unsafe { madvise(self.start.as_ptr(), self.size, Advice::LinuxPopulateWrite) } {
            // Linux before 5.14 does not know it.
            Err(Errno::INVAL) => Ok(()),
            // What would have been a SIGBUS.
            Err(Errno::FAULT) => Err(Errno::NOSPC.into()),
            done => Ok(done?),
        }
    }

    /// The words. Any process may change any of them at any time.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        let count = (self.size - self.head) / size_of::<AtomicU64>();
        // SAFETY: the mapping begins on a page and `head` is a multiple of 8; it lives as long as
        // `self`, root alone can truncate the file, and every process changes words by atomic
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
    /// the mark behind. No process waits for it.
    ///
    /// # Errors
    ///
    /// What fcntl(2) says.
    pub fn hold(&self, at: u64) -> io::Result<()> {
        self.lock(libc::F_OFD_SETLK, at, libc::F_RDLCK).map(drop)
    }

    /// Whether another process (or another [`Cells`] of this one) holds the number `at`.
    ///
    /// # Errors
    ///
    /// What fcntl(2) says.
    pub fn is_held(&self, at: u64) -> io::Result<bool> {
        self.lock(libc::F_OFD_GETLK, at, libc::F_WRLCK).map(|found| found != libc::F_UNLCK)
    }

    /// Asks the kernel about a lock of one byte at this place, and returns the kind of lock that
    /// it answers with. rustix has the locks of a process alone, not those of an open file.
    fn lock(&self, command: c_int, at: u64, kind: c_int) -> io::Result<c_int> {
        // SAFETY: a flock is plain data, which outlives the call; the descriptor is ours and open.
        unsafe {
            let mut range: libc::flock = std::mem::zeroed();
            range.l_type = libc::c_short::try_from(kind).map_err(|_| odd())?;
            range.l_whence = libc::c_short::try_from(libc::SEEK_SET).map_err(|_| odd())?;
            range.l_start = libc::off_t::try_from(at).map_err(|_| odd())?;
            range.l_len = 1;
            match libc::fcntl(self.file.as_raw_fd(), command, &mut range) {
                0 => Ok(range.l_type.into()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr(), self.size) };
    }
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a file of ours")
}
