//! A pinned map with its types.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use abi::maps::{self, Declaration, Kind};

use crate::Error;
use crate::pins::Pins;
use crate::pod_types::{self, Plain, Record};
use crate::sys::{self, MapInfo, Mapping, Writing};

/// Opens what is pinned of a map, after a check of its shape.
pub(crate) fn open(pins: &Pins, map: &Declaration) -> Result<(OwnedFd, MapInfo), Error> {
    let path = pins.versioned(map.name);
    let failed = |action| {
        let path = path.clone();
        move |source| Error::Path {
            action,
            path,
            source,
        }
    };
    let fd = sys::open_pin(&path).map_err(failed("opening map"))?;
    let info = sys::map_info(fd.as_fd()).map_err(failed("asking the kernel about map"))?;
    compare(map, &info, &path)?;
    Ok((fd, info))
}

/// Makes an empty map that differs in nothing but its size from one that there is.
pub(crate) fn sibling(map: &Declaration, info: &MapInfo, size: u32) -> Result<OwnedFd, Error> {
    let info = MapInfo {
        max_entries: size,
        ..*info
    };
    make(map, &info)
}

/// Makes an empty map.
pub(crate) fn make(map: &Declaration, info: &MapInfo) -> Result<OwnedFd, Error> {
    sys::create_map(map.name, info, writing(map)).map_err(|source| Error::Map {
        action: "making",
        map: map.name,
        source,
    })
}

fn writing(map: &Declaration) -> Writing {
    if map.is_locked() {
        Writing::Locked
    } else {
        Writing::Plain
    }
}

/// Maps an array that can be (`BPF_F_MMAPABLE`) into memory.
pub(crate) fn open_array<V>(
    pins: &Pins,
    map: &maps::Map<u32, V>,
    length: usize,
) -> Result<Mapping, Error> {
    let path = pins.versioned(map.name);
    Mapping::of_pin(&path, map.value.size * length).map_err(|source| Error::Path {
        action: "mapping into memory",
        path,
        source,
    })
}

/// Refuses a map that isn't of the declared shape.
fn compare(map: &Declaration, info: &MapInfo, path: &Path) -> Result<(), Error> {
    let size = |size: usize| u32::try_from(size).expect("records are small");
    let checks = [
        ("type", info.kind, map.kind as u32),
        ("key size", info.key_size, size(map.key.size)),
        ("value size", info.value_size, size(map.value.size)),
    ];
    for (field, found, needed) in checks {
        if found != needed {
            return Err(Error::MapMismatch {
                path: path.to_path_buf(),
                field,
                found,
                needed,
            });
        }
    }
    Ok(())
}

/// Checks what is pinned of each map, if anything is, before a program is loaded that would use it.
pub(crate) fn check_all(pins: &Pins) -> Result<(), Error> {
    let mut pinned = maps::ALL
        .iter()
        .filter(|map| pins.versioned(map.name).exists());
    pinned.try_for_each(|map| open(pins, map).map(drop))
}

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapUsage {
    /// Name of the map.
    pub map: &'static str,
    /// Entries in it.
    pub entries: usize,
    /// Entries that fit.
    pub max: u32,
}

/// Elements per call.
const CHUNK: u32 = 4096;

/// An open map of `K` to `V`. In a per-CPU map, `V` is one CPU's value.
#[derive(Debug)]
pub(crate) struct Map<K, V> {
    fd: OwnedFd,
    declaration: &'static Declaration,
    info: MapInfo,
    types: PhantomData<fn(K) -> V>,
}

/// A batch that stopped early.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Elements treated before.
    pub(crate) done: usize,
    pub(crate) error: Error,
}

impl<K: Plain, V: Record> Map<K, V> {
    /// Takes what is pinned, after a check of its shape.
    pub(crate) fn open(pins: &Pins, map: &'static maps::Map<K, V>) -> Result<Self, Error> {
        let (fd, info) = open(pins, map)?;
        Ok(Self {
            fd,
            declaration: map,
            info,
            types: PhantomData,
        })
    }

    /// Takes an open map, after a check of its shape.
    pub(crate) fn of(fd: OwnedFd, map: &'static maps::Map<K, V>) -> Result<Self, Error> {
        let failed = |source| Error::Map {
            action: "asking the kernel about",
            map: map.name,
            source,
        };
        let info = sys::map_info(fd.as_fd()).map_err(failed)?;
        compare(map, &info, Path::new(map.name))?;
        Ok(Self {
            fd,
            declaration: map,
            info,
            types: PhantomData,
        })
    }

    /// Makes an empty map that differs in nothing but its size.
    pub(crate) fn sibling(&self, size: u32) -> Result<Self, Error> {
        Ok(Self {
            fd: sibling(self.declaration, &self.info, size)?,
            declaration: self.declaration,
            info: MapInfo {
                max_entries: size,
                ..self.info
            },
            types: PhantomData,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.declaration.name
    }

    pub(crate) fn kind(&self) -> Kind {
        self.declaration.kind
    }

    /// Size of the map in entries.
    pub(crate) fn max(&self) -> u32 {
        self.info.max_entries
    }

    /// How full the map is with so many entries.
    pub(crate) fn fill(&self, entries: usize) -> MapUsage {
        MapUsage {
            map: self.name(),
            entries,
            max: self.declaration.room(self.max()),
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> Error {
        let map = self.name();
        move |source| Error::Map {
            action,
            map,
            source,
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Result<Option<V>, Error> {
        let mut value = vec![0; size_of::<V>()];
        let found = sys::lookup(self.fd(), pod_types::bytes(key), &mut value)
            .map_err(self.failed("reading"))?;
        Ok(found.then(|| pod_types::read(&value)).flatten())
    }

    /// The values of all possible CPUs, in order. Only for per-CPU maps.
    pub(crate) fn get_per_cpu(&self, key: &K, cpus: usize) -> Result<Vec<V>, Error> {
        let stride = size_of::<V>().next_multiple_of(8);
        let mut values = vec![0; stride * cpus];
        sys::lookup(self.fd(), pod_types::bytes(key), &mut values)
            .map_err(self.failed("reading"))?;
        Ok(values
            .chunks_exact(stride)
            .filter_map(pod_types::read)
            .collect())
    }

    /// Calls `f` with every key and its value's bytes, `stride` per entry.
    fn for_each_raw(&self, stride: usize, mut f: impl FnMut(K, &[u8])) -> Result<(), Error> {
        // The hash's cursor is a bucket's number, the others' is a key.
        let mut cursor = vec![0; size_of::<K>().max(8)];
        let count = CHUNK.min(self.max().max(1));
        let capacity = count as usize;
        let mut keys = vec![0; size_of::<K>() * capacity];
        let mut values = vec![0; stride * capacity];
        let mut first = true;
        loop {
            let (found, last) =
                sys::lookup_batch(self.fd(), first, &mut cursor, &mut keys, &mut values, count)
                    .map_err(self.failed("reading all of"))?;
            let keys = keys.chunks_exact(size_of::<K>());
            for (key, value) in keys.zip(values.chunks_exact(stride)).take(found as usize) {
                if let Some(key) = pod_types::read(key) {
                    f(key, value);
                }
            }
            if last {
                return Ok(());
            }
            first = false;
        }
    }

    /// Calls `f` with every entry. Entries that come or go meanwhile may be missed or be seen twice.
    pub(crate) fn for_each(&self, mut f: impl FnMut(K, V)) -> Result<(), Error> {
        self.for_each_raw(size_of::<V>(), |key, value| {
            if let Some(value) = pod_types::read(value) {
                f(key, value);
            }
        })
    }

    /// As [`Self::for_each`], with the values of all possible CPUs.
    pub(crate) fn for_each_per_cpu(
        &self,
        cpus: usize,
        mut f: impl FnMut(K, &mut dyn Iterator<Item = V>),
    ) -> Result<(), Error> {
        let stride = size_of::<V>().next_multiple_of(8);
        self.for_each_raw(stride * cpus, |key, values| {
            f(
                key,
                &mut values.chunks_exact(stride).filter_map(pod_types::read),
            );
        })
    }

    /// Removes entries, those that aren't there included.
    pub(crate) fn delete_many(&self, keys: &[K]) -> Result<(), Error> {
        let mut rest = keys;
        while !rest.is_empty() {
            let count = CHUNK.min(u32::try_from(rest.len()).unwrap_or(CHUNK));
            let chunk = pod_types::slice_bytes(&rest[..count as usize]);
            let batch = sys::delete_batch(self.fd(), chunk, count);
            let skipped = match batch.error {
                None => 0,
                Some(error) if error.kind() == io::ErrorKind::NotFound => 1,
                Some(error) => return Err(self.failed("deleting from")(error)),
            };
            rest = &rest[batch.done as usize + skipped..];
        }
        Ok(())
    }

    /// Removes an entry; `false` if there was none.
    pub(crate) fn delete(&self, key: &K) -> Result<bool, Error> {
        sys::delete(self.fd(), pod_types::bytes(key)).map_err(self.failed("deleting from"))
    }
}

impl<K: Plain, V: Plain> Map<K, V> {
    pub(crate) fn put(&self, key: &K, value: &V) -> Result<(), Error> {
        let (key, value) = (pod_types::bytes(key), pod_types::bytes(value));
        sys::update(self.fd(), key, value, self.writing()).map_err(self.failed("writing to"))
    }

    fn writing(&self) -> Writing {
        writing(self.declaration)
    }

    /// Writes an entry unless there is one of that key; says whether it did.
    pub(crate) fn put_new(&self, key: &K, value: &V) -> Result<bool, Error> {
        sys::insert(self.fd(), pod_types::bytes(key), pod_types::bytes(value))
            .map_err(self.failed("writing to"))
    }

    /// Writes the same value for every possible CPU. Only for per-CPU maps.
    pub(crate) fn put_per_cpu(&self, key: &K, value: &V, cpus: usize) -> Result<(), Error> {
        let mut one = pod_types::bytes(value).to_vec();
        one.resize(size_of::<V>().next_multiple_of(8), 0);
        let (key, values) = (pod_types::bytes(key), one.repeat(cpus));
        sys::update(self.fd(), key, &values, self.writing()).map_err(self.failed("writing to"))
    }

    /// Writes entries; `keys` and `values` are equally long.
    pub(crate) fn put_many(&self, keys: &[K], values: &[V]) -> Result<(), Stopped> {
        assert_eq!(keys.len(), values.len());
        let chunk = CHUNK as usize;
        for (n, (keys, values)) in keys.chunks(chunk).zip(values.chunks(chunk)).enumerate() {
            let count = u32::try_from(keys.len()).expect("a chunk is small");
            let (keys, values) = (pod_types::slice_bytes(keys), pod_types::slice_bytes(values));
            let batch = sys::update_batch(self.fd(), keys, values, count, self.writing());
            if let Some(error) = batch.error {
                let error = self.failed("writing to")(error);
                return Err(Stopped {
                    done: n * chunk + batch.done as usize,
                    error,
                });
            }
        }
        Ok(())
    }
}
