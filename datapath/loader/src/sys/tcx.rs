//! What is attached to an interface's TCX hooks, and programs that are attached without a link: they
//! stay as long as the interface does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::attr::{ById, Command, ProgAttach, ProgLoad, ProgQuery};
use super::{Hook, address, bpf, number, object_info, owned};

/// Programs per hook that the kernel allows (`BPF_MPROG_MAX`).
const MOST: usize = 64;

/// One of the programs of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    /// Kernel's number of the program.
    pub(crate) program: u32,
    /// Kernel's number of its link; 0 if it was attached without one.
    pub(crate) link: u32,
}

/// The programs of a hook, in the order in which they run.
pub(crate) fn query(ifindex: u32, hook: Hook) -> io::Result<Vec<Attached>> {
    let (mut programs, mut links) = ([0_u32; MOST], [0_u32; MOST]);
    let mut attr = ProgQuery {
        target: ifindex,
        attach_type: hook.attach_type(),
        query_flags: 0,
        attach_flags: 0,
        programs: address(programs.as_mut_ptr()),
        count: u32::try_from(MOST).map_err(io::Error::other)?,
        padding: 0,
        program_flags: 0,
        links: address(links.as_mut_ptr()),
        link_flags: 0,
        revision: 0,
    };
    match bpf(Command::ProgQuery, &mut attr) {
        Ok(_) => {}
        // Some kernels say so of a hook without programs.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let count = usize::try_from(attr.count).map_err(io::Error::other)?;
    let both = programs.into_iter().zip(links).take(count);
    Ok(both
        .map(|(program, link)| Attached { program, link })
        .collect())
}

/// Attaches a program without a link, behind those that are there.
pub(crate) fn attach_last(program: BorrowedFd<'_>, ifindex: u32, hook: Hook) -> io::Result<()> {
    bpf(Command::ProgAttach, &mut attachment(program, ifindex, hook)).map(drop)
}

/// Takes a program off that was attached without a link.
pub(crate) fn detach(program: BorrowedFd<'_>, ifindex: u32, hook: Hook) -> io::Result<()> {
    bpf(Command::ProgDetach, &mut attachment(program, ifindex, hook)).map(drop)
}

fn attachment(program: BorrowedFd<'_>, ifindex: u32, hook: Hook) -> ProgAttach {
    ProgAttach {
        target: ifindex,
        program: number(program),
        attach_type: hook.attach_type(),
        flags: 0,
        replaced: 0,
        relative: 0,
        expected_revision: 0,
    }
}

/// What the kernel tells of a program, as far as its name.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct ProgInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_length: u32,
    xlated_length: u32,
    jited: u64,
    xlated: u64,
    load_time: u64,
    created_by: u32,
    map_count: u32,
    maps: u64,
    name: [u8; 16],
}

/// Kernel's number of a program.
pub(crate) fn program_id(program: BorrowedFd<'_>) -> io::Result<u32> {
    let mut info = ProgInfo::default();
    object_info(program, &mut info)?;
    Ok(info.id)
}

/// The program of a number, and its name.
pub(crate) fn program_by_id(id: u32) -> io::Result<(OwnedFd, String)> {
    let mut attr = ById {
        id,
        next: 0,
        flags: 0,
    };
    let program = bpf(Command::ProgById, &mut attr).map(owned)?;
    let mut info = ProgInfo::default();
    object_info(program.as_fd(), &mut info)?;
    let name = info
        .name
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    Ok((program, String::from_utf8_lossy(name).into_owned()))
}

/// Loads a tc program that drops every packet.
pub(crate) fn load_drop(name: &str) -> io::Result<OwnedFd> {
    // r0 = TC_ACT_SHOT; exit.
    load(&[0xb7 | 2 << 32, 0x95], name)
}

/// Loads a tc program that returns 0 and does nothing else.
pub(crate) fn load_empty() -> io::Result<OwnedFd> {
    // r0 = 0; exit.
    load(&[0xb7, 0x95], "")
}

fn load(instructions: &[u64], name: &str) -> io::Result<OwnedFd> {
    const BPF_PROG_TYPE_SCHED_CLS: u32 = 3;
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    let mut attr = ProgLoad {
        kind: BPF_PROG_TYPE_SCHED_CLS,
        instruction_count: u32::try_from(instructions.len()).map_err(io::Error::other)?,
        instructions: address(instructions.as_ptr()),
        license: address(c"Apache-2.0".as_ptr()),
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: bytes,
    };
    bpf(Command::ProgLoad, &mut attr).map(owned)
}
