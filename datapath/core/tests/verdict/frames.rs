//! Which frames are read, and what happens to those that can't be judged.

use abi::event::{DROP, F_IPV6, F_NO_IP};
use abi::policy::COOKIE_NONE;
use abi::proto::TCP;
use abi::reason;
use datapath_core::Action::{Drop, Pass, Redirect};
use ledger::Counter::{Attempted, Connections4, Decided, Dropped, Forwarded};

use crate::common::*;

#[test]
fn a_pod_sends_from_its_own_address_only() {
    let mut maps = story();
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
        maps.counted(&[(Dropped, 1), (Attempted, 1)]);
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
    maps.counted(&[
        (Forwarded, 1),
        (Attempted, 1),
        (Decided(SERVER_DEFAULT), 1),
        (Decided(COOKIE_NONE), 1),
        (Connections4, 1),
    ]);
    assert_eq!(
        maps.from_pod(&tcp(SERVER4, 1, WORLD4, 80, "A"), CLIENT),
        Drop
    );
    maps.counted(&[(Dropped, 1), (Attempted, 1)]);
    assert_eq!(only_event(&mut maps).egress, reason::INVALID_SOURCE_IP);
    // And nobody outside with a local pod's.
    assert_eq!(
        maps.to_pod(&tcp(CLIENT4, 1, SERVER4, 80, "S"), SERVER),
        Drop
    );
    assert_eq!(only_event(&mut maps).ingress, reason::INVALID_SOURCE_IP);
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
        let mut maps = story();
        assert_eq!(maps.from_pod(&frame, CLIENT), Drop, "{name}");
        maps.counted(&[(Dropped, 1), (Attempted, 1)]);
        let event = only_event(&mut maps);
        assert_eq!((event.kind, event.egress), (DROP, expected), "{name}");
        let addressed = !matches!(expected, reason::UNSUPPORTED_L2 | reason::UNSUPPORTED_L3)
            && name != "cut IPv4 header";
        assert_eq!(event.flags & F_NO_IP == 0, addressed, "{name}");
    }
}

#[test]
fn arp_and_neighbour_discovery_work() {
    let mut maps = story();
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
    // The node's own chatter: passed, and nothing told of it.
    maps.counted(&[(Forwarded, 2)]);
    assert_eq!(kinds(&mut maps), []);
    assert_eq!(
        maps.from_pod(&solicit(v6(99)), CLIENT),
        Drop,
        "no way around policy"
    );
}
