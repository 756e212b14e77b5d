//! `cargo xtask test`: all that must hold, in steps; the first step that fails ends it.

mod steps;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use tally::Tally;

/// What the steps share.
struct Run {
    tally: Tally,
    done: Vec<(&'static str, Duration)>,
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
    run: fn(&mut Run) -> Result<()>,
}

const STEPS: [Step; 9] = [
    Step {
        name: "setup",
        alone: "cargo xtask setup",
        for_kernel: true,
        run: steps::setup,
    },
    Step {
        name: "format",
        alone: "cargo fmt --all",
        for_kernel: false,
        run: steps::format,
    },
    Step {
        name: "eBPF object",
        alone: "cargo xtask build-bpf",
        for_kernel: true,
        run: steps::object,
    },
    Step {
        name: "page",
        alone: "cargo xtask page",
        for_kernel: true,
        run: steps::page,
    },
    Step {
        name: "clippy",
        alone: "cargo clippy --workspace --all-targets -- -D warnings",
        for_kernel: false,
        run: steps::clippy,
    },
    Step {
        name: "build",
        alone: "cargo build --workspace --bins --tests",
        for_kernel: true,
        run: steps::build,
    },
    Step {
        name: "tests",
        alone: "cargo test --workspace",
        for_kernel: false,
        run: steps::tests,
    },
    Step {
        name: "kernel tests",
        alone: "cargo xtask test kernel",
        for_kernel: true,
        run: steps::kernel,
    },
    Step {
        name: "fuzzing",
        alone: "cargo xtask fuzz",
        for_kernel: false,
        run: steps::fuzz,
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
        done: Vec::new(),
        object: PathBuf::new(),
        kernel_target,
    };
    let mut chosen = STEPS.iter().filter(|step| is_chosen(step));
    let failed = chosen.find_map(|step| {
        println!("\n== {}", step.name);
        let start = Instant::now();
        let result = (step.run)(&mut run);
        run.done.push((step.name, start.elapsed()));
        result.err().map(|error| (step, error))
    });

    println!("\n== summary");
    for (name, duration) in &run.done {
        println!("{name:<14} {:>7.1} s", duration.as_secs_f64());
    }
    for (name, counts) in run.tally.runners() {
        println!("{name:<40} {counts}");
    }
    if let Some((step, error)) = &failed {
        println!("FAILED at step \"{}\": {error:#}", step.name);
        println!("to run it alone: {}", step.alone);
    }
    let mut total = run.tally.total();
    if failed.is_some() && total.failed == 0 {
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
