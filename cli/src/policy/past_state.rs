//! The cluster's state as it was at a moment of the past: the present one, with all changes since then
//! taken back.

use std::time::SystemTime;

use cluster::ObjectChange;
use flow::time::Zone;
use proto::{
    flows::v1::{Change, GetChangesRequest, GetChangesResponse},
    google::Timestamp,
};

use super::manifests::Manifests;
use crate::error::Error;

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
    let clock = |time: Timestamp| {
        let name = zone.abbreviation(time);
        format!("{} {name}", zone.clock(time.unix_nanos()))
    };
    let hint = "flows changes shows what is recorded, and since when".to_owned();
    let reaches = match recorded.left_out {
        0 => recorded.complete_since,
        // What an answer has no room for is missing before its oldest one.
        _ => recorded
            .complete_since
            .max(recorded.changes.first().and_then(|change| change.time)),
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
    let read = |change: &Change| explain::proto::read_change(change);
    let later: Vec<ObjectChange> = later.iter().rev().filter_map(read).collect();
    let mut state = (*manifests.state).clone();
    state.undo(&later);
    let mut then = Manifests::of_state(state.into(), manifests.config);
    then.server = manifests.server;
    Ok(then)
}
