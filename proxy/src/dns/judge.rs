//! A query before the rules of both ends.

use std::time::{Duration, Instant, SystemTime};

use l7::rules::Rules;
use l7::wire::dns::{Query, Rejected, rcode};
use l7::wire::name::Name;

use super::search;

use crate::hop::Hop;
use crate::record::{Dns, Layer7, Record};

/// What is to be done about a query.
pub(super) enum QueryVerdict {
    /// It is to be passed on; its records are to be published now.
    Allowed(PendingQuery),
    /// It is to be answered with NXDOMAIN, and the records are to be published then: the rules allow the name that
    /// was meant, for which the client is to ask next.
    Searched(Vec<Record>),
    /// It is to be answered with [`crate::limits::RejectResponseCode`], the same.
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
    let judge_name = |name: &Name| {
        let mut is_allowed = true;
        let sides = hop.judges(rules).map(|(side, set)| {
            let decision = set.judge_dns(side.peer, name);
            is_allowed &= decision.is_allowed();
            Record::request(time, hop, side.direction, layer7.clone()).decided(&decision)
        });
        let records: Vec<_> = sides.collect();
        (records, is_allowed)
    };
    let (records, is_allowed) = judge_name(&query.name);
    if records.is_empty() {
        let record = Record::request(time, hop, hop.direction(), layer7);
        return QueryVerdict::Failed(record.failed("no rules for this port at either end"));
    }
    if !is_allowed {
        let searched = search::meant(&query.name).find_map(|meant| {
            let (records, is_allowed) = judge_name(&meant);
            is_allowed.then(|| searched(records, &meant, query))
        });
        return searched.map_or(QueryVerdict::Refused(records), QueryVerdict::Searched);
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

/// Of a name of a search list, and of our answer to it.
fn searched(records: Vec<Record>, meant: &Name, query: &Query<'_>) -> Vec<Record> {
    let answer = Layer7::Dns(Dns {
        query: query.name.to_string().into(),
        qtype: query.qtype,
        rcode: rcode::NAME_ERROR.into(),
        ..Dns::default()
    });
    let meant = meant.to_string();
    let meant = meant.strip_suffix('.').unwrap_or(&meant);
    let told = records.into_iter().flat_map(|record| {
        let record = Record {
            reason: format!("a search for {meant}").into(),
            ..record
        };
        let reply = record.clone().reply(Duration::ZERO, answer.clone());
        [record, reply]
    });
    told.collect()
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
