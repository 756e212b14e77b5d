//! flows-lab: a cluster on one machine.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use flows_lab::cli::Cli;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("FLOWS_LOG").unwrap_or_else(|_unset| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    match Cli::parse().run(&mut io::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the program's last words")]
            {
                eprintln!(
                    "flows-lab: {}",
                    flow::print::escape_lines(&format!("{error:#}"))
                );
            }
            ExitCode::FAILURE
        }
    }
}
