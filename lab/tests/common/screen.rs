//! The `flows` command.

use std::process::Command;

use flows_lab::harness::TestLab;

use super::common::program;

/// The command, to show what happens in the lab.
pub(crate) fn flows(lab: &TestLab) -> Command {
    let flows = program().with_file_name("flows");
    assert!(
        flows.is_file(),
        "{} is missing: run `cargo build -p flows-cli`",
        flows.display()
    );
    let mut command = Command::new(flows);
    command.args(["--lab", &lab.lab().record().name]);
    command
}
