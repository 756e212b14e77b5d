//! The fuzz targets: `fuzz/fuzz_targets/NAME.rs`, in the layout of cargo-fuzz.
//!
//! They are built with the stable compiler: libFuzzer's coverage instrumentation is a pass of LLVM
//! that any compiler can be told to run. What only a nightly has, the address sanitizer, is of no
//! use here: the fuzzed code has no `unsafe`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process;
use crate::workspace::{cargo, root, target_dir};

/// How long `cargo xtask test` fuzzes each target.
pub(crate) const TEST_SECONDS: u32 = 30;

const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
];

/// Begins the line on which libFuzzer says how many inputs it tried.
const RUNS: &str = "stat::number_of_executed_units:";

/// `cargo xtask fuzz [TARGET [SECONDS]]`.
pub(crate) fn command(arguments: &[&str]) -> Result<()> {
    let (names, seconds) = match arguments {
        [] => (targets()?, TEST_SECONDS),
        [name] => (vec![(*name).to_owned()], TEST_SECONDS),
        [name, seconds] => {
            let seconds = seconds
                .parse()
                .with_context(|| format!("not seconds: {seconds:?}"))?;
            (vec![(*name).to_owned()], seconds)
        }
        _ => bail!("usage: cargo xtask fuzz [TARGET [SECONDS]]"),
    };
    for name in names {
        ensure!(
            run(&name, seconds)?,
            "{name} crashed: see fuzz/regressions/{name}/"
        );
    }
    Ok(())
}

/// The targets' names, sorted.
pub(crate) fn targets() -> Result<Vec<String>> {
    let dir = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    ensure!(!names.is_empty(), "no fuzz targets in {}", dir.display());
    names.sort();
    Ok(names)
}

/// Builds `target` and runs it for `seconds`, after what made it fail before. Returns whether it
/// held; if not, the input is in `fuzz/regressions/TARGET/`.
pub(crate) fn run(target: &str, seconds: u32) -> Result<bool> {
    let program = build(target)?;
    // New inputs go to the first directory, which is not in git; the others are only read.
    let found = target_dir()?.join("fuzz/corpus").join(target);
    let corpus = root().join("fuzz/corpus").join(target);
    let regressions = root().join("fuzz/regressions").join(target);
    for dir in [&found, &corpus, &regressions] {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    let mut command = Command::new(&program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg("-timeout=10")
        .arg("-print_final_stats=1")
        .arg("-verbosity=0")
        .arg(format!("-artifact_prefix={}/", regressions.display()))
        .args([&found, &corpus, &regressions]);
    let output = command
        .output()
        .with_context(|| format!("starting `{}`", process::line(&command)))?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{report}");
        return Ok(false);
    }
    let runs = report
        .lines()
        .find_map(|line| line.strip_prefix(RUNS))
        .unwrap_or_default()
        .trim();
    println!("{target}: {runs} inputs in {seconds} s, none broke it");
    Ok(true)
}

fn build(target: &str) -> Result<PathBuf> {
    let out = target_dir()?.join("fuzz");
    let host = host()?;
    process::run(
        Command::new(cargo())
            // Not --locked: its lock file need not follow each change of the crates it tests.
            .args(["build", "--quiet", "--release", "--bin", target])
            // With a target named, the flags are not for build scripts and macros.
            .args(["--target", &host, "--target-dir"])
            .arg(&out)
            .current_dir(root().join("fuzz"))
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")),
    )?;
    Ok(out.join(host).join("release").join(target))
}

/// The compiler's name of this machine.
fn host() -> Result<String> {
    let version = process::ask(Command::new("rustc").arg("-vV")).context("running rustc -vV")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}
