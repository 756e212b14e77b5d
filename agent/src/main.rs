//! flows-agent.

use anyhow::Context as _;
use clap::Parser as _;
use flows_agent::{config::Config, run};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Before there is a second thread: the namespace is each thread's own.
    if let Some(path) = &config.netns {
        run::enter_network_namespace(path)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(run::run(&config))?;
    Ok(())
}
