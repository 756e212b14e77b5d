//! flows-proxy: parse, set up tracing, bind, give up privileges, run.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use nix::sys::stat::{Mode, umask};
use proxy::config::Config;
use proxy::http::HttpConnections;
use proxy::run::{self, Proxy, RunError};
use proxy::supervise::Supervisor;
use proxy::world::NodeMaps;

fn main() -> ExitCode {
    let config = Config::parse();
    serve::process::log();
    match start(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(config: Config) -> Result<(), RunError> {
    // Sockets and state are for root and its group.
    umask(Mode::from_bits_truncate(0o027));
    // Before there is a second thread: each has its own namespace and capabilities.
    run::enter_namespace(&config)?;
    let listeners = run::listen(&config)?;
    if config.supervise {
        run::keep_needed_capabilities()?;
        let runtime = tokio::runtime::Builder::new_current_thread();
        let supervised = Supervisor::new(listeners)?.run();
        return Ok({ runtime }.enable_all().build()?.block_on(supervised)?);
    }
    let world = Arc::new(NodeMaps::new(config.bpffs()));
    let proxy = Proxy::bind(run::fit_open_files(config)?, listeners)?;
    run::keep_needed_capabilities()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(proxy.run(world, Some(Arc::new(HttpConnections::default()))))
}
