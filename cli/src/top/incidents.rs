//! The incidents among the connections that are shown: what is denied, by cause.

use std::collections::HashSet;

use client::{
    connections,
    incidents::{follow, pair},
};
use flow::{
    aggregate::Trend,
    attribute::AttributeId,
    connection::Outcome,
    filter_for,
    incidents::{Incident, incidents},
    rows::{Names, Row},
};

use proto::flows::v1::{Acknowledgement, Change};

use super::{
    acknowledged::{self, Acknowledged},
    data::{Data, Line, LineId, Unit},
    keys::{self, Act},
};

/// Least time between two looks at what changes, ns;
const PAUSE: i64 = 1_000_000_000;
/// so much longer for each of these many denied connections.
const MANY: usize = 20_000;

/// An incident, and the connection or request of its last drop.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) id: String,
    pub(crate) incident: Incident,
    pub(crate) newest: LineId,
    /// Who knows of it.
    pub(crate) acknowledged: Option<Acknowledgement>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    /// Those that go on come first, those that somebody knows of last.
    all: Vec<Cause>,
    /// So many of them are shown.
    shown: usize,
    pub(crate) selected: usize,
    /// What their names can do without.
    pub(crate) names: Names,
    /// The time that all of their trends are over.
    pub(crate) frame: Trend,
    /// Which the selected one is.
    id: String,
    /// The data that was looked at, and when.
    seen: Option<(u64, i64)>,
    /// What was known of them then.
    known: acknowledged::Version,
    denied: usize,
}

impl Incidents {
    /// Everything is to be looked at anew.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
    }

    /// Those that are shown.
    pub(crate) fn shown(&self) -> &[Cause] {
        self.all.get(..self.shown).unwrap_or_default()
    }

    /// How many are not: somebody knows of them.
    pub(crate) fn hidden(&self) -> usize {
        self.all.len() - self.shown
    }

    /// Looks at what is shown, if it changed.
    pub(crate) fn advance(
        &mut self,
        data: &Data,
        changes: &[Change],
        acknowledged: &Acknowledged,
        now: i64,
    ) {
        let known = acknowledged.version(now);
        if std::mem::replace(&mut self.known, known) != known {
            self.forget();
        }
        let times = i64::try_from(1 + self.denied / MANY).unwrap_or(1);
        if let Some((version, then)) = self.seen
            && (version == data.version() || (now - then < PAUSE * times && now >= then))
        {
            return;
        }
        self.seen = Some((data.version(), now));
        self.all = causes(data, changes);
        for cause in &mut self.all {
            cause.acknowledged = acknowledged.of(&cause.id, now).cloned();
        }
        self.all.sort_by_key(|cause| cause.acknowledged.is_some());
        let unknown = self
            .all
            .partition_point(|cause| cause.acknowledged.is_none());
        self.shown = match acknowledged.hidden {
            true => unknown,
            false => self.all.len(),
        };
        self.denied = data.lines().filter(Line::is_bad).count();
        let shown = self.all.get(..self.shown).unwrap_or_default();
        self.names = Names::new(shown.iter().map(|cause| &cause.incident.row));
        self.frame = Trend::default();
        for cause in shown {
            self.frame.add(&cause.incident.trend);
        }
        // The selection stays with its incident.
        let place = shown.iter().position(|cause| cause.id == self.id);
        self.select(place.unwrap_or(self.selected));
    }

    fn select(&mut self, line: usize) {
        self.selected = line.min(self.shown.saturating_sub(1));
        self.id = self
            .cause()
            .map_or_else(String::new, |cause| cause.id.clone());
    }

    /// The selected one.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.shown().get(self.selected)
    }

    pub(crate) fn click(&mut self, line: usize, top: usize) {
        self.select(top + line);
    }

    /// Moves.
    pub(crate) fn act(&mut self, act: Act, page: usize) {
        let last = self.shown.saturating_sub(1);
        self.select(keys::moved(act, self.selected.min(last), page, last));
    }

    /// An expression that holds for the connections of the selected one.
    pub(crate) fn expression(&self, data: &Data) -> Option<String> {
        data.with_flow(self.cause()?.newest, |flow| {
            let verdict = filter_for::cell(flow, AttributeId::Verdict)?;
            Some(format!("{} and {verdict}", filter_for::ends(flow)))
        })?
    }
}

fn causes(data: &Data, changes: &[Change]) -> Vec<Cause> {
    if data.unit() != Unit::Connections {
        return Vec::new();
    }
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    let mut pairs = HashSet::new();
    let mut add = |line: LineId| {
        let row = data.own_row(line)?;
        let last = row.last;
        rows.push(row);
        lines.push(line);
        Some(last)
    };
    let mut earliest = i64::MAX;
    for line in data.lines().filter(Line::is_bad) {
        match (line.id, add(line.id)) {
            (LineId::Connection(_), Some(last)) => {
                pairs.extend(data.with_flow(line.id, |flow| pair(flow)));
                earliest = earliest.min(last);
            }
            (LineId::Item(_), _) | (_, None) => {}
        }
    }
    // Of what was allowed only that counts which may have ended one of them, shown or not: who looks at
    // denials alone is to see that they have ended.
    let all = data.connections().iter().filter(|_| !pairs.is_empty());
    let later = all.filter(|of| of.start() > earliest);
    for id in later
        .filter(|of| of.outcome() == Outcome::Allowed)
        .map(|of| of.id())
    {
        let same = data.with_flow(LineId::Connection(id), |flow| pairs.contains(&pair(flow)));
        if same == Some(true) {
            add(LineId::Connection(id));
        }
    }
    let denied: Vec<&Row> = rows.iter().filter(|row| row.request.is_some()).collect();
    for (row, number) in connections::allowed_requests(data.snapshot(), &denied) {
        rows.push(row);
        lines.push(LineId::Item(number));
    }
    let mut found = incidents(&rows, data.present());
    follow(&mut found, changes, data.present());
    let found = found.into_iter().map(|incident| Cause {
        id: incident.id(),
        newest: lines[incident.newest],
        incident,
        acknowledged: None,
    });
    found.collect()
}
