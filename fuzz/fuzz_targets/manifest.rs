//! Any text as a manifest: it is read or refused, and what is read twice is the same twice.

#![no_main]

use cluster::{Origin, manifest, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(documents) = yaml::parse(text) else {
        return;
    };
    let origin = Origin::from("fuzz.yaml");
    for document in documents {
        assert_eq!(
            manifest::read(&origin, document.clone()),
            manifest::read(&origin, document)
        );
    }
});
