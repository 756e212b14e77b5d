//! Waiting until every node's kernel has the policies that were applied, or no longer has those that
//! were deleted.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use client::{Server, Target};
use cluster::manifest::{self, Document as Read};
use cluster::{Object, yaml};

use crate::error::{Context, Error, Result};
use crate::manifest::Document;
use crate::state::{Paths, Record};

/// How long an agent's words may take beyond the time in which a change has to be in force.
const WORDS_TAKE: Duration = Duration::from_secs(2);

/// Waits until all agents enforce the policies among the documents; with `gone`, until none does.
///
/// # Errors
/// [`Error::NotInForce`] names the node and what it said: a policy is refused, the agent doesn't answer,
/// or it took too long.
pub fn settle(
    paths: &Paths,
    record: &Record,
    documents: &[Document],
    gone: bool,
    patience: Duration,
) -> Result<()> {
    let versions = versions(documents, gone);
    if versions.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start a runtime for", &paths.manifests())?;
    for node in &record.plan.nodes {
        let socket = paths.node(&node.name).join("hubble.sock");
        let asked = runtime.block_on(async {
            // The agent says in words how far it is; one that says nothing is given up.
            tokio::time::timeout(patience + WORDS_TAKE, ask(&socket, &versions, patience))
                .await
                .unwrap_or_else(|_| Err(format!("not within {} s", patience.as_secs())))
        });
        asked.map_err(|why| Error::NotInForce {
            node: node.name.clone(),
            why,
        })?;
    }
    Ok(())
}

/// Versions of policies by name as agents know them; an empty version: there shall be none.
fn versions(documents: &[Document], gone: bool) -> BTreeMap<String, String> {
    let read = documents.iter().flat_map(|document| {
        let trees = yaml::parse(&document.at_original_lines()).unwrap_or_default();
        trees
            .into_iter()
            .flat_map(|tree| manifest::read(&"manifest".into(), tree))
            .collect::<Vec<_>>()
    });
    read.filter_map(|document| match document {
        Read::Object(name, Object::Policy(policy), _) => {
            let version = match gone {
                true => String::new(),
                false => policy.version.to_string(),
            };
            Some((name.to_string(), version))
        }
        Read::Object(..) | Read::Bad(..) | Read::Ignored(..) => None,
    })
    .collect()
}

async fn ask(
    socket: &Path,
    versions: &BTreeMap<String, String>,
    patience: Duration,
) -> std::result::Result<(), String> {
    let connected = Server::connect(&Target::unix(socket), Server::CONNECT_TIMEOUT).await;
    let server = connected.map_err(|_nobody_there| {
        format!(
            "its agent does not answer (nobody is at {})",
            socket.display()
        )
    })?;
    let answer = server.wait_revision(0, versions.clone(), patience).await;
    answer.map(drop).map_err(|error| error.message())
}
