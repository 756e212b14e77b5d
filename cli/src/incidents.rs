//! `flows incidents`: what is denied, by cause.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::SystemTime,
};

use client::{FlowQuery, Snapshot, Source, connections};
use flow::{
    FlowView as _,
    flags::{FilterFlags, Lists},
    incidents::{Incident, Status, incidents},
    quantity,
    rows::{Judged, Names, Row},
    time::Zone,
};
use proto::google::Timestamp;
use serde_json::{Value, json};

use crate::{
    connect::ServerArgs,
    error::Error,
    filter_args::FilterArgs,
    flag::{self, Given, Switch, TextFormat, or_environment},
    history,
    observe::filter_plan::FilterPlan,
    table,
    text::grouped,
};

/// Flows that are looked through, if nothing is said.
const LAST: u64 = 100_000;

const EXAMPLES: &str = "Examples:
  flows incidents                          what is denied, and whether it goes on
  flows incidents -n payments --since 30m
  flows incidents --ongoing -o json        for a script
  flows incidents --input-file drops.json
A connection that left its source and was dropped at the destination counts as denied. `allowed since`
means that another one between the same ends was allowed afterwards; `quiet` that nobody has tried again.
One whose own packets were let through in the end is no incident.";

/// Show what is denied, grouped by cause: who wanted to reach whom, which rule says no, since when
#[derive(Clone, Debug, clap::Args)]
#[command(visible_aliases = ["incident", "denied"], after_help = EXAMPLES)]
pub(crate) struct Args {
    /// look through the newest N flows [default: 100000; with --since or --input-file all, at most 500000]
    #[arg(long, value_name = "N", help_heading = "Which part of the history")]
    last: Option<Given<u64>>,
    /// look through flows since this time (RFC 3339, 2006-01-02) or duration ago (5m, 1h30m)
    #[arg(long, value_name = "TIME", help_heading = "Which part of the history")]
    since: Option<String>,
    /// read flows from a file of JSON lines, not from a server
    #[arg(long, value_name = "FILE", help_heading = "Which part of the history")]
    input_file: Option<PathBuf>,
    /// leave out what has stopped
    #[arg(long, help_heading = "Output")]
    ongoing: Option<Given<Switch>>,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    /// show times in UTC, not in the local zone (TZ, else /etc/localtime)
    #[arg(long, help_heading = "Output")]
    utc: Option<Given<Switch>>,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Shows the incidents.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = match flag::is_on(&args.utc)? {
        true => Zone::UTC,
        false => Zone::local(),
    };
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
    let rows = connections::rows(&joined, &snapshot, now, &mut filter);
    let (rows, numbers): (Vec<Row>, Vec<u64>) = rows.into_iter().unzip();
    let mut found = incidents(&rows, now);
    if flag::is_on(&args.ongoing)? {
        found.retain(|incident| incident.status == Status::Ongoing);
    }
    let uuid = |incident: &Incident| {
        let mut uuid = String::new();
        if let Some(row) = numbers
            .get(incident.newest)
            .and_then(|at| snapshot.row(*at))
        {
            row.uuid(&mut |text| text.clone_into(&mut uuid));
        }
        uuid
    };
    let output = flag::get(&or_environment(&args.output, "output"))?;
    if output == Some(TextFormat::Json) {
        let list: Vec<Value> = found.iter().map(|one| to_json(one, &uuid(one))).collect();
        return Ok(proto::json::write_pretty(&mut io::stdout().lock(), &list)?);
    }
    show(&found, rows.len(), &zone)?;
    unknown(&rows, &snapshot, joined.forgotten())
}

/// What stands in the way of taking this for the whole truth.
fn unknown(rows: &[Row], snapshot: &Snapshot, forgotten: u64) -> Result<(), Error> {
    let silent = rows
        .iter()
        .filter(|row| row.judged == Judged::Unknown)
        .count();
    let counts = snapshot.counts();
    for (number, what) in [
        (
            silent as u64,
            "connections left their source, and their destination's node told nothing",
        ),
        (counts.unreadable, "lines are not flows"),
        (counts.lost, "events were lost"),
        (counts.evicted, "older flows were not held"),
        (forgotten, "older connections were not held"),
    ] {
        if number > 0 {
            writeln!(io::stderr(), "Note: {} {what}", grouped(number))?;
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

fn show(found: &[Incident], connections: usize, zone: &Zone) -> Result<(), Error> {
    if found.is_empty() {
        let connections = grouped(u64::try_from(connections).unwrap_or(u64::MAX));
        writeln!(
            io::stderr(),
            "no incidents: none of {connections} connections is denied"
        )?;
        return Ok(());
    }
    let newest = found.iter().map(|one| one.row.last).max().unwrap_or(0);
    let since = zone.heading("SINCE", Timestamp::from_unix_nanos(newest));
    let heading = [
        "ID",
        "STATUS",
        "DROPS",
        &since,
        "LAST",
        "PODS",
        "SOURCE",
        "DESTINATION",
        "WHY",
    ];
    let names = Names::new(found.iter().map(|one| &one.row));
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    for incident in found {
        let row = &incident.row;
        table.push(vec![
            incident.id(),
            status(incident.status, zone),
            grouped(row.facts.drops),
            zone.clock_seconds(row.start),
            zone.clock_seconds(row.last),
            incident.sources.len().to_string(),
            names.shortest(&row.source),
            format!("{}{}", names.shortest(&row.destination), row.port),
            row.why.clone(),
        ]);
    }
    table::write(&mut io::stdout().lock(), &table)?;
    Ok(())
}

fn status(status: Status, zone: &Zone) -> String {
    match status {
        Status::Ongoing => "ongoing".to_owned(),
        Status::Allowed(since) => format!("allowed since {}", zone.clock_seconds(since)),
        Status::Quiet => "quiet".to_owned(),
    }
}

fn to_json(incident: &Incident, uuid: &str) -> Value {
    let row = &incident.row;
    let time = |ns: i64| {
        let moment = Timestamp::from_unix_nanos(ns);
        flow::time::TimeFormat::Rfc3339Nano.text(Some(&moment), &Zone::UTC)
    };
    let end = |end: &flow::rows::RowEnd| {
        json!({
            "kind": end.who.kind.name(),
            "namespace": end.who.namespace,
            "name": match end.outside.is_empty() {
                true => &end.who.name,
                false => &end.outside,
            },
        })
    };
    let (status, allowed_since) = match incident.status {
        Status::Ongoing => ("ongoing", None),
        Status::Allowed(since) => ("allowed", Some(time(since))),
        Status::Quiet => ("quiet", None),
    };
    json!({
        "id": incident.id(),
        "status": status,
        "allowed_since": allowed_since,
        "verdict": row.judged.name(),
        "source": end(&row.source),
        "destination": end(&row.destination),
        "port": row.port.trim_start_matches([':', ' ']),
        "why": row.why,
        "drops": row.facts.drops,
        "connections": row.connections,
        "first": time(row.start),
        "last": time(row.last),
        "lasted": quantity::span(row.facts.age_ns),
        "source_pods": incident.sources,
        "destination_pods": incident.destinations,
        "newest_flow": uuid,
    })
}
