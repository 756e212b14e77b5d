//! One incident: what it is, how it went, and why.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write as _},
};

use client::{Server, Snapshot};
use flow::{aggregate::Trend, print::escape, quantity, time::Zone};
use proto::google::Timestamp;

use super::{Told, acknowledge, list};
use crate::{
    error::Error,
    explain,
    text::{self, many},
};

/// Columns of a line.
const WIDTH: usize = 100;

/// Prints it. With a server, its newest denial is explained as of then and as of now.
pub(super) async fn show(
    told: &Told<'_>,
    server: Option<&Server>,
    snapshot: &Snapshot,
    numbers: &[u64],
    zone: &Zone,
) -> Result<(), Error> {
    let incident = told.incident;
    let row = &incident.row;
    let mut out = String::new();
    let name = zone.abbreviation(Timestamp::from_unix_nanos(row.last));
    let mut line = |title: &str, text: &str| {
        // Long lists go on below.
        let mut lines = text::wrap(&escape(text), WIDTH - 14, 0).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{title:14}{first}")?;
        lines.try_for_each(|more| writeln!(out, "{:14}{more}", ""))
    };
    let ends = format!(
        "{} -> {}{}",
        row.source.workload(),
        row.destination.workload(),
        row.port
    );
    let pods = many(incident.sources.len() as u64, "pod");
    let drops = match &row.request {
        Some(_) => format!("{} from {pods}", row.drops()),
        None => {
            let connections = many(row.connections, "connection");
            format!("{} of {connections} from {pods}", row.drops())
        }
    };
    let nearest = row
        .request
        .as_ref()
        .map_or_else(String::new, |request| request.reason.clone());
    let when = format!(
        "{} to {} {name} ({})",
        zone.clock_seconds(row.start),
        zone.clock_seconds(row.last),
        quantity::span(row.facts.age_ns)
    );
    let trend = incident.trend.within(&incident.trend);
    let list = |pods: &BTreeSet<String>| pods.iter().cloned().collect::<Vec<_>>().join(", ");
    let mut fields = vec![
        ("Incident", incident.id()),
        (row.judged.name(), ends),
        ("Why", row.why.clone()),
        ("Nearest rule", nearest),
        ("Status", list::status(told, zone)),
        ("Drops", drops),
        ("When", when),
        (
            "Trend",
            format!(
                "{}  {} a bar",
                Trend::sparkline(&trend).trim_end(),
                quantity::span(i64::try_from(incident.trend.step().as_nanos()).unwrap_or(0))
            ),
        ),
        ("From", list(&incident.sources)),
        ("To", list(&incident.destinations)),
    ];
    if let Some(change) = told.ended_by {
        let time = zone.clock_seconds(change.time.unwrap_or_default().unix_nanos());
        let text = format!("{} at {time}: {}", change.object, change.summary);
        fields.push(("Ended by", format!("{text} (likely; `flows why` proves)")));
    }
    if let Some(said) = told.acknowledged {
        fields.push(("Acknowledged", acknowledge::words(said, zone)));
    }
    for (title, text) in fields.iter().filter(|(_, text)| !text.is_empty()) {
        line(title, text).map_err(io::Error::other)?;
    }
    let number = numbers.get(incident.newest);
    let flow = number.and_then(|number| snapshot.message(*number));
    if let (Some(server), Some(flow)) = (server, flow) {
        match server.explain(flow.clone()).await {
            Ok(answer) => {
                let text = explain::document(&flow, Some(row.judged), &answer, zone, false);
                out += "\nThe newest of them:\n";
                out += &text.map_err(io::Error::other)?;
            }
            Err(error) => writeln!(out, "\n{error}").map_err(io::Error::other)?,
        }
    }
    Ok(io::stdout().write_all(out.as_bytes())?)
}
