//! flows-ui: parse, set up tracing, listen, give up root, run.

use std::{io::IsTerminal as _, net::TcpListener};

use anyhow::Context as _;
use clap::Parser as _;
use client::Source;
use flows_ui::{Args, Config, Server};
use proto::serve::privileges::{self, Capabilities};
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
    let listener = Server::listen(&config)?;
    // Before there is a second thread: each has its own privileges.
    match (&config.source, &config.user) {
        // What root may read, nobody may not; without capabilities root is a user like others.
        (Source::File(_), None) => privileges::keep_only(Capabilities::empty())?,
        (_, user) => privileges::drop_all(user.as_deref())?,
    }
    Runtime::new()?.block_on(run(config, listener))
}

async fn run(config: Config, listener: TcpListener) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watching SIGTERM")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(Server::start(config, listener)?.run(stop).await?)
}
