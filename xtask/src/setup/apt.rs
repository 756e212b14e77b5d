//! Debian's and Ubuntu's packages.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::say;
use crate::process;

/// A machine with apt whose package lists are there.
pub(super) struct Apt {
    updated: bool,
}

impl Apt {
    /// `wanted` is what to ask for where there is no apt.
    pub(super) fn open(wanted: &[&str]) -> Result<Apt> {
        if process::which("apt-get").is_none() {
            bail!(
                "this is no Debian or Ubuntu: install what its packages {} have, then try again",
                wanted.join(", ")
            );
        }
        Ok(Apt { updated: false })
    }

    /// The version of `package` that would be installed, after looking for newer lists once if it
    /// is not known.
    pub(super) fn candidate(&mut self, package: &str) -> Result<Option<String>> {
        if let Some(version) = candidate(package) {
            return Ok(Some(version));
        }
        self.update()?;
        Ok(candidate(package))
    }

    pub(super) fn install(&mut self, packages: &[&str]) -> Result<()> {
        if packages.iter().any(|package| candidate(package).is_none()) {
            self.update()?;
        }
        say(&format!("installing {} with apt", packages.join(" ")));
        let Err(error) = install(packages) else {
            return Ok(());
        };
        // Another apt on the machine may have cleaned the archives away under ours, and lists that
        // are out of date name files that are gone: both are over after a second try.
        say(&format!("{error:#}; trying once more with fresh lists"));
        self.updated = false;
        self.update()?;
        install(packages)
    }

    fn update(&mut self) -> Result<()> {
        if !self.updated {
            say("updating apt's package lists");
            process::run(apt_get()?.args(["--quiet=2", "update"]))?;
            self.updated = true;
        }
        Ok(())
    }
}

fn candidate(package: &str) -> Option<String> {
    let policy = process::ask(Command::new("apt-cache").args(["policy", package]))?;
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (line != "(none)").then(|| line.to_owned())
}

/// Waits for another apt that holds the lock rather than failing.
fn apt_get() -> Result<Command> {
    let mut command = process::as_root("env")?;
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=600",
    ]);
    Ok(command)
}

fn install(packages: &[&str]) -> Result<()> {
    let mut command = apt_get()?;
    command
        .args(["--quiet=2", "--yes", "--no-install-recommends", "install"])
        .args(packages);
    process::run(&mut command).context("installing packages")
}
