//! Builds the eBPF object. datapath/ebpf is a workspace of its own, for bpfel-unknown-none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace::{cargo, root, target_dir};
use crate::{process, setup};

const TARGET: &str = "bpfel-unknown-none";
/// The name of datapath/ebpf's binary.
const BINARY: &str = "flows";

/// Builds the object, if its sources changed, and returns where it is: `target/bpf/flows.o`.
pub(crate) fn build() -> Result<PathBuf> {
    let tools = setup::bpf_tools()?;
    let source = root().join("datapath/ebpf");
    let out = target_dir()?.join("bpf");
    // BTF (needs debug information) lets the kernel show names and lines; --btf is bpf-linker's.
    let flags = [
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        // The linker's default turns each memset, however short, into a call of a loop over bytes,
        // a third of what a new connection costs. Without it they are stores of words.
        "-Clink-arg=--disable-expand-memcpy-in-order".to_owned(),
        format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH),
    ];
    process::run(
        Command::new(cargo())
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "--target",
                TARGET,
            ])
            .args(["-Z", "build-std=core", "--target-dir"])
            .arg(&out)
            .current_dir(&source)
            .env("RUSTC", &tools.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &tools.linker)
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER"),
    )?;
    let object = out.join(format!("{BINARY}.o"));
    copy_if_changed(&out.join(TARGET).join("release").join(BINARY), &object)?;
    Ok(object)
}

/// Keeps the time stamp of an unchanged file, so that what embeds it is not built again.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if std::fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    std::fs::write(to, bytes).with_context(|| format!("writing {}", to.display()))
}
