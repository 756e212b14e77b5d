//! Names the version, with the commit of a release build. Other builds are made between commits, and one that
//! names the last of them would be wrong as often as right.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FLOWS_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match env::var("FLOWS_COMMIT") {
        Ok(commit) if !commit.is_empty() => Some(commit),
        _ if is_release => described(),
        _ => None,
    };
    let version = match (commit, is_release) {
        (Some(commit), _) => format!("{version} ({commit})"),
        (None, true) => version,
        (None, false) => format!("{version} (debug build)"),
    };
    println!("cargo::rustc-env=FLOWS_VERSION={version}");
}

/// The commit that is checked out; `None` where there is no repository, as in a source archive.
fn described() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let text = text.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    // What changes with every commit.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&[
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ])
}
