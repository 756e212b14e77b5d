//! `flows policy wait`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given},
    line::line,
    status,
};

/// Wait until a revision, or that of the current manifests, is in the kernel
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Revisions are counted per node: name an agent's socket with --server to wait for one."
)]
pub(crate) struct Args {
    /// minimum revision to wait for [default: the revision of the current manifests]
    #[arg(long, value_name = "N", help_heading = "Policies")]
    revision: Option<Given<u64>>,
}

/// Waits, and shows the revision of each node.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let revision = flag::get(&args.revision)?.unwrap_or(0);
    let revision = u32::try_from(revision).map_err(|_too_large| {
        Error::Usage(format!("{revision} is not a revision: it is too large"))
    })?;
    let patience = server.request_timeout()?;
    let server = server.connect().await?;
    let answer = server.wait_revision(revision, BTreeMap::new(), patience);
    let answer = answer.await.map_err(|error| {
        let words = error.message();
        let says_how_far = words.contains("revision") || words.contains("nodes have it");
        if error.is_deadline() && says_how_far {
            let patience = seconds(patience);
            Error::Usage(format!(
                "not in force within {patience} (--request-timeout): {words}"
            ))
        } else {
            Error::Request(error)
        }
    })?;
    // What is waited for may be in force and much else not. Of a certain revision only that is asked.
    let degraded = match revision {
        0 => {
            let ours = status::ours(&server).await?;
            status::health::degraded(None, ours.as_ref())
        }
        _ => Vec::new(),
    };
    let mut out = io::stdout().lock();
    let node = &answer.node_name;
    for (n, line) in degraded.iter().enumerate() {
        let head = if n == 0 { "Degraded: " } else { "  " };
        line!(out, "{head}{line}")?;
    }
    if !node.is_empty() {
        line!(out, "{node} is at revision {}", answer.revision)?;
    } else if degraded.is_empty() {
        line!(out, "in force on all nodes")?;
    }
    for node in &answer.nodes {
        line!(out, "{} is at revision {}", node.node_name, node.revision)?;
    }
    match degraded.is_empty() {
        true => Ok(()),
        false => Err(Error::Answered(1)),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
