//! Lock files name the public registries alone: a mirror's name in them breaks every other machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn crates_come_from_crates_io() {
    for path in ["Cargo.lock", "datapath/ebpf/Cargo.lock", "fuzz/Cargo.lock"] {
        let text = read(path);
        let odd: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("source = "))
            .filter(|source| source.trim_matches('"') != CRATES_IO)
            .collect();
        assert!(odd.is_empty(), "{path} names {odd:?}");
        assert!(
            text.contains(CRATES_IO),
            "{path} names no source: inert test"
        );
    }
}

#[test]
fn packages_of_the_page_come_from_npm_or_say_nothing() {
    let text = read("ui/web/package-lock.json");
    let odd: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"resolved\": \""))
        .filter(|address| !address.starts_with(NPM))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(text.contains("\"integrity\": "), "no packages: inert test");
}
