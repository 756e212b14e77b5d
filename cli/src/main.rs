//! flows: hand the command line to the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(flows_cli::run(std::env::args_os()).await)
}
