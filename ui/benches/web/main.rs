//! The page under load: a server that sends 20,000 flows per second for 30 s, flows-ui, and a real
//! Chromium that shows them. Reports what the browser's main thread and memory say.
//!
//! `cargo xtask bench web [SECONDS [FLOWS_PER_SECOND]]`

mod source;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;
use flows_ui::{Args, Config, Server};

fn main() -> Result<()> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok());
    let seconds: u64 = numbers.next().unwrap_or(30);
    let rate: u64 = numbers.next().unwrap_or(20_000);
    ensure!(
        flows_ui::page_is_built(),
        "the page is not in the program: run `cargo xtask page` first"
    );
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("relay.sock");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let _source = source::serve(&socket, rate)?;
        let address = format!("unix://{}", socket.display());
        let args = ["flows-ui", "--listen", "127.0.0.1:0", "--server", &address];
        let config = Config::try_from(Args::try_parse_from(args)?)?;
        let server = Server::bind(config).await?;
        let url = format!("http://{}/", server.address()?);
        let browser = tokio::task::spawn_blocking(move || browse(&url, seconds, rate));
        tokio::select! {
            browsed = browser => browsed?,
            served = server.run(std::future::pending()) => served.context("flows-ui ended"),
        }
    })
}

/// Runs the browser, which prints the rows.
fn browse(url: &str, seconds: u64, rate: u64) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("node")
        .arg("e2e/bench.mjs")
        .args([url, &seconds.to_string(), &rate.to_string()])
        .current_dir(root.join("web"))
        .status();
    let status = status.context("running node")?;
    ensure!(status.success(), "the browser could not measure");
    Ok(())
}
