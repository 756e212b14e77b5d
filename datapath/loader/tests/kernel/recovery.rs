//! What a dead agent left half-written is brought to an end; what fails midway is taken back.

use abi::addr::{Addr, PRESENT};
use abi::maps;
use abi::policy::{ENTRY_DENY, ENTRY_PRESENT};
use abi::staged::NEVER;
use aya::maps::{Array, HashMap, Map, MapData};
use flows_loader::Error;
use flows_loader::testrun::{REDIRECT, SHOT};

use testing_kernel::{ALLOW, CLIENT_IDENTITY, Node, SERVER, SERVER_TABLE, rule, syn};

/// Words of `Staged<PolicyEntry>`: three of now, three of next, from, lock.
type Entry = [u32; 8];

fn key(identity: u32, port: u16) -> [u8; 12] {
    let key = rule(identity, port);
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&key.table.to_ne_bytes());
    bytes[4..8].copy_from_slice(&key.identity.to_ne_bytes());
    bytes[8..10].copy_from_slice(&key.port.to_ne_bytes());
    bytes[10..].copy_from_slice(&[key.proto, key.shape]);
    bytes
}

fn form(cookie: u32, flags: u8) -> [u32; 3] {
    [cookie, 1, u32::from(flags) << 16]
}

fn entry(now: [u32; 3], next: [u32; 3], from: u32) -> Entry {
    [now[0], now[1], now[2], next[0], next[1], next[2], from, 0]
}

const ABSENT: [u32; 3] = [0; 3];

fn policy(node: &Node) -> HashMap<MapData, [u8; 12], Entry> {
    let map = MapData::from_pin(node.pins().join(format!(
        "v{}_{}",
        abi::ABI_VERSION,
        maps::POLICY.name
    )))
    .unwrap();
    HashMap::try_from(Map::HashMap(map)).unwrap()
}

fn content(node: &Node) -> Vec<([u8; 12], Entry)> {
    let mut content: Vec<_> = policy(node).iter().map(|pair| pair.unwrap()).collect();
    content.sort();
    content
}

#[test]
fn a_half_staged_change_is_taken_back_and_a_flipped_one_completed() {
    let allowed = form(ALLOW, ENTRY_PRESENT);
    let denied = form(99, ENTRY_PRESENT | ENTRY_DENY);
    let steady = |form| Some(entry(form, form, NEVER));
    // (name, port, what the dead agent left at revision 1, what a successor makes of it, verdict)
    let rows = [
        (
            "insertion staged",
            80,
            entry(ABSENT, allowed, 2),
            None,
            SHOT,
        ),
        (
            "insertion flipped",
            81,
            entry(ABSENT, allowed, 1),
            steady(allowed),
            REDIRECT,
        ),
        (
            "deletion staged",
            82,
            entry(allowed, ABSENT, 2),
            steady(allowed),
            REDIRECT,
        ),
        (
            "deletion flipped",
            83,
            entry(allowed, ABSENT, 1),
            None,
            SHOT,
        ),
        (
            "change staged",
            84,
            entry(allowed, denied, 2),
            steady(allowed),
            REDIRECT,
        ),
        (
            "change flipped",
            85,
            entry(allowed, denied, 1),
            steady(denied),
            SHOT,
        ),
        (
            "half cleaned up",
            86,
            entry(allowed, allowed, 1),
            steady(allowed),
            REDIRECT,
        ),
        (
            "steady",
            87,
            entry(allowed, allowed, NEVER),
            steady(allowed),
            REDIRECT,
        ),
    ];
    let node = Node::up();
    let mut datapath = node.open();
    let revision = datapath.apply(&node.desired(&[])).unwrap().revision;
    assert_eq!(revision, 1);
    let mut map = policy(&node);
    for (_, port, left, ..) in rows {
        map.insert(key(CLIENT_IDENTITY, port), left, 0).unwrap();
    }
    drop(datapath);

    let mut successor = node.open();
    for (name, port, _, expected, verdict) in rows {
        let found = map.get(&key(CLIENT_IDENTITY, port), 0).ok();
        assert_eq!(found, expected, "{name}");
        assert_eq!(
            node.send(&successor, &syn(SERVER, 40_000, port)).action,
            verdict,
            "{name}"
        );
    }
    // The next flip makes none of it true.
    let wanted = node.desired(&[(CLIENT_IDENTITY, 90, ALLOW)]);
    let applied = successor.apply(&wanted).unwrap();
    assert_eq!(
        (applied.revision, applied.written, applied.removed),
        (2, 1, 6)
    );
    assert_eq!(
        content(&node),
        [(key(CLIENT_IDENTITY, 90), steady(allowed).unwrap())]
    );
}

#[test]
fn a_half_staged_array_and_trie_are_brought_to_an_end() {
    let node = Node::up();
    let mut datapath = node.open();
    let desired = node.usual();
    datapath.apply(&desired).unwrap();
    // The server's table staged away, but not yet true.
    let path = node
        .pins()
        .join(format!("v{}_{}", abi::ABI_VERSION, maps::TABLES.name));
    let mut tables: Array<_, [u32; 22]> =
        Array::try_from(Map::Array(MapData::from_pin(path).unwrap())).unwrap();
    let before = tables.get(&SERVER_TABLE, 0).unwrap();
    assert_eq!(before[20], NEVER);
    let mut staged = before;
    staged[10..20].fill(0);
    staged[20] = 2;
    tables.set(SERVER_TABLE, staged, 0).unwrap();
    drop(datapath);

    let mut successor = node.open();
    assert_eq!(tables.get(&SERVER_TABLE, 0).unwrap(), before);
    assert_eq!(
        tables.get(&9, 0).unwrap()[20],
        NEVER,
        "elements never used are steady too"
    );
    assert_eq!(
        node.send(&successor, &syn(SERVER, 40_000, 80)).action,
        REDIRECT
    );
    let applied = successor.apply(&desired).unwrap();
    assert_eq!(
        (applied.revision, applied.written, applied.removed),
        (1, 0, 0)
    );
}

#[test]
fn a_write_that_fails_midway_is_taken_back() {
    let mut node = Node::up();
    node.resize(&maps::POLICY, 8);
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    // Somebody else fills the map behind the loader's back: there is room for three, not for six.
    let mut map = policy(&node);
    let foreign = entry(form(1, ENTRY_PRESENT), form(1, ENTRY_PRESENT), NEVER);
    for port in 0..4 {
        map.insert(key(60_000, port), foreign, 0).unwrap();
    }
    let before = content(&node);
    let mut wanted: Vec<_> = (0..6).map(|n| (CLIENT_IDENTITY, 100 + n, ALLOW)).collect();
    wanted.push((CLIENT_IDENTITY, 80, ALLOW + 1));
    let mut wanted = node.desired(&wanted);
    let other = Addr {
        identity: 5,
        flags: PRESENT,
        ..Addr::default()
    };
    wanted.addr4.insert(77, other);
    let error = datapath.apply(&wanted).unwrap_err();
    assert!(matches!(error, Error::Map { map: "POLICY", .. }), "{error}");
    assert_eq!(content(&node), before, "every staged entry is taken back");
    assert_eq!(datapath.revision(), 1);
    assert_eq!(
        node.send(&datapath, &syn(SERVER, 40_000, 80)).action,
        REDIRECT
    );
    assert_eq!(node.send(&datapath, &syn(SERVER, 40_000, 100)).action, SHOT);

    // With the room back, the same change goes through.
    for port in 0..4 {
        map.remove(&key(60_000, port)).unwrap();
    }
    let applied = datapath.apply(&wanted).unwrap();
    assert_eq!((applied.revision, applied.written), (2, 8));
    assert_eq!(
        node.send(&datapath, &syn(SERVER, 40_000, 100)).action,
        REDIRECT
    );
}
