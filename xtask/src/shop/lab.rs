//! The shop of `testdata/shop` as a lab, with what runs on the host outside of it.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::{root, target_dir};

/// Where its manifests are.
pub(super) const MANIFESTS: &str = "testdata/shop";

/// A shop that is up until [`ShopLab::down`].
pub(crate) struct ShopLab {
    name: &'static str,
    outside: Vec<Child>,
}

impl ShopLab {
    /// Brings it up; the programs are built. What is there of it after a failure is taken down.
    pub(crate) fn up(name: &'static str) -> Result<Self> {
        let mut shop = Self {
            name,
            outside: Vec::new(),
        };
        match shop.start() {
            Ok(()) => Ok(shop),
            Err(error) => {
                // What went wrong first is what counts.
                let _down = shop.down();
                Err(error)
            }
        }
    }

    fn start(&mut self) -> Result<()> {
        let mut up = lab(&["up", MANIFESTS, "--name", self.name, "--outside"])?;
        // A second program that listens for clients would be in the way of another lab's.
        process::run(up.args(["--relay-listen", "none"]))?;
        let path = root().join(MANIFESTS).join("outside");
        let lines = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        // The customers, and the bank: a command a line.
        for line in lines.lines() {
            let mut command = lab(&["exec", "--name", self.name, "--outside", "--"])?;
            command.args(line.split_whitespace());
            command.stdin(Stdio::null()).stdout(Stdio::null());
            let line = process::line(&command);
            let child = command.spawn();
            self.outside
                .push(child.with_context(|| format!("starting `{line}`"))?);
        }
        Ok(())
    }

    /// Takes it down.
    pub(crate) fn down(self) -> Result<()> {
        process::run(&mut lab(&["down", "--name", self.name])?)?;
        for mut child in self.outside {
            // It went with the lab.
            child.wait().context("waiting for the host outside")?;
        }
        Ok(())
    }
}

fn lab(arguments: &[&str]) -> Result<Command> {
    let mut command = process::as_root(target_dir()?.join("debug/flows-lab"))?;
    command.args(arguments).current_dir(root());
    Ok(command)
}
