//! The datapath of a node, from user space: opened once per agent.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use abi::maps;
use datapath_host::{Desired, Settings};
use tracing::info;

use crate::content::StagedMaps;
use crate::links::{Found, Links};
use crate::map::{self, Map, MapUsage, open_array};
use crate::pins::Pins;
use crate::programs::{Program, Programs};
use crate::removals::Removals;
use crate::resize::{self, ReplacedMaps};
use crate::sizes::Sizes;
use crate::staged::Stageable;
use crate::stats::Stats;
use crate::sys::{self, Mapping};
use crate::{Error, IfIndex, cpus, kernel, programs, shares};

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
    pub(crate) maps: StagedMaps,
    pub(crate) interfaces: Map<u32, u32>,
    pub(crate) removals: Removals,
    node: Mapping,
    stats: Arc<Stats>,
    /// The whole desired state was applied once.
    pub(crate) has_base: bool,
    /// A write failed in a way that left the maps and the shadows apart.
    pub(crate) needs_recovery: bool,
}

/// Words of [`abi::node::Node`], by offset.
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
        map::check_all(&pins)?;
        make_array(&pins, &maps::NODE, 1)?;
        make_array(&pins, &maps::CONSUMED, cpus)?;
        let node = open_array(&pins, &maps::NODE, 1)?;
        resize::resize(&pins, &options.sizes, node.load32(word::REVISION))?;
        let has_places = pins.versioned(maps::CT_PLACES4.name).exists()
            && pins.versioned(maps::CT_PLACES6.name).exists();
        let programs = programs::open(object, &pins, &options.sizes)?;
        let replaced = ReplacedMaps::find(&pins)?;
        replaced.carry_over(&pins)?;
        if !has_places {
            shares::hand_out(&pins)?;
        }
        node.store32(word::PLACES4, options.sizes.places(&maps::CT_PLACES4));
        node.store32(word::PLACES6, options.sizes.places(&maps::CT_PLACES6));

        let mut datapath = Self {
            maps: StagedMaps::open(&pins)?,
            interfaces: Map::open(&pins, &maps::INTERFACES)?,
            removals: Removals::default(),
            node,
            stats: Arc::new(Stats::open(&pins, cpus)?),
            programs,
            pins,
            links: Links::default(),
            pinned: Vec::new(),
            inodes: BTreeMap::new(),
            has_base: false,
            needs_recovery: true,
        };
        datapath.recover()?;
        datapath.links = Links::adopt(&datapath.pins, &datapath.programs)?;
        replaced.carry_over(&datapath.pins)?;
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
        for map in maps::ALL {
            let path = self.pins.versioned(map.name);
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
        for map in self.maps.all_mut() {
            let partial = map.recover(revision)?;
            if partial > 0 {
                info!(
                    map = map.fill().map,
                    entries = partial,
                    "brought half-written entries to an end"
                );
            }
        }
        self.note_removals();
        self.needs_recovery = false;
        Ok(())
    }

    /// What was removed from maps may be being read.
    pub(crate) fn note_removals(&mut self) {
        let removed = |happened, map: &mut dyn Stageable| map.has_removed() || happened;
        if self.maps.all_mut().fold(false, removed) {
            self.removals.happened();
        }
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
    pub fn fills(&self) -> Vec<MapUsage> {
        self.maps.all().map(Stageable::fill).collect()
    }

    /// A copy of what the maps hold: what was applied last, or what was found at the opening.
    pub fn in_force(&self) -> Desired {
        self.maps.in_force(self.settings())
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn program(&self, program: Program) -> BorrowedFd<'_> {
        match program {
            Program::FromPod => self.programs.from_pod.as_fd(),
            Program::ToPod => self.programs.to_pod.as_fd(),
        }
    }
}

/// Makes and pins one of the arrays that user space maps into its memory: the flip is then a single
/// store, and so is the count of a drained ring.
fn make_array<V>(pins: &Pins, map: &maps::Map<u32, V>, length: usize) -> Result<(), Error> {
    let path = pins.versioned(map.name);
    if path.exists() {
        return Ok(());
    }
    let number = |n: usize| u32::try_from(n).expect("sizes of these arrays are small");
    let made = sys::create_array(map.name, number(map.value.size), number(length));
    let made = made.map_err(|source| Error::Map {
        action: "making",
        map: map.name,
        source,
    })?;
    pins.replace(made.as_fd(), &path)
}
