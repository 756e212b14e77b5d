//! The sides that judge a connection, one behind the other, with queues between them.

use std::time::Duration;

use l7::kafka::{self, Options, Output, Piece, Rule};
use l7::rules::{KafkaRules, PeerKind, Rules};
use tokio::time::Instant;

use super::report::Reporter;
use crate::connection::Connection;
use crate::hop::Side;

/// Bytes in a queue up to which more are put into it.
const HIGH: usize = 64 << 10;

/// Bytes on their way, taken from the front.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    taken: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends what is to be sent.
    fn put(&mut self, pieces: Vec<Piece>, input: &[u8]) {
        for piece in pieces {
            match piece {
                Piece::Input(range) => self.push(input.get(range).unwrap_or_default()),
                Piece::Bytes(bytes) if self.is_empty() => {
                    *self = Self { bytes, taken: 0 };
                }
                Piece::Bytes(bytes) => self.push(&bytes),
            }
        }
    }

    pub(super) fn pop(&mut self, length: usize) {
        self.taken += length;
        if self.taken >= self.bytes.len() {
            // An idle connection keeps no memory.
            self.bytes = Vec::new();
            self.taken = 0;
        } else if self.taken > HIGH.max(self.bytes.len() / 2) {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }

    fn is_short(&self) -> bool {
        self.bytes().len() < HIGH
    }
}

/// A side that judges.
struct Judge {
    side: Side,
    connection: kafka::Connection,
    /// None: the side has no rules for the port any more, and all passes.
    rules: Option<KafkaRules>,
    reporter: Reporter,
}

/// From the client to the server.
pub(super) struct Chain {
    base: Instant,
    judges: Vec<Judge>,
    /// One before each side, and one behind the last.
    up: Vec<Queue>,
    down: Vec<Queue>,
    /// What passes a side without rules.
    any: kafka::Rules,
}

/// Cilium's meaning, but for what clients of today can't do without.
const OPTIONS: Options = Options {
    always_login: true,
    idempotent_producers: true,
};

/// What other rules make of a connection.
pub(super) enum Renewed {
    GoesOn,
    /// A side has got some that had none when the connection began, and can't judge it from its middle.
    Unjudged,
    /// They deny what is under way, which was reported.
    Denied,
}

impl Judge {
    fn client_sent(&mut self, any: &kafka::Rules, now: Duration, input: &[u8]) -> Output {
        let rules = self.rules.as_ref().map_or(any, |rules| &rules.rules);
        self.connection.client_sent(rules, now, input)
    }

    fn server_sent(&mut self, any: &kafka::Rules, now: Duration, input: &[u8]) -> Output {
        let rules = self.rules.as_ref().map_or(any, |rules| &rules.rules);
        self.connection.server_sent(rules, now, input)
    }
}

impl Chain {
    /// Before the first byte, with the sides that have rules.
    pub(super) fn new(connection: &Connection, rules: &Rules) -> Self {
        let config = connection.context.limits.kafka;
        let judges: Vec<Judge> = connection
            .hop()
            .judges(rules)
            .map(|(side, set)| Judge {
                side,
                connection: kafka::Connection::new(config),
                rules: Some(set.kafka(side.peer, OPTIONS)),
                reporter: Reporter::default(),
            })
            .collect();
        let queues = || (0..=judges.len()).map(|_| Queue::default()).collect();
        Self {
            base: Instant::now(),
            up: queues(),
            down: queues(),
            judges,
            any: kafka::Rules::new(vec![Rule::any()], OPTIONS),
        }
    }

    /// Takes other rules: each side its own, also for a request that is under way.
    pub(super) fn renew(&mut self, connection: &Connection, rules: &Rules) -> Renewed {
        let hop = connection.hop();
        for judge in &mut self.judges {
            let own = hop
                .judges(rules)
                .find(|(side, _)| side.direction == judge.side.direction);
            judge.rules = own.map(|(side, set)| set.kafka(side.peer, OPTIONS));
        }
        for at in 0..self.judges.len() {
            let judge = &mut self.judges[at];
            let rules = judge.rules.as_ref().map_or(&self.any, |own| &own.rules);
            let output = judge.connection.renew(rules);
            if self.apply(at, output, &[], connection).is_none() {
                return Renewed::Denied;
            }
        }
        let judges = &self.judges;
        let is_judged = |side: Side| {
            judges
                .iter()
                .any(|judge| judge.side.direction == side.direction)
        };
        let mut sides = hop.judges(rules);
        match sides
            .all(|(side, set)| is_judged(side) || set.peer_kind(side.peer) == PeerKind::Plain)
        {
            true => Renewed::GoesOn,
            false => Renewed::Unjudged,
        }
    }

    pub(super) fn client_input(&mut self) -> &mut Queue {
        first(&mut self.up)
    }

    pub(super) fn server_output(&mut self) -> &mut Queue {
        last(&mut self.up)
    }

    pub(super) fn server_input(&mut self) -> &mut Queue {
        last(&mut self.down)
    }

    pub(super) fn client_output(&mut self) -> &mut Queue {
        first(&mut self.down)
    }

    /// Whether all that the client said has gone out.
    pub(super) fn is_drained_to_server(&self) -> bool {
        self.up.iter().all(Queue::is_empty)
    }

    /// Whether all that the server said has gone out.
    pub(super) fn is_drained_to_client(&self) -> bool {
        self.down.iter().all(Queue::is_empty)
    }

    /// Bytes that it keeps.
    pub(super) fn held(&self) -> usize {
        let queues = self.up.iter().chain(&self.down);
        let judges = self.judges.iter().map(|judge| judge.connection.held());
        queues.map(|queue| queue.bytes.len()).chain(judges).sum()
    }

    /// When something is to be done without bytes.
    pub(super) fn due(&self) -> Option<Instant> {
        // While an answer of the server is under way, nothing can be done before its next bytes.
        let waiting = self.judges.iter();
        let waiting = waiting.filter(|one| !one.connection.takes_server());
        let dues = waiting.filter_map(|one| one.connection.due());
        dues.min().map(|due| self.base + due)
    }

    /// Has the sides take what they can. False: the connection is to be reset, which was reported.
    pub(super) fn advance(&mut self, connection: &Connection) -> bool {
        loop {
            let now = self.base.elapsed();
            let mut has_advanced = false;
            for at in 0..self.judges.len() {
                match self.advance_one(at, now, connection) {
                    Some(advanced) => has_advanced |= advanced,
                    None => return false,
                }
            }
            if !has_advanced {
                return true;
            }
        }
    }

    /// One side. `None`: the connection is to be reset.
    fn advance_one(&mut self, at: usize, now: Duration, connection: &Connection) -> Option<bool> {
        let mut has_advanced = false;
        let judge = &mut self.judges[at];
        if judge.connection.due().is_some_and(|due| due <= now) {
            let output = judge.connection.elapsed(now);
            has_advanced |= !output.events.is_empty();
            self.apply(at, output, &[], connection)?;
        }
        if !self.up[at].is_empty() {
            let mut input = std::mem::take(&mut self.up[at]);
            let taken = self.take_up(at, now, input.bytes(), connection);
            input.pop(taken.unwrap_or(0));
            self.up[at] = input;
            has_advanced |= taken? > 0;
        }
        if !self.down[at + 1].is_empty() {
            let mut input = std::mem::take(&mut self.down[at + 1]);
            let taken = self.take_down(at, now, input.bytes(), connection);
            input.pop(taken.unwrap_or(0));
            self.down[at + 1] = input;
            has_advanced |= taken? > 0;
        }
        Some(has_advanced)
    }

    /// Has the first side take what the client sent; what it doesn't take waits. False: as [`advance`](Self::advance).
    pub(super) fn client_sent(&mut self, connection: &Connection, input: &[u8]) -> bool {
        let now = self.base.elapsed();
        let taken = self.take_up(0, now, input, connection);
        let rest = input.get(taken.unwrap_or(0)..).unwrap_or_default();
        self.client_input().push(rest);
        taken.is_some()
    }

    /// Has the last side take what the server sent; what it doesn't take waits. False: as [`advance`](Self::advance).
    pub(super) fn server_sent(&mut self, connection: &Connection, input: &[u8]) -> bool {
        let now = self.base.elapsed();
        let last = self.judges.len().saturating_sub(1);
        let taken = self.take_down(last, now, input, connection);
        let rest = input.get(taken.unwrap_or(0)..).unwrap_or_default();
        self.server_input().push(rest);
        taken.is_some()
    }

    /// Has a side take what comes from the client: how much it took. `None`: the connection is to be reset.
    fn take_up(
        &mut self,
        at: usize,
        now: Duration,
        input: &[u8],
        connection: &Connection,
    ) -> Option<usize> {
        // None, if the rules went before the connection to the server was there: then all passes.
        let Some(judge) = self.judges.get_mut(at) else {
            return Some(0);
        };
        let is_short = self.up[at + 1].is_short() && self.down[at].is_short();
        if !is_short || !judge.connection.takes_client() {
            return Some(0);
        }
        let output = judge.client_sent(&self.any, now, input);
        let taken = output.taken;
        self.apply(at, output, input, connection)?;
        Some(taken)
    }

    /// Has a side take what comes from the server: how much it took. `None`: the connection is to be reset.
    fn take_down(
        &mut self,
        at: usize,
        now: Duration,
        input: &[u8],
        connection: &Connection,
    ) -> Option<usize> {
        let Some(judge) = self.judges.get_mut(at) else {
            return Some(0);
        };
        if !self.down[at].is_short() || !judge.connection.takes_server() {
            return Some(0);
        }
        let output = judge.server_sent(&self.any, now, input);
        let taken = output.taken;
        self.apply(at, output, input, connection)?;
        Some(taken)
    }

    /// Puts what follows into the queues, and reports it. `None`: the connection is to be reset.
    fn apply(
        &mut self,
        at: usize,
        output: Output,
        input: &[u8],
        connection: &Connection,
    ) -> Option<()> {
        self.up[at + 1].put(output.to_server, input);
        self.down[at].put(output.to_client, input);
        let judge = &mut self.judges[at];
        let rules = judge.rules.as_ref();
        for event in &output.events {
            judge
                .reporter
                .report(connection, judge.side.direction, rules, event);
        }
        let Some(close) = &output.close else {
            return Some(());
        };
        judge
            .reporter
            .report_close(connection, judge.side.direction, rules, close);
        None
    }
}

fn first(queues: &mut [Queue]) -> &mut Queue {
    queues.first_mut().expect("there is one more than sides")
}

fn last(queues: &mut [Queue]) -> &mut Queue {
    queues.last_mut().expect("there is one more than sides")
}
