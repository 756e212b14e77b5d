//! ICMP errors: which count as part of the connection that they quote.

use crate::common::*;
use abi::addr::{Addr, PRESENT};
use abi::event::{DROP, F_RELATED, FLAGS};
use abi::identity::{REMOTE_NODE, UNMANAGED};
use abi::node::counter;
use abi::reason;
use abi::staged::Staged;
use datapath_core::Action::{Drop, Pass, Redirect};
use datapath_host::{HostMaps, addr4};
use etherparse::PacketBuilder;

const PEER4: [u8; 4] = [10, 0, 2, 99];
const ROUTER4: [u8; 4] = [192, 168, 0, 7];

/// An ICMP error of a type and code that quotes the IP packet in `quoted` (a frame), up to `length` bytes.
fn error(
    (icmp_type, code): (u8, u8),
    src: [u8; 4],
    dst: [u8; 4],
    quoted: &[u8],
    length: usize,
) -> Vec<u8> {
    let mut frame = Vec::new();
    let step = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4(src, dst, 64)
        .icmpv4_raw(icmp_type, code, [0, 0, 2, 0x28]);
    let mut payload = quoted[14..quoted.len().min(14 + 28)].to_vec();
    payload.resize(length, b'Z');
    step.write(&mut frame, &payload).unwrap();
    frame
}

/// Default deny on the way in to both pods, and a remote pod and node that are known.
fn closed() -> HostMaps {
    let mut maps = node();
    enforce(&mut maps, 1, false);
    enforce(&mut maps, 2, false);
    for (addr, identity) in [(PEER4, 901), (ROUTER4, REMOTE_NODE)] {
        let addr_of = Addr {
            identity,
            flags: PRESENT,
            ..Addr::default()
        };
        maps.addr4.insert(addr4(addr), Staged::steady(addr_of));
    }
    maps
}

const UNREACHABLE: (u8, u8) = (3, 3);
const TOO_BIG: (u8, u8) = (3, 4);

#[test]
fn an_error_from_a_party_of_the_connection_passes_and_is_told_of() {
    for kind in [UNREACHABLE, TOO_BIG, (11, 0), (12, 0)] {
        let mut maps = closed();
        entry(&mut maps, 2, false, (CLIENT_IDENTITY, 17, 53, 24), false, 9);
        let query = udp(CLIENT4, 9, SERVER4, 53, b"q");
        let answer = error(kind, SERVER4, CLIENT4, &query, 28);
        assert_eq!(maps.from_pod(&answer, SERVER), Drop, "quotes nothing known");
        assert_eq!(maps.from_pod(&query, CLIENT), Redirect(SERVER));
        events(&mut maps);
        for _ in 0..2 {
            assert_eq!(maps.from_pod(&answer, SERVER), Redirect(CLIENT));
            let event = only_event(&mut maps);
            assert_eq!((event.kind, event.flags & F_RELATED), (FLAGS, F_RELATED));
        }
        let forged = error(
            kind,
            SERVER4,
            CLIENT4,
            &udp(WORLD4, 9, SERVER4, 53, b""),
            28,
        );
        assert_eq!(maps.from_pod(&forged, SERVER), Drop, "not for its receiver");
    }
}

#[test]
fn a_pod_says_nothing_about_connections_of_others() {
    let mut maps = closed();
    let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Pass);
    events(&mut maps);
    for kind in [UNREACHABLE, TOO_BIG, (11, 0)] {
        let forged = error(kind, SERVER4, CLIENT4, &query, 28);
        assert_eq!(maps.from_pod(&forged, SERVER), Drop, "{kind:?}");
        let event = only_event(&mut maps);
        assert_eq!((event.kind, event.egress), (DROP, reason::INVALID_PACKET));
        // Nor with policy that would let the message in.
        entry(&mut maps, 1, false, (0, 1, 3, 24), false, 60);
        assert_eq!(maps.from_pod(&forged, SERVER), Drop, "{kind:?}");
        events(&mut maps);
    }
}

#[test]
fn an_error_from_the_network_is_from_a_router_or_the_other_end() {
    // (who sends it, its address, allowed)
    let rows = [
        ("the other end", REMOTE4, true),
        ("a node on the way", ROUTER4, true),
        ("a router outside", WORLD4, true),
        ("another pod", PEER4, false),
    ];
    for (who, sender, allowed) in rows {
        let mut maps = closed();
        let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
        assert_eq!(maps.from_pod(&query, CLIENT), Pass);
        events(&mut maps);
        maps.came_by = 3;
        let answer = error(TOO_BIG, sender, CLIENT4, &query, 28);
        let action = maps.to_pod(&answer, CLIENT);
        assert_eq!(action, if allowed { Pass } else { Drop }, "{who}");
        only_event(&mut maps);
    }
    // An address of the pods' range that nobody is known to have is no router.
    let mut maps = closed();
    let unmanaged = Addr {
        identity: UNMANAGED,
        flags: PRESENT,
        ..Addr::default()
    };
    maps.addr4.insert(addr4(PEER4), Staged::steady(unmanaged));
    let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Pass);
    let answer = error(UNREACHABLE, PEER4, CLIENT4, &query, 28);
    assert_eq!(maps.to_pod(&answer, CLIENT), Drop);
    // Between two pods of this node nobody is on the way but the node.
    let mut maps = node();
    let query = udp(CLIENT4, 9, SERVER4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Redirect(SERVER));
    for (sender, came_by, allowed) in [(WORLD4, 3, false), (ROUTER4, 3, false), (NODE4, 0, true)] {
        maps.came_by = came_by;
        let answer = error(UNREACHABLE, sender, CLIENT4, &query, 28);
        let action = maps.to_pod(&answer, CLIENT);
        assert_eq!(action, if allowed { Pass } else { Drop }, "{sender:?}");
    }
}

#[test]
fn an_error_is_no_longer_than_errors_are() {
    let mut maps = closed();
    let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Pass);
    // IPv4 and ICMP headers are 28 bytes of the 576.
    for (length, allowed) in [(548, true), (549, false), (1400, false)] {
        let answer = error(TOO_BIG, REMOTE4, CLIENT4, &query, length);
        let action = maps.to_pod(&answer, CLIENT);
        assert_eq!(action, if allowed { Pass } else { Drop }, "{length}");
    }
    // What it quotes is in the packet, not behind it.
    let mut short = error(TOO_BIG, REMOTE4, CLIENT4, &query, 28);
    short[17] = 28 + 20;
    assert_eq!(maps.to_pod(&short, CLIENT), Drop);
}

#[test]
fn an_error_about_a_connection_that_is_cut_or_over_is_a_packet_of_its_own() {
    let mut maps = closed();
    let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Pass);
    let answer = error(UNREACHABLE, REMOTE4, CLIENT4, &query, 28);
    assert_eq!(maps.to_pod(&answer, CLIENT), Pass);
    enforce(&mut maps, 1, true);
    maps.node.revision += 1;
    assert_eq!(maps.to_pod(&answer, CLIENT), Drop, "not judged again yet");
    assert_eq!(maps.from_pod(&query, CLIENT), Drop);
    assert_eq!(maps.to_pod(&answer, CLIENT), Drop, "cut");
}

#[test]
fn a_flood_of_errors_is_limited_and_counted() {
    let mut maps = closed();
    maps.node.drops_per_second = 10;
    let query = udp(CLIENT4, 9, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), Pass);
    events(&mut maps);
    let answer = error(UNREACHABLE, REMOTE4, CLIENT4, &query, 28);
    for _ in 0..1000 {
        assert_eq!(maps.to_pod(&answer, CLIENT), Pass);
    }
    assert_eq!(events(&mut maps).len(), 10);
    assert_eq!(maps.counters[counter::EVENTS_LIMITED as usize], 990);
}
