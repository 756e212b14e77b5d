//! What can go wrong between user space and the kernel.

use std::io;
use std::path::PathBuf;

/// Each message names the place and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel has no TCX.
    #[error("kernel {release} is too old: programs are attached by TCX, which needs Linux 6.6")]
    KernelTooOld {
        /// As uname(2) tells it.
        release: String,
    },
    /// The object can't be read, or the kernel refuses its maps.
    #[error(
        "the eBPF object can't be loaded: is it from this version's build (`cargo xtask setup`)?"
    )]
    Object(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object has no such program.
    #[error(
        "the eBPF object has no program {program:?}: build it again from this version's source"
    )]
    ProgramMissing {
        /// Name of the program.
        program: String,
    },
    /// The kernel's verifier refuses a program.
    #[error("the kernel refuses program {program}")]
    Program {
        /// Name of the program.
        program: &'static str,
        /// The verifier's log is in its message.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A call to do with the bpffs failed.
    #[error("{action} {}", path.display())]
    Path {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed. `EPERM`: root, or CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN, is needed.
        source: io::Error,
    },
    /// Another process has the datapath open.
    #[error("{} is in use by another agent: stop that one first", path.display())]
    Busy {
        /// The bpffs.
        path: PathBuf,
    },
    /// A pinned map isn't what this version needs.
    #[error(
        "the pinned map {} has {field} {found}, this version needs {needed}: stop the agent, remove \
         the pins beside it (enforcement stops) and start again",
        path.display()
    )]
    MapMismatch {
        /// Where it is pinned.
        path: PathBuf,
        /// Which part of its definition differs.
        field: &'static str,
        /// What the pinned map has.
        found: u32,
        /// What is needed.
        needed: u32,
    },
    /// A call on a map failed. What was staged is rolled back; the old state is in force.
    #[error("{action} map {map}")]
    Map {
        /// What was tried.
        action: &'static str,
        /// Name of the map.
        map: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The change doesn't fit; nothing of it was written.
    #[error(
        "map {map} has room for {max} entries, and {wanted} are wanted ({peak} while it changes, old \
         and new side by side): open it with a larger size, or ask for less"
    )]
    Full {
        /// Name of the map.
        map: &'static str,
        /// Entries once the change is made.
        wanted: usize,
        /// Entries at the peak of the change, when old and new stand side by side.
        peak: usize,
        /// Size of the map.
        max: usize,
    },
    /// An index outside of an array, or 0. Nothing was written.
    #[error("{index} is not an index of map {map}: 1 to {last} are")]
    OutOfRange {
        /// Name of the map.
        map: &'static str,
        /// The index.
        index: u32,
        /// The last that is valid.
        last: u32,
    },
    /// A value without its `PRESENT` bit, or a prefix with bits beyond its length. Nothing was written.
    #[error("an entry for map {map} is malformed ({entry}): {reason}")]
    Malformed {
        /// Name of the map.
        map: &'static str,
        /// The key, as the program sees it.
        entry: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry that is between two forms: what an agent was doing with it when it ended has to be finished first.
    #[error(
        "entry {entry} of map {map} is between two forms: try again, and if it stays so start the agent"
    )]
    Unsettled {
        /// Name of the map.
        map: &'static str,
        /// The key, as the program sees it.
        entry: String,
    },
    /// Changes were given before the whole desired state was.
    #[error("changes need a base: apply the whole desired state once after opening")]
    NoBase,
    /// A revision was reached after which there is none.
    #[error("the node's revision is exhausted: start again with new pins")]
    RevisionExhausted,
    /// The wait for running programs failed.
    #[error(
        "waiting for running programs (membarrier): the kernel needs CONFIG_MEMBARRIER and no nohz_full CPUs"
    )]
    GracePeriod(#[source] io::Error),
    /// A call to do with an interface failed.
    #[error("{action} interface {ifindex}")]
    Interface {
        /// What was tried.
        action: &'static str,
        /// Index of the interface in the calling thread's network namespace.
        ifindex: u32,
        /// Why it failed. `ENODEV`: no such interface in this network namespace.
        source: io::Error,
    },
    /// A perf ring can't be set up.
    #[error("{action} the event ring of CPU {cpu}")]
    Ring {
        /// What was tried.
        action: &'static str,
        /// Which CPU's.
        cpu: u32,
        /// Why it failed.
        source: io::Error,
    },
    /// The size asked for a ring isn't a power of two of pages.
    #[error("a ring of {bytes} bytes: the size must be a power of two, at least one page")]
    RingSize {
        /// The size.
        bytes: usize,
    },
    /// Netlink failed.
    #[error("{action} routes by netlink")]
    Netlink {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the system that isn't as expected.
    #[error("{} says {content:?}, which is not a list of CPUs", path.display())]
    CpuList {
        /// The file.
        path: PathBuf,
        /// What it holds.
        content: String,
    },
}
