//! The fuzz targets: `fuzz/fuzz_targets/NAME.rs`, in the layout of cargo-fuzz.
//!
//! They are built with the stable compiler: libFuzzer's coverage instrumentation is a pass of LLVM
//! that any compiler can be told to run. What only a nightly has, the address sanitizer, is of no
//! use here: the fuzzed code has no `unsafe`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::process;
use crate::workspace::{cargo, root, target_dir};

/// How long each target is fuzzed if nobody says; two run at a time. `cargo xtask test` runs this beside
/// the kernel tests, and shall not have to wait for it.
const TEST_SECONDS: u32 = 20;

/// How many targets run at a time: libFuzzer has one thread.
const AT_A_TIME: usize = 2;

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
    let broken = run(&names, seconds)?;
    println!("{}", result_line(names.len() - broken.len(), broken.len()));
    ensure!(
        broken.is_empty(),
        "crashed: see fuzz/regressions/ of {}",
        broken.join(", ")
    );
    Ok(())
}

/// The last line, in libtest's form: who counts results reads one form.
pub(crate) fn result_line(passed: usize, failed: usize) -> String {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    format!("test result: {word}. {passed} passed; {failed} failed; 0 ignored")
}

/// The targets' names, sorted.
fn targets() -> Result<Vec<String>> {
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

/// Builds `targets` and runs each for `seconds`, after what made it fail before. Returns those that
/// did not hold; their inputs are in `fuzz/regressions/TARGET/`.
fn run(targets: &[String], seconds: u32) -> Result<Vec<String>> {
    let programs = build(targets)?;
    let mut broken = Vec::new();
    for together in targets.chunks(AT_A_TIME) {
        let mut running = Vec::new();
        for target in together {
            let mut command = command_of(target, &programs.join(target), seconds)?;
            let child = command.spawn();
            let line = process::line(&command);
            running.push((target, child.with_context(|| format!("starting `{line}`"))?));
        }
        for (target, child) in running {
            // Its report is short (-verbosity=0): a pipe holds it until it is read here.
            let output = child.wait_with_output().context("waiting for a target")?;
            let report = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() {
                eprintln!("{target}: {report}");
                broken.push(target.clone());
                continue;
            }
            let runs = report.lines().find_map(|line| line.strip_prefix(RUNS));
            let runs: u64 = runs.and_then(|runs| runs.trim().parse().ok()).unwrap_or(0);
            ensure!(
                runs > 0,
                "{target}: no input was tried in {seconds} s:\n{report}"
            );
            println!("{target}: {runs} inputs in {seconds} s, none broke it");
        }
    }
    Ok(broken)
}

fn command_of(target: &str, program: &Path, seconds: u32) -> Result<Command> {
    // New inputs go to the first directory, which is not in git; the others are only read.
    let found = target_dir()?.join("fuzz/corpus").join(target);
    let corpus = root().join("fuzz/corpus").join(target);
    let regressions = root().join("fuzz/regressions").join(target);
    for dir in [&found, &corpus, &regressions] {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        // Much: beside other steps it has what processor time they leave.
        .arg("-timeout=60")
        .arg("-print_final_stats=1")
        .arg("-verbosity=0")
        .arg(format!("-artifact_prefix={}/", regressions.display()))
        .args([&found, &corpus, &regressions])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Builds targets, all in one go, and returns the directory they are in.
fn build(targets: &[String]) -> Result<PathBuf> {
    let out = target_dir()?.join("fuzz");
    let host = host()?;
    let mut command = Command::new(cargo());
    command.args(["build", "--quiet", "--release", "--locked"]);
    for target in targets {
        command.args(["--bin", target]);
    }
    process::run(
        command
            // With a target named, the flags are not for build scripts and macros.
            .args(["--target", &host, "--target-dir"])
            .arg(&out)
            .current_dir(root().join("fuzz"))
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")),
    )?;
    Ok(out.join(host).join("release"))
}

/// The compiler's name of this machine.
fn host() -> Result<String> {
    let version = process::ask(Command::new("rustc").arg("-vV")).context("running rustc -vV")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}
