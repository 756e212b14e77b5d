//! Maps of other sizes over those that are pinned.

use std::net::Ipv4Addr;

use abi::maps::{self, Declaration};
use flows_loader::testrun::{REDIRECT, SHOT};
use flows_loader::{Datapath, Desired, Error, Sizes};

use testing_kernel::{ALLOW, CLIENT_IDENTITY, Node, SERVER, SERVER6, segment, syn};

fn max(datapath: &Datapath, map: &Declaration) -> u32 {
    let fills = datapath.fills();
    fills.iter().find(|fill| fill.map == map.name).unwrap().max
}

/// Ten rules for the server's ports, one of them for port 80.
fn desired(node: &Node) -> Desired {
    let rules: Vec<_> = (0..10).map(|n| (CLIENT_IDENTITY, 80 + n, ALLOW)).collect();
    let mut desired = node.desired(&rules);
    let world = desired.cidr4.values().next().copied().unwrap();
    let prefix = abi::addr::Cidr4 {
        prefix_len: 24,
        addr: testing_kernel::word(Ipv4Addr::new(192, 0, 2, 0)),
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
        .join(format!("v{}_{}", abi::ABI_VERSION, maps::CT_PLACES4.name));
    let map = aya::maps::Map::Array(aya::maps::MapData::from_pin(path).unwrap());
    let places = aya::maps::Array::<_, [u32; 4]>::try_from(map).unwrap();
    places
        .iter()
        .filter(|key| *key.as_ref().unwrap() != [0; 4])
        .count()
}

#[test]
fn content_and_connections_move_to_maps_of_other_sizes() {
    let small = Sizes::default()
        .with(&maps::ADDR4, 64)
        .with(&maps::ADDR6, 64)
        .with(&maps::CIDR4, 32)
        .with(&maps::CIDR6, 32)
        .with(&maps::POLICY, 16)
        .with(&maps::CT4, 1_000)
        .with(&maps::CT6, 1_000)
        .with(&maps::FRAGS, 256);
    let large = Sizes::default()
        .with(&maps::ADDR4, 128)
        .with(&maps::ADDR6, 256)
        .with(&maps::CIDR4, 64)
        .with(&maps::CIDR6, 128)
        .with(&maps::POLICY, 512)
        .with(&maps::CT4, 8_192)
        .with(&maps::CT6, 4_096)
        .with(&maps::FRAGS, 512);
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

    for (case, sizes, ct) in [
        ("larger", &large, (8_192, 4_096)),
        ("smaller", &small, (1_000, 1_000)),
    ] {
        port += 100;
        let datapath = node.open();
        node.send(&datapath, &syn(SERVER, port, 80));
        drop(datapath);
        node.options.sizes = sizes.clone();
        let mut datapath = node.open();
        for map in [&*maps::POLICY, &*maps::CIDR4, &*maps::ADDR6] {
            assert_eq!(Some(max(&datapath, map)), sizes.of(map), "{case}");
        }
        let connections = datapath.stats().connections().unwrap();
        assert_eq!((connections.max4, connections.max6), ct);
        // In the large table each connection that is known has a place of its own again.
        assert_eq!(held(&node) > 0, ct.0 >= 1_024, "{case}");
        assert_eq!(datapath.in_force(), wanted, "{case}");
        assert_eq!(datapath.attached().unwrap().len(), 2);
        is_in_force(&node, &datapath, port, case);
        let applied = datapath.apply(&wanted).unwrap();
        assert_eq!((applied.written, applied.removed), (0, 0), "{case}");
    }
}

#[test]
fn a_size_that_what_is_in_force_does_not_fit_waits() {
    let mut node = Node::up();
    let wanted = desired(&node);
    let mut datapath = node.open();
    datapath.apply(&wanted).unwrap();
    drop(datapath);
    node.resize(&maps::POLICY, 9);
    let mut datapath = node.open();
    assert_eq!(max(&datapath, &maps::POLICY), 1_024);
    assert_eq!(datapath.in_force(), wanted);
    datapath.apply(&node.usual()).unwrap();
    drop(datapath);
    assert_eq!(max(&node.open(), &maps::POLICY), 9);
}

#[test]
fn what_did_not_fit_does_in_a_larger_map() {
    let mut node = Node::up();
    node.resize(&maps::POLICY, 4);
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let wanted = desired(&node);
    let error = datapath.apply(&wanted).unwrap_err();
    let Error::Full { peak, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(datapath.in_force(), node.usual());
    drop(datapath);
    node.resize(&maps::POLICY, u32::try_from(peak).unwrap());
    let mut datapath = node.open();
    assert_eq!(datapath.in_force(), node.usual());
    datapath.apply(&wanted).unwrap();
}

#[test]
fn an_opening_that_fails_midway_loses_nothing() {
    let mut node = Node::up();
    let wanted = desired(&node);
    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    datapath.apply(&wanted).unwrap();
    node.send(&datapath, &syn(SERVER, 40_000, 80));
    drop(datapath);
    node.resize(&maps::POLICY, 77);
    node.resize(&maps::CT4, 777);
    let error = Datapath::open(b"no object", &node.options).unwrap_err();
    assert!(matches!(error, Error::Object(_)), "{error}");
    let datapath = node.open();
    assert_eq!(max(&datapath, &maps::POLICY), 77);
    assert_eq!(datapath.in_force(), wanted);
    is_in_force(&node, &datapath, 40_000, "opened again");
}
