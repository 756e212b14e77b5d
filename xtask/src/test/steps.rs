//! The steps of `cargo xtask test`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::Run;
use super::tally::Counts;
use crate::metadata::{self, Executable};
use crate::workspace::{
    BIN_DIR_VARIABLE, OBJECT_VARIABLE, OTHER_WORKSPACES, cargo, root, target_dir,
};
use crate::{bpf, deny, doc, page, process, setup};

/// A kernel test program that takes longer than this hangs, in seconds.
const KERNEL_TEST_LIMIT: &str = "1800";

pub(super) fn setup(_: &mut Run) -> Result<()> {
    setup::run()
}

pub(super) fn format(_: &mut Run) -> Result<()> {
    process::run(
        Command::new(cargo())
            .args(["fmt", "--all", "--check"])
            .current_dir(root()),
    )?;
    for workspace in OTHER_WORKSPACES {
        let dir = root().join(workspace);
        process::run(
            Command::new(cargo())
                .args(["fmt", "--check"])
                .current_dir(dir),
        )?;
    }
    Ok(())
}

pub(super) fn object(run: &mut Run) -> Result<()> {
    run.object = bpf::build()?;
    println!("{}", run.object.display());
    Ok(())
}

/// The page, before what embeds it is built, and the tests of its logic.
pub(super) fn page(run: &mut Run) -> Result<()> {
    page::run()?;
    let tested = page::test();
    let failed = u64::from(tested.is_err());
    let passed = 1 - failed;
    run.tally.add("page", Counts { passed, failed });
    tested
}

/// A cargo command on the whole workspace. All of them get the object, so that the agent is the
/// same in each and built once.
fn cargo_command(run: &Run, verb: &str) -> Command {
    let mut command = Command::new(cargo());
    command
        .args([verb, "--workspace", "--locked"])
        .current_dir(root());
    command.env(OBJECT_VARIABLE, &run.object);
    command
}

/// Names of the test targets that plain `cargo test` leaves out.
fn kernel_targets() -> Result<Vec<String>> {
    let mut names: Vec<String> = metadata::members()?
        .into_iter()
        .flat_map(|package| package.targets)
        .filter(|target| target.is("test") && !target.test)
        .map(|target| target.name)
        .collect();
    names.sort();
    names.dedup();
    ensure!(!names.is_empty(), "no kernel tests were found");
    Ok(names)
}

pub(super) fn clippy(run: &mut Run) -> Result<()> {
    let mut command = cargo_command(run, "clippy");
    // What `--all-targets` means, which would leave the kernel tests out.
    command.args(["--lib", "--bins", "--tests", "--benches"]);
    for name in kernel_targets()? {
        command.args(["--test", &name]);
    }
    process::run(command.args(["--", "-D", "warnings"]))
}

pub(super) fn dependencies(_: &mut Run) -> Result<()> {
    deny::run()
}

pub(super) fn documentation(_: &mut Run) -> Result<()> {
    doc::run()
}

pub(super) fn build(run: &mut Run) -> Result<()> {
    // Tests and programs in one command: cargo then builds what they share once, for both.
    process::run(cargo_command(run, "build").args(["--bins", "--tests"]))
}

pub(super) fn tests(run: &mut Run) -> Result<()> {
    let mut command = cargo_command(run, "test");
    command.arg("--no-fail-fast");
    let status = run.tally.watch("cargo test", &mut command)?;
    ensure!(status.success(), "tests failed");
    Ok(())
}

/// The test targets that plain `cargo test` leaves out, as root.
pub(super) fn kernel(run: &mut Run) -> Result<()> {
    let mut names = kernel_targets()?;
    if let Some(only) = run.kernel_target {
        names.retain(|name| name == only);
    }

    // With libraries and programs, as in the build step: asked for these tests alone, cargo would see
    // other features, and build most dependencies once more.
    let mut command = cargo_command(run, "build");
    command.args(["--lib", "--bins"]);
    for name in &names {
        command.args(["--test", name]);
    }
    let mut failed = Vec::new();
    for test in metadata::executables(&mut command)? {
        if !names.contains(&test.target) {
            continue; // One of the programs.
        }
        let package = test
            .package_dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let name = format!("{package} --test {}", test.target);
        println!("\n-- {name}");
        let mut program = kernel_test(&test, &run.object)?;
        let status = run.tally.watch(&name, &mut program)?;
        if !status.success() {
            failed.push(name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// `test` as root, with what it needs in its environment, ended if it hangs.
fn kernel_test(test: &Executable, object: &Path) -> Result<Command> {
    let variable = |name: &str, value: &Path| {
        let mut pair = OsString::from(name);
        pair.push("=");
        pair.push(value);
        pair
    };
    let mut command = process::as_root("env")?;
    command
        .arg(variable(OBJECT_VARIABLE, object))
        .arg(variable(BIN_DIR_VARIABLE, &target_dir()?.join("debug")))
        .args(["timeout", "--kill-after=10", KERNEL_TEST_LIMIT])
        .arg(&test.file)
        .current_dir(&test.package_dir);
    Ok(command)
}

/// The fuzz targets have a target directory of their own, and need no root: they run beside others.
pub(super) fn fuzz() -> Result<Command> {
    let mut command = Command::new(target_dir()?.join("debug/xtask"));
    command.arg("fuzz");
    Ok(command)
}
