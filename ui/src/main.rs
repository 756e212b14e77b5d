//! flows-ui: parse, set up tracing, listen, give up root, run.

use clap::Parser as _;
use client::Source;
use flows_ui::{Args, Config, Server, Sockets};
use serve::{privileges, process};
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    let config = Config::try_from(Args::parse().with_environment())?;
    process::log();
    let sockets = Server::listen(&config)?;
    // Before there is a second thread: each has its own privileges.
    match (&config.source, &config.user) {
        // What root may read, nobody may not; without capabilities root is a user like others.
        (Source::File(_), None) => privileges::keep_only(&[])?,
        (_, user) => privileges::drop_all(user.as_deref())?,
    }
    Runtime::new()?.block_on(run(config, sockets))
}

async fn run(config: Config, sockets: Sockets) -> anyhow::Result<()> {
    let stop = process::stop()?;
    Ok(Server::start(config, sockets)?.run(stop).await?)
}
