//! Addresses of names put into the maps while no agent runs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use abi::addr::{Addr, PRESENT};
use abi::identity::{FIRST_LOCAL, WORLD};
use flows_loader::ends::Ends;
use flows_loader::unattended::{Present, Unattended};
use testing_kernel::{CLIENT, CLIENT_IDENTITY, Node, SERVER, word, words};

const NAMED: u32 = FIRST_LOCAL + 7;
const BOTH: u32 = FIRST_LOCAL + 8;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Waits until the programs know an address by another identity.
fn until(ends: &Ends, text: &str, identity: u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while ends.end(address(text)).unwrap().identity != identity {
        assert!(Instant::now() < deadline, "{text} is not {identity}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn they_count_until_they_run_out_and_only_outside_of_the_cluster() {
    let node = Node::up();
    let mut datapath = node.open();
    let mut desired = node.usual();
    // One that the agent learned.
    let named = Addr {
        identity: NAMED,
        flags: PRESENT,
        ..Addr::default()
    };
    let learned = word([192, 0, 2, 1].into());
    desired.addr4.insert(learned, named);
    datapath.apply(&desired).unwrap();
    assert!(Unattended::lock(node.pins()).unwrap().is_none(), "an agent");
    drop(datapath);

    let ends = Ends::open(node.pins()).unwrap();
    let of = |text: &str| ends.end(address(text)).unwrap().identity;
    let maps = Unattended::lock(node.pins()).unwrap().expect("no agent");
    assert!(Unattended::lock(node.pins()).unwrap().is_none(), "one");
    let begin = |addresses: &[&str]| -> BTreeSet<IpAddr> {
        let addresses = addresses.iter().map(|text| address(text)).collect();
        maps.begin(&addresses).unwrap()
    };
    assert!(begin(&["192.0.2.2"]).is_empty());
    let present = |text: &str| maps.present(address(text)).unwrap();
    for pod in [CLIENT, SERVER] {
        assert_eq!(present(&pod.to_string()), Present::Cluster);
    }
    assert_eq!(present("192.0.2.1"), Present::Kept(NAMED));
    for new in ["192.0.2.2", "192.0.2.3", "2001:db8::2"] {
        assert_eq!(present(new), Present::Outside(WORLD));
        maps.put(address(new), NAMED, 1).unwrap();
        assert_eq!((present(new), of(new)), (Present::Given(NAMED), NAMED));
    }
    // Asked for again, and by another name.
    maps.put(address("192.0.2.3"), BOTH, 600).unwrap();
    maps.put(address("192.0.2.1"), BOTH, 1).unwrap();
    for new in ["192.0.2.2", "2001:db8::2"] {
        until(&ends, new, WORLD);
        assert_eq!(present(new), Present::Outside(WORLD));
    }
    assert_eq!(of("192.0.2.3"), BOTH);
    assert_eq!(of("192.0.2.1"), BOTH, "nobody is there to forget it");
    // What has run out is nothing to go on from: it is removed first.
    let again = maps.put(address("192.0.2.2"), BOTH, 600).unwrap_err();
    assert!(again.to_string().contains("try again"), "{again}");
    assert_eq!(of("192.0.2.2"), WORLD);
    let there = begin(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::2"]);
    assert_eq!(there, ["192.0.2.1", "192.0.2.3"].map(address).into());
    maps.put(address("192.0.2.2"), BOTH, 600).unwrap();
    assert_eq!(of("192.0.2.2"), BOTH);
    // A shorter time is one, too: of several names the first runs out.
    maps.put(address("192.0.2.3"), NAMED, 1).unwrap();
    until(&ends, "192.0.2.3", WORLD);
    drop(maps);

    // The next agent finds them, and makes of them what it wants.
    let mut datapath = node.open();
    assert_eq!(of("192.0.2.2"), BOTH);
    let in_force = datapath.in_force();
    let found = |last| in_force.addr4.get(&word([192, 0, 2, last].into()));
    assert_eq!(found(1).map(|found| found.expires), Some(0));
    assert!(found(2).is_some_and(|found| found.expires != 0));
    let removed = words("2001:db8::2".parse().unwrap());
    assert!(!in_force.addr6.contains_key(&removed));
    desired.addr4.remove(&learned);
    datapath.apply(&desired).unwrap();
    for each in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(of(each), WORLD);
    }
    assert_eq!(of(&CLIENT.to_string()), CLIENT_IDENTITY);
}
