//! flows-relay: parse, set up tracing, bind, give up root, run.

use clap::Parser as _;
use flows_relay::{Args, Config, Server};
use serve::{privileges, process};
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    let config = Config::try_from(Args::parse())?;
    process::log();
    let user = config.user.clone();
    let server = Server::bind(config)?;
    // Before there is a second thread: each has its own privileges.
    privileges::drop_all(user.as_deref())?;
    Runtime::new()?.block_on(run(server))
}

async fn run(server: Server) -> anyhow::Result<()> {
    Ok(server.run(process::stop()?).await?)
}
