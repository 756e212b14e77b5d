//! `cargo xtask deny`: licences, versions and sources of what all workspaces depend on, by `deny.toml`.

use std::process::Command;

use anyhow::Result;

use crate::workspace::{OTHER_WORKSPACES, root};
use crate::{process, setup};

/// What of `deny.toml` no crate matches: stale in the main workspace, usual in those that use few.
const UNUSED: [&str; 3] = [
    "unmatched-skip",
    "unnecessary-skip",
    "license-exception-not-encountered",
];

pub(crate) fn run() -> Result<()> {
    let program = setup::cargo_deny()?;
    let check = |workspace: &str, lints: &[&str]| {
        let mut command = Command::new(&program);
        command
            .arg("--manifest-path")
            .arg(root().join(workspace).join("Cargo.toml"))
            .arg("--config")
            .arg(root().join("deny.toml"))
            .args(["--locked", "check"])
            .args(lints)
            .args(["licenses", "bans", "sources"])
            .current_dir(root());
        process::run(&mut command)
    };
    let [skip, unneeded, exception] = UNUSED;
    check("", &["-D", skip, "-D", unneeded, "-A", exception])?;
    for workspace in OTHER_WORKSPACES {
        check(workspace, &["-A", skip, "-A", unneeded, "-A", exception])?;
    }
    Ok(())
}
