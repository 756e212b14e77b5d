//! Memory shared with the kernel.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Size of a memory page in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// A shared mapping, unmapped on drop. Others (the kernel) write to it at any time: it is read and
/// written through atomics and copies only, never through references to plain values.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is process-wide memory; nothing in it belongs to a thread.
unsafe impl Send for Mapping {}
// SAFETY: shared access goes through atomics and copies.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of `fd` for reading and writing.
    pub(crate) fn new(fd: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no memory in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// Maps the `length` bytes of a pinned array.
    pub(crate) fn of_pin(path: &Path, length: usize) -> io::Result<Self> {
        let map = super::open_pin(path)?;
        Self::new(map.as_fd(), length.next_multiple_of(page_size()))
    }

    /// The address `offset` bytes in, of something `size` bytes long and aligned to its size.
    fn at(&self, offset: usize, size: usize) -> *mut u8 {
        assert!(offset.is_multiple_of(size) && offset + size <= self.length);
        // SAFETY: within the mapping, by the assertion.
        unsafe { self.start.as_ptr().add(offset) }
    }

    fn word64(&self, offset: usize) -> &AtomicU64 {
        let at = self.at(offset, 8).cast();
        // SAFETY: aligned, mapped as long as self lives, and only accessed as whole words.
        unsafe { AtomicU64::from_ptr(at) }
    }

    fn word32(&self, offset: usize) -> &AtomicU32 {
        let at = self.at(offset, 4).cast();
        // SAFETY: aligned, mapped as long as self lives, and only accessed as whole words.
        unsafe { AtomicU32::from_ptr(at) }
    }

    pub(crate) fn load64(&self, offset: usize) -> u64 {
        self.word64(offset).load(Ordering::Acquire)
    }

    pub(crate) fn store64(&self, offset: usize, value: u64) {
        self.word64(offset).store(value, Ordering::Release);
    }

    pub(crate) fn load32(&self, offset: usize) -> u32 {
        self.word32(offset).load(Ordering::Acquire)
    }

    pub(crate) fn store32(&self, offset: usize, value: u32) {
        self.word32(offset).store(value, Ordering::Release);
    }

    /// Copies bytes out. The caller must know that nobody writes them meanwhile; if somebody does,
    /// the bytes are a mix.
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) {
        assert!(offset <= self.length && to.len() <= self.length - offset);
        // SAFETY: within the mapping, by the assertion.
        let from = unsafe { self.start.as_ptr().add(offset) };
        // SAFETY: both ranges are valid for the length, and `to` is not part of the mapping, which
        // is never lent out.
        unsafe { std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len()) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped; no reference into it outlives self.
        let result = unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
        debug_assert_eq!(result, 0);
    }
}
