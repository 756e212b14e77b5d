//! Expressions made of a flow: those of its cells, its ends, its pair, its connection. Each holds for
//! the flow it was made of.

use crate::attribute::{AttributeId, Cells, EndAttribute};
use crate::expr::quote;
use crate::filter::Filter;
use crate::request::subject_of;
use crate::view::{ByInitiator, FlowView, Side};
use crate::workload_ref::{Kind, WorkloadRef, prefix};

/// Whether an expression is one, and true of a flow.
pub fn holds<V: FlowView>(expression: &str, flow: &V) -> bool {
    Filter::parse_expr(expression).is_ok_and(|filter| filter.matches(flow))
}

/// For flows that have the same in a column; `None` if the column is empty, or no field tells it.
pub fn cell<V: FlowView>(flow: &V, column: AttributeId) -> Option<String> {
    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of the others, the text is what expressions compare"
    )]
    let (name, text) = match column {
        AttributeId::Of(side, EndAttribute::Pod) if !flow.pod(side).is_empty() => {
            return endpoint(flow, side, prefix(side));
        }
        AttributeId::Of(side, EndAttribute::Workload) => {
            let end = WorkloadRef::of(flow, side);
            return (end.kind == Kind::Workload).then(|| end.term_at(side));
        }
        AttributeId::Timestamp
        | AttributeId::Source
        | AttributeId::Destination
        | AttributeId::Summary => return None,
        AttributeId::Policy => ("policy", AttributeId::PolicyName.text(flow, &plain)),
        _ => (column.name(), column.text(flow, &plain)),
    };
    // Of a list, the first says most; of a policy, its name does.
    let first = text.split(", ").next().unwrap_or_default();
    let first = first.split(',').next().unwrap_or_default();
    let named = first.split_once(' ').map_or(first, |(_kind, name)| name);
    let candidates = [text.as_str(), first, named];
    let terms = candidates.into_iter().filter(|text| !text.is_empty());
    let mut terms = terms.map(|text| match (name, text) {
        ("reply", "true") => "reply".to_owned(),
        ("reply", "false") => "not reply".to_owned(),
        (name, text) => format!("{name} == {}", quote(text)),
    });
    terms.find(|term| holds(term, flow))
}

/// For flows with the same pod, or address, as one end.
///
/// `end` is what the fields begin with: `src.`, `dst.`, or nothing for either end.
pub fn endpoint<V: FlowView>(flow: &V, side: Side, end: &str) -> Option<String> {
    let named = match (flow.namespace(side), flow.pod(side)) {
        (_, "") => None,
        ("", pod) => Some(quote(pod)),
        (namespace, pod) => Some(quote(&format!("{namespace}/{pod}"))),
    };
    match named {
        Some(name) => Some(format!("{end}pod == {name}")),
        None => flow.ip(side).map(|ip| format!("{end}ip == {ip}")),
    }
}

/// The same in both directions.
fn both_ways(term: impl Fn(Side, &str) -> Option<String>, from: Side, to: Side) -> Option<String> {
    Some(format!(
        "({} and {}) or ({} and {})",
        term(from, "src.")?,
        term(to, "dst.")?,
        term(to, "src.")?,
        term(from, "dst.")?,
    ))
}

/// For flows between the same two pods or addresses, both ways.
pub fn pair<V: FlowView>(flow: &V) -> Option<String> {
    let [from, to] = opened(flow);
    both_ways(|side, end| endpoint(flow, side, end), from, to)
}

/// For flows of the same connection.
pub fn connection<V: FlowView>(flow: &V) -> Option<String> {
    let [from, to] = opened(flow);
    let term = |side, end: &str| {
        let ip = flow.ip(side)?;
        Some(match flow.port(side) {
            Some(port) => format!("{end}ip == {ip} and {end}port == {port}"),
            None => format!("{end}ip == {ip}"),
        })
    };
    both_ways(term, from, to)
}

/// For flows between the same ends ([`WorkloadRef`]) in this direction, to the same port.
pub fn ends<V: FlowView>(flow: &V) -> String {
    let [from, to] = opened(flow);
    let source = WorkloadRef::of(flow, from).term_at(Side::Source);
    let destination = WorkloadRef::of(flow, to).term_at(Side::Destination);
    match flow.port(to) {
        Some(port) => format!("{source} and {destination} and dst.port == {port}"),
        None => format!("{source} and {destination}"),
    }
}

/// For requests that ask the same ([`RequestView::subject`]) between the same ends in this direction, at the same
/// port; `None` of what isn't a request.
///
/// [`RequestView::subject`]: crate::request::RequestView::subject
pub fn request<V: FlowView>(flow: &V) -> Option<String> {
    let subject = subject_of(flow)?;
    Some(format!("{} and request == {}", ends(flow), quote(&subject)))
}

/// The side that opened the connection, and the other one.
pub fn opened<V: FlowView>(flow: &V) -> [Side; 2] {
    let by_initiator = ByInitiator::new(flow);
    [
        by_initiator.side(Side::Source),
        by_initiator.side(Side::Destination),
    ]
}
