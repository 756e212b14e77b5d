//! Stories of connections: packet after packet, what becomes of each, and what is told and counted of it.

use abi::conntrack::timeout;
use abi::event::{CHANGED, END, F_REPLY, FLAGS, FORWARDED, NEW};
use abi::policy::match_type;
use abi::proto::{ICMP, TCP};
use abi::reason;
use abi::staged::Staged;
use datapath_core::Action::{Drop, Redirect};
use datapath_host::addr4;
use ledger::Counter::{Attempted, Connections4, Decided, Dropped, Forwarded, Limited, Unreported};

use crate::common::*;

#[test]
fn handshake_between_two_pods_of_a_node() {
    let mut maps = story();
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
    // Both ends are judged at once.
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(77), 1),
        (Connections4, 1),
    ]);
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
    maps.counted(&[(Forwarded, 1), (Attempted, 1)]);
    let event = only_event(&mut maps);
    assert_eq!(
        (event.kind, event.flags & F_REPLY, event.aux),
        (FLAGS, F_REPLY, 250)
    );

    for _ in 0..3 {
        let ack = tcp(CLIENT4, 4000, SERVER4, 5432, "A");
        assert_eq!(maps.from_pod(&ack, CLIENT), Redirect(SERVER));
    }
    // An established packet is no event and no decision.
    maps.counted(&[(Forwarded, 3)]);
    assert_eq!(kinds(&mut maps), []);

    let fin = tcp(CLIENT4, 4000, SERVER4, 5432, "FA");
    assert_eq!(maps.from_pod(&fin, CLIENT), Redirect(SERVER));
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 5432, CLIENT4, 4000, "FA"), SERVER),
        Redirect(CLIENT)
    );
    maps.counted(&[(Forwarded, 2), (Attempted, 2)]);
    let seen = events(&mut maps);
    assert_eq!(
        seen.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [FLAGS, END]
    );
    assert_eq!(seen[1].packets, [5, 2]);
}

#[test]
fn a_policy_change_cuts_a_live_connection_both_ways() {
    let mut maps = story();
    let syn = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    let ack = tcp(CLIENT4, 4000, SERVER4, 80, "A");
    let answer = tcp(SERVER4, 80, CLIENT4, 4000, "A");
    assert_eq!(maps.from_pod(&syn, CLIENT), Redirect(SERVER));
    assert_eq!(maps.from_pod(&answer, SERVER), Redirect(CLIENT));
    events(&mut maps);
    maps.counted(&[
        (Forwarded, 2),
        (Attempted, 2),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
        (Connections4, 1),
    ]);

    enforce(&mut maps, 2, false);
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&answer, SERVER), Drop, "the reply is cut too");
    // Its entry stays, so that its packets can't open it anew.
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
    ]);
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
    maps.counted(&[(Dropped, 2), (Attempted, 2)]);
    events(&mut maps);

    entry(&mut maps, 2, false, (CLIENT_IDENTITY, 0, 0, 0), false, 50);
    maps.node.revision += 1;
    assert_eq!(
        maps.from_pod(&ack, CLIENT),
        Redirect(SERVER),
        "allowed again"
    );
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(50), 1),
    ]);
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.ingress_cookie), (CHANGED, 50));
    maps.node.revision += 1;
    assert_eq!(maps.from_pod(&ack, CLIENT), Redirect(SERVER));
    // Same verdict, same rule: judged again, and no event.
    maps.counted(&[
        (Forwarded, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(50), 1),
    ]);
    assert_eq!(kinds(&mut maps), []);
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
    let mut maps = story();
    enforce(&mut maps, 1, false);
    assert_eq!(
        maps.from_pod(&udp(CLIENT4, 9, SERVER4, 53, b"q"), CLIENT),
        Redirect(SERVER)
    );
    let opened = [
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
        (Connections4, 1),
    ];
    let refused = [
        (Dropped, 1),
        (Attempted, 1),
        (Decided(SERVER_DEFAULT), 1),
        (Decided(CLIENT_DEFAULT), 1),
    ];
    maps.counted(&opened);
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 53, CLIENT4, 9, b"a"), SERVER),
        Redirect(CLIENT)
    );
    maps.counted(&[(Forwarded, 1), (Attempted, 1)]);
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 54, CLIENT4, 9, b"a"), SERVER),
        Drop
    );
    maps.counted(&refused);
    assert_eq!(
        maps.from_pod(&echo(CLIENT4, SERVER4, 7, false), CLIENT),
        Redirect(SERVER)
    );
    maps.counted(&opened);
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 7, true), SERVER),
        Redirect(CLIENT)
    );
    maps.counted(&[(Forwarded, 1), (Attempted, 1)]);
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 8, false), SERVER),
        Drop
    );
    maps.counted(&refused);
    // The policy's port of an ICMP message is its type.
    entry(&mut maps, 1, false, (0, ICMP, 8, 24), false, 60);
    assert_eq!(
        maps.from_pod(&echo(SERVER4, CLIENT4, 8, false), SERVER),
        Redirect(CLIENT)
    );
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(SERVER_DEFAULT), 1),
        (Decided(60), 1),
        (Connections4, 1),
    ]);
    // A reply after the time-out is a packet of its own.
    maps.now += u64::from(timeout::OTHER + 1) << 24;
    assert_eq!(
        maps.from_pod(&udp(SERVER4, 53, CLIENT4, 9, b"a"), SERVER),
        Drop
    );
    maps.counted(&refused);
}

#[test]
fn a_flood_of_drops_is_limited_and_counted() {
    let mut maps = story();
    enforce(&mut maps, 2, false);
    maps.node.drops_per_second = 10;
    let syn = tcp(CLIENT4, 4000, SERVER4, 80, "S");
    for _ in 0..1000 {
        assert_eq!(maps.from_pod(&syn, CLIENT), Drop);
    }
    assert_eq!(events(&mut maps).len(), 10);
    maps.counted(&[
        (Dropped, 1000),
        (Attempted, 10),
        (Limited, 990),
        (Unreported(CLIENT), 990),
        (Decided(CLIENT_DEFAULT), 1000),
        (Decided(SERVER_DEFAULT), 1000),
    ]);
    maps.now += 2_000_000_000;
    maps.from_pod(&syn, CLIENT);
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Unreported(CLIENT), -990),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
    ]);
    let event = only_event(&mut maps);
    assert_eq!(
        event.packets[0], 991,
        "this one and those that were kept silent"
    );
    assert_eq!(event.bytes(0), 991 * u64::try_from(syn.len()).unwrap());
}

#[test]
fn a_syn_reopens_a_closed_connection_in_its_own_direction() {
    let mut maps = story();
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 80, "S"), CLIENT);
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 80, "R"), CLIENT);
    events(&mut maps);
    let opened = [
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
    ];
    maps.counted(&[
        (Forwarded, 2),
        (Attempted, 2),
        opened[2],
        opened[3],
        (Connections4, 1),
    ]);
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 80, CLIENT4, 4000, "S"), SERVER),
        Redirect(CLIENT)
    );
    // In the entry of the one before.
    maps.counted(&opened);
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.flags & F_REPLY), (NEW, 0));
}
