//! The generated code in git is what the .proto files give.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask codegen`", dir.display()))
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn generated_code_is_up_to_date() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let fresh = tempfile::tempdir().unwrap();
    flows_codegen::generate(&proto, fresh.path()).unwrap();

    let expected = contents(fresh.path());
    let found = contents(&proto.join("src/gen"));
    assert!(expected.len() > 2, "nothing was generated");
    let stale: Vec<&String> = expected
        .keys()
        .chain(found.keys())
        .filter(|name| expected.get(*name) != found.get(*name))
        .collect();
    assert!(
        stale.is_empty(),
        "stale in proto/src/gen: {stale:?}: run `cargo xtask codegen`"
    );
}
