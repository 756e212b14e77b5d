//! flows-relay: parse, set up tracing, bind, give up root, run.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::Parser as _;
use flows_relay::{Args, Config, Server};
use proto::serve::privileges;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let config = Config::try_from(Args::parse())?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let user = config.user.clone();
    let server = Server::bind(config)?;
    // Before there is a second thread: each has its own privileges.
    privileges::drop_all(user.as_deref())?;
    Runtime::new()?.block_on(run(server))
}

async fn run(server: Server) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watching SIGTERM")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(server.run(stop).await?)
}
