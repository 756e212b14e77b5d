//! The programs: taken from their pins if they are of the same object, loaded otherwise.
//!
//! The kernel takes seconds to verify them, which a restarted agent needn't wait for.

use std::hash::{DefaultHasher, Hasher};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use abi::maps;
use aya::maps::MapInfo as KernelMap;
use aya::programs::{ProgramError, ProgramInfo, SchedClassifier};
use aya::{Ebpf, EbpfLoader};
use tracing::{debug, info};

use crate::pins::Pins;
use crate::sizes::Sizes;
use crate::sys::MapInfo;
use crate::{Error, map, sys};

/// One of the programs at a pod's veth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The program that judges packets from a pod.
    FromPod,
    /// The program that judges packets to a pod.
    ToPod,
}

/// Descriptors of the programs.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) from_pod: OwnedFd,
    pub(crate) to_pod: OwnedFd,
    pub(crate) to_proxy: OwnedFd,
}

const NAMES: [&str; 3] = [
    maps::PROGRAM_FROM_POD,
    maps::PROGRAM_TO_POD,
    maps::PROGRAM_TO_PROXY,
];

/// A program's pin names the object that it is of.
fn pin_name(program: &str, object: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(object);
    format!("{program}_{:016x}", hasher.finish())
}

fn path(program: &str, object: &[u8], pins: &Pins) -> PathBuf {
    pins.versioned(&pin_name(program, object))
}

/// Opens the programs of `object`. Makes and pins the maps that aren't pinned.
pub(crate) fn open(object: &[u8], pins: &Pins, sizes: &Sizes) -> Result<Programs, Error> {
    let adopted = NAMES.map(|name| adopt(name, object, pins));
    if let [Some(from_pod), Some(to_pod), Some(to_proxy)] = adopted {
        debug!("the programs are loaded already");
        return Ok(Programs {
            from_pod,
            to_pod,
            to_proxy,
        });
    }
    make_locked(pins, sizes)?;
    let programs = load(object, pins, sizes)?;
    info!("the programs are loaded");
    Ok(programs)
}

/// Takes a program that is of the same object and uses the maps that are pinned now. Whatever is
/// wrong with it, the remedy is to load it anew.
fn adopt(name: &str, object: &[u8], pins: &Pins) -> Option<OwnedFd> {
    let path = path(name, object, pins);
    let maps = ProgramInfo::from_pin(&path).ok()?.map_ids().ok()??;
    let uses_ours = maps.into_iter().all(|id| {
        let name = KernelMap::from_id(id).ok();
        let name = name.as_ref().and_then(KernelMap::name_as_str);
        name.is_some_and(|name| {
            let is_pinned = || {
                KernelMap::from_pin(pins.versioned(name))
                    .ok()
                    .map(|map| map.id())
            };
            maps::named(name).is_none() || is_pinned() == Some(id)
        })
    });
    if uses_ours {
        sys::open_pin(&path).ok()
    } else {
        None
    }
}

/// Loads them, the two large ones side by side: the kernel's verifier takes most of the time, for each on one
/// CPU.
fn load(object: &[u8], pins: &Pins, sizes: &Sizes) -> Result<Programs, Error> {
    // The parser wants alignment, which a vector's memory has and an embedded object may not.
    let object = object.to_vec();
    let [from_pod, to_pod, to_proxy] = NAMES;
    // Makes and pins the maps, which the other one finds.
    let mut first = read(&object, pins, sizes)?;
    let mut second = read(&object, pins, sizes)?;
    let to_proxy = verify(&mut second, to_proxy, &object, pins)?;
    let first = || verify(&mut first, from_pod, &object, pins);
    let second = || verify(&mut second, to_pod, &object, pins);
    let (from_pod, to_pod) = side_by_side(first, second);
    Ok(Programs {
        from_pod: from_pod?,
        to_pod: to_pod?,
        to_proxy,
    })
}

/// What two functions give, each on a thread, or, where there is no other thread, one after the other.
fn side_by_side<A: Send, B>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B,
) -> (A, B) {
    // A thread that can't be started drops what it was given.
    let first = Mutex::new(Some(first));
    let take = || first.lock().ok().and_then(|mut first| first.take());
    let run = || take().map(|first| first());
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, run);
        let second = second();
        let first = match other {
            Ok(other) => other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_no_thread) => run(),
        };
        (first.expect("it is taken once"), second)
    })
}

/// Makes and pins the maps whose values have a lock, unless they are: the object doesn't tell the kernel of it.
fn make_locked(pins: &Pins, sizes: &Sizes) -> Result<(), Error> {
    let length = |size: usize| u32::try_from(size).expect("records are small");
    for map in maps::ALL.iter().filter(|map| map.is_locked()) {
        let path = pins.versioned(map.name);
        if path.exists() {
            continue;
        }
        let info = MapInfo {
            kind: map.kind as u32,
            id: 0,
            key_size: length(map.key.size),
            value_size: length(map.value.size),
            max_entries: sizes.of(map).unwrap_or(map.size.initial()),
            flags: sys::NO_PREALLOC,
        };
        pins.replace(map::make(map, &info)?.as_fd(), &path)?;
    }
    Ok(())
}

/// The object, with the pinned maps; those that aren't pinned are made.
fn read(object: &[u8], pins: &Pins, sizes: &Sizes) -> Result<Ebpf, Error> {
    let mut loader = EbpfLoader::new();
    for map in maps::ALL {
        loader.map_pin_path(map.name, pins.versioned(map.name));
        if let Some(size) = sizes.of(map) {
            loader.map_max_entries(map.name, size);
        }
    }
    let refused = |error: aya::EbpfError| Error::Object(Box::new(error));
    loader.load(object).map_err(refused)
}

/// Gives a program to the kernel, and pins it.
fn verify(
    ebpf: &mut Ebpf,
    name: &'static str,
    object: &[u8],
    pins: &Pins,
) -> Result<OwnedFd, Error> {
    let missing = || Error::ProgramMissing {
        program: name.to_owned(),
    };
    let refused = |source: ProgramError| Error::Program {
        program: name,
        source: Box::new(source),
    };
    let program = ebpf.program_mut(name).ok_or_else(missing)?;
    let program: &mut SchedClassifier = program.try_into().map_err(refused)?;
    program.load().map_err(refused)?;
    let path = path(name, object, pins);
    let fd = program.fd().map_err(refused)?;
    pins.replace(fd.as_fd(), &path)?;
    let failed = |source| Error::Path {
        action: "duplicating",
        path,
        source,
    };
    fd.as_fd().try_clone_to_owned().map_err(failed)
}

/// The programs and where they are pinned.
pub(crate) fn pinned(
    object: &[u8],
    programs: &Programs,
    pins: &Pins,
) -> std::io::Result<[(PathBuf, OwnedFd); 3]> {
    let [from_pod, to_pod, to_proxy] = NAMES.map(|name| path(name, object, pins));
    Ok([
        (from_pod, programs.from_pod.try_clone()?),
        (to_pod, programs.to_pod.try_clone()?),
        (to_proxy, programs.to_proxy.try_clone()?),
    ])
}

/// Removes pins of programs that are of other objects, and everything of other ABI versions. No link may
/// have one of these programs any more.
pub(crate) fn forget_others(object: &[u8], pins: &Pins) -> Result<(), Error> {
    let ours = NAMES.map(|name| path(name, object, pins));
    let version = format!("v{}", abi::ABI_VERSION);
    for name in pins.names()? {
        // "v1_from_pod_...", "v1_POLICY"; links have no version.
        let Some((of, rest)) = name.split_once('_').filter(|(of, _)| is_version(of)) else {
            continue;
        };
        let path = pins.path(&name);
        let is_program = NAMES.iter().any(|name| rest.starts_with(name));
        if of != version || (is_program && !ours.contains(&path)) {
            Pins::remove(&path)?;
        }
    }
    Ok(())
}

/// `v` and a number.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
