//! Shares of the connection table: what one pod, or two, can do to others.

use abi::conntrack::{SHARES, timeout};
use abi::endpoint::Endpoint;
use abi::reason;
use datapath_core::Action::{Drop, Pass, Redirect};
use datapath_host::{HostMaps, addr4};

use crate::common::*;

const PLACES: u32 = 1 << 13;
const SHARE: u32 = PLACES / 2 / SHARES;

fn crowded_node() -> HostMaps {
    let mut maps = node();
    maps.share_out(PLACES);
    maps
}

/// Connections of the server to the world that are established and answered.
fn establish(maps: &mut HostMaps, ports: std::ops::Range<u16>) {
    for port in ports {
        for flags in ["S", "A"] {
            let call = tcp(SERVER4, port, WORLD4, 443, flags);
            assert_eq!(maps.from_pod(&call, SERVER), Pass, "{port}");
            let answer = tcp(WORLD4, 443, SERVER4, port, "SA");
            assert_eq!(maps.to_pod(&answer, SERVER), Pass, "{port}");
        }
    }
}

fn of_server(maps: &HostMaps) -> usize {
    let entries = maps.ct4.values();
    entries.filter(|entry| entry.owner == SERVER).count()
}

/// More connections than there are places, by UDP of the client's.
fn flood(maps: &mut HostMaps) {
    for (n, port) in (0..6 * PLACES).zip((1024..60_000_u16).cycle()) {
        let [_, _, a, b] = (n / 50_000).to_be_bytes();
        let packet = udp(CLIENT4, port, [203, 0, a, b], 53, b"");
        assert_eq!(maps.from_pod(&packet, CLIENT), Pass);
    }
}

#[test]
fn a_pod_that_fills_the_table_loses_its_own_connections_only() {
    let mut maps = crowded_node();
    establish(&mut maps, 5000..5100);
    // One connection of the client's own that is established.
    let own = |flags| tcp(CLIENT4, 6000, WORLD4, 443, flags);
    assert_eq!(maps.from_pod(&own("S"), CLIENT), Pass);
    assert_eq!(maps.from_pod(&own("A"), CLIENT), Pass);
    flood(&mut maps);
    assert_eq!(of_server(&maps), 100, "another pod's are all there");
    assert!(maps.ct4.len() <= PLACES as usize);
    assert!(!maps.limits.contains_key(&SERVER));
    assert!(maps.limits[&CLIENT].replaced > u64::from(PLACES));
    events(&mut maps);
    assert_eq!(maps.from_pod(&own("A"), CLIENT), Pass);
    assert_eq!(kinds(&mut maps), [], "attempts go before it does");
    maps.now += u64::from(timeout::OTHER + 1) << 24;
    assert_eq!(maps.from_pod(&own("A"), CLIENT), Pass);
}

#[test]
fn connections_that_are_answered_find_room_in_a_flood() {
    // SYNs from outside to a pod with a public port, and the UDP of a pod.
    for from_outside in [true, false] {
        let mut maps = crowded_node();
        if from_outside {
            maps.came_by = 3;
            for n in 0..6 * PLACES {
                let [_, a, b, c] = n.to_be_bytes();
                let syn = tcp([198, a, b, c], 999, CLIENT4, 80, "S");
                assert_eq!(maps.to_pod(&syn, CLIENT), Pass);
            }
        } else {
            flood(&mut maps);
        }
        establish(&mut maps, 5000..5512);
        assert_eq!(of_server(&maps), 512);
        flood(&mut maps);
        assert_eq!(of_server(&maps), 512);
    }
}

#[test]
fn a_pod_pays_for_the_connections_of_its_packets() {
    // SYN-ACKs claim that their receiver opened the connection.
    let mut maps = node();
    maps.share_out(PLACES);
    establish(&mut maps, 5000..5000 + u16::try_from(SHARE).unwrap());
    for port in 1024..12_000 {
        let forged = tcp(CLIENT4, port, SERVER4, 80, "SA");
        assert_eq!(maps.from_pod(&forged, CLIENT), Redirect(SERVER));
    }
    assert_eq!(of_server(&maps), SHARE as usize);
    assert!(!maps.limits.contains_key(&SERVER));
}

#[test]
fn two_pods_together_don_t_overflow_the_table() {
    // The client's connections become the server's by a SYN on the same ports after a reset.
    let mut maps = crowded_node();
    let ports = 1024..9_000;
    for port in ports.clone() {
        maps.from_pod(&tcp(CLIENT4, port, SERVER4, 80, "S"), CLIENT);
        maps.from_pod(&tcp(CLIENT4, port, SERVER4, 80, "R"), CLIENT);
        maps.from_pod(&tcp(SERVER4, 80, CLIENT4, port, "S"), SERVER);
        maps.from_pod(&tcp(SERVER4, 80, CLIENT4, port, "A"), SERVER);
    }
    flood(&mut maps);
    let table = (PLACES + PLACES / 4) as usize;
    assert!(maps.ct4.len() < table, "{} of {table}", maps.ct4.len());

    // Two endpoints with one share.
    let mut maps = crowded_node();
    let twin = CLIENT + SHARES;
    let pod = Endpoint {
        ifindex: twin,
        ..maps.endpoints[&CLIENT].now
    };
    const TWIN4: [u8; 4] = [10, 0, 1, 13];
    maps.add_pod(twin, pod, Some(addr4(TWIN4)), None);
    for n in 0..20_000_u32 {
        let port = u16::try_from(1024 + n % 20_000).unwrap();
        maps.from_pod(&udp(TWIN4, port, WORLD4, 53, b""), twin);
    }
    flood(&mut maps);
    assert!(maps.ct4.len() <= PLACES as usize, "{}", maps.ct4.len());
}

#[test]
fn what_policy_cut_gives_way_to_nothing() {
    let mut maps = crowded_node();
    let query = |port| udp(CLIENT4, port, SERVER4, 53, b"q");
    for port in 1024..9_000 {
        maps.from_pod(&query(port), CLIENT);
    }
    enforce(&mut maps, 2, false);
    maps.node.revision += 1;
    for port in 1024..9_000 {
        assert_eq!(maps.from_pod(&query(port), CLIENT), Drop);
    }
    let cut: Vec<_> = maps.ct4.keys().copied().collect();
    events(&mut maps);
    let mut refused = 0;
    for port in 1024..20_000 {
        let elsewhere = udp(CLIENT4, port, WORLD4, 53, b"q");
        refused += usize::from(maps.from_pod(&elsewhere, CLIENT) == Drop);
    }
    assert!(cut.iter().all(|key| maps.ct4.contains_key(key)));
    assert!(refused > 0, "there is no room but theirs");
    let told = events(&mut maps);
    assert!(
        told.iter()
            .any(|event| event.egress == reason::CT_INSERT_FAILED)
    );
    // Another pod has its share.
    let call = tcp(SERVER4, 7000, WORLD4, 443, "S");
    assert_eq!(maps.from_pod(&call, SERVER), Pass);
}
