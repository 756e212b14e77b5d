//! Which rule decides, and what is said of it.

use abi::event::{DROP, FORWARDED, NOT_JUDGED};
use abi::policy::COOKIE_NONE;
use abi::proto::{TCP, UDP};
use abi::reason;
use datapath_core::Action::{Drop, Pass};
use ledger::Counter::{Attempted, Connections4, Decided, Dropped, Forwarded};

use crate::common::*;

#[test]
fn default_deny_drops_and_names_its_rule() {
    let mut maps = story();
    enforce(&mut maps, 2, false);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 5432, "S"), CLIENT),
        Drop
    );
    // No connection: what is refused takes no room.
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(SERVER_DEFAULT), 1),
    ]);
    let event = only_event(&mut maps);
    assert_eq!((event.kind, event.ingress), (DROP, reason::POLICY_DENIED));
    assert_eq!(
        (event.ingress_cookie, event.egress),
        (SERVER_DEFAULT, FORWARDED)
    );

    enforce(&mut maps, 1, true);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 4000, SERVER4, 5432, "S"), CLIENT),
        Drop
    );
    // The other end is not asked.
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(COOKIE_NONE), 1),
    ]);
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
fn each_end_is_judged_where_its_pod_is() {
    let mut maps = story();
    enforce(&mut maps, 2, false);
    assert_eq!(
        maps.to_pod(&tcp(REMOTE4, 1, SERVER4, 80, "S"), SERVER),
        Drop
    );
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Decided(COOKIE_NONE), 1),
        (Decided(SERVER_DEFAULT), 1),
    ]);
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
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(COOKIE_NONE), 1),
        (Decided(40), 1),
        (Connections4, 1),
    ]);
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 80, REMOTE4, 1, "SA"), SERVER),
        Pass
    );
    maps.counted(&[(Forwarded, 1), (Attempted, 1)]);
    // Own node and world: egress only, the packet goes to the stack.
    for to in [NODE4, WORLD4] {
        events(&mut maps);
        assert_eq!(maps.from_pod(&tcp(CLIENT4, 1, to, 80, "S"), CLIENT), Pass);
        assert_eq!(only_event(&mut maps).ingress, NOT_JUDGED);
        maps.counted(&[
            (Forwarded, 1),
            (Attempted, 1),
            (Decided(CLIENT_DEFAULT), 1),
            (Decided(COOKIE_NONE), 1),
            (Connections4, 1),
        ]);
    }
}

#[test]
fn a_table_or_endpoint_that_is_missing_fails_closed() {
    let mut maps = story();
    maps.tables.remove(&2);
    assert_eq!(
        maps.from_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), CLIENT),
        Drop
    );
    // Nobody decided about the server.
    maps.counted(&[
        (Dropped, 1),
        (Attempted, 1),
        (Decided(CLIENT_DEFAULT), 1),
        (Decided(COOKIE_NONE), 1),
    ]);
    assert_eq!(only_event(&mut maps).ingress, reason::NO_CONFIGURATION);
    assert_eq!(
        maps.to_pod(&tcp(REMOTE4, 1, [10, 0, 1, 99], 80, "S"), SERVER),
        Drop
    );
    maps.counted(&[(Dropped, 1), (Attempted, 1)]);
    assert_eq!(only_event(&mut maps).ingress, reason::NO_CONFIGURATION);
}
