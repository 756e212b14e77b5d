//! Joining events to connections: how many per second, beside counting them by their ends in a plain
//! table, and how much memory an open connection takes.

use std::collections::HashMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;

use flow::connection::{Connections, Limits};
use flow::view::{EndpointDecision, Extension, Transport, Volume, tcp};
use flow::{FlowView, Identity, Side, Verdict};
use flows_flow as flow;
use proto::flow::IpVersion;
use proto::flows::v1::Cause;
use testing_bench::{Row, median};
use testing_program::memory_mib;

/// Runs of which the median counts.
const RUNS: usize = 5;
/// Connections of a cluster that are open at a time.
const OPEN: u32 = 100_000;
const NODES: [&str; 2] = ["worker-1", "worker-2"];

/// An event as compact as an agent's or a screen's.
#[derive(Clone, Copy)]
struct Event {
    time: i64,
    connection: u32,
    node: u8,
    reply: bool,
    cause: Cause,
    flags: u16,
    packets: u64,
}

impl Event {
    fn end(&self, side: Side) -> (IpAddr, u16) {
        let [_, high, middle, low] = self.connection.to_be_bytes();
        match (side, self.reply) {
            (Side::Source, false) | (Side::Destination, true) => {
                let port = 32_768 + u16::from_be_bytes([0, low]);
                ([10, high, middle, 1].into(), port)
            }
            (Side::Source, true) | (Side::Destination, false) => {
                ([10, 200, middle, 2].into(), 8_080)
            }
        }
    }
}

impl FlowView for Event {
    fn time_ns(&self) -> Option<i64> {
        Some(self.time)
    }
    fn verdict(&self) -> Verdict {
        Verdict::Forwarded
    }
    fn is_reply(&self) -> Option<bool> {
        Some(self.reply)
    }
    fn transport(&self) -> Option<Transport> {
        Some(Transport::Tcp)
    }
    fn port(&self, side: Side) -> Option<u16> {
        Some(self.end(side).1)
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        Some(self.end(side).0)
    }
    fn tcp_flags(&self) -> Option<u16> {
        Some(self.flags)
    }
    fn ip_version(&self) -> IpVersion {
        IpVersion::IPv4
    }
    fn encrypted(&self) -> bool {
        false
    }
    fn identity(&self, _side: Side) -> Option<Identity> {
        None
    }
    fn namespace(&self, _side: Side) -> &str {
        "shop"
    }
    fn pod(&self, _side: Side) -> &str {
        "web"
    }
    fn node(&self) -> &str {
        NODES[usize::from(self.node)]
    }
    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        let allowed = EndpointDecision {
            verdict: Verdict::Forwarded,
            drop_reason: 0,
            match_type: 0,
            default_deny: false,
            rules: &(),
            why: "",
        };
        let volume = Some(Volume {
            packets: self.packets,
            bytes: self.packets * 100,
        });
        see(&Extension {
            egress: (self.node == 0).then_some(allowed),
            ingress: (self.node == 1).then_some(allowed),
            forward: volume,
            reply: volume,
            cause: self.cause,
            ..Extension::default()
        });
    }

    flow::absent! {
        drop_reason event_type direction match_type trace_reason icmp source_xlated cluster any_label
        any_workload any_name service any_node_label interface l7 uuid trace_id ip_trace_id summary
        any_policy any_policy_log connection message
    }
}

/// What both nodes tell of so many connections that live side by side: six events each, the first and
/// the last of all before the second of any.
fn events(connections: u32) -> Vec<Event> {
    let stages = [
        (Cause::New, false, tcp::SYN),
        (Cause::Flags, true, tcp::SYN | tcp::ACK),
        (Cause::Active, false, tcp::ACK),
    ];
    let mut events = Vec::new();
    for (at, (cause, reply, flags)) in stages.into_iter().enumerate() {
        for connection in 0..connections {
            for node in 0..2 {
                events.push(Event {
                    time: 1_795_343_415_000_000_000
                        + i64::try_from(events.len()).unwrap_or(0) * 1_000,
                    connection,
                    node,
                    reply,
                    cause,
                    flags,
                    packets: at as u64 + 1,
                });
            }
        }
    }
    events
}

/// Millions of events per second.
fn rate(events: &[Event], mut pass: impl FnMut(&[Event])) -> f64 {
    let rates = (0..RUNS).map(|_| {
        let begin = Instant::now();
        pass(events);
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        f64::from(count) / 1e6 / begin.elapsed().as_secs_f64()
    });
    median(rates.collect())
}

fn join(events: &[Event]) -> Connections<u64> {
    let mut connections = Connections::new(Limits {
        tuples: 2 * OPEN as usize,
    });
    for (number, event) in events.iter().enumerate() {
        connections.push(event, || number as u64);
    }
    connections
}

/// The least that telling connections apart takes: a table by their ends.
fn count(events: &[Event]) {
    let mut table: HashMap<[(IpAddr, u16); 2], u64> = HashMap::new();
    for event in events {
        let [source, destination] = [Side::Source, Side::Destination].map(|side| event.end(side));
        let ends = match event.reply {
            true => [destination, source],
            false => [source, destination],
        };
        *table.entry(ends).or_default() += 1;
    }
    black_box(table.len());
}

fn main() {
    // Memory first: what was freed before would be counted as nothing.
    let all = events(OPEN);
    let before = memory_mib(std::process::id());
    let connections = join(&all);
    let used = memory_mib(std::process::id()) - before;
    assert_eq!(connections.len(), OPEN as usize, "each stands for itself");
    Row::new(
        "memory of an open connection that two nodes told of",
        used * 1024.0 * 1024.0 / f64::from(OPEN),
        "bytes",
    )
    .goal("<= 200")
    .print();
    drop(connections);

    for open in [1_000, OPEN] {
        let all = events(open);
        let joined = rate(&all, |events| {
            black_box(join(events).len());
        });
        let base = rate(&all, count);
        Row::new(
            format!("events joined to {open} open connections"),
            joined,
            "M events/s",
        )
        .against(Some(("a table by their ends", base)))
        .goal(">= 1")
        .print();
    }

    let connections = join(&all);
    let begin = Instant::now();
    let read = connections.iter().filter(|one| one.drops() == 0).count();
    let seconds = begin.elapsed().as_secs_f64();
    Row::new(
        "connections read, of two nodes' legs",
        f64::from(u32::try_from(read).unwrap_or(u32::MAX)) / 1e6 / seconds,
        "M/s",
    )
    .print();
}
