//! `cargo xtask codegen`: the generator itself is the crate in `xtask/codegen`, so that its
//! dependencies are built only when it runs.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::{cargo, root};

/// Regenerates `proto/src/gen`.
pub(crate) fn run() -> Result<()> {
    let status = Command::new(cargo())
        .args([
            "run",
            "--quiet",
            "--package",
            "flows-codegen",
            "--",
            "proto",
            "proto/src/gen",
        ])
        .current_dir(root())
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "code generation failed");
    println!("proto/src/gen is up to date");
    Ok(())
}
