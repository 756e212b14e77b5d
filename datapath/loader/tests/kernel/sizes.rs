//! Maps of other sizes over those that are pinned.

use std::net::Ipv4Addr;

use abi::maps;
use flows_loader::testrun::{REDIRECT, SHOT};
use flows_loader::{Datapath, Desired, Error, Sizes};

use crate::fixture::{ALLOW, CLIENT_IDENTITY, Node, SERVER, SERVER6, segment, syn};

fn max(datapath: &Datapath, map: &str) -> u32 {
    let fills = datapath.fills();
    fills.iter().find(|fill| fill.map == map).unwrap().max
}

/// Ten rules for the server's ports, one of them for port 80.
fn desired(node: &Node) -> Desired {
    let rules: Vec<_> = (0..10).map(|n| (CLIENT_IDENTITY, 80 + n, ALLOW)).collect();
    let mut desired = node.desired(&rules);
    let world = desired.cidr4.values().next().copied().unwrap();
    let prefix = abi::addr::Cidr4 {
        prefix_len: 24,
        addr: crate::fixture::word(Ipv4Addr::new(192, 0, 2, 0)),
    };
    desired.cidr4.insert(prefix, world);
    desired
}

/// New connections are judged as they should be, and those of earlier go on.
fn is_in_force(node: &Node, datapath: &Datapath, known: u16, case: &str) {
    let send = |packet: Vec<u8>| node.send(datapath, &packet).action;
    assert_eq!(send(syn(SERVER, known + 1, 80)), REDIRECT, "{case}");
    assert_eq!(send(syn(SERVER6, known + 1, 89)), REDIRECT, "{case}");
    assert_eq!(send(syn(SERVER, known + 1, 79)), SHOT, "{case}");
    assert_eq!(send(segment(SERVER, known, 80, false)), REDIRECT, "{case}");
    // One entry more, not a new one for the old connection.
    let mut packets = Vec::new();
    let stats = datapath.stats();
    stats
        .connections4(|_, entry| packets.push(entry.packets[0] + entry.packets[1]))
        .unwrap();
    packets.sort_unstable();
    assert_eq!(packets.last(), Some(&2), "{case}: the connection went on");
}

/// Places that IPv4 connections hold.
fn held(node: &Node) -> usize {
    let path = node
        .pins()
        .join(format!("v{}_{}", abi::ABI_VERSION, maps::CT_PLACES4));
    let map = aya::maps::Map::Array(aya::maps::MapData::from_pin(path).unwrap());
    let places = aya::maps::Array::<_, [u32; 4]>::try_from(map).unwrap();
    places
        .iter()
        .filter(|key| *key.as_ref().unwrap() != [0; 4])
        .count()
}

#[test]
fn content_and_connections_move_to_maps_of_other_sizes() {
    let small = Sizes {
        addr4: 64,
        addr6: 64,
        cidr4: 32,
        cidr6: 32,
        policy: 16,
        ct4: 1_000,
        ct6: 1_000,
        frags: 256,
    };
    let large = Sizes {
        addr4: 128,
        addr6: 256,
        cidr4: 64,
        cidr6: 128,
        policy: 512,
        ct4: 8_192,
        ct6: 4_096,
        frags: 512,
    };
    let mut node = Node::sized(small.clone());
    let wanted = desired(&node);
    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    datapath.attach(node.server).unwrap();
    datapath.apply(&wanted).unwrap();
    let mut port = 40_000;
    node.send(&datapath, &syn(SERVER, port, 80));
    is_in_force(&node, &datapath, port, "as made");
    drop(datapath);

    for (case, sizes) in [("larger", &large), ("smaller", &small)] {
        port += 100;
        let datapath = node.open();
        node.send(&datapath, &syn(SERVER, port, 80));
        drop(datapath);
        node.options.sizes = sizes.clone();
        let mut datapath = node.open();
        assert_eq!(max(&datapath, maps::POLICY), sizes.policy, "{case}");
        assert_eq!(max(&datapath, maps::CIDR4), sizes.cidr4, "{case}");
        assert_eq!(max(&datapath, maps::ADDR6), sizes.addr6, "{case}");
        let connections = datapath.stats().connections().unwrap();
        assert_eq!((connections.max4, connections.max6), (sizes.ct4, sizes.ct6));
        // In the large table each connection that is known has a place of its own again.
        assert_eq!(held(&node) > 0, sizes.ct4 >= 1_024, "{case}");
        assert_eq!(datapath.in_force(), wanted, "{case}");
        assert_eq!(datapath.attached().unwrap().len(), 2);
        is_in_force(&node, &datapath, port, case);
        let applied = datapath.apply(&wanted).unwrap();
        assert_eq!((applied.written, applied.removed), (0, 0), "{case}");
    }
}

#[test]
fn a_size_that_what_is_in_force_does_not_fit_waits() {
    let mut node = Node::new();
    let wanted = desired(&node);
    let mut datapath = node.open();
    datapath.apply(&wanted).unwrap();
    drop(datapath);
    node.options.sizes.policy = 9;
    let mut datapath = node.open();
    assert_eq!(max(&datapath, maps::POLICY), 1_024);
    assert_eq!(datapath.in_force(), wanted);
    datapath.apply(&node.usual()).unwrap();
    drop(datapath);
    assert_eq!(max(&node.open(), maps::POLICY), 9);
}

#[test]
fn what_did_not_fit_does_in_a_larger_map() {
    let mut node = Node::new();
    node.options.sizes.policy = 4;
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let wanted = desired(&node);
    let error = datapath.apply(&wanted).unwrap_err();
    let Error::Full { peak, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(datapath.in_force(), node.usual());
    drop(datapath);
    node.options.sizes.policy = u32::try_from(peak).unwrap();
    let mut datapath = node.open();
    assert_eq!(datapath.in_force(), node.usual());
    datapath.apply(&wanted).unwrap();
}

#[test]
fn an_opening_that_fails_midway_loses_nothing() {
    let mut node = Node::new();
    let wanted = desired(&node);
    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    datapath.apply(&wanted).unwrap();
    node.send(&datapath, &syn(SERVER, 40_000, 80));
    drop(datapath);
    node.options.sizes.policy = 77;
    node.options.sizes.ct4 = 777;
    let error = Datapath::open(b"no object", &node.options).unwrap_err();
    assert!(matches!(error, Error::Object(_)), "{error}");
    let datapath = node.open();
    assert_eq!(max(&datapath, maps::POLICY), 77);
    assert_eq!(datapath.in_force(), wanted);
    is_in_force(&node, &datapath, 40_000, "opened again");
}
