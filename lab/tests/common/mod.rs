//! What the end-to-end tests share.

use std::path::Path;

/// The flows-lab program; its siblings are in the same directory.
pub(crate) fn program() -> &'static Path {
    assert!(
        nix::unistd::geteuid().is_root(),
        "these tests make network namespaces and need root: run `cargo xtask test`"
    );
    Path::new(env!("CARGO_BIN_EXE_flows-lab"))
}
