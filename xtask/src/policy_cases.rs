//! `cargo xtask policy-cases [FILE...]`: files of policies and probes through the verdict on the host,
//! the loaded eBPF program and a scan over the rules. What it prints: `explain/tests/policy_cases.rs`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::workspace::{OBJECT_VARIABLE, cargo};
use crate::{bpf, metadata, process, setup};

const TARGET: &str = "policy_cases";

/// Runs the files, or the table in `testdata` if none is named. The exit code is the runner's.
pub(crate) fn run(files: &[&str]) -> Result<ExitCode> {
    // The runner is started elsewhere.
    let files: Vec<PathBuf> = files
        .iter()
        .map(|file| std::path::absolute(file).with_context(|| format!("{file}: no such path")))
        .collect::<Result<_>>()?;
    setup::programs()?;
    let object = bpf::build()?;
    let mut command = Command::new(cargo());
    command.args(["test", "--locked", "--no-run", "-p", "flows-explain"]);
    command.args(["--test", TARGET]);
    let built = metadata::executables(&mut command)?;
    let runner = built
        .into_iter()
        .find(|program| program.target == TARGET)
        .context("cargo built no runner of policy cases")?;
    let mut variable = OsString::from(OBJECT_VARIABLE);
    variable.push("=");
    variable.push(&object);
    let mut command = process::as_root("env")?;
    command
        .arg(variable)
        .arg(&runner.file)
        .args(&files)
        .current_dir(&runner.package_dir);
    let status = command.status().context("running the cases")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
