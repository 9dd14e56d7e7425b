//! An allocator that wipes what is freed, so that no library leaves a copy of a password behind.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, with `explicit_bzero` before each `free`.
///
/// `realloc` is not overridden: the default one allocates, copies and comes by here.
pub struct Wiping;

// SAFETY: all the work is the system allocator's; the bytes are ours until they are given back.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the block is as large as its layout says, and no code uses it any more.
        unsafe {
            libc::explicit_bzero(pointer.cast(), layout.size());
            System.dealloc(pointer, layout);
        }
    }
}
