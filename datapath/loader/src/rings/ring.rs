//! The memory of one perf ring: a control page, then records of 8-byte multiples that wrap around.
//! Layout: `struct perf_event_mmap_page` and `perf_event_header` of `include/uapi/linux/perf_event.h`.

use std::io;
use std::os::fd::BorrowedFd;

use abi::event::{self, Event, Sample};

use crate::pod_types;
use crate::sys::{Mapping, page_size};

/// One thing found in a ring.
#[derive(Debug)]
pub enum RingItem<'a> {
    /// An event.
    Event(&'a Sample),
    /// So many events found no room at this place. They are counted by the programs too.
    Lost(u64),
    /// A record of so many bytes that is no event of this ABI's version.
    Malformed(usize),
}

/// Offsets in the control page.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;

/// Header (8), length of the raw data (4).
const HEADER: usize = 12;
const SAMPLE: usize = HEADER + Sample::LEN;

#[derive(Debug)]
pub(super) struct Ring {
    memory: Mapping,
    start: usize,
    size: usize,
}

impl Ring {
    /// Maps the ring of a perf event; `size` is a power of two of pages.
    pub(super) fn new(event: BorrowedFd<'_>, size: usize) -> io::Result<Self> {
        let start = page_size();
        Ok(Self {
            memory: Mapping::new(event, start + size)?,
            start,
            size,
        })
    }

    /// Copies from position `at`, wherever the ring wraps.
    fn copy(&self, at: u64, to: &mut [u8]) {
        let mask = self.size as u64 - 1;
        let offset = usize::try_from(at & mask).expect("an offset in the ring");
        let head = to.len().min(self.size - offset);
        let (head, tail) = to.split_at_mut(head);
        // The kernel doesn't write between tail and head.
        self.memory.copy_out(self.start + offset, head);
        self.memory.copy_out(self.start, tail);
    }

    pub(super) fn drain(&mut self, mut f: impl FnMut(RingItem<'_>)) {
        let head = self.memory.load64(DATA_HEAD);
        let mut tail = self.memory.load64(DATA_TAIL);
        let mut sample = [0; SAMPLE];
        while tail != head {
            // A header never wraps: records are multiples of its size.
            self.copy(tail, &mut sample[..8]);
            let kind = pod_types::read::<u32>(&sample).unwrap_or(0);
            let length = usize::from(u16::from_ne_bytes([sample[6], sample[7]]));
            let waiting = head.wrapping_sub(tail);
            if length < 8 || length as u64 > waiting {
                // The kernel never writes this; what follows can't be told apart.
                f(RingItem::Malformed(
                    usize::try_from(waiting).unwrap_or(usize::MAX),
                ));
                tail = head;
                break;
            }
            match kind {
                PERF_RECORD_SAMPLE if length >= SAMPLE => {
                    self.copy(tail, &mut sample);
                    match pod_types::read::<Event>(&sample[HEADER..]) {
                        Some(event) if event.version == event::VERSION => {
                            let ethernet = sample.last_chunk().copied().unwrap_or_default();
                            f(RingItem::Event(&Sample { event, ethernet }));
                        }
                        Some(_) | None => f(RingItem::Malformed(length)),
                    }
                }
                PERF_RECORD_LOST if length >= 24 => {
                    self.copy(tail, &mut sample[..24]);
                    f(RingItem::Lost(pod_types::read(&sample[16..]).unwrap_or(0)));
                }
                _ => f(RingItem::Malformed(length)),
            }
            tail = tail.wrapping_add(length as u64);
        }
        self.memory.store64(DATA_TAIL, tail);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};
    use std::os::fd::AsFd;

    use super::*;

    const SIZE: usize = 4096;
    const ETHERNET: [u8; 12] = *b"destinsource";

    /// A ring in ordinary memory, written here as the kernel writes it.
    struct Written {
        file: std::fs::File,
        head: u64,
    }

    impl Written {
        fn new(head: u64) -> (Self, Ring) {
            let file = tempfile::tempfile().unwrap();
            file.set_len((page_size() + SIZE) as u64).unwrap();
            let ring = Ring::new(file.as_fd(), SIZE).unwrap();
            ring.memory.store64(DATA_TAIL, head);
            ring.memory.store64(DATA_HEAD, head);
            (Self { file, head }, ring)
        }

        fn push(&mut self, ring: &Ring, kind: u32, length: u16, body: &[u8]) {
            let mut record = kind.to_ne_bytes().to_vec();
            record.extend([0, 0]);
            record.extend(length.to_ne_bytes());
            record.extend(body);
            record.resize(usize::from(length).max(8), 0);
            for byte in record {
                let at = page_size() as u64 + self.head % SIZE as u64;
                self.file.seek(SeekFrom::Start(at)).unwrap();
                self.file.write_all(&[byte]).unwrap();
                self.head += 1;
            }
            ring.memory.store64(DATA_HEAD, self.head);
        }

        fn event(&mut self, ring: &Ring, time: u64, version: u8) {
            let mut event = [0; Event::LEN];
            event[..8].copy_from_slice(&time.to_ne_bytes());
            event[std::mem::offset_of!(Event, version)] = version;
            let mut body = 108_u32.to_ne_bytes().to_vec();
            body.extend(event);
            body.extend(ETHERNET);
            self.push(ring, PERF_RECORD_SAMPLE, 120, &body);
        }
    }

    fn drained(ring: &mut Ring) -> Vec<String> {
        let mut items = Vec::new();
        ring.drain(|item| {
            items.push(match item {
                RingItem::Event(sample) => {
                    assert_eq!(sample.ethernet, ETHERNET);
                    format!("event {}", sample.event.time)
                }
                RingItem::Lost(count) => format!("lost {count}"),
                RingItem::Malformed(length) => format!("malformed {length}"),
            });
        });
        items
    }

    #[test]
    fn records_arrive_whole_wherever_the_ring_wraps() {
        // Every position that a record can begin at.
        for start in (0..SIZE as u64).step_by(8) {
            let (mut written, mut ring) = Written::new(start + 7 * SIZE as u64);
            for time in [1, 2, u64::MAX] {
                written.event(&ring, time, event::VERSION);
            }
            let expected = ["event 1", "event 2", "event 18446744073709551615"];
            assert_eq!(drained(&mut ring), expected, "from {start}");
            assert_eq!(ring.memory.load64(DATA_TAIL), written.head);
            assert!(drained(&mut ring).is_empty());
        }
    }

    #[test]
    fn losses_and_foreign_records_keep_their_place() {
        let (mut written, mut ring) = Written::new(0);
        written.event(&ring, 1, event::VERSION);
        let mut lost = 77_u64.to_ne_bytes().to_vec();
        lost.extend(5_u64.to_ne_bytes());
        written.push(&ring, PERF_RECORD_LOST, 24, &lost);
        written.event(&ring, 2, event::VERSION + 1);
        written.push(&ring, PERF_RECORD_SAMPLE, 24, &[]);
        written.push(&ring, 1234, 16, &[]);
        written.event(&ring, 3, event::VERSION);
        let expected = [
            "event 1",
            "lost 5",
            "malformed 120",
            "malformed 24",
            "malformed 16",
            "event 3",
        ];
        assert_eq!(drained(&mut ring), expected);
    }

    #[test]
    fn a_ring_that_makes_no_sense_is_given_up_to_its_head() {
        for length in [0, 4, 200] {
            let (mut written, mut ring) = Written::new(0);
            written.event(&ring, 1, event::VERSION);
            written.push(&ring, PERF_RECORD_SAMPLE, length, &[]);
            if length > 0 {
                written.head = 128;
                ring.memory.store64(DATA_HEAD, written.head);
            }
            assert_eq!(drained(&mut ring), ["event 1", "malformed 8"], "{length}");
            assert_eq!(ring.memory.load64(DATA_TAIL), written.head);
        }
    }
}
