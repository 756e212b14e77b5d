//! `cargo xtask test`: all that must hold, in steps; the first step that fails ends it.
//!
//! Steps run one after the other, but for those that can run *beside* the later ones: each is a program
//! of its own, which gets what processor time the others leave (`beside.rs`).

mod beside;
mod steps;
mod tally;
mod times;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Error, Result, bail};

use crate::process;
use beside::Beside;
use tally::Tally;
use times::Times;

/// What the steps share.
struct Run {
    tally: Tally,
    times: Times,
    /// The eBPF object, from the step that builds it on.
    object: PathBuf,
    /// The kernel test target to run; `None`: all.
    kernel_target: Option<&'static str>,
}

/// A named part of the run; `alone` is how to run that part by hand.
struct Step {
    name: &'static str,
    alone: &'static str,
    /// Whether the kernel tests need it.
    for_kernel: bool,
    how: How,
}

/// How a step is run.
#[derive(Clone, Copy)]
enum How {
    /// In its turn, with our output.
    InTurn(fn(&mut Run) -> Result<()>),
    /// From its turn on, beside the steps after it.
    Beside(fn() -> Result<Command>),
}

const STEPS: [Step; 11] = [
    Step {
        name: "setup",
        alone: "cargo xtask setup",
        for_kernel: true,
        how: How::InTurn(steps::setup),
    },
    Step {
        name: "format",
        alone: "cargo fmt --all",
        for_kernel: false,
        how: How::InTurn(steps::format),
    },
    Step {
        name: "dependencies",
        alone: "cargo xtask deny",
        for_kernel: false,
        how: How::InTurn(steps::dependencies),
    },
    Step {
        name: "eBPF object",
        alone: "cargo xtask build-bpf",
        for_kernel: true,
        how: How::InTurn(steps::object),
    },
    Step {
        name: "page",
        alone: "cargo xtask page",
        for_kernel: true,
        how: How::InTurn(steps::page),
    },
    Step {
        name: "clippy",
        alone: "cargo clippy --workspace --all-targets -- -D warnings",
        for_kernel: false,
        how: How::InTurn(steps::clippy),
    },
    Step {
        name: "documentation",
        alone: "cargo xtask doc",
        for_kernel: false,
        how: How::InTurn(steps::documentation),
    },
    Step {
        name: "build",
        alone: "cargo build --workspace --bins --tests",
        for_kernel: true,
        how: How::InTurn(steps::build),
    },
    Step {
        name: "fuzzing",
        alone: "cargo xtask fuzz",
        for_kernel: false,
        how: How::Beside(steps::fuzz),
    },
    Step {
        name: "tests",
        alone: "cargo test --workspace",
        for_kernel: false,
        how: How::InTurn(steps::tests),
    },
    Step {
        name: "kernel tests",
        alone: "cargo xtask test kernel",
        for_kernel: true,
        how: How::InTurn(steps::kernel),
    },
];

/// Runs the attacks on a lab alone, and what they need.
pub(crate) fn attack() -> ExitCode {
    run_steps(Some(ATTACK), |step| step.for_kernel)
}

/// The test target of the attacks.
const ATTACK: &str = "attack";

/// Runs everything, or with `kernel` as argument the kernel tests and what they need. The last line
/// printed is `N passed, M failed`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match arguments {
        [] => run_steps(None, |_| true),
        ["kernel"] => run_steps(None, |step| step.for_kernel),
        _ => {
            eprintln!("usage: cargo xtask test [kernel]");
            ExitCode::FAILURE
        }
    }
}

/// Runs some of the steps; of the kernel tests all, or one target.
fn run_steps(kernel_target: Option<&'static str>, is_chosen: fn(&Step) -> bool) -> ExitCode {
    let mut run = Run {
        tally: Tally::default(),
        times: Times::default(),
        object: PathBuf::new(),
        kernel_target,
    };
    let mut failed = Vec::new();
    if let Err(error) = process::end_all_when_interrupted() {
        failed.push((&STEPS[0], error));
    }
    let mut beside = Vec::new();
    for step in STEPS.iter().filter(|step| is_chosen(step)) {
        if failed.is_empty()
            && let Err(error) = run_step(&mut run, step, &mut beside)
        {
            failed.push((step, error));
        }
        // What runs beside and has failed ends the run, but not the step that is in its turn: a lab
        // that is cut short leaves its network behind.
        for (step, running) in beside.extract_if(.., |(_, running)| running.has_ended()) {
            finish(&mut run, step, running, &mut failed);
        }
    }
    for (step, running) in beside {
        if failed.is_empty() {
            println!("\n.. waiting for {}", step.name);
            finish(&mut run, step, running, &mut failed);
        } else {
            println!("\n== {}: stopped, as another step failed", step.name);
        }
    }
    if !failed.is_empty() {
        process::end_all();
    }
    summary(&run, &failed)
}

/// Runs a step in its turn, or starts it beside the others.
fn run_step<'a>(run: &mut Run, step: &'a Step, beside: &mut Vec<(&'a Step, Beside)>) -> Result<()> {
    match step.how {
        How::InTurn(work) => {
            println!("\n== {}", step.name);
            let start = Instant::now();
            let result = work(run);
            run.times.add(step.name, start.elapsed());
            result
        }
        How::Beside(command) => {
            println!("\n== {}: runs beside the next steps", step.name);
            beside.push((step, Beside::start(step.name, &command()?)?));
            Ok(())
        }
    }
}

/// Waits for a step that runs beside the others, and shows what it said.
fn finish<'a>(run: &mut Run, step: &'a Step, running: Beside, failed: &mut Vec<(&'a Step, Error)>) {
    let start = Instant::now();
    let result = running.wait().and_then(|ended| {
        println!("\n== {}, which ran beside", step.name);
        print!("{}", ended.said);
        run.tally.read(step.name, &ended.said);
        run.times
            .add_beside(step.name, ended.after, start.elapsed());
        if !ended.status.success() {
            bail!("it ended with {}", ended.status);
        }
        Ok(())
    });
    if let Err(error) = result {
        failed.push((step, error));
    }
}

/// Prints times, counts and what failed. The last line is `N passed, M failed`.
fn summary(run: &Run, failed: &[(&Step, Error)]) -> ExitCode {
    println!("\n== summary");
    print!("{}", run.times);
    println!();
    for (name, counts) in run.tally.runners() {
        println!("{name:<40} {counts}");
    }
    for (step, error) in failed {
        println!("FAILED at step \"{}\": {error:#}", step.name);
        println!("to run it alone: {}", step.alone);
    }
    let mut total = run.tally.total();
    if !failed.is_empty() && total.failed == 0 {
        // A step that failed other than by a test counts as one, so that the last line tells.
        total.failed = 1;
    }
    println!("{total}");
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
