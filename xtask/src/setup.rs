//! `cargo xtask setup`: finds out what is missing for building and testing, says so, installs it.
//!
//! Nothing is remembered between runs: looking takes a fraction of a second, and is right.

mod apt;
mod deny;
mod linker;
mod rustc;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use apt::Apt;

/// What builds the eBPF object.
#[derive(Debug)]
pub(crate) struct BpfTools {
    /// A compiler whose library source is installed beside it.
    pub(crate) rustc: PathBuf,
    /// bpf-linker, with an LLVM not older than the compiler's.
    pub(crate) linker: PathBuf,
}

/// Programs that the lab, the kernel tests and the benches call, and the Debian packages that have
/// them. What is no program is named by the whole path of a file of its package.
const PROGRAMS: [(&str, &str, &str); 20] = [
    ("ip", "iproute2", "the lab and the kernel tests"),
    ("ping", "iputils-ping", "the lab's ICMP tests"),
    ("iptables", "iptables", "a base of the benches"),
    ("nft", "nftables", "a base of the benches"),
    ("ethtool", "ethtool", "the benches, to switch offloads off"),
    ("node", "nodejs", "building the page"),
    ("npm", "npm", "building the page"),
    ("tmux", "tmux", "pictures of the terminal"),
    ("chromium", "chromium", "the tests of the page"),
    ("curl", "curl", "a client of HTTP that the tests run"),
    (
        "h2load",
        "nghttp2-client",
        "a client of HTTP/2 that the tests run",
    ),
    (
        "dig",
        "bind9-dnsutils",
        "a client of DNS that the tests run",
    ),
    (
        "dnsmasq",
        "dnsmasq-base",
        "a server of DNS that the tests run",
    ),
    (
        "unbound",
        "unbound",
        "a server of DNS that the tests run (they don't need its service)",
    ),
    (
        "musl-gcc",
        "musl-tools",
        "a client of DNS that the tests run",
    ),
    ("kcat", "kcat", "a client of Kafka that the tests run"),
    (
        "/usr/lib/python3/dist-packages/kafka/__init__.py",
        "python3-kafka",
        "a client of Kafka that the tests run",
    ),
    (
        "/usr/lib/python3/dist-packages/grpc/__init__.py",
        "python3-grpcio",
        "a client and server of gRPC that the tests run",
    ),
    ("cc", "gcc", "linking Rust programs"),
    ("c++", "g++", "the fuzzer's library"),
];

/// Tells what is done and why (not on standard output, which may be read by a program).
fn say(text: &str) {
    eprintln!("setup: {text}");
}

/// Installs what is missing, everything included.
pub(crate) fn run() -> Result<()> {
    programs()?;
    let tools = bpf_tools()?;
    say(&format!("eBPF compiler {}", tools.rustc.display()));
    say(&format!("eBPF linker {}", tools.linker.display()));
    say(&format!("cargo-deny {}", cargo_deny()?.display()));
    say("nothing is missing");
    Ok(())
}

/// The programs that tests and benches call.
pub(crate) fn programs() -> Result<()> {
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(name, ..)| crate::process::which(name).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for (name, package, why) in &missing {
        say(&format!(
            "`{name}` is missing (package {package}): needed for {why}"
        ));
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
    Apt::open(&packages)?.install(&packages)
}

/// The tools that build the eBPF object, installed if missing.
pub(crate) fn bpf_tools() -> Result<BpfTools> {
    Ok(BpfTools {
        rustc: rustc::find_or_install()?,
        linker: linker::find_or_install()?,
    })
}

/// What checks dependencies, installed if missing.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    deny::find_or_install()
}

/// Where a tool of ours is installed: a directory of the user's, so that another clone finds it.
fn cache_dir(tool: &str) -> Result<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    Ok(base
        .context("neither XDG_CACHE_HOME nor HOME is set")?
        .join("flows")
        .join(tool))
}

/// `cargo install` of a tool, into a directory.
fn cargo_install(tool: &str, version: &str, root: &Path) -> Command {
    let mut command = Command::new(crate::workspace::cargo());
    command
        .args(["install", tool, "--version", version])
        .args(["--locked", "--force", "--quiet", "--root"])
        .arg(root)
        .env_remove("CARGO_TARGET_DIR")
        // Outside the repository: its cargo configuration is not for this build.
        .current_dir("/");
    command
}
