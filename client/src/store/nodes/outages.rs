//! When nothing could come from a node: what looks like silence there isn't one.

use std::sync::Arc;

/// So short an outage is none, ns: a node that is slow to answer isn't away.
const LEAST: i64 = 2_000_000_000;
/// Outages that are known; of more, the oldest are forgotten.
const MOST: usize = 200;

/// A stretch of time of which there are no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Of which node; empty: of all.
    pub node: String,
    /// Unix ns; `i64::MIN`: from before all that is held.
    pub from: i64,
    /// Unix ns; `None`: it lasts.
    pub until: Option<i64>,
}

impl Outage {
    /// Whether it is part of a stretch of time (Unix ns, both included), as seen at `now`.
    #[must_use]
    pub fn touches(&self, from: i64, to: i64, now: i64) -> bool {
        let until = self.until.unwrap_or(now);
        self.from <= to && until >= from && until.saturating_sub(self.from) >= LEAST
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Outages {
    known: Arc<Vec<Outage>>,
    /// Flows from then on (Unix ns) change none of them.
    settled: i64,
}

impl Default for Outages {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            settled: i64::MIN,
        }
    }
}

impl Outages {
    pub(super) fn all(&self) -> Arc<Vec<Outage>> {
        Arc::clone(&self.known)
    }

    fn last(&self, node: &str) -> Option<usize> {
        self.known.iter().rposition(|outage| outage.node == node)
    }

    /// Since when a node is away; `None`: it isn't.
    pub(super) fn away(&self, node: &str) -> Option<i64> {
        let last = &self.known[self.last(node)?];
        last.until.is_none().then_some(last.from)
    }

    /// A node is away, as far as is known since then.
    pub(super) fn begin(&mut self, node: &str, from: i64) {
        if self.away(node).is_none() {
            self.add(Outage {
                node: node.to_owned(),
                from,
                until: None,
            });
        }
    }

    fn add(&mut self, outage: Outage) {
        let outages = Arc::make_mut(&mut self.known);
        if outages.len() == MOST {
            outages.remove(0);
        }
        outages.push(outage);
        self.settle();
    }

    /// It is back.
    pub(super) fn end(&mut self, node: &str, time: i64) {
        if self.away(node).is_some() {
            self.close(node, time);
        }
    }

    fn close(&mut self, node: &str, time: i64) {
        let Some(at) = self.last(node) else { return };
        let outages = Arc::make_mut(&mut self.known);
        outages[at].until = Some(time);
        if time.saturating_sub(outages[at].from) < LEAST {
            outages.remove(at);
        }
        self.settle();
    }

    fn settle(&mut self) {
        let ends = self
            .known
            .iter()
            .map(|outage| outage.until.unwrap_or(i64::MAX));
        self.settled = ends.max().unwrap_or(i64::MIN);
    }

    /// A flow of a node came: nothing is missing of its time.
    pub(super) fn flow(&mut self, node: &str, time: i64) {
        // Nearly always there is none.
        if time >= self.settled {
            return;
        }
        let Some(at) = self.last(node) else { return };
        match &self.known[at] {
            // It comes late, but it does come.
            Outage {
                from, until: None, ..
            } if time > *from => Arc::make_mut(&mut self.known)[at].from = time,
            // Since it is back it tells of before.
            Outage {
                from,
                until: Some(until),
                ..
            } if (*from..*until).contains(&time) => self.close(node, time),
            _ => {}
        }
    }

    /// The connection to the server broke, and nobody told from then to then.
    pub(super) fn gap(&mut self, from: i64, until: i64) {
        if until.saturating_sub(from) >= LEAST {
            self.add(Outage {
                node: String::new(),
                from,
                until: Some(until),
            });
        }
    }

    /// The server says anew which nodes are away.
    pub(super) fn forget_open(&mut self, time: i64) {
        let open = self.known.iter().filter(|outage| outage.until.is_none());
        let open: Vec<String> = open.map(|outage| outage.node.clone()).collect();
        for node in open {
            self.close(&node, time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    enum Word {
        Away(i64),
        Back(i64),
        Flow(i64),
        Gap(i64, i64),
    }
    use Word::{Away, Back, Flow, Gap};

    #[test]
    fn what_is_missing_is_known() {
        for (name, words, want) in [
            (
                "killed and restarted",
                &[Away(10), Back(50), Flow(45), Flow(46)][..],
                &["10-45"][..],
            ),
            ("away", &[Flow(9), Away(10), Flow(9)], &["10-"]),
            ("said twice", &[Away(10), Away(20), Back(30)], &["10-30"]),
            ("slow for a moment", &[Away(10), Back(11)], &[]),
            (
                "slow, and telling",
                &[Away(10), Flow(14), Flow(19), Back(20)],
                &[],
            ),
            (
                "cut off, and caught up",
                &[Away(10), Back(50), Flow(11), Flow(40)],
                &[],
            ),
            (
                "twice",
                &[Away(10), Back(20), Away(30), Back(40)],
                &["10-20", "30-40"],
            ),
            ("back without having been away", &[Back(10)], &[]),
            ("no connection", &[Gap(10, 20)], &["10-20"]),
            ("none for a moment", &[Gap(10, 11)], &[]),
        ] {
            let mut outages = Outages::default();
            for word in words {
                match word {
                    Away(time) => outages.begin("one", time * SECOND),
                    Back(time) => outages.end("one", time * SECOND),
                    Flow(time) => outages.flow("one", time * SECOND),
                    Gap(from, until) => outages.gap(from * SECOND, until * SECOND),
                }
                outages.flow("two", 15 * SECOND);
            }
            let text = |outage: &Outage| {
                let until = outage.until.map(|until| (until / SECOND).to_string());
                format!("{}-{}", outage.from / SECOND, until.unwrap_or_default())
            };
            let known: Vec<String> = outages.all().iter().map(text).collect();
            assert_eq!(known, want, "{name}");
        }
    }

    #[test]
    fn a_new_connection_begins_with_what_its_server_says() {
        let mut outages = Outages::default();
        outages.begin("one", 10 * SECOND);
        outages.forget_open(20 * SECOND);
        assert_eq!(outages.away("one"), None);
        assert!(outages.all()[0].touches(15 * SECOND, 16 * SECOND, 0));
        assert!(!outages.all()[0].touches(21 * SECOND, 22 * SECOND, 0));
    }

    #[test]
    fn a_hostile_server_fills_no_memory() {
        let mut outages = Outages::default();
        for node in 0..3000 {
            outages.begin(&node.to_string(), i64::MIN);
        }
        assert_eq!(outages.all().len(), MOST);
        outages.end("2999", i64::MAX);
        outages.flow("2998", i64::MAX);
        outages.forget_open(i64::MIN);
    }
}
