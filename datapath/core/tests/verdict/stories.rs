//! Packet stories: a packet, what becomes of it, and the events it caused.

use crate::common::*;
use abi::conntrack::timeout;
use abi::event::{CHANGED, DROP, END, F_IPV6, F_NO_IP, F_REPLY, FLAGS, FORWARDED, NEW, NOT_JUDGED};
use abi::node::counter;
use abi::policy::match_type;
use abi::proto::{ICMP, TCP, UDP};
use abi::reason;
use abi::staged::Staged;
use datapath_core::Action::{Drop, Pass, Redirect};
use datapath_host::addr4;

#[test]
fn handshake_between_two_pods_of_a_node() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    entry(
        &mut maps,
        2,
        false,
        (CLIENT_IDENTITY, TCP, 5432, 24),
        false,
        77,
    );

    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 5432, "S"), CLIENT),
        Redirect(SERVER)
    );
    let event = only_event(&mut maps);
    assert_eq!(
        (event.kind, event.egress, event.ingress),
        (NEW, FORWARDED, FORWARDED)
    );
    assert_eq!(
        (event.egress_cookie, event.ingress_cookie),
        (CLIENT_DEFAULT, 77)
    );
    assert_eq!(event.match_types, match_type::ALL | match_type::L3_L4 << 4);
    assert_eq!(
        (event.src_identity, event.dst_identity),
        (CLIENT_IDENTITY, SERVER_IDENTITY)
    );

    maps.now += 250_000;
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 5432, CLIENT4, 4000, "SA"), SERVER),
        Redirect(CLIENT)
    );
    let event = only_event(&mut maps);
    assert_eq!(
        (event.kind, event.flags & F_REPLY, event.aux),
        (FLAGS, F_REPLY, 250)
    );

    for _ in 0..3 {
        let ack = tcp(CLIENT4, 4000, SERVER4, 5432, "A");
        assert_eq!(maps.from_pod(&ack, CLIENT), Redirect(SERVER));
    }
    assert_eq!(kinds(&mut maps), [], "an established packet is no event");

    let fin = tcp(CLIENT4, 4000, SERVER4, 5432, "FA");
    assert_eq!(maps.from_pod(&fin, CLIENT), Redirect(SERVER));
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 5432, CLIENT4, 4000, "FA"), SERVER),
        Redirect(CLIENT)
    );
    let seen = events(&mut maps);
    assert_eq!(
        seen.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [FLAGS, END]
    );
    assert_eq!(seen[1].packets, [5, 2]);
    assert_eq!(maps.decisions[&77], 1, "one decision, not one per packet");
    assert_eq!(maps.counters[counter::PACKETS_FORWARDED as usize], 7);
}

#[test]
fn default_deny_drops_and_names_its_rule() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 5432, "S"), CLIENT),
        Drop
    );
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.ingress), (DROP, reason::POLICY_DENIED));
    assert_eq!(
        (event.ingress_cookie, event.egress),
        (SERVER_DEFAULT, FORWARDED)
    );
    assert!(maps.ct4.is_empty(), "a refused connection takes no room");

    enforce(&mut maps, 1, true);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 5432, "S"), CLIENT),
        Drop
    );
    let event = only_event(&mut maps);
    assert_eq!(
        (event.egress, event.ingress),
        (reason::POLICY_DENIED, NOT_JUDGED)
    );
}

#[test]
fn deny_wins_over_every_allow() {
    // (allow entry, deny entry), each (peer, protocol, port, shape).
    let rows = [
        (
            "peer port over any all",
            (0, 0, 0, 0),
            (CLIENT_IDENTITY, TCP, 80, 24),
        ),
        (
            "any all over peer port",
            (CLIENT_IDENTITY, TCP, 80, 24),
            (0, 0, 0, 0),
        ),
        (
            "peer all over peer port",
            (CLIENT_IDENTITY, TCP, 80, 24),
            (CLIENT_IDENTITY, 0, 0, 0),
        ),
        (
            "any range over peer port",
            (CLIENT_IDENTITY, TCP, 80, 24),
            (0, TCP, 64, 18),
        ),
        (
            "any protocol over any port",
            (0, TCP, 80, 24),
            (0, TCP, 0, 8),
        ),
    ];
    for (name, allow, deny) in rows {
        let mut maps = node();
        enforce(&mut maps, 2, false);
        entry(&mut maps, 2, false, allow, false, 30);
        assert_ne!(
            maps.from_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), CLIENT),
            Drop,
            "{name}"
        );
        maps.ct4.clear();
        events(&mut maps);
        entry(&mut maps, 2, false, deny, true, 31);
        assert_eq!(
            maps.from_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), CLIENT),
            Drop,
            "{name}"
        );
        let event = only_event(&mut maps);
        assert_eq!(
            (event.ingress, event.ingress_cookie),
            (reason::POLICY_DENY, 31),
            "{name}"
        );
    }
}

#[test]
fn shapes_match_what_they_fix() {
    // (entry, port, protocol, allowed)
    let rows = [
        ((0, TCP, 80, 24), 80, TCP, true),
        ((0, TCP, 80, 24), 81, TCP, false),
        ((0, TCP, 80, 24), 80, UDP, false),
        ((0, TCP, 8, 21), 8, TCP, true),
        ((0, TCP, 8, 21), 15, TCP, true),
        ((0, TCP, 8, 21), 16, TCP, false),
        ((0, TCP, 0x8000, 9), 40_000, TCP, true),
        ((0, TCP, 0x8000, 9), 4_000, TCP, false),
        ((0, TCP, 0, 8), 9, TCP, true),
        ((0, TCP, 0, 8), 9, UDP, false),
        ((0, 0, 0, 0), 9, UDP, true),
        ((REMOTE_IDENTITY, 0, 0, 0), 9, UDP, false),
    ];
    for (rule, port, proto, allowed) in rows {
        let mut maps = node();
        enforce(&mut maps, 2, false);
        entry(&mut maps, 2, false, rule, false, 30);
        let packet = if proto == TCP {
            tcp(CLIENT4, 4000, SERVER4, port, "S")
        } else {
            udp(CLIENT4, 4000, SERVER4, port, b"x")
        };
        let action = maps.from_pod(&packet, CLIENT);
        assert_eq!(action != Drop, allowed, "{rule:?} {port} {proto}");
    }
}

#[test]
fn a_pod_sends_from_its_own_address_only() {
    let mut maps = node();
    for (name, source) in [
        ("other pod", SERVER4),
        ("world", WORLD4),
        ("remote pod", REMOTE4),
    ] {
        assert_eq!(
            maps.from_pod(&tcp(source, 1, WORLD4, 80, "S"), CLIENT),
            Drop,
            "{name}"
        );
        assert_eq!(
            only_event(&mut maps).egress,
            reason::INVALID_SOURCE_IP,
            "{name}"
        );
    }
    // Nor into a connection of another pod's.
    assert_ne!(
        maps.from_pod(&tcp(SERVER4, 1, WORLD4, 80, "S"), SERVER),
        Drop
    );
    events(&mut maps);
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 1, WORLD4, 80, "A"), CLIENT),
        Drop
    );
    assert_eq!(only_event(&mut maps).egress, reason::INVALID_SOURCE_IP);
    // And nobody outside with a local pod's.
    assert_eq!(
        maps.to_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), SERVER),
        Drop
    );
    assert_eq!(only_event(&mut maps).ingress, reason::INVALID_SOURCE_IP);
}

#[test]
fn each_end_is_judged_where_its_pod_is() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    assert_eq!(
        maps.to_pod(&tcp(REMOTE4, 1, SERVER4, 80, "S"), SERVER),
        Drop
    );
    let event = only_event(&mut maps);
    assert_eq!(
        (event.egress, event.ingress),
        (NOT_JUDGED, reason::POLICY_DENIED)
    );
    entry(&mut maps, 2, false, (REMOTE_IDENTITY, 0, 0, 0), false, 40);
    assert_eq!(
        maps.to_pod(&tcp(REMOTE4, 1, SERVER4, 80, "S"), SERVER),
        Pass
    );
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 80, REMOTE4, 1, "SA"), SERVER),
        Pass
    );
    // Own node and world: egress only, the packet goes to the stack.
    for to in [NODE4, WORLD4] {
        events(&mut maps);
        assert_eq!(maps.from_pod(&tcp(CLIENT4, 1, to, 80, "S"), CLIENT), Pass);
        assert_eq!(only_event(&mut maps).ingress, NOT_JUDGED);
    }
}

#[test]
fn a_policy_change_cuts_a_live_connection_both_ways() {
    let mut maps = node();
    let syn = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    let ack = tcp(CLIENT4, 4000, SERVER4, 80, "A");
    let answer = tcp(SERVER4, 80, CLIENT4, 4000, "A");
    assert_eq!(maps.from_pod(&syn, CLIENT), Redirect(SERVER));
    assert_eq!(maps.from_pod(&answer, SERVER), Redirect(CLIENT));
    events(&mut maps);

    enforce(&mut maps, 2, false);
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&answer, SERVER), Drop, "the reply is cut too");
    let event = only_event(&mut maps);
    assert_eq!(
        (event.ingress, event.ingress_cookie),
        (reason::POLICY_DENIED, SERVER_DEFAULT)
    );
    assert_eq!(event.flags & F_REPLY, F_REPLY);
    assert_eq!(maps.from_pod(&ack, CLIENT), Drop);
    assert_eq!(
        maps.from_pod(&answer, SERVER),
        Drop,
        "and does not open it the other way round"
    );
    events(&mut maps);

    entry(&mut maps, 2, false, (CLIENT_IDENTITY, 0, 0, 0), false, 50);
    maps.node.revision += 1;
    assert_eq!(
        maps.from_pod(&ack, CLIENT),
        Redirect(SERVER),
        "allowed again"
    );
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.ingress_cookie), (CHANGED, 50));
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&ack, CLIENT), Redirect(SERVER));
    assert_eq!(kinds(&mut maps), [], "same verdict, same rule: no event");
}

#[test]
fn drops_of_a_cut_connection_tell_who_its_ends_are_now() {
    let mut maps = node();
    let there = udp(CLIENT4, 4000, SERVER4, 53, b"");
    let back = udp(SERVER4, 53, CLIENT4, 4000, b"");
    assert_eq!(maps.from_pod(&there, CLIENT), Redirect(SERVER));
    events(&mut maps);

    const OTHER: u32 = CLIENT_IDENTITY + 100;
    enforce(&mut maps, 2, false);
    let mut client = maps.addr4[&addr4(CLIENT4)].now;
    client.identity = OTHER;
    maps.addr4.insert(addr4(CLIENT4), Staged::steady(client));
    maps.node.revision += 1;
    for _ in 0..2 {
        // The first is judged, the second finds the connection denied.
        assert_eq!(maps.from_pod(&there, CLIENT), Drop);
        let event = only_event(&mut maps);
        let ends = (event.src_identity, event.dst_identity);
        assert_eq!(ends, (OTHER, SERVER_IDENTITY));
    }
    assert_eq!(maps.from_pod(&back, SERVER), Drop);
    let event = only_event(&mut maps);
    let ends = (event.src_identity, event.dst_identity);
    assert_eq!(ends, (SERVER_IDENTITY, OTHER));
}

#[test]
fn udp_and_echo_replies_belong_to_their_connection() {
    let mut maps = node();
    enforce(&mut maps, 1, false);
    assert_eq!(
        maps.from_pod(&udp(CLIENT4, 9, SERVER4, 53, b"q"), CLIENT),
        Redirect(SERVER)
    );
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 53, CLIENT4, 9, b"a"), SERVER),
        Redirect(CLIENT)
    );
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 54, CLIENT4, 9, b"a"), SERVER),
        Drop
    );
    assert_eq!(
        maps.from_pod(&echo(CLIENT4, SERVER4, 7, false), CLIENT),
        Redirect(SERVER)
    );
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 7, true), SERVER),
        Redirect(CLIENT)
    );
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 8, false), SERVER),
        Drop
    );
    // The policy's port of an ICMP message is its type.
    entry(&mut maps, 1, false, (0, ICMP, 8, 24), false, 60);
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 8, false), SERVER),
        Redirect(CLIENT)
    );
    // A reply after the time-out is a packet of its own.
    maps.now += u64::from(timeout::OTHER + 1) << 24;
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 53, CLIENT4, 9, b"a"), SERVER),
        Drop
    );
}

#[test]
fn ipv6_with_extension_headers() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    entry(
        &mut maps,
        2,
        false,
        (CLIENT_IDENTITY, TCP, 80, 24),
        false,
        70,
    );
    let plain = tcp6(11, 4000, 12, 80);
    assert_eq!(maps.from_pod(&plain, CLIENT), Redirect(SERVER));
    assert_eq!(only_event(&mut maps).flags & F_IPV6, F_IPV6);
    maps.ct6.clear();

    // The same with n destination-options headers of 8 bytes in between.
    let with_options = |n: u8| {
        let mut frame = plain.clone();
        frame[20] = 60;
        frame[19] += 8 * n;
        for i in 0..n {
            let next = if i + 1 == n { TCP } else { 60 };
            let at = 54 + 8 * usize::from(i);
            frame.splice(at..at, [next, 0, 1, 4, 0, 0, 0, 0]);
        }
        frame
    };
    assert_eq!(maps.from_pod(&with_options(6), CLIENT), Redirect(SERVER));
    assert_eq!(only_event(&mut maps).ingress_cookie, 70);
    assert_eq!(maps.from_pod(&with_options(7), CLIENT), Drop);
    assert_eq!(only_event(&mut maps).egress, reason::INVALID_IPV6_EXT);
}

#[test]
fn vlan_tags_are_looked_through() {
    let mut maps = node();
    let plain = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    for tags in [&[0x81, 0, 0, 5][..], &[0x88, 0xa8, 0, 6, 0x81, 0, 0, 5][..]] {
        let mut frame = plain.clone();
        frame.splice(12..12, tags.iter().copied());
        assert_eq!(maps.from_pod(&frame, CLIENT), Redirect(SERVER));
    }
}

#[test]
fn what_cannot_be_judged_is_dropped_with_a_reason() {
    let syn = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    let changed = |at: usize, byte: u8| {
        let mut frame = syn.clone();
        frame[at] = byte;
        frame
    };
    let rows: [(&str, Vec<u8>, u8); 8] = [
        (
            "no Ethernet header",
            syn[..13].to_vec(),
            reason::UNSUPPORTED_L2,
        ),
        (
            "unknown ethertype",
            changed(13, 0x42),
            reason::UNSUPPORTED_L3,
        ),
        (
            "cut IPv4 header",
            syn[..30].to_vec(),
            reason::INVALID_PACKET,
        ),
        ("version 5", changed(14, 0x55), reason::INVALID_PACKET),
        (
            "header of 16 bytes",
            changed(14, 0x44),
            reason::INVALID_PACKET,
        ),
        (
            "length beyond the frame",
            changed(16, 0x05),
            reason::INVALID_PACKET,
        ),
        ("GRE", changed(23, 47), reason::CT_UNKNOWN_L4),
        (
            "TCP header cut by options",
            changed(14, 0x46),
            reason::CT_TRUNCATED,
        ),
    ];
    for (name, frame, expected) in rows {
        let mut maps = node();
        assert_eq!(maps.from_pod(&frame, CLIENT), Drop, "{name}");
        let event = only_event(&mut maps);
        assert_eq!((event.kind, event.egress), (DROP, expected), "{name}");
        let addressed = !matches!(expected, reason::UNSUPPORTED_L2 | reason::UNSUPPORTED_L3)
            && name != "cut IPv4 header";
        assert_eq!(event.flags & F_NO_IP == 0, addressed, "{name}");
    }
}

#[test]
fn arp_and_neighbour_discovery_work() {
    let mut maps = node();
    enforce(&mut maps, 1, true);
    let mut arp = vec![0; 42];
    arp[12..14].copy_from_slice(&[8, 6]);
    assert_eq!(maps.from_pod(&arp, CLIENT), Pass);
    // Neighbour solicitation from `::` (duplicate address detection), and one to somebody far away.
    let solicit = |dst: [u8; 16]| {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];
        frame.extend([0x60, 0, 0, 0, 0, 24, 58, 255]);
        frame.extend([0; 16]);
        frame.extend(dst);
        frame.extend([135, 0]);
        frame.extend([0; 22]);
        frame
    };
    let mut group = [0; 16];
    group[0..2].copy_from_slice(&[0xff, 0x02]);
    assert_eq!(maps.from_pod(&solicit(group), CLIENT), Pass);
    assert_eq!(kinds(&mut maps), []);
    assert_eq!(
        maps.from_pod(&solicit(v6(99)), CLIENT),
        Drop,
        "no way around policy"
    );
}

#[test]
fn a_flood_of_drops_is_limited_and_counted() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    maps.node.drops_per_second = 10;
    let syn = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    for _ in 0..1000 {
        assert_eq!(maps.from_pod(&syn, CLIENT), Drop);
    }
    assert_eq!(events(&mut maps).len(), 10);
    assert_eq!(maps.counters[counter::EVENTS_LIMITED as usize], 990);
    maps.now += 2_000_000_000;
    maps.from_pod(&syn, CLIENT);
    let event = only_event(&mut maps);
    assert_eq!(
        event.packets[0], 991,
        "this one and those that were kept silent"
    );
    assert_eq!(event.bytes(0), 991 * u64::try_from(syn.len()).unwrap());
}

#[test]
fn a_syn_reopens_a_closed_connection_in_its_own_direction() {
    let mut maps = node();
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 80, "S"), CLIENT);
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 80, "R"), CLIENT);
    events(&mut maps);
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 80, CLIENT4, 4000, "S"), SERVER),
        Redirect(CLIENT)
    );
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.flags & F_REPLY), (NEW, 0));
}

#[test]
fn a_table_or_endpoint_that_is_missing_fails_closed() {
    let mut maps = node();
    maps.tables.remove(&2);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), CLIENT),
        Drop
    );
    assert_eq!(only_event(&mut maps).ingress, reason::NO_CONFIGURATION);
    assert_eq!(
        maps.to_pod(&tcp(REMOTE4, 1, [10, 0, 1, 99], 80, "S"), SERVER),
        Drop
    );
    assert_eq!(only_event(&mut maps).ingress, reason::NO_CONFIGURATION);
}
