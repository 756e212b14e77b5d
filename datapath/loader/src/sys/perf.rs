//! Perf events that carry the output of BPF programs.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::owned;

/// `struct perf_event_attr`, first published size (`PERF_ATTR_SIZE_VER0`).
#[derive(Clone, Copy)]
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    bp_type: u32,
    config1: u64,
}

const _: () = assert!(size_of::<Attributes>() == 64);

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
const FLAG_DISABLED: u64 = 1 << 0;
const FLAG_WATERMARK: u64 = 1 << 14;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
/// `_IO('$', 0)`.
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;

/// Opens the event of one CPU; its reader wakes once `watermark` bytes are waiting.
pub(crate) fn perf_open(cpu: u32, watermark: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_SOFTWARE,
        size: 64,
        config: PERF_COUNT_SW_BPF_OUTPUT,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        read_format: 0,
        flags: FLAG_DISABLED | FLAG_WATERMARK,
        wakeup: watermark,
        bp_type: 0,
        config1: 0,
    };
    const EVERY_PROCESS: libc::pid_t = -1;
    const NO_GROUP: RawFd = -1;
    // SAFETY: the attributes are a live, initialised structure that says its own size.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            std::ptr::from_ref(&attributes),
            EVERY_PROCESS,
            cpu,
            NO_GROUP,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(fd).map(owned).map_err(io::Error::other)
}

/// Lets the event write to its ring.
pub(crate) fn perf_enable(event: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes an integer and touches no memory of ours.
    let result = unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_ENABLE, 0) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
