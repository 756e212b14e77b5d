//! `cargo xtask`: the verbs with which this repository is set up, built, tested, measured and shown.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool that talks to a terminal"
)]

mod bench;
mod bpf;
mod codegen;
mod demo;
mod deny;
mod doc;
mod fuzz;
mod interrupt;
mod metadata;
mod page;
mod policy_cases;
mod process;
mod screenshots;
mod setup;
mod shop;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::anyhow;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup                install what building and testing need, if missing
  demo [--once]        a two-node cluster on this machine, and its flows
  test [kernel]        everything that must hold: format, dependencies, clippy, documentation,
                       tests, kernel tests, fuzzing;
                       with `kernel` the kernel tests alone
  attack               what hostile pods and hosts try, in a lab; a part of `test`
  bench NAME [--write] measure verdict, net, events, filter, relay, apply, policy or web,
                       and show a table;
                       --write puts it into docs/PERFORMANCE.md
  policy-cases [FILE...]
                       policies and probes through host, kernel and a scan over the rules
                       [default: all in testdata/policies and testdata/l7]
  fuzz [TARGET [SECONDS]]
                       search for inputs that break the parsers
  deny                 what dependencies may be: licences, versions, sources (deny.toml)
  doc                  the documentation of all crates, into target/doc
  page                 build the page of flows-ui, which its next build embeds
  screenshots          take the pictures of docs/images, of a lab
  shop --record        record testdata/shop/flows.jsonl anew, of a lab
  codegen              regenerate proto/src/gen from the .proto files
  build-bpf            build the eBPF object and print its path";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["setup"] => setup::run(),
        ["test", arguments @ ..] => return test::run(arguments),
        ["attack"] => return test::attack(),
        ["demo", arguments @ ..] => match demo::run(arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        ["policy-cases", files @ ..] => match policy_cases::run(files) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        ["bench", arguments @ ..] => bench::run(arguments),
        ["fuzz", arguments @ ..] => fuzz::command(arguments),
        ["screenshots"] => screenshots::run(),
        ["shop", arguments @ ..] => shop::run(arguments),
        ["page"] => page::run(),
        ["deny"] => deny::run(),
        ["doc"] => doc::run(),
        ["codegen"] => codegen::run(),
        ["build-bpf"] => bpf::build().map(|object| println!("{}", object.display())),
        [] | ["-h" | "--help" | "help", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        [command, ..] => Err(anyhow!("unknown command {command:?}\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
