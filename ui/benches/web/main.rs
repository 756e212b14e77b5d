//! The page under load: a server that sends 20,000 flows per second, flows-ui, and a real Chromium that
//! shows them: for 30 s everything of a small cluster, then the maps of 40, 200 and 2,000 workloads, for as
//! long each. Reports what the browser's main thread and memory say.
//!
//! `cargo xtask bench web [SECONDS [FLOWS_PER_SECOND]]`

mod source;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;
use flows_ui::{Args, Config, Server};
use source::Cluster;

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
    show(Cluster::Everybody, rate, move |url| {
        browse("bench.mjs", url, &[seconds, rate])
    })?;
    for (workloads, per_namespace) in [(40, 10), (200, 20), (2000, 40)] {
        let cluster = Cluster::Sparse {
            workloads,
            per_namespace,
        };
        let arguments = [seconds.div_ceil(3), rate, workloads.into()];
        show(cluster, rate, move |url| {
            browse("bench-map.mjs", url, &arguments)
        })?;
    }
    Ok(())
}

/// Serves the flows of a cluster and the page while something is done with its address.
fn show(
    cluster: Cluster,
    rate: u64,
    look: impl FnOnce(&str) -> Result<()> + Send + 'static,
) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("relay.sock");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let _source = source::serve(&socket, cluster, rate)?;
        let address = format!("unix://{}", socket.display());
        let args = ["flows-ui", "--listen", "127.0.0.1:0", "--server", &address];
        let config = Config::try_from(Args::try_parse_from(args)?)?;
        let server = Server::bind(config)?;
        let url = format!("http://{}/", server.address()?);
        let looking = tokio::task::spawn_blocking(move || look(&url));
        tokio::select! {
            looked = looking => looked?,
            served = server.run(std::future::pending()) => served.context("flows-ui ended"),
        }
    })
}

/// Runs a script of the browser, which prints the rows.
fn browse(script: &str, url: &str, arguments: &[u64]) -> Result<()> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let status = Command::new("node")
        .arg(Path::new("e2e").join(script))
        .arg(url)
        .args(arguments.iter().map(u64::to_string))
        .current_dir(web)
        .status()
        .context("running node")?;
    ensure!(status.success(), "the browser could not measure");
    Ok(())
}
