//! `cargo xtask page`: builds the page of flows-ui into `ui/web/dist`, from where flows-ui's build
//! embeds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::root;

/// The oldest Node.js that the page's tools run on.
const LEAST_NODE: (u32, u32) = (20, 19);

/// Where the page's sources are.
pub(crate) fn dir() -> PathBuf {
    root().join("ui/web")
}

/// Installs what the page is built with, and builds it.
pub(crate) fn run() -> Result<()> {
    install()?;
    process::run(npm(&["run", "build"]).current_dir(dir()))
}

/// What the page's tests need besides.
pub(crate) fn test() -> Result<()> {
    process::run(npm(&["run", "test"]).current_dir(dir()))
}

/// The packages of the lock file, unless they are there.
pub(crate) fn install() -> Result<()> {
    node()?;
    let dir = dir();
    let lock =
        fs::read(dir.join("package-lock.json")).context("reading ui/web/package-lock.json")?;
    // npm's own note of what is installed says nothing of what it was installed from.
    let note = dir.join("node_modules/.installed-from");
    if fs::read(&note).is_ok_and(|from| from == lock) {
        return Ok(());
    }
    process::run(npm(&["ci", "--no-audit", "--no-fund"]).current_dir(&dir))?;
    fs::write(&note, lock).with_context(|| format!("writing {}", note.display()))
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments);
    command
}

/// Checks that there is a Node.js that is new enough.
fn node() -> Result<()> {
    let found = process::ask(Command::new("node").arg("--version"));
    let wanted = format!("{}.{}", LEAST_NODE.0, LEAST_NODE.1);
    let Some(found) = found else {
        bail!("the page needs Node.js {wanted} or newer with npm, and there is none: install it");
    };
    match version(&found) {
        Some(version) if version >= LEAST_NODE => Ok(()),
        _ => bail!(
            "the page needs Node.js {wanted} or newer, and this is {}: install a newer one",
            found.trim()
        ),
    }
}

/// Major and minor number of `v20.19.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether the page is there and newer than its sources: a quick build of the demo needs no new one.
pub(crate) fn is_current() -> bool {
    let dir = dir();
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(built) = modified(&dir.join("dist/index.html")) else {
        return false;
    };
    let sources = [
        "src",
        "public",
        "scripts",
        "index.html",
        "vite.config.ts",
        "package-lock.json",
    ];
    let mut waiting: Vec<PathBuf> = sources.iter().map(|name| dir.join(name)).collect();
    while let Some(path) = waiting.pop() {
        if modified(&path).is_none_or(|time| time > built) {
            return false;
        }
        if let Ok(entries) = fs::read_dir(&path) {
            waiting.extend(entries.flatten().map(|entry| entry.path()));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, wanted) in [
            ("v20.19.0\n", Some((20, 19))),
            ("v24.1.0", Some((24, 1))),
            ("20.19.0", None),
            ("v20", None),
        ] {
            assert_eq!(version(text), wanted, "{text}");
        }
    }
}
