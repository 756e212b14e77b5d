//! `cargo xtask doc`: the documentation of all crates, without a warning.

use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::workspace::{cargo, root};

pub(crate) fn run() -> Result<()> {
    process::run(
        Command::new(cargo())
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--locked",
                "--keep-going",
            ])
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(root()),
    )
}
