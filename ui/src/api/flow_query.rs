//! What a request asks for: which flows, of which time.

use std::time::SystemTime;

use client::Snapshot;
use flow::expr::quote;
use flow::{Filter, time};
use proto::google::Timestamp;

use super::expressions;
use crate::app_state::{FlowQuery, TooMany};
use crate::params::Params;
use crate::problem::Problem;

/// The parameters that [`flow_query`] and [`Times::read`] read.
pub(super) const PARAMETERS: [&str; 4] = ["filter", "namespaces", "since", "until"];
/// Those of them that may be repeated.
pub(super) const REPEATED: [&str; 1] = ["filter"];

/// Most expressions of a request.
const EXPRESSIONS: usize = 32;

/// Which flows.
pub(super) fn flow_query(params: &Params) -> Result<FlowQuery, Problem> {
    let mut texts: Vec<String> = Vec::new();
    for (index, text) in params.all("filter").enumerate() {
        if index == EXPRESSIONS {
            return Err(Problem::parameter(
                "filter",
                format!("there are more than {EXPRESSIONS}"),
            ));
        }
        texts.push(text.trim().to_owned());
    }
    let names = params.words("namespaces");
    let mut filters = Vec::with_capacity(texts.len() + 1);
    for (index, text) in texts.iter().enumerate() {
        filters.push(expressions::read(text, index)?);
    }
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let text = format!("ns in {{{}}}", names.join(", "));
        let filter = expressions::read(&text, texts.len());
        filters.push(filter.map_err(|problem| Problem::parameter("namespaces", problem.detail))?);
        texts.push(text);
    }
    Ok(FlowQuery {
        key: texts.join("\0"),
        filter: Filter::All(filters),
    })
}

/// What a row of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// What a node told of a packet.
    Events,
    /// Both ends' events as one.
    Connections,
}

impl Unit {
    pub(super) fn read(params: &Params, flow_query: &FlowQuery) -> Result<Self, Problem> {
        match params.text("unit").unwrap_or("events") {
            "events" => Ok(Self::Events),
            "connections" => {
                for_connections(flow_query)?;
                Ok(Self::Connections)
            }
            _ => Err(Problem::parameter("unit", "must be events or connections")),
        }
    }
}

/// The filter that lets through every event of the connections that are asked for.
pub(super) fn for_connections(flow_query: &FlowQuery) -> Result<Filter, Problem> {
    if let Some(widened) = flow_query.filter.for_connections() {
        return Ok(widened);
    }
    let is_of_packets = |text: &&str| {
        let filter = Filter::parse_expr(text);
        filter.is_ok_and(|filter| filter.for_connections().is_none())
    };
    let text = flow_query.key.split('\0').find(is_of_packets);
    let text: String = text.unwrap_or_default().chars().take(80).collect();
    Err(Problem::parameter(
        "unit",
        format!("the filter {text:?} is about single packets, not connections: use unit=events"),
    ))
}

/// A stretch of time; an end that isn't given is open. Durations count from each answer's own time.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    since: Option<Moment>,
    until: Option<Moment>,
    /// The moment that is looked at, Unix ns; `None`: the present one.
    now: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    At(i64),
    /// So many ns before now.
    Before(i64),
}

impl Times {
    pub(super) fn read(params: &Params) -> Result<Self, Problem> {
        let moment = |name| params.text(name).map(|text| moment(name, text)).transpose();
        Ok(Self {
            since: moment("since")?,
            until: moment("until")?,
            now: None,
        })
    }

    /// Lets durations count from the moment of what had number `at`, if that is not the present.
    pub(super) fn hold(&mut self, snapshot: &Snapshot, at: u64) {
        let range = snapshot.range();
        if !range.contains(&at) {
            return;
        }
        let mut items = snapshot.iter(range.start..at + 1).rev();
        self.now = items.find_map(|(_, item)| Some(item.time()).filter(|time| *time > 0));
    }

    /// Lets durations count from a moment, Unix ns.
    pub(super) fn hold_at(&mut self, now: i64) {
        self.now = Some(now);
    }

    /// Whether there is no limit.
    pub(super) fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// In Unix ns, both included.
    pub(super) fn bounds(&self) -> (i64, i64) {
        let now = self.now.unwrap_or_else(now);
        let at = |moment: Option<Moment>, open| match moment {
            None => open,
            Some(Moment::At(at)) => at,
            Some(Moment::Before(ago)) => now.saturating_sub(ago),
        };
        (at(self.since, i64::MIN), at(self.until, i64::MAX))
    }
}

pub(super) fn now() -> i64 {
    Timestamp::from(SystemTime::now()).unix_nanos()
}

fn moment(name: &'static str, text: &str) -> Result<Moment, Problem> {
    if (11..=14).contains(&text.len())
        && let Ok(ms) = text.parse::<i64>()
        && ms > 0
    {
        return Ok(Moment::At(ms * 1_000_000));
    }
    let read = |now: i64| {
        // Words such as `today` are of the reader's zone, which isn't known here.
        let found = time::parse_as_hubble(text, Timestamp::from_unix_nanos(now), &time::Zone::UTC);
        let found = found.map(|found| found.unix_nanos());
        found.map_err(|_not_a_time| {
            let text: String = text.chars().take(40).collect();
            Problem::parameter(
                name,
                format!(
                    "{text:?} is not a time: use RFC 3339, milliseconds, or a duration such as 5m"
                ),
            )
        })
    };
    // What moves with now is a duration before it.
    let (a, b) = (read(0)?, read(1)?);
    Ok(match a == b {
        true => Moment::At(a),
        false => Moment::Before(-a),
    })
}

impl From<TooMany> for Problem {
    fn from(TooMany: TooMany) -> Self {
        Self::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "too many concurrent queries, retry later",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(query: &str) -> Result<(i64, i64), Problem> {
        let params = Params::read(Some(query), &PARAMETERS, &REPEATED)?;
        Ok(Times::read(&params)?.bounds())
    }

    #[test]
    fn moments() {
        let all = (i64::MIN, i64::MAX);
        assert_eq!(times("").unwrap(), all);
        assert_eq!(
            times("since=1763881200000&until=2025-11-23T07:00:01Z").unwrap(),
            (1_763_881_200_000_000_000, 1_763_881_201_000_000_000)
        );
        let (since, until) = times("since=5m").unwrap();
        let ago = now() - since;
        assert!((300_000_000_000..310_000_000_000).contains(&ago) && until == i64::MAX);
        for bad in [
            "since=yesterday",
            "until=5",
            "since=-",
            "since=99999999999999999999",
        ] {
            assert!(times(bad).is_err(), "{bad}");
        }
    }
}
