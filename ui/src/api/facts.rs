//! A flow's fields for people, and the expressions that they stand for.

use std::collections::BTreeMap;

use client::Row;
use flow::columns::{Cells, Column, Part};
use flow::expr::quote;
use flow::{FlowView as _, Side, similar};
use serde::Serialize;

/// Something about a flow.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    group: &'static str,
    name: &'static str,
    text: String,
    /// The expression that holds for flows with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<String>,
}

/// What is shown of each flow, in which group.
fn group(column: Column) -> Option<&'static str> {
    Some(match column {
        Column::Of(Side::Source, _) => "source",
        Column::Of(Side::Destination, _) => "destination",
        Column::Policy | Column::PolicyName | Column::Revision => "policy",
        Column::Bytes | Column::Packets | Column::Rtt | Column::Reply | Column::Direction => {
            "connection"
        }
        Column::Node | Column::Interface | Column::Cause | Column::TraceId | Column::Uuid => {
            "observed"
        }
        Column::Type | Column::Protocol | Column::Flags | Column::Reason | Column::Summary => {
            "flow"
        }
        // They stand above.
        Column::Timestamp | Column::Source | Column::Destination | Column::Verdict => return None,
    })
}

/// All that a flow has.
pub(super) fn of(row: &Row) -> Vec<Fact> {
    let cells = Cells::default();
    let facts = Column::all().filter_map(|about| {
        let text = about.column.text(row, &cells);
        if text.is_empty() {
            return None;
        }
        Some(Fact {
            group: group(about.column)?,
            name: if let Column::Of(_, part) = about.column {
                name(part)
            } else {
                about.name
            },
            term: similar::cell(row, about.column),
            text,
        })
    });
    facts.collect()
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Namespace => "namespace",
        Part::Pod => "pod",
        Part::Workload => "workload",
        Part::Service => "service",
        Part::Name => "DNS name",
        Part::Ip => "address",
        Part::Port => "port",
        Part::Identity => "identity",
        Part::Labels => "labels",
        Part::Cluster => "cluster",
    }
}

/// Per column the expressions that this flow's cell stands for.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a new column is a field like the others until somebody says otherwise"
)]
pub(super) fn terms(row: &Row) -> BTreeMap<&'static str, Vec<String>> {
    let mut terms: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let [from, to] = similar::opened(row);
    for about in Column::all() {
        let found: Vec<String> = match about.column {
            Column::Source => end(row, from),
            Column::Destination => {
                let mut found = end(row, to);
                let port = row.port(to);
                found.extend(port.map(|port| format!("port == {port}")));
                found.extend(pair(row));
                found
            }
            column => similar::cell(row, column).into_iter().collect(),
        };
        let found: Vec<String> = found
            .into_iter()
            .filter(|term| similar::holds(term, row))
            .collect();
        if !found.is_empty() {
            terms.insert(about.name, found);
        }
    }
    terms
}

/// Names of an end, from the narrowest, in expressions that hold for both directions.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only names of pods and workloads need their namespace"
)]
fn end(row: &Row, side: Side) -> Vec<String> {
    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    let parts = [
        (Part::Pod, "pod"),
        (Part::Workload, "workload"),
        (Part::Namespace, "ns"),
        (Part::Service, "service"),
        (Part::Name, "fqdn"),
        (Part::Ip, "ip"),
        (Part::Identity, "identity"),
    ];
    let terms = parts.into_iter().filter_map(|(part, field)| {
        let text = Column::Of(side, part).text(row, &plain);
        let first = text.split([',', ' ']).find(|word| !word.is_empty())?;
        let namespace = row.namespace(side);
        let first = match part {
            Part::Pod | Part::Workload if !namespace.is_empty() => {
                quote(&format!("{namespace}/{first}"))
            }
            Part::Identity => first.to_owned(),
            _ => quote(first),
        };
        Some(format!("{field} == {first}"))
    });
    terms.collect()
}

/// Only this pair.
fn pair(row: &Row) -> Option<String> {
    let first = |side| {
        let names = end(row, side);
        names.into_iter().find(|term| similar::holds(term, row))
    };
    Some(format!(
        "{} and {}",
        first(Side::Source)?,
        first(Side::Destination)?
    ))
}
