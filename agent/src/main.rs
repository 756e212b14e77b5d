//! flows-agent.

use std::process::ExitCode;

use clap::Parser as _;
use flows_agent::{
    config::Config,
    run::{self, RunError},
};

fn main() -> ExitCode {
    let config = Config::parse();
    serve::process::log();
    match start(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(config: &Config) -> Result<(), RunError> {
    // Sockets, state and logs are for root and its group.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
    // Before there is a second thread: the namespace is each thread's own.
    if let Some(path) = &config.netns {
        run::enter_network_namespace(path)?;
    }
    // The same holds of capabilities.
    run::keep_needed_capabilities()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run::run(config))
}
