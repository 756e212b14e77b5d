//! `cargo xtask screenshots`: takes the pictures of the documentation, of the shop of
//! `testdata/shop`, which it brings up for that.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shop::ShopLab;
use crate::workspace::{OBJECT_VARIABLE, cargo, root, target_dir};
use crate::{bpf, page, process, setup};

/// The lab's name, which stands in the pictures as the cluster's.
const LAB: &str = "shop";
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
    let shop = ShopLab::up(LAB)?;
    let taken = take(&programs, &images);
    shop.down()?;
    taken
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
