//! A node with two pods and an outside, and packets between them.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

use abi::addr::{Addr, Cidr4, Cidr6, PRESENT};
use abi::endpoint::Endpoint;
use abi::event::Event;
use abi::identity::{HOST, WORLD};
use abi::node::{Node, counter};
use abi::policy::{
    Direction, EGRESS, ENFORCED, ENTRY_DENY, ENTRY_PRESENT, HAS_DENY, PolicyEntry, PolicyKey,
    TABLE_PRESENT, Table,
};
use abi::staged::Staged;
use datapath_host::{HostMaps, addr4, addr6};
use etherparse::PacketBuilder;
use ledger::{Counter, Counts, Ledger};

/// Interface, endpoint index and identity of each pod.
pub(crate) const CLIENT: u32 = 11;
pub(crate) const SERVER: u32 = 12;
pub(crate) const CLIENT4: [u8; 4] = [10, 0, 1, 11];
pub(crate) const SERVER4: [u8; 4] = [10, 0, 1, 12];
pub(crate) const REMOTE4: [u8; 4] = [10, 0, 2, 1];
pub(crate) const NODE4: [u8; 4] = [192, 168, 0, 1];
pub(crate) const WORLD4: [u8; 4] = [203, 0, 113, 9];
pub(crate) const REMOTE_IDENTITY: u32 = 900;
pub(crate) const CLIENT_IDENTITY: u32 = 1011;
pub(crate) const SERVER_IDENTITY: u32 = 1012;
pub(crate) const CLIENT_DEFAULT: u32 = 21;
pub(crate) const SERVER_DEFAULT: u32 = 22;

pub(crate) fn v6(last: u8) -> [u8; 16] {
    [0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// A node whose pods have tables 1 (client) and 2 (server) that restrict nothing.
pub(crate) fn node() -> HostMaps {
    let mut maps = HostMaps {
        node: Node {
            revision: 5,
            ..Node::default()
        },
        now: 1 << 40,
        ..HostMaps::default()
    };
    for (index, v4, identity, table) in [
        (CLIENT, CLIENT4, CLIENT_IDENTITY, 1),
        (SERVER, SERVER4, SERVER_IDENTITY, 2),
    ] {
        let pod = Endpoint {
            ifindex: index,
            identity,
            table,
            ..Endpoint::default()
        };
        maps.add_pod(index, pod, Some(addr4(v4)), Some(addr6(v6(v4[3]))));
        let cookie = 10 + index;
        let open = Direction {
            default_cookie: cookie,
            ..Direction::default()
        };
        let table_header = Table {
            ingress: open,
            egress: open,
            flags: TABLE_PRESENT,
            ..Table::default()
        };
        maps.tables.insert(table, Staged::steady(table_header));
    }
    let known = |identity| {
        Staged::steady(Addr {
            identity,
            flags: PRESENT,
            ..Addr::default()
        })
    };
    maps.addr4.insert(addr4(REMOTE4), known(REMOTE_IDENTITY));
    maps.addr4.insert(addr4(NODE4), known(HOST));
    maps.cidr4.insert(
        Cidr4 {
            prefix_len: 0,
            addr: 0,
        },
        known(WORLD),
    );
    maps.cidr6.insert(
        Cidr6 {
            prefix_len: 0,
            addr: [0; 4],
        },
        known(WORLD),
    );
    maps
}

/// A node of which each step says what it counted.
pub(crate) struct Story {
    maps: HostMaps,
    ledger: Ledger,
}

/// [`node`], from whose counters as they are the story begins.
pub(crate) fn story() -> Story {
    let maps = node();
    let ledger = Ledger::new(counts(&maps));
    Story { maps, ledger }
}

impl Story {
    /// Asserts that since the last call these counters moved, by so much, and no other.
    #[track_caller]
    pub(crate) fn counted(&mut self, moves: &[(Counter, i128)]) {
        self.ledger
            .moved(counts(&self.maps), moves, || state(&self.maps));
    }
}

impl Deref for Story {
    type Target = HostMaps;

    fn deref(&self) -> &HostMaps {
        &self.maps
    }
}

impl DerefMut for Story {
    fn deref_mut(&mut self) -> &mut HostMaps {
        &mut self.maps
    }
}

/// All that a node holds, a line per entry.
fn state(maps: &HostMaps) -> String {
    fn list<T: Debug>(name: &str, entries: impl IntoIterator<Item = T>) -> String {
        let mut lines: Vec<_> = entries
            .into_iter()
            .map(|entry| format!("  {entry:?}\n"))
            .collect();
        // Those of a map come in any order, events in theirs.
        if name != "events" {
            lines.sort();
        }
        format!("{name}:\n{}", lines.concat())
    }
    [
        list("node", [&maps.node]),
        list("counters", [maps.counters]),
        list("decisions", &maps.decisions),
        list("limits", &maps.limits),
        list("events", &maps.events),
        list("IPv4 connections", &maps.ct4),
        list("IPv6 connections", &maps.ct6),
        list("fragments", &maps.frags),
        list("tables", &maps.tables),
        list("policy", &maps.policy),
        list("endpoints", &maps.endpoints),
        list("IPv4 addresses", &maps.addr4),
        list("IPv6 addresses", &maps.addr6),
        list("IPv4 prefixes", &maps.cidr4),
        list("IPv6 prefixes", &maps.cidr6),
    ]
    .concat()
}

fn counts(maps: &HostMaps) -> Counts {
    let programs = (0..).zip(maps.counters).map(|(index, count)| {
        let counter = match index {
            counter::EVENTS_ATTEMPTED => Counter::Attempted,
            counter::EVENTS_FAILED => Counter::Failed,
            counter::EVENTS_LIMITED => Counter::Limited,
            counter::PACKETS_FORWARDED => Counter::Forwarded,
            counter::PACKETS_DROPPED => Counter::Dropped,
            counter::CT_FULL => Counter::CtFull,
            counter::PROXY_MISSED => Counter::ProxyMissed,
            unnamed => Counter::Unnamed(unnamed),
        };
        (counter, count)
    });
    let decisions = maps.decisions.iter();
    let decisions = decisions.map(|(cookie, count)| (Counter::Decided(*cookie), *count));
    let limits = maps.limits.iter().flat_map(|(endpoint, limit)| {
        [
            (Counter::Unreported(*endpoint), limit.packets),
            (Counter::Replaced(*endpoint), limit.replaced),
        ]
    });
    let entries = [
        (Counter::Connections4, maps.ct4.len()),
        (Counter::Connections6, maps.ct6.len()),
        (Counter::Fragments, maps.frags.len()),
    ];
    let entries = entries.map(|(counter, entries)| (counter, entries.try_into().unwrap()));
    programs
        .chain(decisions)
        .chain(limits)
        .chain(entries)
        .collect()
}

/// Puts a direction of a table into default deny.
pub(crate) fn enforce(maps: &mut HostMaps, table: u32, egress: bool) {
    let mut header = maps.tables[&table].now;
    let direction = if egress {
        &mut header.egress
    } else {
        &mut header.ingress
    };
    direction.flags |= ENFORCED;
    maps.tables.insert(table, Staged::steady(header));
}

/// Adds an entry: `shape` as in the policy map, `peer` 0 for any.
pub(crate) fn entry(
    maps: &mut HostMaps,
    table: u32,
    egress: bool,
    (peer, proto, port, shape): (u32, u8, u16, u8),
    deny: bool,
    cookie: u32,
) {
    let mut header = maps.tables[&table].now;
    let direction = if egress {
        &mut header.egress
    } else {
        &mut header.ingress
    };
    let shapes = if peer == 0 {
        &mut direction.any_shapes
    } else {
        &mut direction.peer_shapes
    };
    *shapes |= 1 << shape;
    if deny {
        direction.flags |= HAS_DENY;
    }
    maps.tables.insert(table, Staged::steady(header));
    let shape = shape | if egress { EGRESS } else { 0 };
    let key = PolicyKey {
        table,
        identity: peer,
        port,
        proto,
        shape,
    };
    let flags = ENTRY_PRESENT | if deny { ENTRY_DENY } else { 0 };
    let precedence = if deny { 0xffff_ffff } else { 0xffff_ff01 };
    let value = PolicyEntry {
        cookie,
        precedence,
        flags,
        ..PolicyEntry::default()
    };
    maps.policy.insert(key, Staged::steady(value));
}

fn ethernet() -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
}

/// TCP flags as letters: S, A, F, R.
pub(crate) fn tcp(src: [u8; 4], sport: u16, dst: [u8; 4], dport: u16, flags: &str) -> Vec<u8> {
    let mut step = ethernet().ipv4(src, dst, 64).tcp(sport, dport, 1, 1000);
    for flag in flags.chars() {
        step = match flag {
            'S' => step.syn(),
            'A' => step.ack(1),
            'F' => step.fin(),
            'R' => step.rst(),
            other => panic!("no TCP flag {other}"),
        };
    }
    let mut frame = Vec::new();
    step.write(&mut frame, &[]).unwrap();
    frame
}

pub(crate) fn tcp6(src: u8, sport: u16, dst: u8, dport: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let step = ethernet()
        .ipv6(v6(src), v6(dst), 64)
        .tcp(sport, dport, 1, 1000)
        .syn();
    step.write(&mut frame, &[]).unwrap();
    frame
}

pub(crate) fn udp(src: [u8; 4], sport: u16, dst: [u8; 4], dport: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    ethernet()
        .ipv4(src, dst, 64)
        .udp(sport, dport)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

pub(crate) fn echo(src: [u8; 4], dst: [u8; 4], id: u16, reply: bool) -> Vec<u8> {
    let mut frame = Vec::new();
    let step = ethernet().ipv4(src, dst, 64);
    let step = if reply {
        step.icmpv4_echo_reply(id, 1)
    } else {
        step.icmpv4_echo_request(id, 1)
    };
    step.write(&mut frame, b"ping").unwrap();
    frame
}

/// The events since the last call.
pub(crate) fn events(maps: &mut HostMaps) -> Vec<Event> {
    std::mem::take(&mut maps.events)
}

pub(crate) fn kinds(maps: &mut HostMaps) -> Vec<u8> {
    events(maps).iter().map(|event| event.kind).collect()
}

/// The only event since the last call.
pub(crate) fn only_event(maps: &mut HostMaps) -> Event {
    let events = events(maps);
    assert_eq!(events.len(), 1, "{events:#?}");
    events[0]
}
