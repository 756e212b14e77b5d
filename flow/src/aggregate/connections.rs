//! How much connections grew.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use proto::flows::v1::Cause;

use crate::view::{Extension, FlowView, Side, Transport, Volume};

/// Most connections remembered.
const MOST: usize = 65_536;

/// Ends in an order of their own, and the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    ends: [(IpAddr, u16); 2],
    transport: Option<Transport>,
}

/// What a node told of a connection last.
#[derive(Debug, Clone, Copy)]
struct Told {
    node: u64,
    time: i64,
    total: Volume,
}

#[derive(Debug, Clone)]
struct Connection {
    /// Both nodes of a connection count all of it, so the greater total is what was carried.
    told: [Option<Told>; 2],
    /// How far it has been counted.
    counted: Volume,
    used: u64,
}

/// The running totals of connections. A node's total that falls is of a new connection between the
/// same ports. Connections not heard of for long are forgotten; one that is heard of again counts
/// from there.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    known: HashMap<Key, Connection>,
    clock: u64,
}

fn number(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

impl Connections {
    /// Bytes and packets by which the flow's connection has grown since its last flow; of its very
    /// first packet all.
    pub fn growth<V: FlowView>(&mut self, flow: &V) -> (u64, u64) {
        let Some((total, new)) = Extension::read(flow, |extension| {
            extension
                .volume()
                .map(|total| (total, extension.cause == Cause::New || total.packets == 1))
        })
        .flatten() else {
            return (0, 0);
        };
        let end = |side| Some((flow.ip(side)?, flow.port(side).unwrap_or(0)));
        let (Some(source), Some(destination)) = (end(Side::Source), end(Side::Destination)) else {
            return (0, 0);
        };
        let key = Key {
            ends: [source.min(destination), source.max(destination)],
            transport: flow.transport(),
        };
        let told = Told {
            node: number(flow.node()),
            time: flow.time_ns().unwrap_or(0),
            total,
        };
        self.clock += 1;
        if !self.known.contains_key(&key) && self.known.len() >= MOST {
            self.forget();
        }
        let clock = self.clock;
        let connection = self.known.entry(key).or_insert_with(|| Connection {
            told: [None; 2],
            counted: if new { Volume::default() } else { total },
            used: clock,
        });
        connection.used = clock;
        connection.grow(told)
    }

    /// Forgets the half that was not heard of for longest.
    fn forget(&mut self) {
        let mut used: Vec<u64> = self.known.values().map(|known| known.used).collect();
        let middle = used.len() / 2;
        let (_, middle, _) = used.select_nth_unstable(middle);
        let middle = *middle;
        self.known.retain(|_, known| known.used >= middle);
    }
}

impl Connection {
    fn grow(&mut self, told: Told) -> (u64, u64) {
        let known = self.told.iter_mut().flatten();
        let last = known.into_iter().find(|last| last.node == told.node);
        if let Some(last) = last {
            if told.time < last.time {
                // Told late, of what is counted already.
                return (0, 0);
            }
            if told.total.bytes < last.total.bytes || told.total.packets < last.total.packets {
                self.told = [Some(told), None];
                self.counted = Volume::default();
                return self.count(told.total);
            }
            *last = told;
        } else if let Some(free) = self.told.iter_mut().find(|told| told.is_none()) {
            *free = Some(told);
        } else {
            self.told[0] = Some(told);
        }
        self.count(told.total)
    }

    /// Counts up to the total.
    fn count(&mut self, total: Volume) -> (u64, u64) {
        let bytes = total.bytes.saturating_sub(self.counted.bytes);
        let packets = total.packets.saturating_sub(self.counted.packets);
        self.counted.bytes += bytes;
        self.counted.packets += packets;
        (bytes, packets)
    }
}
