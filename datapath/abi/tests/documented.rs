//! docs/ARCHITECTURE.md lists the maps as they are declared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use abi::maps::{self, Declaration, Kind, Size};
use flows_abi as abi;

/// With separators: 262,144.
fn number(n: u32) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(text).collect();
    groups.join(",")
}

fn text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap()
}

fn kind(map: &Declaration) -> &'static str {
    match map.kind {
        Kind::Hash => "hash",
        Kind::Array => "array",
        Kind::PerfEventArray => "perf event array",
        Kind::PerCpuArray => "array per CPU",
        Kind::LruHash => "LRU hash",
        Kind::PrefixTrie => "prefix trie",
    }
}

/// Those that fit.
fn entries(map: &Declaration) -> String {
    if map.size == Size::PerCpu {
        return "one per CPU".to_owned();
    }
    number(map.room(map.size.initial()))
}

fn table() -> String {
    let mut rows = vec![
        "| map | kind | key | value | entries | flag of `flows-agent` | what |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for map in maps::ALL {
        let flag = map.flag().map(|flag| format!("`{flag}`"));
        rows.push(format!(
            "| `{}` | {} | `{}` | `{}` | {} | {} | {} |",
            map.name,
            kind(map),
            map.key.name,
            map.value.name,
            entries(map),
            flag.unwrap_or_default(),
            map.about,
        ));
    }
    rows.join("\n")
}

#[test]
fn maps_are_listed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ARCHITECTURE.md");
    let page = std::fs::read_to_string(path).unwrap();
    let table = table();
    assert!(
        page.contains(&format!("<!-- maps -->\n{table}\n<!-- /maps -->")),
        "docs/ARCHITECTURE.md needs this table between its marks:\n{table}"
    );
}
