//! A ledger of what the datapath counts, on the host and in the kernel: a test says after each step
//! which counters moved, and by how much; every counter that it doesn't name must be as it was.
//!
//! Whoever has the counters tells them as [`Counts`]; a counter at 0 need not be told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Events that the program tried to send.
    Attempted,
    /// Of those, not accepted by the ring.
    Failed,
    /// Drops and ICMP errors that sent no event because of the limit per endpoint.
    Limited,
    /// Packets forwarded.
    Forwarded,
    /// Packets dropped.
    Dropped,
    /// Connections that found no room in the table.
    CtFull,
    /// Packets that were sent to the proxy and that no socket of it got.
    ProxyMissed,
    /// Decisions of the rule with this cookie.
    Decided(u32),
    /// Entries of the table of IPv4 connections.
    Connections4,
    /// Entries of the table of IPv6 connections.
    Connections6,
    /// Datagrams whose first fragment is remembered.
    Fragments,
    /// Packets of the endpoint with this index that its next event tells of.
    Unreported(u32),
    /// Connections of the endpoint with this index that gave way to newer ones of its own.
    Replaced(u32),
    /// A counter of the programs that has no name here yet.
    Unnamed(u32),
}

/// All counters at a moment.
pub type Counts = BTreeMap<Counter, u64>;

/// By how much each counter moved that moved at all.
type Moves = BTreeMap<Counter, i128>;

/// What the counters were at the last look.
#[derive(Clone, Debug)]
pub struct Ledger(Counts);

impl Ledger {
    /// Begins with what the counters are now.
    pub fn new(counts: Counts) -> Self {
        Self(counts)
    }

    /// Asserts that since the last look the named counters moved by as much as said, and no other.
    ///
    /// # Panics
    /// They didn't: with what moved, and with `state`, which is everything that there is to see.
    #[track_caller]
    pub fn moved(
        &mut self,
        now: Counts,
        expected: &[(Counter, i128)],
        state: impl FnOnce() -> String,
    ) {
        let moves = self.moves(&now);
        let named: Moves = expected.iter().copied().collect();
        assert_eq!(named.len(), expected.len(), "a counter is named twice");
        assert!(moves == named, "{}{}", Difference { moves, named }, state());
        self.0 = now;
    }

    fn moves(&self, now: &Counts) -> Moves {
        let counters: BTreeSet<_> = self.0.keys().chain(now.keys()).copied().collect();
        let of = |counts: &Counts, counter| counts.get(&counter).copied().map_or(0, i128::from);
        counters
            .into_iter()
            .map(|counter| (counter, of(now, counter) - of(&self.0, counter)))
            .filter(|(_, by)| *by != 0)
            .collect()
    }
}

struct Difference {
    moves: Moves,
    named: Moves,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters: BTreeSet<_> = self.moves.keys().chain(self.named.keys()).collect();
        writeln!(f, "counters moved otherwise than the test says:")?;
        for counter in counters {
            let of = |moves: &Moves| moves.get(counter).copied().unwrap_or(0);
            let (moved, said) = (of(&self.moves), of(&self.named));
            if moved != said {
                let mut line = format!("  {counter:?}: {moved:+}, and the test says ");
                match self.named.get(counter) {
                    Some(_) => write!(line, "{said:+}")?,
                    None => line.push_str("nothing of it"),
                }
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Counter::{Attempted, Connections4, Decided, Dropped, Forwarded};
    use super::*;

    fn failure(before: Counts, now: Counts, expected: &[(Counter, i128)]) -> Option<String> {
        let mut ledger = Ledger::new(before);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            ledger.moved(now, expected, || "the state".to_owned());
        }));
        result
            .err()
            .map(|panic| *panic.downcast::<String>().expect("a panic with a text"))
    }

    #[test]
    fn what_is_not_named_must_not_move() {
        let before = Counts::from([(Forwarded, 3), (Connections4, 1), (Dropped, 2)]);
        let now = Counts::from([(Forwarded, 5), (Attempted, 1), (Dropped, 2)]);
        let moves = [(Forwarded, 2), (Attempted, 1), (Connections4, -1)];
        assert_eq!(failure(before.clone(), now.clone(), &moves), None);
        let rows: [(&[(Counter, i128)], &str); 3] = [
            (
                &moves[..2],
                "  Connections4: -1, and the test says nothing of it\n",
            ),
            (
                &[(Forwarded, 1), moves[1], moves[2]],
                "  Forwarded: +2, and the test says +1\n",
            ),
            (
                &[moves[0], moves[1], moves[2], (Decided(7), 1)],
                "  Decided(7): +0, and the test says +1\n",
            ),
        ];
        for (expected, line) in rows {
            let text = failure(before.clone(), now.clone(), expected).expect("it is a mismatch");
            let head = "counters moved otherwise than the test says:\n";
            assert_eq!(text, format!("{head}{line}the state"));
        }
    }

    #[test]
    fn each_step_begins_where_the_last_one_ended() {
        let mut ledger = Ledger::new(Counts::new());
        let at = |n| Counts::from([(Forwarded, n)]);
        ledger.moved(at(2), &[(Forwarded, 2)], String::new);
        ledger.moved(at(3), &[(Forwarded, 1)], String::new);
        ledger.moved(at(3), &[], String::new);
    }
}
