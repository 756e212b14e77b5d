//! What a test's steps count in the kernel.

use flows_loader::{Counters, Datapath};
use ledger::{Counter, Counts, Ledger};

/// What a datapath counts, from one step of a test to the next.
pub(crate) struct Counted(Ledger);

impl Counted {
    /// Begins with what the counters are now.
    pub(crate) fn since(datapath: &Datapath) -> Self {
        Self(Ledger::new(counts(datapath)))
    }

    /// Asserts that since the last call these counters moved, by so much, and no other.
    #[track_caller]
    pub(crate) fn moved(&mut self, datapath: &Datapath, moves: &[(Counter, i128)]) {
        self.0.moved(counts(datapath), moves, || state(datapath));
    }
}

fn counts(datapath: &Datapath) -> Counts {
    let stats = datapath.stats();
    let Counters {
        events_attempted,
        events_failed,
        events_limited,
        packets_forwarded,
        packets_dropped,
        ct_full,
        proxy_missed,
    } = stats.counters().unwrap();
    let connections = stats.connections().unwrap();
    let mut counts = Counts::from([
        (Counter::Attempted, events_attempted),
        (Counter::Failed, events_failed),
        (Counter::Limited, events_limited),
        (Counter::Forwarded, packets_forwarded),
        (Counter::Dropped, packets_dropped),
        (Counter::CtFull, ct_full),
        (Counter::ProxyMissed, proxy_missed),
        (Counter::Connections4, connections.entries4),
        (Counter::Connections6, connections.entries6),
        (
            Counter::Fragments,
            stats.fragments().unwrap().entries.try_into().unwrap(),
        ),
    ]);
    let decisions = stats.decisions().unwrap();
    counts.extend(
        decisions
            .into_iter()
            .map(|(cookie, count)| (Counter::Decided(cookie), count)),
    );
    for limited in stats.limited().unwrap() {
        counts.insert(Counter::Unreported(limited.endpoint), limited.packets);
    }
    for replaced in stats.replaced().unwrap() {
        counts.insert(Counter::Replaced(replaced.endpoint), replaced.connections);
    }
    counts
}

/// All that a datapath holds.
fn state(datapath: &Datapath) -> String {
    let stats = datapath.stats();
    let mut lines = vec![
        format!("revision: {}", datapath.revision()),
        format!("{:?}", stats.counters().unwrap()),
        format!("decisions: {:?}", stats.decisions().unwrap()),
        format!("limited: {:?}", stats.limited().unwrap()),
        format!("replaced: {:?}", stats.replaced().unwrap()),
        format!("events accounted for: {}", stats.events_accounted()),
    ];
    stats
        .connections4(|key, entry| lines.push(format!("{key:?} {entry:?}")))
        .unwrap();
    stats
        .connections6(|key, entry| lines.push(format!("{key:?} {entry:?}")))
        .unwrap();
    lines.push(format!("in force: {:#?}", datapath.in_force()));
    lines.join("\n")
}
