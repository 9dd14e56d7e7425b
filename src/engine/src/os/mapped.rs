//! A file of ours, read where the kernel has it: what is not looked at costs nothing, and no copy
//! has to be wiped.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::slice;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file that is made whole and never changed, mapped.
pub struct Mapped {
    start: NonNull<c_void>,
    size: usize,
}

impl Mapped {
    /// Maps the first `size` bytes of an open file that is ours, and so long.
    ///
    /// # Errors
    ///
    /// What mmap(2) says: a file must not be empty.
    pub(super) fn map(file: &File, size: usize) -> io::Result<Self> {
        let (access, kind) = (ProtFlags::READ, MapFlags::PRIVATE);
        // SAFETY: a new mapping of a file that is open; what comes back is as long as was asked
        // for.
        let start = unsafe { mmap(ptr::null_mut(), size, access, kind, file, 0) }?;
        let start = NonNull::new(start).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, size })
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the mapping lives as long as `self` and is as long as this says. The file is
        // root's alone, and no process of ours writes to a file that has its name.
        unsafe { slice::from_raw_parts(self.start.as_ptr().cast(), self.size) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing borrows from it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), self.size) };
    }
}
