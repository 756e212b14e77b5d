//! Whose an address is, as the programs see it.

use std::net::IpAddr;

use abi::addr::{Addr, Cidr4, PRESENT};
use abi::identity::WORLD;
use abi::maps;
use flows_loader::ends::{End, Ends};
use testing_kernel::{
    CLIENT, CLIENT_IDENTITY, CLIENT_TABLE, CLIENT6, Node, SERVER, SERVER_IDENTITY, SERVER_TABLE,
};

#[test]
fn they_are_told_as_of_the_revision_in_force() {
    let mut node = Node::up();
    let mut datapath = node.open();
    let mut desired = node.usual();
    let named = Addr {
        identity: 3_000,
        flags: PRESENT,
        ..Addr::default()
    };
    let prefix = Cidr4 {
        prefix_len: 24,
        addr: u32::from_ne_bytes([192, 0, 2, 0]),
    };
    desired.cidr4.insert(prefix, named);
    datapath.apply(&desired).unwrap();
    let ends = Ends::open(node.pins()).unwrap();
    let of = |address: &str| ends.end(address.parse::<IpAddr>().unwrap()).unwrap();
    let pod = |identity, table| End {
        identity,
        table: Some(table),
    };
    let other = |identity| End {
        identity,
        table: None,
    };
    let client = pod(CLIENT_IDENTITY, CLIENT_TABLE);
    assert_eq!(of(&CLIENT.to_string()), client);
    assert_eq!(of(&CLIENT6.to_string()), client);
    assert_eq!(of(&SERVER.to_string()), pod(SERVER_IDENTITY, SERVER_TABLE));
    assert_eq!(of("192.0.2.77"), other(3_000));
    assert_eq!(of("192.0.3.77"), other(WORLD));
    assert_eq!(of("2001:db8::1"), other(WORLD));

    // A change, and maps of another size.
    desired.endpoints.get_mut(&1).unwrap().table = 7;
    desired.cidr4.remove(&prefix);
    datapath.apply(&desired).unwrap();
    assert_eq!(of(&CLIENT.to_string()), pod(CLIENT_IDENTITY, 7));
    assert_eq!(of("192.0.2.77"), other(WORLD));
    drop(datapath);
    node.resize(&maps::ADDR4, 2048);
    let mut datapath = node.open();
    desired.endpoints.get_mut(&1).unwrap().table = 8;
    let client = desired
        .addr4
        .get_mut(&testing_kernel::word(CLIENT))
        .unwrap();
    client.identity = 4_000;
    datapath.apply(&desired).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while of(&CLIENT.to_string()) != pod(4_000, 8) {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            of(&CLIENT.to_string())
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn without_an_agents_maps_there_is_an_error() {
    let node = Node::up();
    let error = Ends::open(node.pins()).unwrap_err().to_string();
    assert!(error.contains("ADDR4"), "{error}");
}
