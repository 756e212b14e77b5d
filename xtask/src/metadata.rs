//! What cargo says about the workspace, as far as xtask needs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::workspace::{cargo, root};

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    /// Whether a plain `cargo test` runs it.
    pub(crate) test: bool,
}

impl Target {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|present| present == kind)
    }
}

/// The members of the workspace.
pub(crate) fn members() -> Result<Vec<Package>> {
    let output = Command::new(cargo())
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(root())
        .output()
        .context("running cargo metadata")?;
    if !output.status.success() {
        anyhow::bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("reading cargo's metadata")?;
    Ok(metadata.packages)
}

/// A program that cargo built.
#[derive(Debug)]
pub(crate) struct Executable {
    pub(crate) package_dir: PathBuf,
    pub(crate) target: String,
    pub(crate) is_bench: bool,
    pub(crate) file: PathBuf,
}

/// Runs a cargo command that builds, and returns the programs it built.
pub(crate) fn executables(command: &mut Command) -> Result<Vec<Executable>> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        manifest_path: Option<PathBuf>,
        target: Option<Target>,
        executable: Option<PathBuf>,
    }

    command
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root());
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().context("running cargo")?;
    if !output.status.success() {
        anyhow::bail!("`{}` failed", crate::process::line(command));
    }
    let mut found = Vec::new();
    for line in output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{"))
    {
        let message: Message = serde_json::from_slice(line).context("reading cargo's message")?;
        if let ("compiler-artifact", Some(manifest), Some(target), Some(file)) = (
            message.reason.as_str(),
            message.manifest_path,
            message.target,
            message.executable,
        ) {
            let package_dir = manifest.parent().map(PathBuf::from).unwrap_or_default();
            let is_bench = target.is("bench");
            found.push(Executable {
                package_dir,
                target: target.name,
                is_bench,
                file,
            });
        }
    }
    Ok(found)
}
