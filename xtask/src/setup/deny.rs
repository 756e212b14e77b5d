//! cargo-deny, which reads `deny.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::{cache_dir, cargo_install, say};
use crate::process;

const VERSION: &str = "0.20.2";

/// One that is there, else one newly built. No distribution packages it.
pub(super) fn find_or_install() -> Result<PathBuf> {
    let root = cache_dir(&format!("cargo-deny-{VERSION}"))?;
    let own = root.join("bin/cargo-deny");
    let on_path = process::which("cargo-deny");
    if let Some(found) = [own.clone()]
        .into_iter()
        .chain(on_path)
        .find(|path| fits(path))
    {
        return Ok(found);
    }
    say(&format!(
        "building cargo-deny {VERSION} into {} (a minute or two)",
        root.display()
    ));
    // It runs for a second: optimizing it would take several times what the whole build takes.
    let mut command = cargo_install("cargo-deny", VERSION, &root);
    process::run(
        command
            .arg("--debug")
            .env("CARGO_PROFILE_DEV_DEBUG", "false"),
    )?;
    ensure!(fits(&own), "{} doesn't run", own.display());
    Ok(own)
}

fn fits(program: &Path) -> bool {
    process::ask(Command::new(program).arg("--version"))
        .is_some_and(|text| text.trim() == format!("cargo-deny {VERSION}"))
}
