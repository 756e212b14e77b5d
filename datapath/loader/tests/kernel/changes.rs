//! No packet sees half a change.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use abi::addr::{Addr, Cidr4, PRESENT};
use abi::policy::{Direction, ENFORCED, SHAPE_ALL};
use flows_loader::testrun::{Program, SHOT};
use flows_loader::{Desired, Error};

use testing_kernel::{
    ALLOW, CLIENT, CLIENT_IDENTITY, CLIENT_TABLE, Node, SERVER, allow, egress_rule, syn, word,
};

/// Goes back and forth between two states under traffic. Both let the packets pass; a mix doesn't.
fn flip_flop(node: &Node, states: &[Desired; 2], to: Ipv4Addr, port: u16) {
    const CHANGES: usize = 40;
    let mut datapath = node.open();
    datapath.apply(&states[0]).unwrap();
    let runner = datapath.runner(Program::FromPod, node.client).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            // A scoped thread has the namespace of its maker.
            let mut sent = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                // Old connections and new ones.
                let from = 40_000 + u16::try_from(sent % 3_000).unwrap();
                let (action, _) = runner.run(&syn(to, from, port), 1).unwrap();
                assert_ne!(action, SHOT, "after {sent} packets");
                sent += 1;
            }
            sent
        });
        for n in 1..=CHANGES {
            let applied = datapath.apply(&states[n % 2]);
            if applied.is_err() || traffic.is_finished() {
                is_over.store(true, Ordering::Relaxed);
            }
            let applied = applied.unwrap();
            assert!(applied.written > 0 && applied.removed > 0, "{applied:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        let sent = traffic.join().expect("no packet was dropped");
        assert!(sent > 1_000, "only {sent} packets were sent");
    });
    assert_eq!(usize::try_from(datapath.revision()).unwrap(), CHANGES + 1);
}

#[test]
fn the_clients_identity_and_the_servers_rules_change_together() {
    let node = Node::up();
    let rules_of = |identity| -> Vec<_> {
        // Many rules, so that writing them takes time.
        (0..300).map(|n| (identity, 80 + n, ALLOW)).collect()
    };
    let mut states = [CLIENT_IDENTITY, CLIENT_IDENTITY + 1].map(|identity| {
        let mut desired = node.desired(&rules_of(identity));
        desired.addr4.get_mut(&word(CLIENT)).unwrap().identity = identity;
        desired
    });
    // The server's table moves as well, with its entries.
    states[1].endpoints.get_mut(&2).unwrap().table = 7;
    let header = states[1].tables.remove(&2).unwrap();
    states[1].tables.insert(7, header);
    let moved = states[1].policy.drain().map(|(mut key, entry)| {
        key.table = 7;
        (key, entry)
    });
    states[1].policy = moved.collect();
    flip_flop(&node, &states, SERVER, 80);
}

#[test]
fn a_prefix_and_the_rule_for_it_change_together() {
    let node = Node::up();
    let outside = |identity| Addr {
        identity,
        flags: PRESENT,
        ..Addr::default()
    };
    let cidr = |a, b, c, prefix_len| Cidr4 {
        prefix_len,
        addr: word(Ipv4Addr::new(a, b, c, 0)),
    };
    let enforced = Direction {
        peer_shapes: 1 << SHAPE_ALL,
        any_shapes: 0,
        default_cookie: 50,
        flags: ENFORCED,
    };
    let state = |identity: u32| {
        let mut desired = node.usual();
        desired.tables.get_mut(&CLIENT_TABLE).unwrap().egress = enforced;
        desired.policy.insert(egress_rule(identity), allow(51));
        desired.cidr4.insert(cidr(192, 0, 0, 8), outside(3_000));
        desired
    };
    // First covered by 192/8, then by a longer prefix of its own, whose parent changes too.
    let covered = state(3_000);
    let mut own = state(3_001);
    own.cidr4.insert(cidr(192, 0, 0, 8), outside(3_002));
    own.cidr4.insert(cidr(192, 0, 0, 16), outside(3_003));
    own.cidr4.insert(cidr(192, 0, 2, 24), outside(3_001));
    let mut covered = covered;
    // So that there is something to remove in both directions.
    covered.cidr4.insert(cidr(172, 16, 0, 12), outside(3_004));
    flip_flop(&node, &[covered, own], Ipv4Addr::new(192, 0, 2, 9), 443);
}

#[test]
fn what_does_not_fit_is_refused_as_a_whole() {
    let mut node = Node::up();
    node.resize(&abi::maps::POLICY, 8);
    let mut datapath = node.open();
    let rules = |count| -> Vec<_> {
        (0..count)
            .map(|n| (CLIENT_IDENTITY, 80 + n, ALLOW))
            .collect()
    };
    let first = datapath.apply(&node.desired(&rules(5))).unwrap();
    let mut too_much = node.desired(&rules(9));
    too_much.addr4.get_mut(&word(CLIENT)).unwrap().identity = 1;
    let error = datapath.apply(&too_much).unwrap_err();
    let Error::Full {
        map,
        wanted,
        peak,
        max,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((map, wanted, peak, max), ("POLICY", 9, 9, 8));
    assert_eq!(datapath.revision(), first.revision);
    // Old and new side by side don't fit either.
    let other: Vec<_> = (0..5).map(|n| (7, 80 + n, ALLOW)).collect();
    let error = datapath.apply(&node.desired(&other)).unwrap_err();
    let is_side_by_side = matches!(
        error,
        Error::Full {
            wanted: 5,
            peak: 10,
            ..
        }
    );
    assert!(is_side_by_side, "{error}");
    assert_eq!(datapath.in_force(), node.desired(&rules(5)));
    let unchanged = datapath.apply(&node.desired(&rules(5))).unwrap();
    assert_eq!((unchanged.written, unchanged.removed), (0, 0));
    datapath.apply(&node.desired(&rules(8))).unwrap();
}

#[test]
fn malformed_entries_are_refused_as_a_whole() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    type Spoil = fn(&mut Desired);
    let rows: [(&str, Spoil); 5] = [
        ("an endpoint of index 0", |desired| {
            let endpoint = desired.endpoints[&1];
            desired.endpoints.insert(0, endpoint);
        }),
        ("an endpoint beyond the last", |desired| {
            let endpoint = desired.endpoints[&1];
            desired
                .endpoints
                .insert(abi::endpoint::MAX_ENDPOINTS, endpoint);
        }),
        ("a table without its bit", |desired| {
            desired.tables.get_mut(&2).unwrap().flags = 0;
        }),
        ("a prefix with bits beyond its length", |desired| {
            let world = desired.cidr4[&Cidr4::default()];
            desired.cidr4.insert(
                Cidr4 {
                    prefix_len: 8,
                    addr: word(CLIENT),
                },
                world,
            );
        }),
        ("an address without its bit", |desired| {
            desired.addr4.get_mut(&word(CLIENT)).unwrap().flags = 0;
        }),
    ];
    for (name, spoil) in rows {
        let mut desired = node.desired(&[]);
        spoil(&mut desired);
        let error = datapath.apply(&desired).unwrap_err();
        assert!(
            matches!(error, Error::OutOfRange { .. } | Error::Malformed { .. }),
            "{name}: {error}"
        );
        assert_eq!(datapath.revision(), 1, "{name}");
    }
    let unchanged = datapath.apply(&node.usual()).unwrap();
    assert_eq!((unchanged.written, unchanged.removed), (0, 0));
}
