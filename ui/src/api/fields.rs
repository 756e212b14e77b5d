//! A flow's fields for people, and the expressions that they stand for.

use std::collections::BTreeMap;

use flow::attribute::{Attribute, AttributeId, Cells, EndAttribute, Section};
use flow::expr::quote;
use flow::{FlowView, Side, filter_for};
use serde::Serialize;

/// Something about a flow.
#[derive(Debug, Serialize)]
pub(super) struct FieldValue {
    group: &'static str,
    name: &'static str,
    text: String,
    /// The expression that holds for flows with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<String>,
}

/// In which group a fact stands; `None` if it stands above them.
fn group(section: Section) -> Option<&'static str> {
    Some(match section {
        Section::Source => "source",
        Section::Destination => "destination",
        Section::Policy => "policy",
        Section::Connection => "connection",
        Section::Observation => "observed",
        Section::Packet => "flow",
        Section::Title => return None,
    })
}

/// All that a flow has.
pub(super) fn of<V: FlowView>(row: &V) -> Vec<FieldValue> {
    let cells = Cells::default();
    let facts = Attribute::columns().filter_map(|about| {
        let text = about.text(row, &cells);
        if text.is_empty() {
            return None;
        }
        Some(FieldValue {
            group: group(about.layout().section)?,
            name: about.label,
            term: filter_for::cell(row, about.id),
            text,
        })
    });
    facts.collect()
}

/// Per column the expressions that this flow's cell stands for.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a new column is a field like the others until somebody says otherwise"
)]
pub(super) fn terms<V: FlowView>(row: &V) -> BTreeMap<&'static str, Vec<String>> {
    let mut terms: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let [from, to] = filter_for::opened(row);
    for about in Attribute::columns() {
        let found: Vec<String> = match about.id {
            AttributeId::Source => end(row, from),
            AttributeId::Destination => {
                let mut found = end(row, to);
                let port = row.port(to);
                found.extend(port.map(|port| format!("port == {port}")));
                found.extend(pair(row));
                found
            }
            column => filter_for::cell(row, column).into_iter().collect(),
        };
        let found: Vec<String> = found
            .into_iter()
            .filter(|term| filter_for::holds(term, row))
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
fn end<V: FlowView>(row: &V, side: Side) -> Vec<String> {
    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    let parts = [
        (EndAttribute::Pod, "pod"),
        (EndAttribute::Workload, "workload"),
        (EndAttribute::Namespace, "ns"),
        (EndAttribute::Service, "service"),
        (EndAttribute::Fqdn, "fqdn"),
        (EndAttribute::Ip, "ip"),
        (EndAttribute::Identity, "identity"),
    ];
    let terms = parts.into_iter().filter_map(|(part, field)| {
        let text = AttributeId::Of(side, part).text(row, &plain);
        let first = text.split([',', ' ']).find(|word| !word.is_empty())?;
        let namespace = row.namespace(side);
        let first = match part {
            EndAttribute::Pod | EndAttribute::Workload if !namespace.is_empty() => {
                quote(&format!("{namespace}/{first}"))
            }
            EndAttribute::Identity => first.to_owned(),
            _ => quote(first),
        };
        Some(format!("{field} == {first}"))
    });
    terms.collect()
}

/// Only this pair.
fn pair<V: FlowView>(row: &V) -> Option<String> {
    let first = |side| {
        let names = end(row, side);
        names.into_iter().find(|term| filter_for::holds(term, row))
    };
    Some(format!(
        "{} and {}",
        first(Side::Source)?,
        first(Side::Destination)?
    ))
}
