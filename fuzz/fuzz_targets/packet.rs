//! Any frames, one after the other, through the verdict of a node with two pods. Nothing may panic,
//! every drop must be told, and nothing may come to the server but what its policy lets in.
//!
//! The input is a sequence of records: a byte that says where the frame appears and how much time
//! goes by, the frame's length (two bytes, big-endian), and the frame.

#![no_main]

use abi::addr::{Addr, Cidr4, Cidr6, PRESENT};
use abi::endpoint::Endpoint;
use abi::event::DROP;
use abi::identity::WORLD;
use abi::node::{Node, counter};
use abi::policy::{
    Direction, ENFORCED, ENTRY_PRESENT, PolicyEntry, PolicyKey, SHAPE_PORT, TABLE_PRESENT, Table,
};
use abi::proto::TCP;
use abi::staged::Staged;
use datapath_core::Action;
use datapath_host::{HostMaps, addr4, addr6};
use etherparse::{SlicedPacket, TransportSlice};
use libfuzzer_sys::fuzz_target;

/// Interface, endpoint index, table and last byte of the address of each pod.
const CLIENT: u32 = 1;
const SERVER: u32 = 2;
const CLIENT_IDENTITY: u32 = 1001;
const SERVER_IDENTITY: u32 = 1002;
/// The only port at which the server may be called.
const OPEN: u16 = 5432;

fuzz_target!(|input: &[u8]| {
    let mut maps = node();
    let mut rest = input;
    let mut frames: u64 = 0;
    while let Some(([how, high, low], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (frame, tail) = tail.split_at(length);
        rest = tail;
        frames += 1;
        maps.now += u64::from(how >> 2) << 30;
        let pod = if how & 1 == 0 { CLIENT } else { SERVER };
        let from_pod = how & 2 == 0;
        maps.events.clear();
        let action = if from_pod {
            maps.from_pod(frame, pod)
        } else {
            maps.to_pod(frame, pod)
        };

        let told = maps.events.iter().any(|event| event.kind == DROP);
        assert_eq!(
            told,
            action == Action::Drop,
            "{action:?}: {:?}",
            maps.events
        );
        if let Action::Redirect(to) = action {
            assert!(
                from_pod && (to == CLIENT || to == SERVER),
                "to interface {to}"
            );
        }
        let reaches_server = action == Action::Redirect(SERVER)
            || (action == Action::Pass && !from_pod && pod == SERVER);
        if reaches_server {
            assert!(server_lets_in(frame), "{frame:02x?}");
        }
    }
    let judged = [counter::PACKETS_FORWARDED, counter::PACKETS_DROPPED]
        .map(|counter| maps.counters[counter as usize]);
    assert_eq!(judged.iter().sum::<u64>(), frames);
});

/// A second opinion on what may come to the server: calls to the open port, ICMP errors, the
/// link's own chatter, fragments (whose ports this can't see).
fn server_lets_in(frame: &[u8]) -> bool {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
        return true;
    };
    match packet.transport {
        Some(TransportSlice::Tcp(tcp)) => tcp.destination_port() == OPEN,
        Some(TransportSlice::Udp(_)) => false,
        Some(TransportSlice::Icmpv4(icmp)) => matches!(icmp.type_u8(), 3 | 11 | 12),
        Some(TransportSlice::Icmpv6(icmp)) => matches!(icmp.type_u8(), 1..=4 | 130..=136 | 143),
        Some(TransportSlice::Igmp(_)) | None => true,
    }
}

/// The client may call what it likes; the server may call nobody and be called by the client, by
/// TCP, at the open port.
fn node() -> HostMaps {
    let mut maps = HostMaps {
        node: Node {
            revision: 1,
            ..Node::default()
        },
        now: 1 << 40,
        ..HostMaps::default()
    };
    for (pod, identity) in [(CLIENT, CLIENT_IDENTITY), (SERVER, SERVER_IDENTITY)] {
        let endpoint = Endpoint {
            ifindex: pod,
            identity,
            table: pod,
            ..Endpoint::default()
        };
        let last = pod.to_le_bytes()[0];
        let mut v6 = [0; 16];
        (v6[0], v6[15]) = (0xfd, last);
        maps.add_pod(
            pod,
            endpoint,
            Some(addr4([10, 0, 0, last])),
            Some(addr6(v6)),
        );
    }
    let open = Direction {
        default_cookie: 17,
        ..Direction::default()
    };
    let closed = Direction {
        flags: ENFORCED,
        default_cookie: 18,
        ..Direction::default()
    };
    let header = Table {
        flags: TABLE_PRESENT,
        ..Table::default()
    };
    let client = Table {
        ingress: open,
        egress: open,
        ..header
    };
    let shapes = Direction {
        peer_shapes: 1 << SHAPE_PORT,
        ..closed
    };
    let server = Table {
        ingress: shapes,
        egress: closed,
        ..header
    };
    maps.tables.insert(CLIENT, Staged::steady(client));
    maps.tables.insert(SERVER, Staged::steady(server));
    let key = PolicyKey {
        table: SERVER,
        identity: CLIENT_IDENTITY,
        port: OPEN,
        proto: TCP,
        shape: SHAPE_PORT,
    };
    let allow = PolicyEntry {
        cookie: 19,
        flags: ENTRY_PRESENT,
        ..PolicyEntry::default()
    };
    maps.policy.insert(key, Staged::steady(allow));

    let world = Staged::steady(Addr {
        identity: WORLD,
        flags: PRESENT,
        ..Addr::default()
    });
    maps.cidr4.insert(Cidr4::default(), world);
    maps.cidr6.insert(Cidr6::default(), world);
    maps
}
