//! The maps in the object and in the kernel are those that `abi::maps` declares.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;

use abi::maps::{self, Declaration, Kind, Size};
use aya::EbpfLoader;
use aya::maps::{MapData, MapInfo};
use flows_loader::Sizes;

use testing_kernel::{ALLOW, CLIENT_IDENTITY, Node, SERVER, allow, rule, word};

/// Asserts that what is pinned at a path is the declared map, with so many entries.
fn is_as_declared(path: PathBuf, map: &Declaration, entries: u32) {
    let info = MapInfo::from_pin(&path).unwrap();
    let size = |size: usize| u32::try_from(size).unwrap();
    assert_eq!(
        (
            info.map_type().unwrap() as u32,
            info.key_size(),
            info.value_size(),
            info.max_entries()
        ),
        (
            map.kind as u32,
            size(map.key.size),
            size(map.value.size),
            entries
        ),
        "{}: type, size of key and value, entries",
        map.name
    );
}

/// Where the loader pins a map.
fn pin(node: &Node, map: &Declaration) -> PathBuf {
    node.pins()
        .join(format!("v{}_{}", abi::ABI_VERSION, map.name))
}

fn cpus() -> u32 {
    u32::try_from(aya::util::nr_cpus().unwrap()).unwrap()
}

#[test]
fn the_object_has_the_declared_maps_and_no_others() {
    let node = Node::up();
    // Mounts the bpffs.
    drop(node.open());
    let path = |name: &str| node.pins().join(format!("object_{name}"));
    let mut loader = EbpfLoader::new();
    for map in maps::ALL {
        loader.map_pin_path(map.name, path(map.name));
    }
    let object = loader.load(&node.object).unwrap();
    for map in maps::ALL {
        let entries = match map.name {
            // aya knows how many there are.
            "EVENTS" => cpus(),
            _ => map.size.initial(),
        };
        is_as_declared(path(map.name), map, entries);
    }
    let undeclared: Vec<&str> = object
        .maps()
        .map(|(name, _)| name)
        .filter(|name| maps::named(name).is_none())
        .collect();
    assert_eq!(undeclared, ["SCRATCH"]);
}

#[test]
fn what_is_pinned_is_as_declared() {
    let node = Node::up();
    let _datapath = node.open();
    for map in maps::ALL {
        let entries = if map.size == Size::PerCpu {
            cpus()
        } else {
            let size = node.options.sizes.of(map);
            size.unwrap_or(map.size.initial())
        };
        is_as_declared(pin(&node, map), map, entries);
    }
}

#[test]
fn a_fill_is_told_of_each_map_that_is_counted() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let stats = datapath.stats();
    let mut fills = datapath.fills();
    fills.extend(stats.connections().unwrap().fills());
    fills.push(stats.fragments().unwrap());
    let mut told: Vec<&str> = fills.iter().map(|fill| fill.map).collect();
    // Cookies are handed out by the agent, which counts them.
    told.push(maps::DECISIONS.name);
    let mut counted: Vec<&str> = maps::ALL
        .iter()
        .filter(|map| map.is_counted())
        .map(|map| map.name)
        .collect();
    told.sort_unstable();
    counted.sort_unstable();
    assert_eq!(told, counted);
    let max = |map: &Declaration| fills.iter().find(|fill| fill.map == map.name).unwrap().max;
    // Index 0 is nobody's.
    assert_eq!(max(&maps::ENDPOINTS), 4_095);
    assert_eq!(max(&maps::TABLES), 16_383);
    assert_eq!(max(&maps::POLICY), 1_024);
    assert_eq!(max(&maps::CT4), 4_096);
}

/// Bytes that the kernel has taken for a map.
fn memory(node: &Node, map: &Declaration) -> u64 {
    let map = MapData::from_pin(pin(node, map)).unwrap();
    let info = format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd());
    let info = std::fs::read_to_string(info).unwrap();
    let bytes = info.lines().find_map(|line| line.strip_prefix("memlock:"));
    bytes.unwrap().trim().parse().unwrap()
}

/// The number that stands before some words.
fn number_before(text: &str, words: &str) -> Option<u64> {
    let before = text.split(words).next().filter(|before| *before != text)?;
    before.rsplit(' ').next()?.parse().ok()
}

/// "16 bytes each, 100 more when in use": 16 and 100.
fn told(map: &Declaration) -> Option<(u64, u64)> {
    let bytes = number_before(map.about, " bytes each")?;
    if map.about.contains("bytes each when in use") {
        return Some((0, bytes));
    }
    Some((
        bytes,
        number_before(map.about, " more when in").unwrap_or(0),
    ))
}

/// Of a trie the kernel counts the leaves only, not the nodes between them; what an array of each CPU's
/// own takes besides its elements depends on the number of CPUs.
fn is_comparable(map: &Declaration) -> bool {
    !matches!(map.kind, Kind::PrefixTrie | Kind::PerCpuArray)
}

#[test]
fn memory_is_as_told() {
    const FILLED: u32 = 2_000;
    let node = Node::sized(Sizes::default());
    let mut datapath = node.open();
    // A flag of connections sets two maps.
    let of_flag = |map: &Declaration| -> u64 {
        let is_part = |other: &&Declaration| match map.flag() {
            Some(flag) => other.flag() == Some(flag),
            None => other.name == map.name,
        };
        let parts = maps::ALL.iter().filter(is_part);
        parts.map(|part| memory(&node, part)).sum()
    };
    let empty: Vec<u64> = maps::ALL.iter().map(of_flag).collect();
    let mut desired = node.usual();
    let addr = desired.addr4[&word(SERVER)];
    for n in 0..FILLED {
        let address = word(Ipv4Addr::from_bits(n));
        desired.addr4.insert(address, addr);
        desired.addr6.insert([address; 4], addr);
        let peer = CLIENT_IDENTITY + 1 + n;
        desired.policy.insert(rule(peer, 80), allow(ALLOW));
    }
    datapath.apply(&desired).unwrap();
    let mut compared = 0;
    for (map, empty) in maps::ALL.iter().zip(empty) {
        let Some((always, in_use)) = told(map).filter(|_| is_comparable(map)) else {
            continue;
        };
        let filled = of_flag(map) - empty;
        for (what, bytes, count, told) in [
            ("always", empty, map.size.initial(), always),
            ("in use", filled, FILLED, in_use),
        ] {
            let each = bytes.div_ceil(count.into());
            let near = told - told / 10..=told + told / 10;
            assert!(
                near.contains(&each),
                "{}: {each} bytes {what}, told: {told}",
                map.name
            );
        }
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}
