//! A Rust compiler for bpfel-unknown-none: one that has the source of its own library beside it,
//! because `core` is built for that target (the source must be of the compiler's version).
//!
//! Debian packages such a compiler; elsewhere a nightly by rustup with the component rust-src is
//! one. It is called directly, with `RUSTC_BOOTSTRAP=1` for cargo's `-Z build-std`: no toolchain
//! needs to be linked or made the default.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::apt::Apt;
use super::say;
use crate::process;

/// The workspace's rust-version, which abi and core need.
const OLDEST_MINOR: u32 = 95;
/// The newest LLVM whose bitcode the pinned bpf-linker reads.
pub(super) const LLVM_MAJOR: u32 = 22;
/// The nightly that became Rust 1.96: LLVM 22, as the linker's.
const NIGHTLY: &str = "nightly-2026-04-01";
/// Debian's compiler for building browsers: newer than the release's own.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// A compiler that is there, else one newly installed.
pub(super) fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    say("the eBPF programs need a Rust compiler with its library source: core is built for BPF");
    if debian_has_one()? {
        Apt::open(&DEBIAN_PACKAGES)?.install(&DEBIAN_PACKAGES)?;
    } else {
        say(&format!(
            "installing {NIGHTLY} with rust-src by rustup (your default stays as it is)"
        ));
        process::run(
            Command::new("rustup")
                .args(["toolchain", "install", NIGHTLY, "--no-self-update"])
                .args(["--profile", "minimal", "--component", "rust-src"]),
        )?;
    }
    let found = find();
    ensure!(
        found.is_some(),
        "installed a compiler, but it doesn't fit: see `cargo xtask setup`"
    );
    Ok(found.unwrap_or_default())
}

fn find() -> Option<PathBuf> {
    let given = std::env::var_os("FLOWS_BPF_RUSTC").map(PathBuf::from);
    let nightly = rustup_home().map(|home| {
        home.join("toolchains")
            .join(format!("{NIGHTLY}-{}", host()))
            .join("bin/rustc")
    });
    given
        .into_iter()
        .chain([PathBuf::from(DEBIAN_RUSTC)])
        .chain(nightly)
        .find(|rustc| fits(rustc))
}

/// Whether apt knows a compiler and source of one fitting version. Asks apt for fresh lists only if
/// it doesn't know the packages at all.
fn debian_has_one() -> Result<bool> {
    if process::which("apt-get").is_none() {
        return Ok(false);
    }
    let mut apt = Apt::open(&DEBIAN_PACKAGES)?;
    let [compiler, source] = DEBIAN_PACKAGES;
    let (compiler, source) = (apt.candidate(compiler)?, apt.candidate(source)?);
    Ok(compiler == source
        && compiler
            .as_deref()
            .and_then(minor)
            .is_some_and(|minor| minor >= OLDEST_MINOR))
}

/// Old enough an LLVM, new enough a language, and the source beside it.
fn fits(rustc: &Path) -> bool {
    let Some(version) = process::ask(Command::new(rustc).arg("-vV")) else {
        return false;
    };
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    let new_enough = field("release: ")
        .and_then(minor)
        .is_some_and(|minor| minor >= OLDEST_MINOR);
    let readable = field("LLVM version: ")
        .and_then(|llvm| llvm.split('.').next()?.parse::<u32>().ok())
        .is_some_and(|major| major <= LLVM_MAJOR);
    let source =
        process::ask(Command::new(rustc).args(["--print", "sysroot"])).is_some_and(|root| {
            Path::new(root.trim())
                .join("lib/rustlib/src/rust/library/core/src/lib.rs")
                .is_file()
        });
    new_enough && readable && source
}

/// The 96 of 1.96.0 and of 1.96.0+dfsg1-1.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

fn rustup_home() -> Option<PathBuf> {
    let default = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup"));
    std::env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(default)
}

/// Rustup's name of this machine.
fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minor_version() {
        let rows = [
            ("1.96.0", Some(96)),
            ("1.96.0+dfsg1-1~deb12u2", Some(96)),
            ("1.97.0-nightly", Some(97)),
            ("2.0.0", None),
            ("", None),
        ];
        for (version, expected) in rows {
            assert_eq!(minor(version), expected, "{version:?}");
        }
    }
}
