//! `flows incidents`: what is denied, by cause.

pub(crate) mod acknowledge;
mod list;
mod one;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use client::{FlowQuery, Server, Snapshot, Source, connections};
use flow::{
    FlowView as _,
    flags::{FilterFlags, Lists},
    incidents::{Incident, Status, incidents},
    rows::{Judged, Row},
    time::Zone,
};
use proto::{
    flows::v1::{Acknowledgement, Change, GetChangesRequest},
    google::Timestamp,
};
use serde_json::Value;

use crate::{
    connect::ServerArgs,
    error::Error,
    filter_args::FilterArgs,
    flag::{self, Given, Switch, TextFormat, or_environment},
    history,
    observe::{filter_plan::FilterPlan, known},
    text::grouped,
    time_args::TimeArgs,
};

/// Flows that are looked through, if nothing is said.
const LAST: u64 = 100_000;

const EXAMPLES: &str = "Examples:
  flows incidents                          what is denied, and whether it goes on
  flows incidents -n payments --since 30m
  flows incidents 5809821d                 one of them: why, what would allow it, what ended it
  flows incidents acknowledge 5809821d --until 8h --reason \"moves on Monday\"
  flows incidents --ongoing -o json        for a script
  flows incidents --input-file drops.json
A connection that left its source and was dropped at the destination counts as denied. A request of
layer 7 that no rule allows is denied by itself, whatever its connection: its DROPS are requests.
`allowed since` means that another one between the same ends was allowed afterwards; `quiet` that
nobody has tried again. One whose own packets were let through in the end is no incident. What
ended one is the change of the cluster's state that has most to do with it: `flows why` proves it.";

/// Show what is denied, grouped by cause: who wanted to reach whom, which rule says no, since when
#[derive(Clone, Debug, clap::Args)]
#[command(
    visible_aliases = ["incident", "denied"],
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    override_usage = "flows incidents [ID] [flags]\n       flows incidents acknowledge|withdraw ID [flags]"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// one incident: why, what would allow it, what ended it
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// look through the newest N flows [default: 100000; with --since or --input-file all, at most 500000]
    #[arg(long, value_name = "N", help_heading = "Which part of the history")]
    last: Option<Given<u64>>,
    /// look through flows since this time (RFC 3339, 2006-01-02) or duration ago (5m, 1h30m)
    #[arg(long, value_name = "TIME", help_heading = "Which part of the history")]
    since: Option<String>,
    /// read flows from a file of JSON lines, not from a server
    #[arg(long, value_name = "FILE", help_heading = "Which part of the history")]
    input_file: Option<PathBuf>,
    /// leave out what has stopped, and what is acknowledged
    #[arg(long, help_heading = "Output")]
    ongoing: Option<Given<Switch>>,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    filters: FilterArgs,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Action {
    Acknowledge(acknowledge::Args),
    Withdraw(acknowledge::WithdrawArgs),
}

/// An incident with all that is known of it beside the flows.
struct Told<'a> {
    incident: &'a Incident,
    /// Unique id of the flow that explains it.
    uuid: String,
    /// The change that has most to do with its end.
    ended_by: Option<&'a Change>,
    /// Who knows of it.
    acknowledged: Option<&'a Acknowledgement>,
}

/// What the servers know beside the flows.
#[derive(Default)]
struct Beside {
    changes: Vec<Change>,
    acknowledged: BTreeMap<String, Acknowledgement>,
    notes: Vec<String>,
}

/// Shows the incidents.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    match &args.action {
        Some(Action::Acknowledge(args)) => return acknowledge::run(args, server).await,
        Some(Action::Withdraw(args)) => return acknowledge::withdraw(args, server).await,
        None => {}
    }
    let zone = args.times.zone()?;
    let plan = plan(args)?;
    let source = match &args.input_file {
        Some(path) => Source::File(path.clone()),
        None => Source::Server(server.target()?),
    };
    let is_file = matches!(source, Source::File(_));
    let query = query(args, plan.lists.clone(), &zone)?;
    let snapshot = history::read(source, query).await?;
    let counts = snapshot.counts();
    if counts.flows == 0 && counts.unreadable > 0 {
        return Err(Error::Hinted(
            "no line of the file is a flow (JSON lines expected)".to_owned(),
            "`flows observe -o json > flows.jsonl` writes such a file".to_owned(),
        ));
    }
    let joined = connections::join(&snapshot);
    let now = match is_file {
        true => joined.newest().unwrap_or(0),
        false => Timestamp::from(SystemTime::now()).unix_nanos(),
    };
    let mut filter = plan.filter.program();
    let mut rows = connections::rows(&joined, &snapshot, now, &mut filter);
    let looked_at = rows.len();
    let denied = connections::denied_requests(&snapshot, &mut filter);
    let allowed: Vec<&Row> = denied.iter().map(|(row, _)| row).collect();
    let allowed = connections::allowed_requests(&snapshot, &allowed);
    rows.extend(denied.into_iter().chain(allowed));
    let (rows, numbers): (Vec<Row>, Vec<u64>) = rows.into_iter().unzip();
    let mut found = incidents(&rows, now);
    let connected = match is_file {
        true => None,
        false => Some(server.connect().await?),
    };
    let beside = match &connected {
        Some(connected) => beside(connected, &found).await?,
        None => Beside::default(),
    };
    client::incidents::follow(&mut found, &beside.changes, now);
    for note in &beside.notes {
        writeln!(io::stderr(), "Note: {}", flow::print::escape(note))?;
    }
    let tell = |incident| Told {
        incident,
        uuid: uuid(incident, &numbers, &snapshot),
        ended_by: client::incidents::ended_by(incident, &beside.changes, now),
        acknowledged: beside
            .acknowledged
            .get(&incident.id())
            .filter(|said| acknowledge::holds(said, now)),
    };
    let mut told: Vec<Told<'_>> = found.iter().map(tell).collect();
    let output = flag::get(&or_environment(&args.output, "output"))?;
    let is_json = output == Some(TextFormat::Json);
    if let Some(id) = &args.id {
        let Some(told) = told.iter().find(|one| one.incident.id() == *id) else {
            return Err(Error::Hinted(
                format!("no incident {id:?} among the flows that were looked through"),
                "flows incidents lists them; --since 2h looks further back".to_owned(),
            ));
        };
        if is_json {
            return Ok(proto::json::write_pretty(
                &mut io::stdout().lock(),
                &list::to_json(told),
            )?);
        }
        return one::show(told, connected.as_ref(), &snapshot, &numbers, &zone).await;
    }
    if flag::is_on(&args.ongoing)? {
        told.retain(|one| one.incident.status == Status::Ongoing && one.acknowledged.is_none());
    }
    // What somebody knows of comes last.
    told.sort_by_key(|one| one.acknowledged.is_some());
    if is_json {
        let list: Vec<Value> = told.iter().map(list::to_json).collect();
        return Ok(proto::json::write_pretty(&mut io::stdout().lock(), &list)?);
    }
    list::show(&told, found.len(), looked_at, &zone)?;
    if let Some(since) = args.since.as_deref().filter(|_| !told.is_empty()) {
        writeln!(
            io::stderr(),
            "Counted since {}: what was denied before may have begun earlier.",
            flow::print::escape(since)
        )?;
    }
    if let Some(connected) = &connected {
        let oldest = snapshot.range().next().and_then(|at| snapshot.row(at));
        let oldest = oldest.map_or(now, |row| row.time());
        for note in known::missing(connected, oldest, &zone).await {
            writeln!(io::stderr(), "{}", flow::print::escape(&note))?;
        }
    }
    unknown(&rows, &snapshot, joined.forgotten())
}

/// The id of the flow that explains an incident.
fn uuid(incident: &Incident, numbers: &[u64], snapshot: &Snapshot) -> String {
    let mut uuid = String::new();
    let number = numbers.get(incident.newest);
    if let Some(row) = number.and_then(|at| snapshot.row(*at)) {
        row.uuid(&mut |text| text.clone_into(&mut uuid));
    }
    uuid
}

/// What the servers say of these incidents. A stock Hubble, or a server of before, says nothing.
async fn beside(server: &Server, found: &[Incident]) -> Result<Beside, Error> {
    let mut beside = Beside::default();
    if found.is_empty() {
        return Ok(beside);
    }
    match server.get_acknowledgements().await {
        Ok(answer) => {
            let said = answer.acknowledgements.into_iter();
            beside.acknowledged = said.map(|one| (one.incident.clone(), one)).collect();
        }
        Err(error) if error.is_unsupported() => {}
        Err(error) => beside.notes.push(error.to_string()),
    }
    let lasts = found.iter().map(|incident| incident.row.last);
    let Some(since) = lasts.min() else {
        return Ok(beside);
    };
    let slack = i64::try_from(Duration::from_secs(5).as_nanos()).unwrap_or(0);
    let request = GetChangesRequest {
        since: Some(Timestamp::from_unix_nanos(since.saturating_sub(slack))),
        without_objects: true,
        ..GetChangesRequest::default()
    };
    match server.get_changes(request).await {
        Ok(answer) => beside.changes = answer.changes,
        Err(error) if error.is_unsupported() => {}
        Err(error) => beside.notes.push(error.to_string()),
    }
    Ok(beside)
}

/// What stands in the way of taking this for the whole truth.
fn unknown(rows: &[Row], snapshot: &Snapshot, forgotten: u64) -> Result<(), Error> {
    let silent = rows
        .iter()
        .filter(|row| row.judged == Judged::Unknown)
        .count();
    let counts = snapshot.counts();
    for (number, one, several) in [
        (
            silent as u64,
            "connection left its source, and its destination's node told nothing",
            "connections left their source, and their destination's node told nothing",
        ),
        (
            counts.unreadable,
            "line is not a flow",
            "lines are not flows",
        ),
        (counts.lost, "event was lost", "events were lost"),
        (
            counts.evicted,
            "older flow was not held",
            "older flows were not held",
        ),
        (
            forgotten,
            "older connection was not held",
            "older connections were not held",
        ),
    ] {
        match number {
            0 => {}
            1 => writeln!(io::stderr(), "Note: 1 {one}")?,
            _ => writeln!(io::stderr(), "Note: {} {several}", grouped(number))?,
        }
    }
    Ok(())
}

fn plan(args: &Args) -> Result<FilterPlan, Error> {
    let mut flags = FilterFlags::default();
    for (name, value) in &args.filters.flags {
        flags.set(name, value)?;
    }
    let plan = FilterPlan::new(&args.filters.expressions, flags.finish()?, true, true)?;
    plan.for_connections()?.ok_or_else(|| {
        Error::Hinted(
            "incidents are of connections, and this filter is of single packets".to_owned(),
            "flows observe --events takes it".to_owned(),
        )
    })
}

fn query(args: &Args, lists: Lists, zone: &Zone) -> Result<FlowQuery, Error> {
    let now = Timestamp::from(SystemTime::now());
    let since = args.since.as_deref().filter(|text| !text.is_empty());
    let since = since
        .map(|text| flow::time::parse(text, now, zone))
        .transpose();
    let since = since.map_err(|error| {
        Error::Hinted(
            format!("failed to parse the since time: {error}"),
            "--since 5m (before now), --since 2026-01-31T12:00:00Z".to_owned(),
        )
    })?;
    let last = flag::get(&args.last)?;
    Ok(FlowQuery {
        whitelist: lists.whitelist,
        blacklist: lists.blacklist,
        last: match (last, since, &args.input_file) {
            (Some(last), ..) => last,
            (None, None, None) => LAST,
            (None, ..) => 0,
        },
        since,
        until: None,
        follow: false,
    })
}
