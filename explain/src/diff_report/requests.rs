//! What a difference says of requests, in lines.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow::quantity::{grouped, many};

use super::Report;
use super::names::example;
use crate::diff::{RecordedRequestChange, RequestChange, RequestsBecame};
use crate::trace::PortText;

impl Report {
    /// Pairs of workloads (or prefixes, or entities) of which some requests become so.
    pub fn request_pairs(&self, became: RequestsBecame) -> u64 {
        let rows = self.requests.iter().filter(|row| row.became == became);
        let pairs = rows.flat_map(|row| {
            let destinations = &row.destinations;
            let pair = |source| destinations.iter().map(move |to| (source, Arc::as_ptr(to)));
            row.sources.iter().map(Arc::as_ptr).flat_map(pair)
        });
        pairs.collect::<BTreeSet<_>>().len() as u64
    }

    /// What changes for requests, in a line: `requests become denied for 1 pair and allowed for 2 pairs`; empty if
    /// nothing does.
    pub(super) fn request_summary(&self) -> String {
        let kinds = [
            (RequestsBecame::Restricted, "become restricted for"),
            (RequestsBecame::Denied, "become denied for"),
            (RequestsBecame::Allowed, "become allowed for"),
        ];
        let counts = kinds.map(|(became, what)| (self.request_pairs(became), what));
        let counts = counts.iter().filter(|(pairs, _)| *pairs > 0);
        let counts: Vec<String> = counts
            .map(|(pairs, what)| format!("{what} {}", many(*pairs, "pair")))
            .collect();
        match counts.is_empty() {
            true => String::new(),
            false => format!("requests {}", counts.join(", ")),
        }
    }

    /// What would have become of recorded requests, in one line; `None`: no flows were looked at, or none was a
    /// request.
    pub fn request_impact_summary(&self) -> Option<String> {
        let (impact, (_, origin)) = self.request_impact.as_ref().zip(self.impact.as_ref())?;
        let is_any = impact.requests > 0 || impact.not_looked_at > 0;
        is_any.then(|| {
            format!(
                "Requests {origin}: {}, of which {} would be denied and {} allowed.",
                grouped(impact.requests),
                grouped(impact.requests(RequestsBecame::Denied)),
                grouped(impact.requests(RequestsBecame::Allowed)),
            )
        })
    }

    /// What to know about those requests.
    pub fn request_impact_notes(&self) -> Vec<String> {
        let Some(impact) = &self.request_impact else {
            return Vec::new();
        };
        let counts = [
            (
                impact.unknown,
                "may change: that depends on values of headers, which are not recorded",
            ),
            (
                impact.not_looked_at,
                "not looked at: there are too many kinds, they are too long, or their flows do not tell them",
            ),
        ];
        let notes = counts.iter().filter(|(count, _)| *count > 0);
        notes
            .map(|(count, why)| format!("{} {why}", many(*count, "request")))
            .collect()
    }
}

/// Which requests change, by the rules: `HTTP GET /metrics or HTTP GET /cart`, `only HTTP GET /metrics`, `whatever is
/// sent`.
pub fn changed_requests(change: &RequestChange) -> String {
    let of_ends = change.ends.iter().map(|end| {
        let rules = policy::bounded::list(&end.rules, " or ");
        let text = match (change.became, end.rules.is_empty()) {
            (RequestsBecame::Restricted, true) => "nothing is allowed".to_owned(),
            (RequestsBecame::Restricted, false) => format!("only {rules}"),
            (RequestsBecame::Allowed, true) => "whatever is sent".to_owned(),
            (RequestsBecame::Denied | RequestsBecame::Allowed, _) => rules,
        };
        match change.ends.len() {
            1 => text,
            _ => format!("{}: {text}", end.end.direction),
        }
    });
    of_ends.collect::<Vec<_>>().join("; ")
}

/// `3 shop/web -> shop/api: 8080/TCP: HTTP POST /admin, such as shop/web-abc -> shop/api-0`.
pub fn requests(change: &RecordedRequestChange) -> String {
    let port = PortText {
        protocol: change.protocol,
        port: change.port,
    };
    let [from, to] = change.example.each_ref().map(example);
    format!(
        "{} {} -> {}: {port}: {}, such as {from} -> {to}",
        grouped(change.requests),
        change.source.name,
        change.destination.name,
        change.request
    )
}
