//! Connections that pass the proxy: which packet goes where, and what is told and counted of each leg.

use abi::event::{CHANGED, DROP, FLAGS, FORWARDED, NEW, REDIRECTED};
use abi::proto::{TCP, UDP};
use abi::proxy::{FROM_EGRESS, FROM_INGRESS};
use abi::reason;
use datapath_core::Action::{Drop, Pass, Redirect, ToProxy};
use datapath_host::HostMaps;
use ledger::Counter::{Attempted, Connections4, Decided, Dropped, Forwarded};

use crate::common::*;

const PROXY: u16 = 10_000;
const RULE: u32 = 77;

/// The server lets `peer` in through the proxy, which listens.
fn server_has(maps: &mut HostMaps, peer: u32, proto: u8) {
    enforce(maps, 2, false);
    entry(maps, 2, false, (peer, proto, 53, 24), false, RULE);
    through_proxy(maps);
    maps.listeners.insert((proto, PROXY));
}

/// All entries go through it.
fn through_proxy(maps: &mut HostMaps) {
    #[expect(clippy::iter_over_hash_type, reason = "all of them, in any order")]
    for entry in maps.policy.values_mut() {
        entry.now.proxy_port = PROXY;
        entry.next.proxy_port = PROXY;
    }
}

fn plain(maps: &mut HostMaps) {
    #[expect(clippy::iter_over_hash_type, reason = "all of them, in any order")]
    for entry in maps.policy.values_mut() {
        entry.now.proxy_port = 0;
        entry.next.proxy_port = 0;
    }
    maps.node.revision += 1;
}

fn from_proxy(maps: &mut HostMaps, frame: &[u8], pod: u32) -> datapath_core::Action {
    maps.mark = FROM_EGRESS;
    let action = maps.to_pod(frame, pod);
    maps.mark = 0;
    action
}

#[test]
fn between_two_pods_the_clients_leg_is_told_and_counted() {
    let mut maps = story();
    server_has(&mut maps, CLIENT_IDENTITY, TCP);
    let to_server = |flags| tcp(CLIENT4, 4000, SERVER4, 53, flags);
    let to_client = |flags| tcp(SERVER4, 53, CLIENT4, 4000, flags);
    assert_eq!(maps.from_pod(&to_server("S"), CLIENT), ToProxy(PROXY));
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(RULE), 1),
        (Connections4, 1),
    ]);
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.egress), (NEW, FORWARDED));
    assert_eq!((event.ingress, event.ingress_cookie), (REDIRECTED, RULE));
    // The proxy answers the client, and opens the other leg.
    maps.now += 250_000;
    assert_eq!(from_proxy(&mut maps, &to_client("SA"), CLIENT), Pass);
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.aux), (FLAGS, 250));
    maps.counted(&[(Forwarded, 1), (Attempted, 1)]);
    assert_eq!(maps.from_pod(&to_server("A"), CLIENT), ToProxy(PROXY));
    assert_eq!(from_proxy(&mut maps, &to_server("S"), SERVER), Pass);
    assert_eq!(maps.from_pod(&to_client("SA"), SERVER), ToProxy(0));
    assert_eq!(from_proxy(&mut maps, &to_server("A"), SERVER), Pass);
    maps.counted(&[(Forwarded, 4)]);
    let entry = *maps.ct4.values().next().unwrap();
    assert_eq!(entry.packets, [2, 1]);
    // Both marks are the proxy's, and none is that of what came from elsewhere.
    maps.mark = FROM_INGRESS;
    assert_eq!(maps.to_pod(&to_server("A"), SERVER), Pass);
    maps.came_by = 2;
    assert_eq!(maps.to_pod(&to_server("A"), SERVER), Drop);
}

#[test]
fn where_one_end_is_elsewhere() {
    let mut maps = node();
    server_has(&mut maps, REMOTE_IDENTITY, TCP);
    maps.came_by = 2;
    let syn = tcp(REMOTE4, 4000, SERVER4, 53, "S");
    assert_eq!(maps.to_pod(&syn, SERVER), ToProxy(PROXY));
    maps.came_by = 0;
    assert_eq!(from_proxy(&mut maps, &syn, SERVER), Pass);
    let answer = tcp(SERVER4, 53, REMOTE4, 4000, "SA");
    assert_eq!(maps.from_pod(&answer, SERVER), ToProxy(0));
    let entry = *maps.ct4.values().next().unwrap();
    assert_eq!(
        entry.packets,
        [1, 1],
        "of the client's leg no answer is seen"
    );

    let mut maps = node();
    enforce(&mut maps, 1, true);
    entry_to_remote(&mut maps, UDP);
    let query = udp(CLIENT4, 4000, REMOTE4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), ToProxy(PROXY));
    let answer = udp(REMOTE4, 53, CLIENT4, 4000, b"a");
    maps.came_by = 2;
    assert_eq!(maps.to_pod(&answer, CLIENT), ToProxy(0));
    maps.came_by = 0;
    assert_eq!(from_proxy(&mut maps, &answer, CLIENT), Pass);
    let entry = *maps.ct4.values().next().unwrap();
    assert_eq!(entry.packets, [1, 1]);
}

fn entry_to_remote(maps: &mut HostMaps, proto: u8) {
    entry(maps, 1, true, (REMOTE_IDENTITY, proto, 53, 24), false, RULE);
    through_proxy(maps);
    maps.listeners.insert((proto, PROXY));
}

#[test]
fn without_a_listener_what_opens_is_dropped_under_the_rules_name() {
    for proto in [TCP, UDP] {
        let mut maps = story();
        enforce(&mut maps, 1, true);
        entry_to_remote(&mut maps, proto);
        let opening = match proto {
            TCP => tcp(CLIENT4, 4000, REMOTE4, 53, "S"),
            _ => udp(CLIENT4, 4000, REMOTE4, 53, b"q"),
        };
        assert_eq!(maps.from_pod(&opening, CLIENT), ToProxy(PROXY));
        events(&mut maps);
        maps.counted(&[
            (Forwarded, 1),
            (Attempted, 1),
            (Decided(RULE), 1),
            (Decided(0), 1),
            (Connections4, 1),
        ]);
        maps.listeners.clear();
        for _ in 0..2 {
            assert_eq!(maps.from_pod(&opening, CLIENT), Drop);
            let event = only_event(&mut maps);
            assert_eq!(
                (event.kind, event.egress),
                (DROP, reason::PROXY_LOOKUP_FAILED)
            );
            assert_eq!(event.egress_cookie, RULE);
            maps.counted(&[
                (Dropped, 1),
                (Attempted, 1),
                (Decided(RULE), 1),
                (Decided(0), 1),
            ]);
        }
        // It isn't remembered as denied.
        maps.listeners.insert((proto, PROXY));
        assert_eq!(maps.from_pod(&opening, CLIENT), ToProxy(PROXY));
    }
}

#[test]
fn a_connection_stays_with_the_proxy_and_a_datagram_does_not() {
    let mut maps = node();
    server_has(&mut maps, CLIENT_IDENTITY, TCP);
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 53, "S"), CLIENT);
    events(&mut maps);
    plain(&mut maps);
    let more = tcp(CLIENT4, 4000, SERVER4, 53, "A");
    assert_eq!(maps.from_pod(&more, CLIENT), ToProxy(PROXY));
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.ingress), (CHANGED, FORWARDED));
    assert_eq!(from_proxy(&mut maps, &more, SERVER), Pass);
    let new = tcp(CLIENT4, 4001, SERVER4, 53, "S");
    assert_eq!(maps.from_pod(&new, CLIENT), Redirect(SERVER));

    let mut maps = node();
    server_has(&mut maps, CLIENT_IDENTITY, UDP);
    let query = udp(CLIENT4, 4000, SERVER4, 53, b"q");
    assert_eq!(maps.from_pod(&query, CLIENT), ToProxy(PROXY));
    plain(&mut maps);
    assert_eq!(maps.from_pod(&query, CLIENT), Redirect(SERVER));
}

#[test]
fn a_connection_that_is_denied_is_denied_on_both_legs() {
    let mut maps = node();
    server_has(&mut maps, CLIENT_IDENTITY, TCP);
    let more = tcp(CLIENT4, 4000, SERVER4, 53, "A");
    let back = tcp(SERVER4, 53, CLIENT4, 4000, "A");
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 53, "S"), CLIENT);
    maps.from_pod(&more, CLIENT);
    maps.policy.clear();
    maps.node.revision += 1;
    events(&mut maps);
    for _ in 0..2 {
        assert_eq!(from_proxy(&mut maps, &more, SERVER), Drop);
        assert_eq!(from_proxy(&mut maps, &back, CLIENT), Drop);
        assert_eq!(maps.from_pod(&more, CLIENT), Drop);
        assert_eq!(maps.from_pod(&back, SERVER), Drop);
    }
    let told = events(&mut maps);
    assert_eq!(told.len(), 8);
    assert!(
        told.iter()
            .all(|event| event.ingress == reason::POLICY_DENIED)
    );
}

#[test]
fn the_proxys_mark_opens_nothing() {
    let mut maps = node();
    for flags in ["S", "A", "R"] {
        let frame = tcp(CLIENT4, 4000, SERVER4, 53, flags);
        assert_eq!(from_proxy(&mut maps, &frame, SERVER), Drop, "{flags}");
        assert_eq!(only_event(&mut maps).ingress, reason::INVALID_SOURCE_IP);
    }
    // Nor does it change anything about a connection that is none of the proxy's.
    maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 53, "S"), CLIENT);
    let frame = tcp(CLIENT4, 4000, SERVER4, 53, "A");
    assert_eq!(from_proxy(&mut maps, &frame, SERVER), Drop);
}
