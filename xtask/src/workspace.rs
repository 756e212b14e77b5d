//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The repository's root: xtask's own directory is one below it.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask stands in the repository")
}

/// Workspaces beside the main one, from the root.
pub(crate) const OTHER_WORKSPACES: [&str; 2] = ["datapath/ebpf", "fuzz"];

/// The cargo that runs xtask.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Cargo's target directory: the one that xtask itself was built into (`target/debug/xtask`).
pub(crate) fn target_dir() -> Result<PathBuf> {
    let xtask = std::env::current_exe().context("finding xtask's own file")?;
    let dir = xtask.parent().and_then(Path::parent);
    Ok(dir
        .context("xtask doesn't run from a target directory")?
        .to_owned())
}

/// The variable by which builds and tests learn where the eBPF object is (an absolute path).
pub(crate) const OBJECT_VARIABLE: &str = "FLOWS_BPF_OBJECT";

/// The variable by which kernel tests and benches learn where the built programs are.
pub(crate) const BIN_DIR_VARIABLE: &str = "FLOWS_BIN_DIR";
