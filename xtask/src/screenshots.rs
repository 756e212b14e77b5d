//! `cargo xtask screenshots`: takes the pictures of the documentation, of a lab that it brings up for
//! that.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace::{OBJECT_VARIABLE, cargo, root, target_dir};
use crate::{bpf, page, process, setup};

/// The lab's name.
const LAB: &str = "screenshots";
/// Where the pictures go.
const IMAGES: &str = "docs/images";

/// Builds everything, takes the pictures, takes the lab down.
pub(crate) fn run() -> Result<()> {
    setup::programs()?;
    page::run()?;
    let object = bpf::build()?;
    process::run(
        Command::new(cargo())
            .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
            .env(OBJECT_VARIABLE, &object)
            .current_dir(root()),
    )?;
    let programs = target_dir()?.join("debug");
    let images = root().join(IMAGES);
    std::fs::create_dir_all(&images).with_context(|| format!("making {}", images.display()))?;
    let up = lab(&programs, "up").and_then(|mut up| {
        up.args(["--relay-listen", "none", "testdata/three-tier"]);
        process::run(&mut up)
    });
    let taken = up.and_then(|()| take(&programs, &images));
    let down = lab(&programs, "down").and_then(|mut down| process::run(&mut down));
    taken.and(down)
}

fn lab(programs: &Path, verb: &str) -> Result<Command> {
    let mut command = process::as_root(programs.join("flows-lab"))?;
    command.args([verb, "--name", LAB]).current_dir(root());
    Ok(command)
}

/// As root, because the lab's sockets are.
fn take(programs: &Path, images: &Path) -> Result<()> {
    let variable = |name: &str, value: &Path| format!("{name}={}", value.display());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = process::as_root("env")?;
    command
        .arg(format!("PATH={path}"))
        .arg(format!("FLOWS_LAB={LAB}"))
        .arg(variable("FLOWS_UI", &programs.join("flows-ui")))
        .arg(variable("FLOWS", &programs.join("flows")))
        .arg(variable("FLOWS_SCREENS", images))
        .args(["npm", "run", "screenshots"])
        .current_dir(page::dir());
    process::run(&mut command)
}
