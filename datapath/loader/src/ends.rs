//! Whose an address is, as the programs see it: for a process that carries connections and doesn't write the
//! maps. It needs no lock, and what it has opened stays readable without privileges.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use abi::addr::{self, Addr, Addr4, Addr6, Cidr4, Cidr6, LOCAL};
use abi::endpoint::{self, Endpoint};
use abi::identity::WORLD;
use abi::maps;
use abi::node::{Node, tick};
use abi::staged::Staged;
use datapath_core::conntrack::expired;

use crate::Error;
use crate::map::Map;
use crate::pins::versioned;
use crate::sys::{self, Mapping};

/// How often it is looked whether maps were replaced by others of another size.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its identity.
    pub identity: u32,
    /// The policy table of a pod of this node.
    pub table: Option<u32>,
}

/// Reads a node's maps.
#[derive(Debug)]
pub struct Ends {
    bpffs: PathBuf,
    opened: Mutex<Opened>,
}

#[derive(Debug)]
struct Opened {
    maps: Maps,
    /// Of the pins.
    inodes: [u64; 4],
    looked: Instant,
}

#[derive(Debug)]
pub(crate) struct Maps {
    pub(crate) addr4: Map<Addr4, Staged<Addr>>,
    pub(crate) addr6: Map<Addr6, Staged<Addr>>,
    cidr4: Map<Cidr4, Staged<Addr>>,
    cidr6: Map<Cidr6, Staged<Addr>>,
    endpoints: Map<u32, Staged<Endpoint>>,
    node: Mapping,
}

impl Ends {
    /// Opens the maps that an agent has pinned.
    ///
    /// # Errors
    /// There are none, or of another version; or no right to it.
    pub fn open(bpffs: &Path) -> Result<Self, Error> {
        let inodes = inodes(bpffs)?;
        Ok(Self {
            opened: Mutex::new(Opened {
                maps: Maps::open(bpffs)?,
                inodes,
                looked: Instant::now(),
            }),
            bpffs: bpffs.to_owned(),
        })
    }

    /// The end with that address, at the revision in force.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn end(&self, address: IpAddr) -> Result<End, Error> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.looked.elapsed() >= LOOK_EVERY {
            opened.look(&self.bpffs)?;
        }
        opened.maps.end(address)
    }
}

impl Opened {
    fn look(&mut self, bpffs: &Path) -> Result<(), Error> {
        let inodes = inodes(bpffs)?;
        if inodes != self.inodes {
            self.maps = Maps::open(bpffs)?;
            self.inodes = inodes;
        }
        self.looked = Instant::now();
        Ok(())
    }
}

/// Inodes of the pins of maps whose size may change.
fn inodes(bpffs: &Path) -> Result<[u64; 4], Error> {
    let maps = [&*maps::ADDR4, &*maps::ADDR6, &*maps::CIDR4, &*maps::CIDR6];
    let mut inodes = [0; 4];
    for (inode, map) in inodes.iter_mut().zip(maps) {
        let path = versioned(bpffs, map.name);
        let metadata = fs::metadata(&path).map_err(|source| Error::Path {
            action: "looking at map",
            path,
            source,
        })?;
        *inode = metadata.ino();
    }
    Ok(inodes)
}

impl Maps {
    pub(crate) fn open(bpffs: &Path) -> Result<Self, Error> {
        let path = versioned(bpffs, maps::NODE.name);
        let node = Mapping::of_pin(&path, size_of::<Node>()).map_err(|source| Error::Path {
            action: "mapping into memory",
            path,
            source,
        })?;
        Ok(Self {
            addr4: open(bpffs, &maps::ADDR4)?,
            addr6: open(bpffs, &maps::ADDR6)?,
            cidr4: open(bpffs, &maps::CIDR4)?,
            cidr6: open(bpffs, &maps::CIDR6)?,
            endpoints: open(bpffs, &maps::ENDPOINTS)?,
            node,
        })
    }

    fn revision(&self) -> u32 {
        self.node.load32(std::mem::offset_of!(Node, revision))
    }

    /// What counts now: of the address itself, or else of the longest prefix around it.
    pub(crate) fn known(&self, address: IpAddr) -> Result<(Option<Addr>, Option<Addr>), Error> {
        let revision = self.revision();
        let now = tick(sys::monotonic_ns());
        let counts = |staged: Option<Staged<Addr>>| {
            let addr = *staged?.at(revision);
            let is_there = addr.flags & addr::PRESENT != 0;
            let is_over = addr.expires != 0 && expired(addr.expires, now);
            (is_there && !is_over).then_some(addr)
        };
        let (exact, covering) = match address {
            IpAddr::V4(address) => {
                let addr = u32::from_ne_bytes(address.octets());
                let whole = Cidr4 {
                    prefix_len: 32,
                    addr,
                };
                (counts(self.addr4.get(&addr)?), self.cidr4.get(&whole)?)
            }
            IpAddr::V6(address) => {
                let addr = datapath_host::addr6(address.octets());
                let whole = Cidr6 {
                    prefix_len: 128,
                    addr,
                };
                (counts(self.addr6.get(&addr)?), self.cidr6.get(&whole)?)
            }
        };
        let covering = counts(covering).filter(|_| exact.is_none());
        Ok((exact, covering))
    }

    fn end(&self, address: IpAddr) -> Result<End, Error> {
        let revision = self.revision();
        let (exact, covering) = self.known(address)?;
        let Some(addr) = exact.or(covering) else {
            return Ok(End {
                identity: WORLD,
                table: None,
            });
        };
        let mut table = None;
        if addr.flags & LOCAL != 0
            && let Some(staged) = self.endpoints.get(&addr.endpoint)?
        {
            let pod = staged.at(revision);
            table = (pod.flags & endpoint::PRESENT != 0).then_some(pod.table);
        }
        Ok(End {
            identity: addr.identity,
            table,
        })
    }
}

fn open<K: crate::pod_types::Plain, V: crate::pod_types::Record>(
    bpffs: &Path,
    map: &'static maps::Map<K, V>,
) -> Result<Map<K, V>, Error> {
    let path = versioned(bpffs, map.name);
    let fd = sys::open_pin(&path).map_err(|source| Error::Path {
        action: "opening map",
        path,
        source,
    })?;
    Map::of(fd, map)
}
