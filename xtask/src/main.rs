//! `cargo xtask`: the verbs with which this repository is set up, built, tested, measured and shown.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool that talks to a terminal"
)]

mod bpf;
mod codegen;
mod process;
mod setup;
mod workspace;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup                install what building and testing need, if missing
  demo [--once]        a two-node cluster on this machine, and its flows
  test                 everything that must hold: format, clippy, tests, kernel tests, fuzzing
  bench NAME           measure: verdict, net, events, filter or relay
  codegen              regenerate proto/src/gen from the .proto files
  build-bpf            build the eBPF object and print its path";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["setup"] => setup::run(),
        ["build-bpf"] => {
            println!("{}", bpf::build()?.display());
            Ok(())
        }
        ["codegen"] => codegen::run(),
        [] | ["-h" | "--help" | "help", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        [command, ..] => bail!("unknown command {command:?}\n{USAGE}"),
    }
}
