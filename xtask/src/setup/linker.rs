//! bpf-linker: links LLVM bitcode into a BPF object, and must know the compiler's bitcode.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::apt::Apt;
use super::{cargo_install, rustc, say};
use crate::process;

const VERSION: &str = "0.13.0";
const RELEASES: &str = "https://github.com/aya-rs/bpf-linker/releases/download";

/// One that is there, else one newly installed.
pub(super) fn find_or_install() -> Result<PathBuf> {
    let own = cache_dir()?.join("bin/bpf-linker");
    let on_path = process::which("bpf-linker");
    if let Some(found) = [own.clone()]
        .into_iter()
        .chain(on_path)
        .find(|path| fits(path))
    {
        return Ok(found);
    }
    let llvm = format!("llvm-{}-dev", rustc::LLVM_MAJOR);
    let packaged =
        process::which("apt-get").is_some() && Apt::open(&[&llvm])?.candidate(&llvm)?.is_some();
    if packaged {
        build(&llvm)?;
    } else {
        download()?;
    }
    anyhow::ensure!(fits(&own), "{} doesn't run", own.display());
    Ok(own)
}

fn fits(linker: &Path) -> bool {
    process::ask(Command::new(linker).arg("--version"))
        .is_some_and(|text| text.trim() == format!("bpf-linker {VERSION}"))
}

fn cache_dir() -> Result<PathBuf> {
    super::cache_dir(&format!("bpf-linker-{VERSION}-llvm{}", rustc::LLVM_MAJOR))
}

/// Builds it from its source against the packaged LLVM.
fn build(llvm_package: &str) -> Result<()> {
    let major = rustc::LLVM_MAJOR;
    let prefix = PathBuf::from(format!("/usr/lib/llvm-{major}"));
    if !prefix.join("include/llvm-c/Core.h").is_file() {
        say(&format!(
            "bpf-linker needs LLVM {major}: the one that the compiler's bitcode is of"
        ));
        Apt::open(&[llvm_package])?.install(&[llvm_package])?;
    }
    let root = cache_dir()?;
    say(&format!(
        "building bpf-linker {VERSION} into {} (a minute or two)",
        root.display()
    ));
    let mut command = cargo_install("bpf-linker", VERSION, &root);
    command
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{major}"))
        // Its build script reads the first, llvm-sys the second (major and minor version).
        .env("LLVM_PREFIX", &prefix)
        .env(format!("LLVM_SYS_{major}1_PREFIX"), &prefix);
    process::run(&mut command)
}

/// Takes the project's released binary, which has its LLVM inside.
fn download() -> Result<()> {
    let arch = std::env::consts::ARCH;
    let url = format!("{RELEASES}/v{VERSION}/bpf-linker-{arch}-unknown-linux-musl.tar.zst");
    say(&format!(
        "no packaged LLVM {}: downloading {url}",
        rustc::LLVM_MAJOR
    ));
    let missing: Vec<&str> = ["curl", "zstd"]
        .into_iter()
        .filter(|name| process::which(name).is_none())
        .collect();
    if !missing.is_empty() {
        Apt::open(&missing)?.install(&missing)?;
    }
    let bin = cache_dir()?.join("bin");
    std::fs::create_dir_all(&bin).with_context(|| format!("creating {}", bin.display()))?;
    let archive = bin.join("bpf-linker.tar.zst");
    process::run(
        Command::new("curl")
            .args([
                "--proto",
                "=https",
                "--fail",
                "--location",
                "--silent",
                "--show-error",
                "-o",
            ])
            .arg(&archive)
            .arg(&url),
    )?;
    process::run(
        Command::new("tar")
            .arg("-C")
            .arg(&bin)
            .arg("-xf")
            .arg(&archive),
    )?;
    std::fs::remove_file(&archive).context("removing the archive")
}
