//! The incidents as a table or as JSON.

use std::io::{self, IsTerminal as _, Write as _};

use flow::{
    aggregate::Trend,
    incidents::{Incident, Status},
    quantity,
    rows::{Names, RowEnd},
    time::{TimeFormat, Zone},
    view::Direction,
};
use proto::google::Timestamp;
use serde_json::{Value, json};

use super::Told;
use crate::{
    error::Error,
    table,
    text::{self, grouped},
};

/// The columns, and which of them go first where there is no room for all.
const COLUMNS: [&str; 10] = [
    "ID",
    "STATUS",
    "DROPS",
    "TREND",
    "SINCE",
    "LAST",
    "PODS",
    "SOURCE",
    "DESTINATION",
    "WHY",
];
const GO_FIRST: [&str; 4] = ["PODS", "TREND", "LAST", "SINCE"];
const STATUS: usize = 1;
/// Between two columns, where there is little room.
const GAP: usize = 2;
/// Of a long reason the beginning is worth so many columns.
const WHY: usize = 24;

/// Prints the table; `all`: incidents, with those left out; `connections`: that were looked at.
pub(super) fn show(
    told: &[Told<'_>],
    all: usize,
    connections: usize,
    zone: &Zone,
) -> Result<(), Error> {
    if told.is_empty() {
        let connections = grouped(u64::try_from(connections).unwrap_or(u64::MAX));
        let why = match all {
            0 => format!(
                "no incidents: none of {connections} connections, nor a request of them, is denied"
            ),
            all => format!("no incidents that go on: all {all} have stopped or are acknowledged"),
        };
        writeln!(io::stderr(), "{why}")?;
        return Ok(());
    }
    let newest = told.iter().map(|one| one.incident.row.last).max();
    let since = zone.heading("SINCE", Timestamp::from_unix_nanos(newest.unwrap_or(0)));
    let names = Names::new(told.iter().map(|one| &one.incident.row));
    let mut frame = Trend::default();
    for one in told {
        frame.add(&one.incident.trend);
    }
    let trends: Vec<String> = told
        .iter()
        .map(|one| Trend::sparkline(&one.incident.trend.within(&frame)))
        .collect();
    // The buckets of the time to come.
    let used = trends
        .iter()
        .map(|trend| trend.trim_end().chars().count())
        .max();
    let heading = |column: &&str| match *column {
        "SINCE" => since.clone(),
        other => other.to_owned(),
    };
    let mut rows = vec![COLUMNS.iter().map(heading).collect::<Vec<String>>()];
    for (one, trend) in told.iter().zip(&trends) {
        let row = &one.incident.row;
        rows.push(vec![
            one.incident.id(),
            status(one, zone),
            grouped(row.facts.drops),
            trend.chars().take(used.unwrap_or(0)).collect(),
            zone.clock_seconds(row.start),
            zone.clock_seconds(row.last),
            one.incident.sources.len().to_string(),
            names.shortest(&row.source),
            format!("{}{}", names.shortest(&row.destination), row.port),
            row.why.clone(),
        ]);
    }
    if io::stdout().is_terminal()
        && let Ok(size) = crossterm::terminal::window_size()
    {
        let briefs: Vec<String> = told.iter().map(|one| brief(one, zone)).collect();
        fit(&mut rows, &briefs, usize::from(size.columns).max(40));
    }
    table::write_fitted(&mut io::stdout().lock(), &rows)?;
    Ok(())
}

/// Says each status in brief, and leaves columns out until the others fit, or would if they were shortened.
fn fit(rows: &mut [Vec<String>], briefs: &[String], columns: usize) {
    let mut kept: Vec<&str> = COLUMNS.to_vec();
    let width = |rows: &[Vec<String>], at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| text::width(cell)).max().unwrap_or(0)
    };
    let before_last = |rows: &[Vec<String>], kept: &[&str]| -> usize {
        (0..kept.len() - 1).map(|at| width(rows, at) + GAP).sum()
    };
    let has_room = |rows: &[Vec<String>], kept: &[&str]| {
        before_last(rows, kept) + width(rows, kept.len() - 1).min(WHY) <= columns
    };
    if has_room(rows, &kept) {
        return;
    }
    for (row, brief) in rows.iter_mut().skip(1).zip(briefs) {
        row[STATUS].clone_from(brief);
    }
    for column in GO_FIRST {
        if has_room(rows, &kept) {
            break;
        }
        if let Some(at) = kept.iter().position(|name| *name == column) {
            kept.remove(at);
            rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
}

/// Whether it goes on, and if not what ended it, as far as that is known.
pub(super) fn status(told: &Told<'_>, zone: &Zone) -> String {
    let mut text = went_on(told, zone);
    if let Some(change) = told.ended_by {
        text += &format!(" ({})", change_in_short(change));
    }
    if told.acknowledged.is_some() {
        text += ", acknowledged";
    }
    text
}

/// The same without what ended it.
fn brief(told: &Told<'_>, zone: &Zone) -> String {
    match told.acknowledged {
        Some(_) => "acknowledged".to_owned(),
        None => went_on(told, zone),
    }
}

fn went_on(told: &Told<'_>, zone: &Zone) -> String {
    match told.incident.status {
        Status::Ongoing => "ongoing".to_owned(),
        Status::Allowed(since) => format!("allowed since {}", zone.clock_seconds(since)),
        Status::Quiet => "quiet".to_owned(),
    }
}

/// `cnp shop/db changed`.
fn change_in_short(change: &proto::flows::v1::Change) -> String {
    use proto::flows::v1::change::Action;
    let what = match change.action() {
        Action::Added => "added",
        Action::Removed => "removed",
        Action::Changed | Action::FirstState | Action::Unspecified => "changed",
    };
    format!("{} {what}", change.object)
}

/// Everything that is known of one.
pub(super) fn to_json(told: &Told<'_>) -> Value {
    let Incident {
        row,
        sources,
        destinations,
        status,
        trend,
        ..
    } = told.incident;
    let moment = |time: Option<Timestamp>| TimeFormat::Rfc3339Nano.text(time.as_ref(), &Zone::UTC);
    let time = |ns: i64| moment(Some(Timestamp::from_unix_nanos(ns)));
    let end = |end: &RowEnd| {
        json!({
            "kind": end.who.kind.name(),
            "namespace": end.who.namespace,
            "name": match end.outside.is_empty() {
                true => &end.who.name,
                false => &end.outside,
            },
        })
    };
    let (status, allowed_since) = match status {
        Status::Ongoing => ("ongoing", None),
        Status::Allowed(since) => ("allowed", Some(time(*since))),
        Status::Quiet => ("quiet", None),
    };
    let ended_by = told.ended_by.map(|change| {
        json!({
            "object": change.object,
            "action": change.action().as_str_name().to_lowercase(),
            "summary": change.summary,
            "time": moment(change.time),
        })
    });
    let acknowledged = told.acknowledged.map(|said| {
        json!({
            "until": moment(said.until),
            "by": said.by,
            "reason": said.reason,
            "time": moment(said.time),
        })
    });
    json!({
        "id": told.incident.id(),
        "status": status,
        "allowed_since": allowed_since,
        "ended_by": ended_by,
        "acknowledged": acknowledged,
        "verdict": row.judged.name(),
        "source": end(&row.source),
        "destination": end(&row.destination),
        "port": row.port.trim_start_matches([':', ' ']),
        "why": row.why,
        "request": row.request.as_ref().map(|request| json!({
            "subject": request.subject,
            "direction": request.judged_at.map(Direction::name),
            "reason": request.reason,
        })),
        "drops": row.facts.drops,
        "connections": row.connections,
        "first": time(row.start),
        "last": time(row.last),
        "lasted": quantity::span(row.facts.age_ns),
        "trend": {
            "start": trend.start().map(time),
            "step_ns": trend.step().as_nanos().to_string(),
            "connections": trend.within(trend),
        },
        "source_pods": sources,
        "destination_pods": destinations,
        "newest_flow": told.uuid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ended it is said with the incident itself, and costs no column before the times do.
    #[test]
    fn the_status_is_short_before_columns_go() {
        let row = |cells: [&str; 10]| cells.map(str::to_owned).to_vec();
        let told = row([
            "dd20eae4",
            "allowed since 04:17:47 (cnp production/api-metrics-policy changed)",
            "6",
            "\u{2588} \u{2588}",
            "04:16:50",
            "04:17:12",
            "2",
            "order-service",
            "user-service:8080",
            "cnp production/user-service \u{b7} default deny",
        ]);
        let brief = ["allowed since 04:17:47".to_owned()];
        let kept = |columns| {
            let mut rows = vec![row(COLUMNS), told.clone()];
            fit(&mut rows, &brief, columns);
            rows
        };
        assert_eq!(kept(220)[1], told);
        let narrow = kept(150);
        assert_eq!(narrow[0], COLUMNS);
        assert_eq!(narrow[1][STATUS], brief[0]);
        assert!(kept(118)[0].contains(&"SINCE".to_owned()));
        assert_eq!(kept(80)[0].len(), COLUMNS.len() - GO_FIRST.len());
    }
}
