//! Opening, pinning, attaching, and opening again.

use abi::policy::COOKIE_ALLOW_ANY_EGRESS;
use aya::programs::links::{FdLink, PinnedLink};
use flows_loader::testrun::{REDIRECT, SHOT};
use flows_loader::{Error, IfIndex};
use ledger::Counter::{Attempted, Connections4, Connections6, Decided, Dropped, Failed, Forwarded};

use crate::counted::Counted;
use testing_kernel::{ALLOW, CLIENT_IDENTITY, DEFAULT_DENY, Node, SERVER, SERVER6, ip, syn};

#[test]
fn everything_is_pinned_by_abi_version() {
    let node = Node::up();
    let datapath = node.open();
    for map in abi::maps::ALL {
        let path = node.pins().join(versioned(map.name));
        assert!(path.exists(), "{}", path.display());
    }
    for name in ["from_pod", "to_pod"] {
        let pinned = pinned(&node, &format!("v{}_{name}_", abi::ABI_VERSION));
        assert_eq!(pinned.len(), 1, "{pinned:?}");
    }
    assert_eq!(datapath.revision(), 0);
    assert_eq!(datapath.attached().unwrap(), []);
}

fn pinned(node: &Node, prefix: &str) -> Vec<String> {
    let names = std::fs::read_dir(node.pins()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn a_successor_finds_everything_as_it_was() {
    let node = Node::up();
    let desired = node.usual();
    let mut datapath = node.open();
    let applied = datapath.apply(&desired).unwrap();
    assert_eq!(
        (applied.revision, applied.removed, applied.unchanged),
        (1, 0, 0)
    );
    assert_eq!(applied.written, 4 + 2 + 2 + 2 + 1);
    let verdicts = |datapath: &_, from| {
        let packets = [
            syn(SERVER, from, 80),
            syn(SERVER, from, 81),
            syn(SERVER6, from, 80),
            syn(SERVER6, from, 81),
        ];
        packets.map(|packet| node.send(datapath, &packet).action)
    };
    let expected = [REDIRECT, SHOT, REDIRECT, SHOT];
    // Nobody reads the rings.
    let judged = [
        (Forwarded, 2),
        (Dropped, 2),
        (Attempted, 4),
        (Failed, 4),
        (Decided(COOKIE_ALLOW_ANY_EGRESS), 4),
        (Decided(ALLOW), 2),
        (Decided(DEFAULT_DENY), 2),
        (Connections4, 1),
        (Connections6, 1),
    ];
    let mut counted = Counted::since(&datapath);
    assert_eq!(verdicts(&datapath, 40_000), expected);
    counted.moved(&datapath, &judged);
    drop(datapath);

    let mut successor = node.open();
    assert_eq!(successor.revision(), 1);
    counted.moved(&successor, &[]);
    // In force before the first apply.
    assert_eq!(verdicts(&successor, 40_001), expected);
    counted.moved(&successor, &judged);
    let again = successor.apply(&desired).unwrap();
    assert_eq!((again.revision, again.written, again.removed), (1, 0, 0));
    assert_eq!(again.unchanged, applied.written);
    counted.moved(&successor, &[]);
    let connections = successor.stats().connections().unwrap();
    assert_eq!((connections.live4, connections.live6), (2, 2));
    let fills = successor.fills();
    let policy = fills
        .iter()
        .find(|fill| fill.map == abi::maps::POLICY.name)
        .unwrap();
    assert_eq!((policy.entries, policy.max), (1, 1024));
}

/// The name under which this version pins something.
fn versioned(name: &str) -> String {
    format!("v{}_{name}", abi::ABI_VERSION)
}

#[test]
fn a_map_of_another_shape_is_refused() {
    let node = Node::up();
    drop(node.open());
    // A map of another kind under the name of one of ours.
    let [theirs, ours] =
        [abi::maps::CT4.name, abi::maps::POLICY.name].map(|name| node.pins().join(versioned(name)));
    std::fs::rename(theirs, ours).unwrap();
    let error = flows_loader::Datapath::open(&node.object, &node.options).unwrap_err();
    assert!(
        matches!(&error, Error::MapMismatch { path, .. } if path.ends_with(versioned("POLICY"))),
        "{error}"
    );
}

fn link(node: &Node, interface: IfIndex, end: &str) -> (u32, u32) {
    let path = node.pins().join(format!("link_{}_{end}", interface.0));
    let info = FdLink::from(PinnedLink::from_pin(path).unwrap())
        .info()
        .unwrap();
    (info.id(), info.program_id())
}

#[test]
fn links_outlive_their_maker_and_get_the_successors_programs() {
    let mut node = Node::up();
    let mut datapath = node.open();
    datapath.attach(node.client).unwrap();
    datapath.attach(node.server).unwrap();
    datapath.attach(node.server).unwrap();
    let mut both = [node.client, node.server];
    both.sort();
    assert_eq!(datapath.attached().unwrap(), both);
    let before = [
        link(&node, node.client, "from"),
        link(&node, node.client, "to"),
    ];
    drop(datapath);

    assert_eq!(
        before,
        [
            link(&node, node.client, "from"),
            link(&node, node.client, "to")
        ]
    );
    // A successor that fails to load changes nothing.
    flows_loader::Datapath::open(b"no object", &node.options).unwrap_err();
    assert_eq!(
        before,
        [
            link(&node, node.client, "from"),
            link(&node, node.client, "to")
        ]
    );

    // A restart takes the programs as they are; another version brings its own.
    let programs = pinned(&node, &versioned("from_pod_"));
    drop(node.open());
    assert_eq!(
        before,
        [
            link(&node, node.client, "from"),
            link(&node, node.client, "to")
        ]
    );
    assert_eq!(pinned(&node, &versioned("from_pod_")), programs);
    node.object.push(0);
    let successor = node.open();
    assert_eq!(successor.attached().unwrap(), both);
    let after = [
        link(&node, node.client, "from"),
        link(&node, node.client, "to"),
    ];
    for (before, after) in before.into_iter().zip(after) {
        assert_eq!(before.0, after.0, "the link is the same");
        assert_ne!(before.1, after.1, "its program is new");
    }
    let replaced = pinned(&node, &versioned("from_pod_"));
    assert_eq!(replaced.len(), 1);
    assert_ne!(replaced, programs);
    drop(successor);

    // One end is missing, as if its maker had died between the two.
    std::fs::remove_file(node.pins().join(format!("link_{}_from", node.server.0))).unwrap();
    ip("link del client");
    let mut successor = node.open();
    assert_eq!(successor.attached().unwrap(), [node.server]);
    assert_eq!(pinned(&node, "link_").len(), 2);
    successor.detach(node.server).unwrap();
    successor.detach(node.server).unwrap();
    assert_eq!(successor.attached().unwrap(), []);
}

#[test]
fn an_interface_that_is_not_there_is_an_error() {
    let node = Node::up();
    let mut datapath = node.open();
    let error = datapath.attach(IfIndex(9_999)).unwrap_err();
    assert!(
        matches!(error, Error::Interface { ifindex: 9_999, .. }),
        "{error}"
    );
}

#[test]
fn changes_need_a_base() {
    let node = Node::up();
    let mut datapath = node.open();
    let error = datapath
        .apply_changes(&flows_loader::Changes::default())
        .unwrap_err();
    assert!(matches!(error, Error::NoBase), "{error}");
    let mut desired = node.usual();
    datapath.apply(&desired).unwrap();
    let mut changes = flows_loader::Changes::default();
    let key = testing_kernel::rule(CLIENT_IDENTITY, 81);
    changes.policy.insert(key, Some(testing_kernel::allow(30)));
    changes
        .policy
        .insert(testing_kernel::rule(CLIENT_IDENTITY, 80), None);
    changes
        .policy
        .insert(testing_kernel::rule(CLIENT_IDENTITY, 82), None);
    let applied = datapath.apply_changes(&changes).unwrap();
    assert_eq!(
        (applied.written, applied.removed, applied.unchanged),
        (1, 1, 1)
    );
    assert_eq!(node.send(&datapath, &syn(SERVER, 40_000, 80)).action, SHOT);
    assert_eq!(
        node.send(&datapath, &syn(SERVER, 40_000, 81)).action,
        REDIRECT
    );
    // The shadow followed: the same content as a whole is no change.
    desired.policy.clear();
    desired.policy.insert(key, testing_kernel::allow(30));
    let applied = datapath.apply(&desired).unwrap();
    assert_eq!(
        (applied.revision, applied.written, applied.removed),
        (2, 0, 0)
    );
}

#[test]
fn one_process_at_a_time_has_it_open() {
    let node = Node::up();
    let datapath = node.open();
    let error = flows_loader::Datapath::open(&node.object, &node.options).unwrap_err();
    assert!(
        matches!(&error, Error::Busy { path } if path == node.pins()),
        "{error}"
    );
    drop(datapath);
    node.open();
}
