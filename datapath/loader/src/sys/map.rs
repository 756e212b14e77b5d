//! Elements of maps, as bytes. Sizes are checked against the map's own by `crate::map`, which is
//! the only caller.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::attr::{Command, Element, Elements, MapCreate};
use super::{address, bpf, btf, number, object_info, owned};

/// `BPF_F_MMAPABLE`.
pub(crate) const MMAPABLE: u32 = 1 << 10;

/// `BPF_F_NO_PREALLOC`.
pub(crate) const NO_PREALLOC: u32 = 1;

/// `BPF_NOEXIST`.
const NO_EXIST: u64 = 1;

/// `BPF_F_LOCK`.
const LOCK: u64 = 4;

/// How what is already there is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As the map's kind has it: an array's elements in place, others by putting a new one in the old one's.
    Plain,
    /// In place, under the lock in the value.
    Locked,
}

impl Writing {
    const fn flags(self) -> u64 {
        match self {
            Self::Plain => 0,
            Self::Locked => LOCK,
        }
    }
}

/// A map's definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct MapInfo {
    /// `BPF_MAP_TYPE_*`.
    pub(crate) kind: u32,
    /// The kernel's number of it.
    pub(crate) id: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
}

pub(crate) fn map_info(map: BorrowedFd<'_>) -> io::Result<MapInfo> {
    let mut info = MapInfo::default();
    object_info(map, &mut info)?;
    Ok(info)
}

/// Makes a map by a definition, whose number doesn't matter. For [`Writing::Locked`] the kernel is told of
/// the lock, the last word of a value.
pub(crate) fn create_map(
    name: &str,
    definition: &MapInfo,
    writing: Writing,
) -> io::Result<OwnedFd> {
    let mut attr = MapCreate {
        kind: definition.kind,
        key_size: definition.key_size,
        value_size: definition.value_size,
        max_entries: definition.max_entries,
        flags: definition.flags,
        inner: 0,
        numa: 0,
        name: [0; 16],
        ifindex: 0,
        btf: 0,
        btf_key: 0,
        btf_value: 0,
    };
    let types = match writing {
        Writing::Plain => None,
        Writing::Locked => Some(btf::load_locked(
            definition.key_size,
            definition.value_size,
        )?),
    };
    if let Some(types) = &types {
        attr.btf = number(types.as_fd());
        attr.btf_key = btf::KEY;
        attr.btf_value = btf::VALUE;
    }
    // The last byte stays zero.
    for (to, from) in attr.name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    bpf(Command::MapCreate, &mut attr).map(owned)
}

/// Makes an array that user space can map into its memory.
pub(crate) fn create_array(name: &str, value_size: u32, max_entries: u32) -> io::Result<OwnedFd> {
    let definition = MapInfo {
        kind: 2,
        id: 0,
        key_size: 4,
        value_size,
        max_entries,
        flags: MMAPABLE,
    };
    create_map(name, &definition, Writing::Plain)
}

fn element(map: BorrowedFd<'_>, key: &[u8], value: u64) -> Element {
    Element {
        map: number(map),
        padding: 0,
        key: address(key.as_ptr()),
        value,
        flags: 0,
    }
}

/// Reads an element; `false` if there is none. `value` must have the map's value size (for all CPUs,
/// in a per-CPU map).
pub(crate) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
    let mut attr = element(map, key, address(value.as_mut_ptr()));
    match bpf(Command::MapLookup, &mut attr) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes an element, new or not.
pub(crate) fn update(
    map: BorrowedFd<'_>,
    key: &[u8],
    value: &[u8],
    writing: Writing,
) -> io::Result<()> {
    let mut attr = element(map, key, address(value.as_ptr()));
    attr.flags = writing.flags();
    bpf(Command::MapUpdate, &mut attr).map(drop)
}

/// Writes a new element; `false` if there is one already.
pub(crate) fn insert(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<bool> {
    let mut attr = element(map, key, address(value.as_ptr()));
    attr.flags = NO_EXIST;
    match bpf(Command::MapUpdate, &mut attr) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes an element; `false` if there was none.
pub(crate) fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<bool> {
    let mut attr = element(map, key, 0);
    match bpf(Command::MapDelete, &mut attr) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// How a batch went: `done` elements from the front were treated, then came `error`.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) done: u32,
    pub(crate) error: Option<io::Error>,
}

fn elements(map: BorrowedFd<'_>, keys: *const u8, values: u64, count: u32) -> Elements {
    Elements {
        in_batch: 0,
        out_batch: 0,
        keys: address(keys),
        values,
        count,
        map: number(map),
        element_flags: 0,
        flags: 0,
    }
}

/// Writes `count` elements whose keys and values stand one after the other.
pub(crate) fn update_batch(
    map: BorrowedFd<'_>,
    keys: &[u8],
    values: &[u8],
    count: u32,
    writing: Writing,
) -> Batch {
    let mut attr = elements(map, keys.as_ptr(), address(values.as_ptr()), count);
    attr.element_flags = writing.flags();
    // An error before the first element leaves the count as it was given.
    match bpf(Command::MapUpdateBatch, &mut attr) {
        Ok(_) => Batch {
            done: count,
            error: None,
        },
        Err(error) => {
            let done = if attr.count < count { attr.count } else { 0 };
            Batch {
                done,
                error: Some(error),
            }
        }
    }
}

/// Removes `count` elements.
pub(crate) fn delete_batch(map: BorrowedFd<'_>, keys: &[u8], count: u32) -> Batch {
    let mut attr = elements(map, keys.as_ptr(), 0, count);
    match bpf(Command::MapDeleteBatch, &mut attr) {
        Ok(_) => Batch {
            done: count,
            error: None,
        },
        Err(error) => {
            let done = if attr.count < count { attr.count } else { 0 };
            Batch {
                done,
                error: Some(error),
            }
        }
    }
}

/// Reads up to `count` elements from where `cursor` stands (`first`: from the beginning) and moves
/// it on. Returns how many there were and whether these were the last.
pub(crate) fn lookup_batch(
    map: BorrowedFd<'_>,
    first: bool,
    cursor: &mut [u8],
    keys: &mut [u8],
    values: &mut [u8],
    count: u32,
) -> io::Result<(u32, bool)> {
    let values = address(values.as_mut_ptr());
    let mut attr = elements(map, keys.as_mut_ptr(), values, count);
    attr.out_batch = address(cursor.as_mut_ptr());
    attr.in_batch = if first { 0 } else { attr.out_batch };
    match bpf(Command::MapLookupBatch, &mut attr) {
        Ok(_) => Ok((attr.count, false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((attr.count, true)),
        Err(error) => Err(error),
    }
}
