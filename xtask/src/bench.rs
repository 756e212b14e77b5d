//! `cargo xtask bench NAME [--write] [ARGUMENT...]`: builds and runs a bench target and shows its
//! rows. What a bench target prints is described in CONTRIBUTING.md, "Benches".

mod table;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::metadata::{self, Executable};
use crate::workspace::{BIN_DIR_VARIABLE, OBJECT_VARIABLE, cargo, root, target_dir};
use crate::{bpf, page, process, setup};

/// Benches that start none of our programs, and their crates: nothing else is built.
const ALONE: [(&str, &str); 1] = [("l7", "flows-proxy")];

/// A program that `bench l7` compares with, if it is named so or in PATH.
const ENVOY: &str = "FLOWS_ENVOY";

/// A line that a bench prints.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    value: f64,
    unit: String,
    /// What the value is compared with.
    base: Option<String>,
    base_value: Option<f64>,
    /// `value / base_value`.
    ratio: Option<f64>,
    /// As text, such as `<= 80`.
    goal: Option<String>,
}

/// Runs the bench that `arguments` name.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let names = names()?;
    let [name, rest @ ..] = arguments else {
        bail!(
            "usage: cargo xtask bench NAME [--write] [ARGUMENT...]; there are: {}",
            names.join(", ")
        );
    };
    if !names.iter().any(|present| present == name) {
        bail!("there is no bench {name:?}, but: {}", names.join(", "));
    }
    let write = rest.contains(&"--write");
    let passed_on: Vec<&str> = rest
        .iter()
        .copied()
        .filter(|word| *word != "--write")
        .collect();

    setup::programs()?;
    if *name == "web" {
        page::run()?;
    }
    let object = bpf::build()?;
    let mut rows = Vec::new();
    for bench in build(name, &object)? {
        rows.extend(measure(&bench, &object, &passed_on)?);
    }
    ensure!(!rows.is_empty(), "the bench printed no rows");
    let table = table::markdown(&rows);
    println!("{table}");
    if write {
        let command = format!("cargo xtask bench {}", arguments.join(" "));
        table::write(&root().join("docs/PERFORMANCE.md"), name, &command, &table)?;
    }
    Ok(())
}

/// The names of all bench targets.
fn names() -> Result<Vec<String>> {
    let targets = metadata::members()?
        .into_iter()
        .flat_map(|package| package.targets);
    let mut names: Vec<String> = targets
        .filter(|target| target.is("bench"))
        .map(|target| target.name)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Builds the programs and the bench (of each crate that has one of that name) in release.
fn build(name: &str, object: &Path) -> Result<Vec<Executable>> {
    let mut command = Command::new(cargo());
    command.args(["build", "--release", "--locked", "--bench", name]);
    match ALONE.iter().find(|(alone, _)| *alone == name) {
        Some((_, package)) => command.args(["--package", package]),
        None => command.args(["--workspace", "--bins"]),
    };
    command.env(OBJECT_VARIABLE, object);
    let mut built = metadata::executables(&mut command)?;
    built.retain(|program| program.is_bench && program.target == name);
    ensure!(!built.is_empty(), "cargo built no bench {name:?}");
    Ok(built)
}

fn measure(bench: &Executable, object: &Path, arguments: &[&str]) -> Result<Vec<Row>> {
    let variable = |name: &str, value: &Path| {
        let mut pair = OsString::from(name);
        pair.push("=");
        pair.push(value);
        pair
    };
    let mut command = process::as_root("env")?;
    command
        .arg(variable(OBJECT_VARIABLE, object))
        .arg(variable(BIN_DIR_VARIABLE, &target_dir()?.join("release")));
    // sudo would drop it.
    if let Some(envoy) = std::env::var_os(ENVOY) {
        command.arg(variable(ENVOY, Path::new(&envoy)));
    }
    command
        .arg(&bench.file)
        .args(arguments)
        .current_dir(&bench.package_dir)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().context("running the bench")?;
    ensure!(
        output.status.success(),
        "the bench failed ({})",
        output.status
    );
    let text = String::from_utf8(output.stdout).context("reading what the bench printed")?;
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).with_context(|| format!("no row: {line}")))
        .collect()
}
