//! Rules put in force: read, compiled, kept on disk, and only then true.

use std::sync::Arc;
use std::time::Duration;

use l7::rules::{MAX_BYTES, Rules, Snapshot};
use proto::flows::v1::SetRulesRequest;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use super::rule_file::RuleFile;
use crate::rules::RuleStore;

/// Until the next message must have come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts the snapshot of a call in force, and returns its revision.
pub(super) async fn set(
    rules: &Arc<RuleStore>,
    file: &Arc<RuleFile>,
    messages: Streaming<SetRulesRequest>,
) -> Result<u64, Status> {
    let (bytes, revision) = collect(messages).await?;
    let (rules, file) = (Arc::clone(rules), Arc::clone(file));
    // Expressions take a while to compile.
    let set = tokio::task::spawn_blocking(move || replace(&rules, &file, &bytes, revision));
    set.await
        .map_err(|error| Status::internal(format!("setting the rules: {error}")))?
}

async fn collect(mut messages: Streaming<SetRulesRequest>) -> Result<(Vec<u8>, u64), Status> {
    let (mut bytes, mut revision) = (Vec::new(), 0);
    loop {
        let next = timeout(PATIENCE, messages.message()).await;
        let next = next.map_err(|_elapsed| {
            let seconds = PATIENCE.as_secs();
            Status::deadline_exceeded(format!("no further part of the rules within {seconds} s"))
        })?;
        let Some(SetRulesRequest {
            snapshot,
            revision: more,
        }) = next?
        else {
            return Ok((bytes, revision));
        };
        if bytes.len() + snapshot.len() > MAX_BYTES {
            return Err(Status::resource_exhausted(format!(
                "the rules have more than {MAX_BYTES} bytes"
            )));
        }
        if more != 0 && revision != 0 && more != revision {
            return Err(Status::invalid_argument(format!(
                "revision {more} in a later message, {revision} in an earlier one"
            )));
        }
        bytes.extend_from_slice(snapshot.as_bytes());
        revision = revision.max(more);
    }
}

fn replace(store: &RuleStore, file: &RuleFile, bytes: &[u8], revision: u64) -> Result<u64, Status> {
    let snapshot = Snapshot::from_json(bytes);
    let snapshot = snapshot.map_err(|error| Status::invalid_argument(with_source(&error)))?;
    if snapshot.revision != revision {
        return Err(Status::invalid_argument(format!(
            "the snapshot has revision {}, the messages say {revision}",
            snapshot.revision
        )));
    }
    let rules = Rules::compile(&snapshot, Some(&store.load()));
    let rules = rules.map_err(|error| Status::invalid_argument(error.to_string()))?;
    file.write(bytes).map_err(|error| {
        tracing::error!(%error, revision, "rules are not in force: they can't be kept on disk");
        Status::internal(format!("{error}; the rules before it stay in force"))
    })?;
    store.replace(rules);
    tracing::info!(
        revision,
        bindings = snapshot.bindings.len(),
        "rules are in force"
    );
    Ok(revision)
}

/// An error with what caused it.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
