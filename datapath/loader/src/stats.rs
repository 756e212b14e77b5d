//! What the datapath counted, and the connections it knows. Reading changes nothing.

use std::collections::BTreeSet;
use std::iter::Sum;
use std::net::IpAddr;

use abi::addr::{Addr4, Addr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::maps::{self, Declaration};
use abi::node::{Limit, counter};

use crate::Error;
use crate::map::{Map, MapUsage, open_array};
use crate::pins::Pins;
use crate::sys::{self, Mapping};

/// Reader of counters and connections; can be shared by threads.
#[derive(Debug)]
pub struct Stats {
    counters: Map<u32, u64>,
    decisions: Map<u32, u64>,
    limits: Map<u32, Limit>,
    ct4: Map<CtKey4, CtEntry>,
    ct6: Map<CtKey6, CtEntry>,
    frags: Map<FragKey, FragEntry>,
    /// Numbers of places of connections.
    places: [u32; 2],
    consumed: Mapping,
    cpus: usize,
}

/// Counters of the programs ([`abi::node::counter`]), over all CPUs or one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that the programs tried to send.
    pub events_attempted: u64,
    /// Of those, not accepted: the ring was full, or there was none.
    pub events_failed: u64,
    /// Drops that sent no event because of the limit.
    pub events_limited: u64,
    /// Packets forwarded.
    pub packets_forwarded: u64,
    /// Packets dropped.
    pub packets_dropped: u64,
    /// Connections that found no room.
    pub ct_full: u64,
    /// Packets that were sent to the proxy and that no socket of it got.
    pub proxy_missed: u64,
}

type Field = fn(&mut Counters) -> &mut u64;

/// Which counter is where, in the order in which they are read. The failures come first: then no event is
/// counted as failed that isn't as attempted.
const FIELDS: [(u32, Field); 7] = [
    (counter::EVENTS_FAILED, |of| &mut of.events_failed),
    (counter::EVENTS_ATTEMPTED, |of| &mut of.events_attempted),
    (counter::EVENTS_LIMITED, |of| &mut of.events_limited),
    (counter::PACKETS_FORWARDED, |of| &mut of.packets_forwarded),
    (counter::PACKETS_DROPPED, |of| &mut of.packets_dropped),
    (counter::CT_FULL, |of| &mut of.ct_full),
    (counter::PROXY_MISSED, |of| &mut of.proxy_missed),
];

impl Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(counters: I) -> Self {
        let mut sum = Self::default();
        for mut one in counters {
            for (_, field) in FIELDS {
                *field(&mut sum) += *field(&mut one);
            }
        }
        sum
    }
}

/// What a token bucket of drop events holds back, over all CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limited {
    /// Endpoint index.
    pub endpoint: u32,
    /// Packets dropped since the endpoint's last event.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Live connections of an endpoint that gave way to newer ones of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Endpoint index.
    pub endpoint: u32,
    /// How many, since the index is the endpoint's.
    pub connections: u64,
}

/// How full the connection tables are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// IPv4 connections that haven't timed out.
    pub live4: u64,
    /// IPv4 entries, those that have timed out included.
    pub entries4: u64,
    /// IPv4 connections that fit.
    pub max4: u32,
    /// As `live4`, IPv6.
    pub live6: u64,
    /// As `entries4`, IPv6.
    pub entries6: u64,
    /// As `max4`, IPv6.
    pub max6: u32,
}

impl Connections {
    /// How full the two tables are.
    pub fn fills(&self) -> [MapUsage; 2] {
        let fill = |map: &Declaration, entries, max| MapUsage {
            map: map.name,
            entries: usize::try_from(entries).unwrap_or(usize::MAX),
            max,
        };
        [
            fill(&maps::CT4, self.entries4, self.max4),
            fill(&maps::CT6, self.entries6, self.max6),
        ]
    }
}

impl Stats {
    pub(crate) fn open(pins: &Pins, cpus: usize) -> Result<Self, Error> {
        Ok(Self {
            counters: Map::open(pins, &maps::COUNTERS)?,
            decisions: Map::open(pins, &maps::DECISIONS)?,
            limits: Map::open(pins, &maps::LIMITS)?,
            ct4: Map::open(pins, &maps::CT4)?,
            ct6: Map::open(pins, &maps::CT6)?,
            frags: Map::open(pins, &maps::FRAGS)?,
            places: [
                Map::open(pins, &maps::CT_PLACES4)?.max(),
                Map::open(pins, &maps::CT_PLACES6)?.max(),
            ],
            consumed: open_array(pins, &maps::CONSUMED, cpus)?,
            cpus,
        })
    }

    /// Counters of each possible CPU.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn counters_per_cpu(&self) -> Result<Vec<Counters>, Error> {
        let mut per_cpu = vec![Counters::default(); self.cpus];
        for (index, field) in FIELDS {
            let values = self.counters.get_per_cpu(&index, self.cpus)?;
            for (counters, value) in per_cpu.iter_mut().zip(values) {
                *field(counters) = value;
            }
        }
        Ok(per_cpu)
    }

    /// Counters over all CPUs.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn counters(&self) -> Result<Counters, Error> {
        Ok(self.counters_per_cpu()?.into_iter().sum())
    }

    /// Events accounted for by readers of the rings, present and past, over all CPUs: what they
    /// consumed, and what a successor found that they had left unread.
    pub fn events_accounted(&self) -> u64 {
        (0..self.cpus)
            .map(|cpu| self.consumed.load64(8 * cpu))
            .sum()
    }

    /// Decisions per cookie, of cookies that decided anything, in ascending order.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn decisions(&self) -> Result<Vec<(u32, u64)>, Error> {
        let mut decisions = Vec::new();
        self.decisions
            .for_each_per_cpu(self.cpus, |cookie, values| {
                let count: u64 = values.sum();
                if count > 0 {
                    decisions.push((cookie, count));
                }
            })?;
        decisions.sort_unstable();
        Ok(decisions)
    }

    /// Sets the decisions of cookies to 0, before they name something else.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn forget_decisions(&self, cookies: &[u32]) -> Result<(), Error> {
        cookies
            .iter()
            .try_for_each(|cookie| self.decisions.put_per_cpu(cookie, &0, self.cpus))
    }

    /// Drops that the limit kept silent and no event has told of yet, by endpoint.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn limited(&self) -> Result<Vec<Limited>, Error> {
        let mut limited = Vec::new();
        self.limits
            .for_each_per_cpu(self.cpus, |endpoint, values| {
                let (packets, bytes) = values.fold((0, 0), |(packets, bytes), on| {
                    (packets + on.packets, bytes + on.bytes)
                });
                if packets > 0 {
                    limited.push(Limited {
                        endpoint,
                        packets,
                        bytes,
                    });
                }
            })?;
        limited.sort_unstable_by_key(|limited| limited.endpoint);
        Ok(limited)
    }

    /// Connections that gave way because their endpoint had used up its share, by endpoint, in ascending
    /// order.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn replaced(&self) -> Result<Vec<Replaced>, Error> {
        let mut replaced = Vec::new();
        self.limits
            .for_each_per_cpu(self.cpus, |endpoint, values| {
                let connections = values.map(|on| on.replaced).sum();
                if connections > 0 {
                    replaced.push(Replaced {
                        endpoint,
                        connections,
                    });
                }
            })?;
        replaced.sort_unstable_by_key(|replaced| replaced.endpoint);
        Ok(replaced)
    }

    /// Forgets what was counted of an endpoint, before its index is another pod's.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn reset_rate_limit(&self, endpoint: u32) -> Result<(), Error> {
        self.limits
            .put_per_cpu(&endpoint, &Limit::default(), self.cpus)
    }

    /// Calls `f` with every IPv4 connection, those that have timed out included. Connections that come
    /// or go meanwhile may be missed or be seen twice.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn connections4(&self, f: impl FnMut(CtKey4, CtEntry)) -> Result<(), Error> {
        self.ct4.for_each(f)
    }

    /// As [`Self::connections4`], IPv6.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn connections6(&self, f: impl FnMut(CtKey6, CtEntry)) -> Result<(), Error> {
        self.ct6.for_each(f)
    }

    /// Calls `f` with every connection of both families that is open now, see [`CtEntry::is_open`].
    ///
    /// # Errors
    /// A map can't be read.
    pub fn open_connections(&self, mut f: impl FnMut(&CtEntry)) -> Result<(), Error> {
        let now = abi::node::tick(sys::monotonic_ns());
        let mut open = |entry: &CtEntry| {
            if entry.is_open(now) {
                f(entry);
            }
        };
        self.connections4(|_, entry| open(&entry))?;
        self.connections6(|_, entry| open(&entry))
    }

    /// Those of the addresses that an open connection has at one of its ends. Reads both tables.
    ///
    /// # Errors
    /// A map can't be read.
    pub fn addresses_in_use(
        &self,
        addresses: &BTreeSet<IpAddr>,
    ) -> Result<BTreeSet<IpAddr>, Error> {
        let now = abi::node::tick(sys::monotonic_ns());
        let mut in_use = BTreeSet::new();
        let mut see = |ends: [IpAddr; 2], entry: &CtEntry| {
            if entry.is_open(now) {
                in_use.extend(ends.into_iter().filter(|end| addresses.contains(end)));
            }
        };
        let v4 = |addr: Addr4| IpAddr::from(addr.to_ne_bytes());
        self.connections4(|key, entry| see([v4(key.a), v4(key.b)], &entry))?;
        let v6 = |addr: Addr6| {
            let mut octets = [0; 16];
            for (bytes, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(addr) {
                *bytes = word.to_ne_bytes();
            }
            IpAddr::from(octets)
        };
        self.connections6(|key, entry| see([v6(key.a), v6(key.b)], &entry))?;
        Ok(in_use)
    }

    /// Forgets an IPv4 connection; its next packet is judged as a new one's. Returns whether it was
    /// known.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn forget_connection4(&self, key: &CtKey4) -> Result<bool, Error> {
        self.ct4.delete(key)
    }

    /// As [`Self::forget_connection4`], IPv6.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn forget_connection6(&self, key: &CtKey6) -> Result<bool, Error> {
        self.ct6.delete(key)
    }

    /// Counts the connections. Reads both tables, about 0.2 us per entry.
    ///
    /// # Errors
    /// A map can't be read.
    pub fn connections(&self) -> Result<Connections, Error> {
        let now = abi::node::tick(sys::monotonic_ns());
        let mut connections = Connections {
            max4: fit(self.places[0], self.ct4.max()),
            max6: fit(self.places[1], self.ct6.max()),
            ..Connections::default()
        };
        self.ct4.for_each(|_, entry| {
            connections.entries4 += 1;
            connections.live4 += u64::from(entry.is_alive(now));
        })?;
        self.ct6.for_each(|_, entry| {
            connections.entries6 += 1;
            connections.live6 += u64::from(entry.is_alive(now));
        })?;
        Ok(connections)
    }

    /// Counts the datagrams in fragments that are remembered. Reads the map.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn fragments(&self) -> Result<MapUsage, Error> {
        let mut entries = 0;
        self.frags.for_each(|_, _| entries += 1)?;
        Ok(self.frags.fill(entries))
    }
}

/// Connections that fit: as many as there are places, in a table too small for shares as it holds.
fn fit(places: u32, table: u32) -> u32 {
    if places > 1 { places } else { table }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_has_a_field_of_its_own() {
        assert_eq!(size_of::<Counters>(), 8 * FIELDS.len());
        let mut counters = Counters::default();
        for (index, field) in FIELDS {
            assert!(index < counter::COUNT, "{index}");
            let cell = field(&mut counters);
            assert_eq!(*cell, 0, "{index}");
            *cell = 1 << index;
        }
        let sum: Counters = [counters, counters].into_iter().sum();
        let expected = Counters {
            events_attempted: 2,
            events_failed: 4,
            events_limited: 8,
            packets_forwarded: 16,
            packets_dropped: 32,
            ct_full: 64,
            proxy_missed: 128,
        };
        assert_eq!(sum, expected);
    }
}
