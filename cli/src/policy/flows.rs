//! Recorded flows, of a server's history or of a file, grouped by who connected with whom.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use client::{FlowOptions, Server};
use explain::{flow_groups::FlowGroups, proto::group_flow};
use proto::{
    google::{FieldMask, Timestamp},
    observer::{GetFlowsRequest, get_flows_response::ResponseTypes},
};

use super::list::notes;
use crate::{
    error::Error,
    flag::{self, Given, Switch},
    observe::file::{self, FileItem},
    text::{many, span},
};

/// How far back a server's history is looked at.
const SINCE: Duration = Duration::from_secs(3600);

/// Fields of a flow that tell who connected with whom.
const FIELDS: [&str; 11] = [
    "verdict",
    "drop_reason_desc",
    "IP",
    "l4",
    "source",
    "destination",
    "is_reply",
    "reply",
    "time",
    "traffic_direction",
    "l7",
];

/// Which flows are looked at.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Recorded flows")]
pub(super) struct FlowArgs {
    /// flows of the server's history that are looked at: 15m, 24h [default: 1h]
    #[arg(long, value_name = "DURATION")]
    since: Option<Given<Duration>>,
    /// flows of this file instead, as `flows observe -o json` writes them; - for standard input
    #[arg(long, value_name = "FILE")]
    flows: Option<PathBuf>,
    /// look at no flows
    #[arg(long)]
    no_flows: Option<Given<Switch>>,
}

/// Flows, and where they come from.
pub(super) struct Recorded {
    pub(super) groups: FlowGroups,
    /// `of the last 60 min`, `of flows.jsonl`.
    pub(super) origin: String,
}

impl FlowArgs {
    /// Reads the flows that are wanted; `None`: none are. `server` is where there may be a history.
    pub(super) async fn read(&self, server: Option<&Server>) -> Result<Option<Recorded>, Error> {
        let since = flag::get(&self.since)?;
        if flag::is_on(&self.no_flows)? {
            return match (since, &self.flows) {
                (None, None) => Ok(None),
                _ => Err(Error::Usage(
                    "--no-flows goes with neither --since nor --flows".to_owned(),
                )),
            };
        }
        match (&self.flows, server) {
            (Some(_), _) if since.is_some() => Err(Error::Usage(
                "--since is about a server's history: --flows takes all of its file".to_owned(),
            )),
            (Some(path), _) => of_file(path).map(Some),
            (None, Some(server)) => of_server(server, since.unwrap_or(SINCE)).await.map(Some),
            (None, None) if since.is_some() => Err(Error::Usage(
                "--since is about a running cluster: with directories use --flows FILE".to_owned(),
            )),
            (None, None) => Ok(None),
        }
    }
}

fn of_file(path: &Path) -> Result<Recorded, Error> {
    let mut groups = FlowGroups::default();
    let (mut unreadable, mut first) = (0_u64, None);
    file::read(path, |item| {
        let line = match item {
            FileItem::Read(Ok(read)) => {
                if let Some(ResponseTypes::Flow(flow)) = &read.response.response_types {
                    group_flow(&mut groups, flow);
                }
                return Ok(true);
            }
            // Between documents people leave blank lines.
            FileItem::Read(Err(bad)) if bad.text.trim().is_empty() => return Ok(true),
            FileItem::Read(Err(bad)) => bad.line,
            FileItem::TooLong(line) => line,
        };
        unreadable += 1;
        first.get_or_insert(line);
        Ok(true)
    })?;
    let name = path.display();
    match first {
        Some(line) if groups.flows() == 0 => {
            return Err(Error::Hinted(
                format!("{name}: line {line} is not a flow (JSON lines expected)"),
                "`flows observe -o json > flows.jsonl` writes such a file".to_owned(),
            ));
        }
        Some(line) => notes(&[format!(
            "{name}: {} not read, the first at line {line}",
            many(unreadable, "line")
        )]),
        None => {}
    }
    Ok(Recorded {
        groups,
        origin: format!("of {name}"),
    })
}

async fn of_server(server: &Server, since: Duration) -> Result<Recorded, Error> {
    let now = std::time::SystemTime::now();
    let from = now.checked_sub(since).unwrap_or(std::time::UNIX_EPOCH);
    let request = GetFlowsRequest {
        since: Some(Timestamp::from(from)),
        until: Some(Timestamp::from(now)),
        field_mask: Some(FieldMask {
            paths: FIELDS.map(str::to_owned).to_vec(),
        }),
        ..GetFlowsRequest::default()
    };
    let mut stream = server.get_flows(request, FlowOptions::default()).await?;
    let mut groups = FlowGroups::default();
    let mut lost = 0_u64;
    let mut oldest = None;
    while let Some(response) = stream.message().await? {
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => {
                oldest = [oldest, flow.time].into_iter().flatten().min();
                group_flow(&mut groups, flow);
            }
            Some(ResponseTypes::LostEvents(event)) => {
                lost = lost.saturating_add(event.num_events_lost);
            }
            Some(ResponseTypes::NodeStatus(_)) | None => {}
        }
    }
    if lost > 0 {
        let were = if lost == 1 { "was" } else { "were" };
        let events = many(lost, "event");
        notes(&[format!("{events} {were} lost: there were more flows")]);
    }
    let asked = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    let now = Timestamp::from(now).unix_nanos();
    let held = oldest.map_or(0, |oldest| now.saturating_sub(oldest.unix_nanos()));
    // What is older than the oldest flow may have been used, and nobody knows.
    let origin = match asked.saturating_sub(held) > asked / 10 {
        true => format!("of the last {} (older flows are not held)", span(held)),
        false => format!("of the last {}", span(asked)),
    };
    Ok(Recorded { groups, origin })
}
