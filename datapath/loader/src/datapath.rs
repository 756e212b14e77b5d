//! The datapath of a node, from user space: opened once per agent.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::endpoint::Endpoint;
use abi::maps;
use abi::node::{Limit, Node};
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;
use datapath_host::{Desired, Settings};
use tracing::info;

use crate::links::{Found, Links};
use crate::map::{Kind, Map, Shape};
use crate::pins::Pins;
use crate::programs::Programs;
use crate::resize::{self, Leaving};
use crate::staged::{Pending, StagedMap};
use crate::stats::Stats;
use crate::sys::{self, Mapping};
use crate::{Error, cpus, kernel, programs, shares};

/// Index of an interface in the node's network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

/// Sizes of maps in entries. An adopted map of another size is replaced, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Known IPv4 addresses.
    pub addr4: u32,
    /// Known IPv6 addresses.
    pub addr6: u32,
    /// IPv4 prefixes.
    pub cidr4: u32,
    /// IPv6 prefixes.
    pub cidr6: u32,
    /// Entries of all policy tables.
    pub policy: u32,
    /// IPv4 connections (about 260 bytes each, allocated at once).
    pub ct4: u32,
    /// IPv6 connections (about 310 bytes each).
    pub ct6: u32,
    /// Datagrams in fragments.
    pub frags: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            addr4: 65_536,
            addr6: 65_536,
            cidr4: 16_384,
            cidr6: 16_384,
            policy: 262_144,
            ct4: 262_144,
            ct6: 131_072,
            frags: 8_192,
        }
    }
}

impl Sizes {
    /// Maps and their sizes.
    pub fn by_name(&self) -> [(&'static str, u32); 10] {
        [
            (maps::ADDR4, self.addr4),
            (maps::ADDR6, self.addr6),
            (maps::CIDR4, self.cidr4),
            (maps::CIDR6, self.cidr6),
            (maps::POLICY, self.policy),
            (maps::CT4, shares::table_of(self.ct4)),
            (maps::CT6, shares::table_of(self.ct6)),
            (maps::CT_PLACES4, shares::places_of(self.ct4).max(1)),
            (maps::CT_PLACES6, shares::places_of(self.ct6).max(1)),
            (maps::FRAGS, self.frags),
        ]
    }
}

/// How to open the datapath.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's own bpffs; made and mounted if it isn't there.
    pub bpffs: PathBuf,
    /// Sizes of maps.
    pub sizes: Sizes,
}

impl Options {
    /// Options with the usual sizes.
    pub fn new(bpffs: impl Into<PathBuf>) -> Self {
        Self {
            bpffs: bpffs.into(),
            sizes: Sizes::default(),
        }
    }
}

/// Programs and maps in the kernel. Dropping it changes nothing there: what is attached stays and
/// decides as before.
#[derive(Debug)]
pub struct Datapath {
    pub(crate) pins: Pins,
    pub(crate) programs: Programs,
    pub(crate) links: Links,
    /// What shall be pinned besides the links, held open: pins that are removed can be made again.
    pub(crate) pinned: Vec<(PathBuf, OwnedFd)>,
    /// The pins as they were seen last.
    pub(crate) inodes: BTreeMap<OsString, u64>,
    pub(crate) addr4: StagedMap<Addr4, Addr>,
    pub(crate) addr6: StagedMap<Addr6, Addr>,
    pub(crate) cidr4: StagedMap<Cidr4, Addr>,
    pub(crate) cidr6: StagedMap<Cidr6, Addr>,
    pub(crate) endpoints: StagedMap<u32, Endpoint>,
    pub(crate) tables: StagedMap<u32, Table>,
    pub(crate) policy: StagedMap<PolicyKey, PolicyEntry>,
    pub(crate) interfaces: Map<u32, u32>,
    node: Mapping,
    stats: Arc<Stats>,
    /// The whole desired state was applied once.
    pub(crate) has_base: bool,
    /// A write failed in a way that left the maps and the shadows apart.
    pub(crate) is_torn: bool,
}

/// Words of [`Node`], by offset.
mod word {
    use abi::node::Node;
    pub(super) const REVISION: usize = std::mem::offset_of!(Node, revision);
    pub(super) const REPORT_EVERY: usize = std::mem::offset_of!(Node, report_every);
    pub(super) const DROPS_PER_SECOND: usize = std::mem::offset_of!(Node, drops_per_second);
    pub(super) const FLAGS: usize = std::mem::offset_of!(Node, flags);
    pub(super) const PLACES4: usize = std::mem::offset_of!(Node, places4);
    pub(super) const PLACES6: usize = std::mem::offset_of!(Node, places6);
}

impl Datapath {
    /// Loads the programs. Maps that are pinned from before are adopted with their content, or replaced
    /// if they have another size than is asked for; one whose content would not fit keeps its size.
    /// Links get the new programs in place of the old ones, without a moment between; links of
    /// interfaces that are gone are removed.
    ///
    /// The calling thread must be in the node's network namespace, here and in [`Self::attach`].
    ///
    /// One process at a time may have it open; a predecessor that is about to end is waited for, up to
    /// 5 s.
    ///
    /// # Errors
    /// A kernel older than 6.6, no right to do it, an object that the kernel refuses, pinned maps of
    /// another shape. What was attached before stays in force with its old program.
    pub fn open(object: &[u8], options: &Options) -> Result<Self, Error> {
        kernel::check()?;
        let cpus = cpus::possible()?;
        let pins = Pins::open(&options.bpffs)?;
        for (name, shape) in shapes() {
            shape.check(&pins.versioned(name))?;
        }
        make_array(&pins, maps::NODE, size_of::<Node>(), 1)?;
        make_array(&pins, maps::CONSUMED, 8, cpus)?;
        let node = open_array(&pins, maps::NODE, size_of::<Node>())?;
        resize::resize(&pins, &options.sizes, node.load32(word::REVISION))?;
        let has_places =
            pins.versioned(maps::CT_PLACES4).exists() && pins.versioned(maps::CT_PLACES6).exists();
        let programs = programs::open(object, &pins, &options.sizes)?;
        let leaving = Leaving::find(&pins)?;
        leaving.carry_over(&pins)?;
        if !has_places {
            shares::hand_out(&pins)?;
        }
        node.store32(word::PLACES4, shares::places_of(options.sizes.ct4));
        node.store32(word::PLACES6, shares::places_of(options.sizes.ct6));

        macro_rules! staged {
            ($name:ident, $kind:ident) => {
                StagedMap::new(open(&pins, maps::$name, Kind::$kind)?, Kind::$kind)
            };
        }
        let mut datapath = Self {
            addr4: staged!(ADDR4, Hash),
            addr6: staged!(ADDR6, Hash),
            cidr4: staged!(CIDR4, PrefixTrie),
            cidr6: staged!(CIDR6, PrefixTrie),
            endpoints: staged!(ENDPOINTS, Array),
            tables: staged!(TABLES, Array),
            policy: staged!(POLICY, Hash),
            interfaces: open(&pins, maps::INTERFACES, Kind::Hash)?,
            node,
            stats: Arc::new(Stats::open(&pins, cpus)?),
            programs,
            pins,
            links: Links::default(),
            pinned: Vec::new(),
            inodes: BTreeMap::new(),
            has_base: false,
            is_torn: true,
        };
        datapath.recover()?;
        datapath.links = Links::adopt(&datapath.pins, &datapath.programs)?;
        leaving.carry_over(&datapath.pins)?;
        programs::forget_others(object, &datapath.pins)?;
        datapath.pinned = datapath.hold(object)?;
        datapath.inodes = datapath.pins.inodes()?;
        let interfaces = datapath.attached()?;
        info!(
            revision = datapath.revision(),
            interfaces = interfaces.len(),
            "datapath is open"
        );
        Ok(datapath)
    }

    /// What is pinned besides the links.
    fn hold(&self, object: &[u8]) -> Result<Vec<(PathBuf, OwnedFd)>, Error> {
        let mut pinned = Vec::new();
        for name in maps::ALL {
            let path = self.pins.versioned(name);
            match sys::open_pin(&path) {
                Ok(map) => pinned.push((path, map)),
                Err(source) => {
                    return Err(Error::Path {
                        action: "opening map",
                        path,
                        source,
                    });
                }
            }
        }
        let programs = programs::pinned(object, &self.programs, &self.pins);
        pinned.extend(programs.map_err(|source| Error::Path {
            action: "duplicating programs of",
            path: self.pins.directory().to_owned(),
            source,
        })?);
        Ok(pinned)
    }

    /// Brings the shadows in step with the maps.
    pub(crate) fn recover(&mut self) -> Result<(), Error> {
        // A dead agent may have flipped the revision just now.
        sys::grace_period().map_err(Error::GracePeriod)?;
        let revision = self.revision();
        for map in self.staged() {
            let half_way = map.recover(revision)?;
            if half_way > 0 {
                let (name, ..) = map.fill();
                info!(
                    map = name,
                    entries = half_way,
                    "brought half-written entries to an end"
                );
            }
        }
        self.is_torn = false;
        Ok(())
    }

    pub(crate) fn staged(&mut self) -> [&mut dyn Pending; 7] {
        [
            &mut self.addr4,
            &mut self.addr6,
            &mut self.cidr4,
            &mut self.cidr6,
            &mut self.endpoints,
            &mut self.tables,
            &mut self.policy,
        ]
    }

    /// The node's revision: the number of changes that became true.
    pub fn revision(&self) -> u32 {
        self.node.load32(word::REVISION)
    }

    /// The flip. Whatever is staged for `revision` is true for packets from now on.
    pub(crate) fn flip(&self, revision: u32) {
        self.node.store32(word::REVISION, revision);
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        Settings {
            report_every: self.node.load32(word::REPORT_EVERY),
            drops_per_second: self.node.load32(word::DROPS_PER_SECOND),
            flags: self.node.load32(word::FLAGS),
        }
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        self.node.store32(word::REPORT_EVERY, settings.report_every);
        self.node
            .store32(word::DROPS_PER_SECOND, settings.drops_per_second);
        self.node.store32(word::FLAGS, settings.flags);
    }

    /// Attaches both programs to the host side of a pod's veth, unless they are, and behind them one that
    /// drops everything as long as they are missing ([`crate::guard`]). The interface must be in the
    /// calling thread's network namespace.
    ///
    /// # Errors
    /// No such interface, or the kernel refuses.
    pub fn attach(&mut self, interface: IfIndex) -> Result<(), Error> {
        let mut found = Found::default();
        self.links
            .ensure(&self.pins, &self.programs, interface, &mut found)
    }

    /// Takes the programs off an interface. It is no error if they aren't on it.
    ///
    /// # Errors
    /// A pin can't be removed.
    pub fn detach(&mut self, interface: IfIndex) -> Result<(), Error> {
        self.links.detach(&self.pins, interface)
    }

    /// Interfaces that have both programs, in ascending order. Interfaces that are gone aren't among
    /// them.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn attached(&self) -> Result<Vec<IfIndex>, Error> {
        self.links.attached()
    }

    /// Counters and connections, to be read from any thread.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// How full the maps are that user space writes.
    pub fn fills(&self) -> [Fill; 7] {
        let maps: [&dyn Pending; 7] = [
            &self.addr4,
            &self.addr6,
            &self.cidr4,
            &self.cidr6,
            &self.endpoints,
            &self.tables,
            &self.policy,
        ];
        maps.map(|map| {
            let (map, entries, max) = map.fill();
            Fill { map, entries, max }
        })
    }

    /// A copy of what the maps hold: what was applied last, or what was found at the opening.
    pub fn in_force(&self) -> Desired {
        Desired {
            addr4: self.addr4.in_force().clone(),
            addr6: self.addr6.in_force().clone(),
            cidr4: self.cidr4.in_force().clone(),
            cidr6: self.cidr6.in_force().clone(),
            endpoints: self.endpoints.in_force().clone(),
            tables: self.tables.in_force().clone(),
            policy: self.policy.in_force().clone(),
            settings: self.settings(),
        }
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn program(&self, program: crate::testrun::Program) -> BorrowedFd<'_> {
        match program {
            crate::testrun::Program::FromPod => self.programs.from_pod.as_fd(),
            crate::testrun::Program::ToPod => self.programs.to_pod.as_fd(),
        }
    }
}

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Name of the map.
    pub map: &'static str,
    /// Entries in it.
    pub entries: usize,
    /// Its size.
    pub max: u32,
}

/// What each pinned map must be, before a program is loaded that would use another.
fn shapes() -> [(&'static str, Shape); 19] {
    [
        (maps::ADDR4, Shape::of::<Addr4, Staged<Addr>>(Kind::Hash)),
        (maps::ADDR6, Shape::of::<Addr6, Staged<Addr>>(Kind::Hash)),
        (
            maps::CIDR4,
            Shape::of::<Cidr4, Staged<Addr>>(Kind::PrefixTrie),
        ),
        (
            maps::CIDR6,
            Shape::of::<Cidr6, Staged<Addr>>(Kind::PrefixTrie),
        ),
        (
            maps::ENDPOINTS,
            Shape::of::<u32, Staged<Endpoint>>(Kind::Array),
        ),
        (maps::TABLES, Shape::of::<u32, Staged<Table>>(Kind::Array)),
        (
            maps::POLICY,
            Shape::of::<PolicyKey, Staged<PolicyEntry>>(Kind::Hash),
        ),
        (maps::CT4, Shape::of::<CtKey4, CtEntry>(Kind::LruHash)),
        (maps::CT6, Shape::of::<CtKey6, CtEntry>(Kind::LruHash)),
        (maps::CT_PLACES4, Shape::of::<u32, CtKey4>(Kind::Array)),
        (maps::CT_PLACES6, Shape::of::<u32, CtKey6>(Kind::Array)),
        (maps::INTERFACES, Shape::of::<u32, u32>(Kind::Hash)),
        (maps::FRAGS, Shape::of::<FragKey, FragEntry>(Kind::LruHash)),
        (maps::NODE, Shape::of::<u32, Node>(Kind::Array)),
        (maps::COUNTERS, Shape::of::<u32, u64>(Kind::PerCpuArray)),
        (maps::DECISIONS, Shape::of::<u32, u64>(Kind::PerCpuArray)),
        (maps::LIMITS, Shape::of::<u32, Limit>(Kind::PerCpuArray)),
        (maps::EVENTS, Shape::of::<u32, u32>(Kind::PerfEventArray)),
        (maps::CONSUMED, Shape::of::<u32, u64>(Kind::Array)),
    ]
}

/// Opens a pinned map.
pub(crate) fn open<K: crate::record::Plain, V: crate::record::Record>(
    pins: &Pins,
    name: &'static str,
    kind: Kind,
) -> Result<Map<K, V>, Error> {
    Map::open(&pins.versioned(name), name, kind)
}

/// Makes and pins one of the arrays that user space maps into its memory: the flip is then a single
/// store, and so is the count of a drained ring.
fn make_array(
    pins: &Pins,
    name: &'static str,
    value_size: usize,
    length: usize,
) -> Result<(), Error> {
    let path = pins.versioned(name);
    if path.exists() {
        return Ok(());
    }
    let number = |n: usize| u32::try_from(n).expect("sizes of these arrays are small");
    let map = sys::create_array(name, number(value_size), number(length)).map_err(|source| {
        Error::Map {
            action: "making",
            map: name,
            source,
        }
    })?;
    pins.replace(map.as_fd(), &path)
}

/// Maps one of these arrays into memory.
pub(crate) fn open_array(pins: &Pins, name: &'static str, length: usize) -> Result<Mapping, Error> {
    let path = pins.versioned(name);
    Mapping::of_pin(&path, length).map_err(|source| Error::Path {
        action: "mapping into memory",
        path,
        source,
    })
}
