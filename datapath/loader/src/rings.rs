//! The per-CPU perf rings that carry events from the programs to user space.
//!
//! The rings are this process's own: their descriptors stand in the pinned array of rings for as
//! long as it lives. When it dies the kernel takes them out, and from then on every event counts as
//! failed. What a reader consumed of each CPU's ring is kept in a pinned array, so that its successor
//! knows how many events were written to a ring that nobody read.
//!
//! ```text
//!  attempted = failed + delivered + left unread by predecessors + waiting in the ring
//! ```

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use abi::event::{Event, Sample};
use abi::maps;
use tracing::warn;

use crate::datapath::Datapath;
use crate::map::Map;
use crate::map::open_array;
use crate::sys::{self, Mapping};
use crate::{Error, cpus};

mod ring;

pub use ring::RingItem;

use ring::Ring;

/// How to set up the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingOptions {
    /// Size of each CPU's ring in bytes: a power of two, at least a page. An event takes 120.
    pub bytes: usize,
}

impl Default for RingOptions {
    fn default() -> Self {
        // Holds 34,952 events. A reader that shares its CPU may have to wait 10 ms for its turn: a
        // smaller ring, which would stay in the L2 cache, overflows then at a million per second.
        Self { bytes: 1 << 22 }
    }
}

/// Reader of one CPU's ring. Its descriptor becomes readable when a third of the ring is full; for
/// fewer events, drain by a timer.
#[derive(Debug)]
pub struct RingReader {
    cpu: u32,
    event: OwnedFd,
    ring: Ring,
    /// The entry in the array goes when this descriptor of it is closed.
    array: Arc<Map<u32, u32>>,
    consumed: Arc<Mapping>,
    left_unread: u64,
    malformed: u64,
}

impl Datapath {
    /// Opens one ring per CPU that is online and puts it in place of a predecessor's. One set of
    /// rings is in use at a time: that of the last caller.
    ///
    /// # Errors
    /// A size that is no power of two, or a call that fails (`ENOMEM`, `EPERM`: locked memory;
    /// CAP_PERFMON is needed).
    pub fn rings(&self, options: RingOptions) -> Result<Vec<RingReader>, Error> {
        let array = Arc::new(Map::open(self.pins(), &maps::EVENTS)?);
        let possible = cpus::possible()?;
        let consumed = Arc::new(open_array(self.pins(), &maps::CONSUMED, possible)?);
        let cpus = cpus::online()?;
        // Rings of a predecessor that is alive yet take no more events from here on.
        for cpu in &cpus {
            array.delete(cpu)?;
        }
        sys::grace_period().map_err(Error::GracePeriod)?;
        let mut readers = Vec::with_capacity(cpus.len());
        for cpu in cpus {
            let left_unread = self.account(&consumed, cpu)?;
            readers.push(RingReader::open(
                cpu,
                options,
                &array,
                &consumed,
                left_unread,
            )?);
        }
        Ok(readers)
    }

    /// Counts what was written to the CPU's former ring and never consumed, and notes it as accounted
    /// for. No ring is in place: events that are attempted now fail.
    fn account(&self, consumed: &Mapping, cpu: u32) -> Result<u64, Error> {
        // A program that is between counting an attempt and counting its failure shows one success
        // too many. That is never seen twice with the same counters unless nothing is under way.
        let mut previous = None;
        let mut least = u64::MAX;
        for _ in 0..64 {
            let all = self.stats().counters_per_cpu()?;
            let counters = all.get(cpu as usize).copied().unwrap_or_default();
            let seen = (counters.events_attempted, counters.events_failed);
            least = least.min(seen.0.saturating_sub(seen.1));
            if previous == Some(seen) {
                break;
            }
            previous = Some(seen);
        }
        let at = 8 * cpu as usize;
        let left_unread = least.saturating_sub(consumed.load64(at));
        if left_unread > 0 {
            warn!(
                cpu,
                events = left_unread,
                "a predecessor left events unread"
            );
        }
        consumed.store64(at, least);
        Ok(left_unread)
    }
}

impl RingReader {
    fn open(
        cpu: u32,
        options: RingOptions,
        array: &Arc<Map<u32, u32>>,
        consumed: &Arc<Mapping>,
        left_unread: u64,
    ) -> Result<Self, Error> {
        let failed = |action| {
            move |source| Error::Ring {
                action,
                cpu,
                source,
            }
        };
        let bytes = options.bytes;
        let watermark = match u32::try_from(bytes) {
            Ok(size) if bytes.is_power_of_two() && bytes >= sys::page_size() => size / 3,
            Ok(_) | Err(_) => return Err(Error::RingSize { bytes }),
        };
        let event = sys::perf_open(cpu, watermark).map_err(failed("opening"))?;
        let ring = Ring::new(event.as_fd(), bytes).map_err(failed("mapping"))?;
        sys::perf_enable(event.as_fd()).map_err(failed("enabling"))?;
        let number = u32::try_from(event.as_raw_fd()).expect("an open descriptor isn't negative");
        array.put(&cpu, &number)?;
        let (array, consumed) = (Arc::clone(array), Arc::clone(consumed));
        Ok(Self {
            cpu,
            event,
            ring,
            array,
            consumed,
            left_unread,
            malformed: 0,
        })
    }

    /// The CPU whose events these are.
    pub fn cpu(&self) -> u32 {
        self.cpu
    }

    /// Events that a predecessor left unread in its ring of this CPU: lost, and older than all that
    /// this reader delivers.
    pub fn left_unread(&self) -> u64 {
        self.left_unread
    }

    /// Hands over everything that is in the ring, in order, and gives the room back. Returns the number
    /// of events handed over, malformed ones included. Does not block.
    ///
    /// [`RingItem::Lost`] marks the place of a loss; the counters have counted it already.
    pub fn drain(&mut self, mut f: impl FnMut(RingItem<'_>)) -> usize {
        let mut events = 0;
        let mut malformed = 0;
        self.ring.drain(|item| {
            match item {
                RingItem::Event(_) => events += 1,
                RingItem::Malformed(_) => malformed += 1,
                RingItem::Lost(_) => {}
            }
            f(item);
        });
        self.malformed += malformed;
        let records = events + malformed;
        if records > 0 {
            // This process is the only writer of the CPU's word.
            let at = 8 * self.cpu as usize;
            self.consumed
                .store64(at, self.consumed.load64(at) + records);
        }
        usize::try_from(records).unwrap_or(usize::MAX)
    }

    /// Records that were no events of this ABI.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Takes the ring out of the array: from now on events of this CPU fail, and are counted so. What
    /// the ring holds can still be drained; do it once more after a program's time.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn stop(&self) -> Result<(), Error> {
        self.array.delete(&self.cpu).map(drop)
    }
}

impl AsFd for RingReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl AsRawFd for RingReader {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.event.as_raw_fd()
    }
}

// A record of a ring is a multiple of 8 bytes, its header of 12 included.
const _: () = assert!((12 + Sample::LEN).is_multiple_of(8) && Event::LEN == size_of::<Event>());
