//! What became of other connections of the same pair to the same port: since when it is so, and when it
//! was otherwise.

use client::connections;
use flow::{
    FlowView as _, Side, Verdict,
    connection::{Connection, ConnectionId, Outcome},
    past::{Attempt, Past},
    workload_ref::WorkloadRef,
};

use crate::top::data::Data;

/// See the module. Times are Unix ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// Whether it was denied.
    pub(crate) denied: bool,
    /// Connections with the same outcome, this one among them.
    pub(crate) alike: u64,
    /// Those with another one.
    pub(crate) others: u64,
    /// When the first and the last one alike began.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Of one that is denied: until when such connections worked before it, and since when they are denied.
    pub(crate) worked: Option<(i64, i64)>,
}

impl History {
    /// Of a connection among all that are held, whatever is shown of them.
    pub(crate) fn of(id: ConnectionId, data: &Data) -> Option<Self> {
        let all = data.connections();
        let this = all.get(id)?;
        let ends = ends(&this, data)?;
        let is_of_pair = |of: &Connection<'_, u64>| {
            of.transport() == this.transport()
                && of.end(Side::Destination).1 == this.end(Side::Destination).1
                && self::ends(of, data).as_ref() == Some(&ends)
        };
        let mut found: Vec<Attempt> = all
            .iter()
            .filter(is_of_pair)
            .filter_map(|of| {
                let view = connections::view(&of, data.snapshot(), data.present())?;
                let denied = match view.verdict() {
                    Verdict::Dropped | Verdict::Error => true,
                    Verdict::Unknown if of.outcome() == Outcome::Unconfirmed => return None,
                    _ => false,
                };
                Some(Attempt {
                    start: of.start(),
                    last: of.last(),
                    denied,
                    answered: of.volume()[1].packets > 0,
                })
            })
            .collect();
        found.sort_by_key(|of| of.start);
        let denied = matches!(this.outcome(), Outcome::Denied { .. });
        let alike = || found.iter().filter(|of| of.denied == denied);
        let until = this.last();
        let before = found.iter().filter(|of| of.denied || of.start <= until);
        let past = Past::of(before);
        let worked = past.worked.zip(past.denied).filter(|_| denied);
        Some(Self {
            denied,
            alike: alike().count() as u64,
            others: found.iter().filter(|of| of.denied != denied).count() as u64,
            first: alike().next()?.start,
            last: alike().next_back()?.start,
            worked: worked.map(|(worked, (since, _))| (worked, since)),
        })
    }
}

/// Who is at both ends.
fn ends(connection: &Connection<'_, u64>, data: &Data) -> Option<[WorkloadRef; 2]> {
    let view = connections::view(connection, data.snapshot(), data.present())?;
    Some([Side::Source, Side::Destination].map(|side| WorkloadRef::of(&view, side)))
}
