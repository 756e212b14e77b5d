//! The kernel's calls: bpf(2), perf_event_open(2), membarrier(2), setpriority(2) and mmap(2) as safe functions.
//!
//! Numbers and layouts are those of `include/uapi/linux/bpf.h` and `perf_event.h` (Linux 6.6). The
//! kernel takes a shorter attribute than it knows and reads the rest as zero.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

mod attr;
mod btf;
mod map;
mod mmap;
mod perf;
mod prog_test_run;
mod tcx;

pub(crate) use map::{
    MapInfo, NO_PREALLOC, Writing, create_array, create_map, delete, delete_batch, insert, lookup,
    lookup_batch, map_info, update, update_batch,
};
pub(crate) use mmap::{Mapping, page_size};
pub(crate) use perf::{perf_enable, perf_open};
pub(crate) use prog_test_run::{Run, test_run};
pub(crate) use tcx::{
    Attached, attach_last, detach, load_drop, load_empty, program_by_id, program_id, query,
};

use attr::{Command, Info, LinkCreate, LinkUpdate, Object};

/// Which hook of an interface a link is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// `BPF_TCX_INGRESS`: what arrives at the interface.
    Ingress,
    /// `BPF_TCX_EGRESS`: what leaves by it.
    Egress,
}

impl Hook {
    const fn attach_type(self) -> u32 {
        match self {
            Self::Ingress => 46,
            Self::Egress => 47,
        }
    }
}

/// Calls bpf(2). `attr` must be the attribute of `command`, and every address in it must be that of
/// memory which lives and is large enough for the length of the call; the callers in this module and
/// below it build it from slices they hold.
fn bpf<T: Copy>(command: Command, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the attribute is a live, initialised value of the size passed; what it points to is
    // vouched for by the callers (see above).
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(io::Error::other)
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel just returned this descriptor to us; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A descriptor as the unsigned number that bpf(2) takes.
fn number(fd: BorrowedFd<'_>) -> u32 {
    u32::try_from(fd.as_raw_fd()).expect("an open descriptor is not negative")
}

fn address<T>(of: *const T) -> u64 {
    of.addr() as u64
}

fn path_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Pins a map, program or link at a path of a bpffs.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = path_string(path)?;
    let mut attr = Object {
        pathname: address(path.as_ptr()),
        fd: number(fd),
        flags: 0,
    };
    bpf(Command::ObjPin, &mut attr).map(drop)
}

/// Opens what is pinned at a path.
pub(crate) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = path_string(path)?;
    let mut attr = Object {
        pathname: address(path.as_ptr()),
        fd: 0,
        flags: 0,
    };
    bpf(Command::ObjGet, &mut attr).map(owned)
}

/// Attaches a program to an interface of the calling thread's network namespace, before those that
/// are there.
pub(crate) fn link_create(
    program: BorrowedFd<'_>,
    ifindex: u32,
    hook: Hook,
) -> io::Result<OwnedFd> {
    // Without another program: before all.
    const BPF_F_BEFORE: u32 = 1 << 3;
    let mut attr = LinkCreate {
        program: number(program),
        target: ifindex,
        attach_type: hook.attach_type(),
        flags: BPF_F_BEFORE,
    };
    bpf(Command::LinkCreate, &mut attr).map(owned)
}

/// Replaces a link's program; there is no moment without one.
pub(crate) fn link_update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = LinkUpdate {
        link: number(link),
        program: number(program),
        flags: 0,
        old_program: 0,
    };
    bpf(Command::LinkUpdate, &mut attr).map(drop)
}

/// Takes a link off its interface; it stays, and does nothing.
pub(crate) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    bpf(Command::LinkDetach, &mut number(link)).map(drop)
}

/// What the kernel tells of a TCX link.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct LinkInfo {
    /// `BPF_LINK_TYPE_TCX` is 11.
    pub(crate) kind: u32,
    /// Kernel's number of the link.
    pub(crate) id: u32,
    /// Kernel's number of its program.
    pub(crate) program: u32,
    padding: u32,
    /// Interface, 0 once it is gone.
    pub(crate) ifindex: u32,
    /// Hook.
    pub(crate) attach_type: u32,
}

pub(crate) fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    let mut info = LinkInfo::default();
    object_info(link, &mut info)?;
    Ok(info)
}

/// Kind and number of a map, program or link: no two open ones of them have both alike.
pub(crate) fn identity(fd: BorrowedFd<'_>) -> io::Result<[u32; 2]> {
    let mut identity = [0; 2];
    object_info(fd, &mut identity)?;
    Ok(identity)
}

/// Fills `info`, a plain structure that begins like the kernel's for this kind of object.
fn object_info<T: Copy>(fd: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).expect("the structures here are small");
    let mut attr = Info {
        fd: number(fd),
        length,
        info: address(std::ptr::from_mut(info)),
    };
    bpf(Command::ObjGetInfo, &mut attr).map(drop)
}

/// Waits until every program run that had begun before has ended (an RCU grace period; tens of ms).
pub(crate) fn grace_period() -> io::Result<()> {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: takes three integers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Sets the niceness of the calling thread, -20 to 19: the lower, the more of a busy CPU it gets.
///
/// # Errors
/// Below what it is now it takes a privilege.
pub fn set_thread_niceness(niceness: i32) -> io::Result<()> {
    const THIS_THREAD: libc::id_t = 0;
    // SAFETY: takes three integers and touches no memory of ours.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, THIS_THREAD, niceness) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Monotonic time, ns: the clock of events and connections.
pub(crate) fn monotonic_ns() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .expect("the monotonic clock exists on every Linux");
    let part = |n: i64| u64::try_from(n).expect("monotonic time is not negative");
    part(now.tv_sec()) * 1_000_000_000 + part(now.tv_nsec())
}
