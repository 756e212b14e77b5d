//! A query before the rules of both ends.

use std::time::{Instant, SystemTime};

use l7::rules::Rules;
use l7::wire::dns::{Query, Rejected};
use l7::wire::name::Name;

use crate::hop::Hop;
use crate::record::{Dns, Layer7, Record};

/// What is to be done about a query.
pub(super) enum QueryVerdict {
    /// It is to be passed on; its records are to be published now.
    Allowed(PendingQuery),
    /// It is to be answered with REFUSED, and the records are to be published then.
    Refused(Vec<Record>),
    /// It is to be answered with SERVFAIL, the same.
    Failed(Record),
}

/// A query that was passed on.
#[derive(Clone)]
pub(super) struct PendingQuery {
    /// Between whom.
    pub(super) hop: Hop,
    /// Of the query.
    pub(super) id: u16,
    /// What it asks for.
    pub(super) name: Name,
    /// The type that it asks for.
    pub(super) qtype: u16,
    /// When it came.
    pub(super) began: Instant,
    /// What was reported of it, a record for each side.
    pub(super) records: Vec<Record>,
}

/// Judges a query.
pub(super) fn judge(rules: &Rules, hop: Hop, query: &Query<'_>) -> QueryVerdict {
    let time = SystemTime::now();
    let layer7 = Layer7::Dns(Dns {
        query: query.name.to_string().into(),
        qtype: query.qtype,
        ..Dns::default()
    });
    let mut records = Vec::new();
    let mut is_allowed = true;
    for (side, set) in hop.judges(rules) {
        let decision = set.judge_dns(side.peer, &query.name);
        is_allowed &= decision.is_allowed();
        let record = Record::request(time, hop, side.direction, layer7.clone());
        records.push(record.decided(&decision));
    }
    if records.is_empty() {
        let record = Record::request(time, hop, hop.direction(), layer7);
        return QueryVerdict::Failed(record.failed("no rules for this port at either end"));
    }
    if !is_allowed {
        return QueryVerdict::Refused(records);
    }
    QueryVerdict::Allowed(PendingQuery {
        hop,
        id: query.id(),
        name: query.name.clone(),
        qtype: query.qtype,
        began: Instant::now(),
        records,
    })
}

/// The record of what is not a query.
pub(super) fn rejected(hop: Hop, rejected: &Rejected) -> Record {
    let layer7 = Layer7::Dns(Dns::default());
    Record::request(SystemTime::now(), hop, hop.direction(), layer7).failed(rejected)
}

impl PendingQuery {
    /// Records of a failure.
    pub(super) fn failed(&self, reason: &str) -> Vec<Record> {
        let records = self.records.iter();
        records
            .map(|record| record.clone().failed(reason))
            .collect()
    }
}
