//! The cluster's state as it was at a moment of the past: the present one, with all changes since then
//! taken back.

use std::time::SystemTime;

use cluster::ObjectChange;
use flow::time::Zone;
use proto::{
    flows::v1::{Change, GetChangesRequest, GetChangesResponse},
    google::Timestamp,
};

use super::{list::notes, manifests::Manifests};
use crate::error::Error;

/// Whether a verdict can depend on what changed. A first state is nothing that changed.
fn decides(change: &Change) -> bool {
    !change.object.is_empty() && !matches!(&*change.kind, "Service" | "EndpointSlice")
}

/// Reads `--at`.
pub(super) fn moment(text: &str, zone: &Zone) -> Result<Timestamp, Error> {
    let now = Timestamp::from(SystemTime::now());
    let moment = flow::time::parse(text, now, zone).map_err(|error| {
        Error::Hinted(
            format!("failed to parse the time of --at: {error}"),
            "--at 10m (ago), --at 2026-01-31T03:10:00Z".to_owned(),
        )
    })?;
    match moment > now {
        true => Err(Error::Usage(format!("{text:?} is in the future"))),
        false => Ok(moment),
    }
}

/// All changes that the servers recorded.
pub(super) async fn changes(server: &client::Server) -> Result<GetChangesResponse, Error> {
    let request = GetChangesRequest::default();
    server.get_changes(request).await.map_err(Error::Request)
}

/// The manifests as they were; the changes until then stay in the answer.
///
/// # Errors
/// The record doesn't reach back so far, or has what can't be taken back.
pub(super) fn as_of(
    manifests: Manifests,
    recorded: &mut GetChangesResponse,
    at: Timestamp,
    zone: &Zone,
) -> Result<Manifests, Error> {
    let clock = |time: Timestamp| zone.moment_text(time.unix_nanos());
    let hint = "flows changes shows what is recorded, and since when".to_owned();
    let reaches = match recorded.left_out {
        0 => recorded.complete_since,
        // What an answer has no room for is missing before the last word of its oldest one: where nodes
        // were merged, others may be missing between that and its first.
        _ => {
            let oldest = recorded.changes.first();
            let oldest = oldest.and_then(|change| change.last_time.or(change.time));
            recorded.complete_since.max(oldest)
        }
    };
    match reaches {
        Some(since) if since <= at => {}
        Some(since) => {
            let why = format!(
                "changes are known only since {}: how it was at {} can't be said",
                clock(since),
                clock(at)
            );
            return Err(Error::Hinted(why, hint));
        }
        None => return Err(Error::Hinted("no changes are recorded".to_owned(), hint)),
    }
    let is_later = |change: &Change| change.time.unwrap_or_default() > at;
    let later: Vec<Change> = recorded
        .changes
        .extract_if(.., |change| is_later(change))
        .collect();
    let found = later.iter().flat_map(|change| &change.nodes);
    if found
        .clone()
        .any(|on| on.found_at_start && on.found_after.is_none_or(|after| after <= at))
    {
        notes(&[
            "some changes were made while no agent ran, before or after that time: they are taken \
                 for later ones"
                .to_owned(),
        ]);
    }
    let mut undone: Vec<ObjectChange> = Vec::new();
    for change in later.iter().rev() {
        match explain::proto::read_change(change) {
            Some(read) => undone.push(read),
            None if decides(change) => {
                let what = &change.object;
                let why = format!("the change of {what} since then can't be taken back");
                return Err(Error::Hinted(why, hint));
            }
            None => {}
        }
    }
    let mut state = (*manifests.inputs.state).clone();
    state.undo(&undone);
    let mut then = Manifests::of_state(state.into(), manifests.inputs.config);
    then.server = manifests.server;
    Ok(then)
}
