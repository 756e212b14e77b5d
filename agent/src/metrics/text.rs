//! The page in Prometheus' text format.

use std::{
    fmt::{Display, Write as _},
    sync::atomic::Ordering,
};

use flow::view::Transport;
use proto::flow as pb;

use super::Metrics;
use crate::{
    connections::Counted,
    control::Fill,
    fact::Part,
    observe::{ReaderStats, TallyKey},
};

/// All metrics.
pub(super) fn render(metrics: &Metrics, counted: Option<&Counted>) -> String {
    let mut page = Page(String::new());
    flows(&mut page, metrics);
    losses(&mut page, metrics);
    history(&mut page, metrics);
    enforcement(&mut page, metrics);
    integrity(&mut page, metrics);
    maps(&mut page, metrics, counted);
    page.0
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// Labels' values are numbers, enum names and map names: nothing that needs an escape.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.push(format_args!("{name}"));
        let mut separator = '{';
        for (key, value) in labels {
            self.push(format_args!("{separator}{key}=\"{value}\""));
            separator = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.push(format_args!("{end} {value}\n"));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(text)
            .expect("a String takes all that is written");
    }
}

fn flows(page: &mut Page, metrics: &Metrics) {
    let sums = metrics.stats.tally.sums();
    let name = "hubble_flows_processed_total";
    page.family(name, "counter", "Flows, by protocol, kind and verdict.");
    let mut rows = std::collections::BTreeMap::<_, u64>::new();
    let mut drops = std::collections::BTreeMap::<_, u64>::new();
    for (key, sum) in sums {
        let (kind, point) = kind(&key);
        *rows
            .entry((protocol(key.transport), kind, point, verdict(&key)))
            .or_default() += sum;
        if key.part == Part::Drop {
            *drops
                .entry((reason(key.reason), protocol(key.transport)))
                .or_default() += sum;
        }
    }
    for ((protocol, kind, point, verdict), sum) in rows {
        let labels = [
            ("protocol", protocol),
            ("subtype", point),
            ("type", kind),
            ("verdict", verdict),
        ];
        page.sample(name, &labels, sum);
    }
    let name = "hubble_drop_total";
    page.family(name, "counter", "Drop events, by reason and protocol.");
    for ((reason, protocol), sum) in drops {
        page.sample(name, &[("protocol", protocol), ("reason", reason)], sum);
    }
}

fn losses(page: &mut Page, metrics: &Metrics) {
    let stats = &metrics.stats;
    let name = "hubble_lost_events_total";
    page.family(
        name,
        "counter",
        "Events lost, by the stage where it happened.",
    );
    let ring = stats.sum(|reader| &reader.ring_lost) + stats.left_unread;
    let queue = stats.sum(|reader| &reader.queue_lost);
    for (source, lost) in [
        ("hubble_ring_buffer", metrics.history.evicted_unread()),
        ("observer_events_queue", queue),
        ("perf_event_ring_buffer", ring),
    ] {
        page.sample(name, &[("source", source)], lost);
    }
    let status = metrics.status.load();
    let counters = &status.counters;
    for (name, help, value) in [
        (
            "flows_events_attempted_total",
            "Events that the programs tried to send.",
            counters.events_attempted,
        ),
        (
            "flows_events_failed_total",
            "Of those, not accepted by a ring.",
            counters.events_failed,
        ),
        (
            "flows_events_limited_total",
            "Drops kept silent by the limit per pod.",
            counters.events_limited,
        ),
        (
            "flows_events_accounted_total",
            "Events that readers of the rings took or found unread.",
            status.accounted,
        ),
        (
            "flows_events_received_total",
            "Events that this agent took from the rings.",
            stats.sum(|reader: &ReaderStats| &reader.received),
        ),
        (
            "flows_events_malformed_total",
            "Records of the rings that could not be read.",
            stats.sum(|reader| &reader.malformed),
        ),
        (
            "flows_events_stored_total",
            "Events that entered the history.",
            stats.stored.load(Ordering::Relaxed),
        ),
        (
            "flows_packets_forwarded_total",
            "Packets let through.",
            counters.packets_forwarded,
        ),
        (
            "flows_packets_dropped_total",
            "Packets dropped.",
            counters.packets_dropped,
        ),
        (
            "flows_conntrack_full_total",
            "Connections that found no room.",
            counters.ct_full,
        ),
    ] {
        page.single(name, "counter", help, value);
    }
}

fn history(page: &mut Page, metrics: &Metrics) {
    let view = metrics.history.view();
    page.single("flows_history_flows", "gauge", "Flows held.", view.flows());
    page.single(
        "flows_history_bytes",
        "gauge",
        "Memory of the flows held.",
        view.bytes(),
    );
    page.single(
        "flows_history_capacity_flows",
        "gauge",
        "Flows that are held at least.",
        metrics.history.capacity(),
    );
}

fn enforcement(page: &mut Page, metrics: &Metrics) {
    let status = metrics.status.load();
    let not_enforced = status
        .problems
        .iter()
        .filter(|problem| problem.not_enforced)
        .count();
    for (name, help, value) in [
        (
            "flows_revision",
            "The node's revision: changes of policy that became true.",
            u64::from(status.revision),
        ),
        (
            "flows_manifests_generation",
            "Snapshot of the manifests.",
            status.generation,
        ),
        (
            "flows_policies",
            "Policies in force.",
            status.policies as u64,
        ),
        (
            "flows_policies_not_enforced",
            "Policies that never were valid: NOT enforced.",
            not_enforced as u64,
        ),
        (
            "flows_manifest_problems",
            "Mistakes in manifests and policies.",
            status.problems.len() as u64,
        ),
        (
            "flows_endpoints",
            "Pods of this node.",
            status.endpoints as u64,
        ),
        (
            "flows_endpoints_selected",
            "Pods of this node that a policy selects.",
            status.selected as u64,
        ),
        (
            "flows_out_of_step",
            "1 if the kernel could not be brought in step with the manifests.",
            u64::from(status.failure.is_some()),
        ),
    ] {
        page.single(name, "gauge", help, value);
    }
}

fn integrity(page: &mut Page, metrics: &Metrics) {
    let status = metrics.status.load();
    let name = "flows_datapath_repairs_total";
    page.family(
        name,
        "counter",
        "Programs and pins that others took away and the agent put back, by what was done to them.",
    );
    for (damage, repairs) in &status.repairs {
        page.sample(name, &[("damage", damage.word())], repairs);
    }
    page.single(
        "flows_datapath_problems",
        "gauge",
        "What is wrong with the datapath, or was within the last 10 minutes.",
        status.datapath.len(),
    );
}

type Value = fn(&Fill) -> u64;

fn maps(page: &mut Page, metrics: &Metrics, counted: Option<&Counted>) {
    let status = metrics.status.load();
    let tracked = counted.map(|counted| counted.fills.as_slice());
    let tracked = tracked.unwrap_or_default();
    let values: [(&str, &str, Value); 3] = [
        ("flows_map_entries", "Entries of a map.", |fill| {
            fill.entries
        }),
        (
            "flows_map_wanted_entries",
            "Entries that the manifests ask for; if they don't fit, what was in force stays.",
            |fill| fill.wanted,
        ),
        ("flows_map_max_entries", "Size of a map.", |fill| {
            fill.max.into()
        }),
    ];
    for (name, help, value) in values {
        page.family(name, "gauge", help);
        for fill in status.fills.iter().chain(tracked) {
            page.sample(name, &[("map", fill.map)], value(fill));
        }
    }
    let name = "flows_connections";
    page.family(name, "gauge", "Connections that have not timed out.");
    for (family, live) in counted.iter().flat_map(|counted| counted.live) {
        page.sample(name, &[("family", family)], live);
    }
    if let Some(counted) = counted {
        let replaced = counted.replaced.iter();
        page.single(
            "flows_connections_replaced",
            "gauge",
            "Live connections of the node's pods that gave way to newer ones of the same pod.",
            replaced.map(|replaced| replaced.connections).sum::<u64>(),
        );
    }
}

fn kind(key: &TallyKey) -> (&'static str, &'static str) {
    match key.part {
        Part::EgressVerdict | Part::IngressVerdict => ("PolicyVerdict", ""),
        Part::Drop => ("Drop", ""),
        Part::Trace => (
            "Trace",
            if key.point == pb::TraceObservationPoint::ToEndpoint {
                "to-endpoint"
            } else if key.point == pb::TraceObservationPoint::ToStack {
                "to-stack"
            } else {
                "to-network"
            },
        ),
    }
}

fn verdict(key: &TallyKey) -> &'static str {
    let verdict = if key.reason != 0 {
        pb::Verdict::Dropped
    } else if key.redirected {
        pb::Verdict::Redirected
    } else {
        pb::Verdict::Forwarded
    };
    verdict.as_str_name()
}

fn reason(reason: u8) -> &'static str {
    pb::DropReason::try_from(i32::from(reason))
        .unwrap_or(pb::DropReason::Unknown)
        .as_str_name()
}

fn protocol(transport: Option<Transport>) -> &'static str {
    transport.map_or("Unknown flow", flow::format::protocol)
}
