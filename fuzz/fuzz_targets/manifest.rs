//! Any text as a manifest: it is read or refused, and what is read twice is the same twice.

#![no_main]

use std::sync::Arc;

use cluster::{manifest, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(documents) = yaml::parse(text) else {
        return;
    };
    let file: Arc<str> = Arc::from("fuzz.yaml");
    for document in documents {
        assert_eq!(
            manifest::read(&file, document.clone()),
            manifest::read(&file, document)
        );
    }
});
