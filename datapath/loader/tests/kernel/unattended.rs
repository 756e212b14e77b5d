//! Addresses of names put into the maps while no agent runs.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use abi::addr::{Addr, PRESENT};
use abi::identity::{FIRST_LOCAL, WORLD};
use flows_loader::ends::Ends;
use flows_loader::unattended::Unattended;
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
    let known = |text: &str| maps.identity(address(text)).unwrap();
    assert_eq!(known(&CLIENT.to_string()), None, "a pod");
    assert_eq!(known(&SERVER.to_string()), None, "a pod");
    assert_eq!(known("192.0.2.1"), Some(NAMED));
    for new in ["192.0.2.2", "192.0.2.3", "2001:db8::2"] {
        assert_eq!(known(new), Some(WORLD));
        maps.put(address(new), NAMED, 1).unwrap();
        assert_eq!((known(new), of(new)), (Some(NAMED), NAMED));
    }
    // Asked for again, and by another name.
    maps.put(address("192.0.2.3"), BOTH, 600).unwrap();
    maps.put(address("192.0.2.3"), BOTH, 1).unwrap();
    maps.put(address("192.0.2.1"), BOTH, 1).unwrap();
    for new in ["192.0.2.2", "2001:db8::2"] {
        until(&ends, new, WORLD);
        assert_eq!(known(new), Some(WORLD));
    }
    assert_eq!(of("192.0.2.3"), BOTH, "it was told for longer");
    assert_eq!(of("192.0.2.1"), BOTH, "nobody is there to forget it");
    // One that has run out is told again.
    maps.put(address("192.0.2.2"), BOTH, 600).unwrap();
    assert_eq!(of("192.0.2.2"), BOTH);
    for each in ["192.0.2.1", "192.0.2.2", "2001:db8::2", "192.0.2.99"] {
        maps.remove_expired(address(each)).unwrap();
    }
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
