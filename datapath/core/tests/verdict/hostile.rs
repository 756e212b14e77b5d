//! Packets that must not pass, and what a hostile pod must not do to others.

use crate::common::*;
use abi::conntrack::FRAG_PLACES;
use abi::event::{F_REPLY, NEW};
use abi::policy::match_type;
use abi::proto::{ICMP, ICMPV6, TCP, UDP};
use abi::reason;
use datapath_core::Action::{Drop, Pass, Redirect};
use datapath_host::{HostMaps, addr4};
use etherparse::PacketBuilder;

/// The server lets the client in by these entries, and nobody else.
fn guarded(entries: &[(u8, u16)]) -> HostMaps {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    for (proto, port) in entries {
        let entry_of = (CLIENT_IDENTITY, *proto, *port, 24);
        entry(&mut maps, 2, false, entry_of, false, 77);
    }
    maps
}

fn later(maps: &mut HostMaps, ticks: u32) {
    maps.now += u64::from(ticks) << 24;
}

/// An IPv6 frame of a payload length of its own, and bytes behind it.
fn ipv6(next: u8, length: u16, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([next, 64]);
    frame.extend(v6(11));
    frame.extend(v6(12));
    frame.extend(bytes);
    frame
}

const OPTIONS: u8 = 60;
const FRAGMENT: u8 = 44;
const ROUTING: u8 = 43;

fn options(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

fn fragment(next: u8, offset: u16, more: bool, id: u32) -> [u8; 8] {
    let [high, low] = (offset & 0xfff8 | u16::from(more)).to_be_bytes();
    let [a, b, c, d] = id.to_be_bytes();
    [next, 0, high, low, a, b, c, d]
}

fn udp_header(sport: u16, dport: u16) -> [u8; 8] {
    let ([a, b], [c, d]) = (sport.to_be_bytes(), dport.to_be_bytes());
    [a, b, c, d, 0, 8, 0, 0]
}

#[test]
fn headers_end_where_the_ip_header_says() {
    let to_open = udp_header(4444, 53);
    let two = [options(OPTIONS), options(UDP)].concat();
    let first = [fragment(OPTIONS, 0, true, 7), options(OPTIONS)].concat();
    let v4 = |total: u8| {
        let mut frame = udp(CLIENT4, 4444, SERVER4, 53, b"");
        frame[17] = total;
        frame
    };
    let tcp_cut = {
        let mut frame = tcp(CLIENT4, 4444, SERVER4, 53, "S");
        frame[17] = 39;
        frame
    };
    // (what, frame, allowed)
    let rows = [
        ("IPv6, whole", ipv6(UDP, 8, &to_open), true),
        (
            "IPv6, UDP behind the payload",
            ipv6(UDP, 0, &to_open),
            false,
        ),
        (
            "IPv6, half of UDP behind the payload",
            ipv6(UDP, 4, &to_open),
            false,
        ),
        (
            "IPv6, options, all of it inside",
            ipv6(OPTIONS, 24, &[&two[..], &to_open].concat()),
            true,
        ),
        (
            "IPv6, second options and UDP behind the payload",
            ipv6(OPTIONS, 8, &[&two[..], &to_open].concat()),
            false,
        ),
        (
            "IPv6, first fragment, headers behind the payload",
            ipv6(
                FRAGMENT,
                16,
                &[&first[..], &options(UDP), &to_open].concat(),
            ),
            false,
        ),
        (
            "IPv6, first fragment with all its headers",
            ipv6(
                FRAGMENT,
                32,
                &[&first[..], &options(UDP), &to_open].concat(),
            ),
            true,
        ),
        (
            "IPv6, a fragment of a fragment",
            ipv6(
                FRAGMENT,
                24,
                &[
                    &fragment(FRAGMENT, 0, true, 7)[..],
                    &fragment(UDP, 0, true, 8),
                    &to_open,
                ]
                .concat(),
            ),
            false,
        ),
        (
            "IPv6, a routing header that leads elsewhere",
            ipv6(
                ROUTING,
                16,
                &[&[UDP, 0, 4, 1, 0, 0, 0, 0][..], &to_open].concat(),
            ),
            false,
        ),
        ("IPv4, whole", v4(28), true),
        ("IPv4, UDP behind the total length", v4(20), false),
        ("IPv4, half of UDP behind it", v4(24), false),
        ("IPv4, last byte of TCP behind it", tcp_cut, false),
    ];
    for (what, frame, allowed) in rows {
        let mut maps = guarded(&[(UDP, 53), (TCP, 53)]);
        let action = maps.from_pod(&frame, CLIENT);
        assert_eq!(action == Redirect(SERVER), allowed, "{what}");
        if !allowed {
            assert_eq!(action, Drop, "{what}");
            assert!(maps.frags.is_empty(), "{what}: lends its ports to nobody");
            only_event(&mut maps);
        }
    }
}

fn first4(dport: u16, id: u16) -> Vec<u8> {
    let mut frame = udp(CLIENT4, 9, SERVER4, dport, &[0; 64]);
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame[20] = 0x20;
    frame
}

fn later4(id: u16, offset: u8) -> Vec<u8> {
    let mut frame = udp(CLIENT4, 0, SERVER4, 0, &[0; 64]);
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame[21] = offset;
    frame
}

#[test]
fn later_fragments_go_where_an_allowed_first_one_went() {
    let mut maps = guarded(&[(UDP, 53)]);
    let unknown = |maps: &mut HostMaps, id, offset, what: &str| {
        assert_eq!(maps.from_pod(&later4(id, offset), CLIENT), Drop, "{what}");
        assert_eq!(only_event(maps).egress, reason::FRAG_NOT_FOUND, "{what}");
    };
    unknown(&mut maps, 1, 9, "no first fragment");
    assert_eq!(maps.from_pod(&first4(54, 1), CLIENT), Drop);
    events(&mut maps);
    unknown(&mut maps, 1, 9, "its first fragment was denied");
    assert_eq!(maps.from_pod(&first4(53, 1), CLIENT), Redirect(SERVER));
    events(&mut maps);
    unknown(&mut maps, 2, 9, "another datagram");
    assert_eq!(maps.from_pod(&later4(1, 9), CLIENT), Redirect(SERVER));
    assert_eq!(maps.ct4.values().next().unwrap().packets, [2, 0]);
    events(&mut maps);

    // TCP's header is 20 bytes: what begins 8 bytes into it would overwrite its flags.
    let mut maps = guarded(&[(TCP, 80)]);
    let mut first = tcp(CLIENT4, 9, SERVER4, 80, "S");
    first[20] = 0x20;
    assert_eq!(maps.from_pod(&first, CLIENT), Redirect(SERVER));
    events(&mut maps);
    let mut overlap = first.clone();
    (overlap[20], overlap[21]) = (0, 1);
    assert_eq!(maps.from_pod(&overlap, CLIENT), Drop);
    assert_eq!(only_event(&mut maps).egress, reason::FRAG_NOT_FOUND);
}

#[test]
fn only_the_first_fragment_says_which_protocol_an_ipv6_datagram_has() {
    let mut maps = guarded(&[(UDP, 53)]);
    let to_open = udp_header(4444, 53);
    let first = [&fragment(OPTIONS, 0, true, 7)[..], &options(UDP), &to_open].concat();
    assert_eq!(
        maps.from_pod(&ipv6(FRAGMENT, 24, &first), CLIENT),
        Redirect(SERVER)
    );
    for next in [OPTIONS, UDP, TCP] {
        let second = [&fragment(next, 16, false, 7)[..], &[0; 8]].concat();
        assert_eq!(
            maps.from_pod(&ipv6(FRAGMENT, 16, &second), CLIENT),
            Redirect(SERVER),
            "{next}"
        );
    }
    let overlap = [&fragment(UDP, 8, false, 7)[..], &to_open].concat();
    assert_eq!(maps.from_pod(&ipv6(FRAGMENT, 16, &overlap), CLIENT), Drop);
}

#[test]
fn a_flood_of_fragments_displaces_the_senders_own_only() {
    let mut maps = node();
    let mut mine = udp(SERVER4, 9, CLIENT4, 53, &[0; 64]);
    mine[20] = 0x20;
    assert_eq!(maps.from_pod(&mine, SERVER), Redirect(CLIENT));
    for id in 0..20_000 {
        maps.from_pod(&first4(53, id), CLIENT);
    }
    (mine[20], mine[21]) = (0, 9);
    assert_eq!(maps.from_pod(&mine, SERVER), Redirect(CLIENT));
    assert!(maps.frags.len() <= 2 * FRAG_PLACES as usize);
}

/// A packet in the middle of a connection from the server's port 22 to the client.
fn from_ssh(flags: &str) -> Vec<u8> {
    tcp(SERVER4, 22, CLIENT4, 4000, flags)
}

#[test]
fn a_packet_that_opens_nothing_opens_nothing() {
    // The client may not call the server, the server may call the client.
    for flags in ["SA", "A", "FA", "R", "RA", "", "SF"] {
        let mut maps = guarded(&[]);
        assert_eq!(maps.from_pod(&from_ssh(flags), SERVER), Drop, "{flags}");
        let event = only_event(&mut maps);
        assert_eq!(
            (event.ingress, event.ingress_cookie, event.flags & F_REPLY),
            (reason::POLICY_DENIED, SERVER_DEFAULT, F_REPLY),
            "{flags}"
        );
        let call = tcp(CLIENT4, 4000, SERVER4, 22, "A");
        assert_eq!(maps.from_pod(&call, CLIENT), Drop, "{flags}");
        assert!(maps.ct4.is_empty(), "{flags}");
    }
    // By SYN it calls, and what comes back are replies.
    let mut maps = guarded(&[]);
    assert_eq!(maps.from_pod(&from_ssh("S"), SERVER), Redirect(CLIENT));
    let answer = tcp(CLIENT4, 4000, SERVER4, 22, "SA");
    assert_eq!(maps.from_pod(&answer, CLIENT), Redirect(SERVER));
}

#[test]
fn a_connection_whose_entry_is_lost_is_picked_up_if_either_end_may_open_it() {
    let mut maps = guarded(&[(TCP, 22)]);
    assert_eq!(maps.from_pod(&from_ssh("A"), SERVER), Redirect(CLIENT));
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.flags & F_REPLY), (NEW, 0));
    let call = tcp(CLIENT4, 4000, SERVER4, 22, "A");
    assert_eq!(maps.from_pod(&call, CLIENT), Redirect(SERVER));
    events(&mut maps);

    // Who opened it isn't known, so that a change cuts it whichever direction it is about.
    enforce(&mut maps, 1, true);
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&from_ssh("A"), SERVER), Drop);
    assert_eq!(only_event(&mut maps).egress, reason::POLICY_DENIED);
    assert_eq!(maps.from_pod(&call, CLIENT), Drop);

    // A SYN-ACK says it: the receiver.
    let mut maps = guarded(&[(TCP, 22)]);
    assert_eq!(maps.from_pod(&from_ssh("SA"), SERVER), Redirect(CLIENT));
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.flags & F_REPLY), (NEW, F_REPLY));
    assert_eq!(event.ingress_cookie, 77);
}

/// A node on which the client's connection to the server has just been cut.
fn cut(first: &[u8]) -> HostMaps {
    let mut maps = node();
    assert_eq!(maps.from_pod(first, CLIENT), Redirect(SERVER));
    enforce(&mut maps, 2, false);
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(first, CLIENT), Drop);
    events(&mut maps);
    maps
}

#[test]
fn a_cut_connection_stays_cut_as_long_as_either_end_sends() {
    let call = tcp(CLIENT4, 4000, SERVER4, 22, "S");
    let query = udp(CLIENT4, 4000, SERVER4, 22, b"q");
    let answer = udp(SERVER4, 22, CLIENT4, 4000, b"a");
    let stories = [
        ("TCP, both send", call.clone(), from_ssh("A"), 5, true),
        ("TCP, the server sends", call, from_ssh("A"), 120, false),
        ("UDP, both send", query.clone(), answer.clone(), 30, true),
        ("UDP, the server sends", query, answer, 300, false),
    ];
    for (what, there, back, every, both) in stories {
        let mut maps = cut(&there);
        for _ in 0..100 {
            later(&mut maps, abi::node::ticks(every));
            assert_eq!(maps.from_pod(&back, SERVER), Drop, "{what}");
            if both {
                assert_eq!(maps.from_pod(&there, CLIENT), Drop, "{what}");
            }
        }
    }
    // Also if the table forgets it.
    let mut maps = cut(&tcp(CLIENT4, 4000, SERVER4, 22, "S"));
    maps.ct4.clear();
    assert_eq!(maps.from_pod(&from_ssh("A"), SERVER), Drop);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 22, "A"), CLIENT),
        Drop
    );
}

#[test]
fn an_address_that_changed_hands_has_no_connections() {
    // The client called the server, whose answers need no policy; then its address moves.
    let heir = 13;
    let mut maps = node();
    enforce(&mut maps, 2, true);
    let call = tcp(CLIENT4, 4000, SERVER4, 22, "S");
    assert_eq!(maps.from_pod(&call, CLIENT), Redirect(SERVER));
    assert_eq!(maps.from_pod(&from_ssh("SA"), SERVER), Redirect(CLIENT));
    events(&mut maps);
    let mut pod = maps.endpoints[&CLIENT].now;
    (pod.ifindex, pod.identity) = (heir, 1013);
    maps.endpoints.remove(&CLIENT);
    maps.add_pod(heir, pod, Some(addr4(CLIENT4)), None);
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&from_ssh("A"), SERVER), Drop);
    assert_eq!(only_event(&mut maps).egress, reason::POLICY_DENIED);
}

fn icmp(src: [u8; 4], dst: [u8; 4], icmp_type: u8, id: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    let step = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(src, dst, 64);
    step.icmpv4_raw(icmp_type, 0, [0, id, 0, 1])
        .write(&mut frame, b"ping")
        .unwrap();
    frame
}

#[test]
fn an_icmp_type_passes_by_a_rule_for_that_type_only() {
    for other in [4, 5, 9, 10, 13, 15, 17, 30] {
        let mut maps = guarded(&[(ICMP, 8)]);
        let echo = icmp(CLIENT4, SERVER4, 8, other);
        assert_eq!(maps.from_pod(&echo, CLIENT), Redirect(SERVER));
        for id in [0, other] {
            let message = icmp(CLIENT4, SERVER4, other, id);
            assert_eq!(maps.from_pod(&message, CLIENT), Drop, "type {other}");
        }
    }
    // Version 6: the identifier is the number of the type.
    let mut maps = guarded(&[(ICMPV6, 128)]);
    for other in [137, 139, 140] {
        let echo = ipv6(ICMPV6, 8, &[128, 0, 0, 0, 0, other, 0, 1]);
        assert_eq!(maps.from_pod(&echo, CLIENT), Redirect(SERVER));
        let message = ipv6(ICMPV6, 8, &[other, 0, 0, 0, 0, other, 0, 1]);
        assert_eq!(maps.from_pod(&message, CLIENT), Drop, "type {other}");
    }
}

#[test]
fn an_icmp_reply_is_one_of_the_request_and_nothing_else() {
    // The client may ping; nothing lets the server in at the client.
    let mut maps = guarded(&[(ICMP, 8), (ICMP, 13)]);
    enforce(&mut maps, 1, false);
    for (request, reply) in [(8, 0), (13, 14)] {
        let back = icmp(SERVER4, CLIENT4, reply, 7);
        assert_eq!(maps.from_pod(&back, SERVER), Drop, "nobody asked");
        let ask = icmp(CLIENT4, SERVER4, request, 7);
        assert_eq!(maps.from_pod(&ask, CLIENT), Redirect(SERVER));
        assert_eq!(maps.from_pod(&back, SERVER), Redirect(CLIENT));
        let ask_back = icmp(SERVER4, CLIENT4, request, 7);
        assert_eq!(maps.from_pod(&ask_back, SERVER), Drop, "not an answer");
        let unasked = icmp(CLIENT4, SERVER4, reply, 7);
        assert_eq!(maps.from_pod(&unasked, CLIENT), Drop, "not a question");
    }
}

#[test]
fn the_nodes_address_is_the_nodes_only_when_the_node_sends() {
    let mut maps = node();
    enforce(&mut maps, 2, false);
    let local = (abi::identity::HOST, 0, 0, 0);
    entry(&mut maps, 2, false, local, false, 90);
    let call = tcp(NODE4, 4000, SERVER4, 22, "S");
    let more = tcp(NODE4, 4000, SERVER4, 22, "A");
    maps.came_by = 3;
    assert_eq!(maps.to_pod(&call, SERVER), Drop);
    assert_eq!(only_event(&mut maps).ingress, reason::INVALID_SOURCE_IP);
    maps.came_by = 0;
    assert_eq!(maps.to_pod(&call, SERVER), Pass);
    maps.came_by = 3;
    events(&mut maps);
    assert_eq!(maps.to_pod(&more, SERVER), Drop, "nor into a connection");
    assert_eq!(only_event(&mut maps).ingress, reason::INVALID_SOURCE_IP);
}

#[test]
fn a_spoofed_packet_is_told_of_and_limited_at_the_pod_that_sent_it() {
    let mut maps = guarded(&[]);
    maps.node.drops_per_second = 10;
    for port in 0..1000 {
        let spoofed = udp(SERVER4, port, WORLD4, 53, b"");
        assert_eq!(maps.from_pod(&spoofed, CLIENT), Drop);
    }
    let told = events(&mut maps);
    assert_eq!(told.len(), 10);
    assert!(told.iter().all(|event| event.aux == CLIENT));
    enforce(&mut maps, 2, true);
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 1, WORLD4, 53, b""), SERVER),
        Drop
    );
    assert_eq!(only_event(&mut maps).aux, SERVER, "whose own are told of");
}

#[test]
fn match_types_of_a_pickup_are_those_of_the_way_that_is_assumed() {
    let mut maps = guarded(&[(TCP, 4000)]);
    let call = tcp(CLIENT4, 22, SERVER4, 4000, "A");
    assert_eq!(maps.from_pod(&call, CLIENT), Redirect(SERVER));
    let event = only_event(&mut maps);
    assert_eq!(event.match_types, match_type::ALL | match_type::L3_L4 << 4);
}
