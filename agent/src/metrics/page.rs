//! The metrics as they are at one moment.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::atomic::Ordering,
};

use flow::view::Transport;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use proto::flow as pb;
use serve::metrics::Writer;

use super::{Metrics, requests};
use crate::{
    fact::FlowKind,
    node::{MapUsage, conntrack_stats::Counted},
    observe::{FlowMetricsKey, ReaderStats},
};

/// Writes the metrics when they are asked for.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) metrics: Metrics,
    pub(super) counted: Option<Counted>,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let page = &mut Writer::new(encoder);
        flows(page, &self.metrics)?;
        requests::requests(page, &self.metrics)?;
        requests::proxy(page, &self.metrics)?;
        losses(page, &self.metrics)?;
        history(page, &self.metrics)?;
        enforcement(page, &self.metrics)?;
        integrity(page, &self.metrics)?;
        changes(page, &self.metrics)?;
        maps(page, &self.metrics, self.counted.as_ref())
    }
}

fn flows(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let mut flows = BTreeMap::<_, u64>::new();
    let requests = metrics.stats.request_metrics.counts();
    for (values, sum) in requests.flows.sorted() {
        let [protocol, verdict] = values else {
            continue;
        };
        let protocol = match &**protocol {
            "TLS" => "Unknown L7",
            known => known,
        };
        let subtype = if protocol == "Unknown L7" {
            ""
        } else {
            protocol
        };
        let labels = [
            ("protocol", protocol),
            ("subtype", subtype),
            ("type", "L7"),
            ("verdict", verdict),
        ];
        *flows.entry(labels).or_default() += sum;
    }
    let mut drops = BTreeMap::<_, u64>::new();
    for (key, sum) in metrics.stats.flow_metrics.sums() {
        let protocol = protocol(key.transport);
        let (kind, point) = kind(&key);
        let labels = [
            ("protocol", protocol),
            ("subtype", point),
            ("type", kind),
            ("verdict", verdict(&key)),
        ];
        *flows.entry(labels).or_default() += sum;
        if key.part == FlowKind::Drop {
            let labels = [("protocol", protocol), ("reason", reason(key.reason))];
            *drops.entry(labels).or_default() += sum;
        }
    }
    let help = "Flows, by protocol, kind and verdict.";
    page.counters("hubble_flows_processed", help, flows)?;
    let help = "Drop events, by reason and protocol.";
    page.counters("hubble_drop", help, drops)
}

fn losses(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let stats = &metrics.stats;
    let ring = stats.sum(|reader| &reader.ring_lost) + stats.left_unread;
    let queue = stats.sum(|reader| &reader.queue_lost);
    let lost = [
        ("hubble_ring_buffer", metrics.history.evicted_unread()),
        ("observer_events_queue", queue),
        ("perf_event_ring_buffer", ring),
    ];
    page.counters(
        "hubble_lost_events",
        "Events lost, by the stage where it happened.",
        lost.map(|(source, lost)| ([("source", source)], lost)),
    )?;
    let status = metrics.status.load();
    let counters = &status.counters;
    for (name, help, value) in [
        (
            "flows_events_attempted",
            "Events that the programs tried to send.",
            counters.events_attempted,
        ),
        (
            "flows_events_failed",
            "Events that the programs tried to send and a ring did not accept.",
            counters.events_failed,
        ),
        (
            "flows_events_limited",
            "Drops not reported because of the limit per pod.",
            counters.events_limited,
        ),
        (
            "flows_events_accounted",
            "Events read from the rings, or found there unread after a restart.",
            status.accounted,
        ),
        (
            "flows_events_received",
            "Events that this agent read from the rings.",
            stats.sum(|reader: &ReaderStats| &reader.received),
        ),
        (
            "flows_events_malformed",
            "Records of the rings that could not be read.",
            stats.sum(|reader| &reader.malformed),
        ),
        (
            "flows_events_stored",
            "Events stored in the history.",
            stats.stored.load(Ordering::Relaxed),
        ),
        (
            "flows_packets_forwarded",
            "Packets forwarded.",
            counters.packets_forwarded,
        ),
        (
            "flows_packets_dropped",
            "Packets dropped.",
            counters.packets_dropped,
        ),
        (
            "flows_conntrack_full",
            "New connections dropped because the connection table had no room.",
            counters.ct_full,
        ),
        (
            "flows_proxy_packets_missed",
            "Packets that were sent to flows-proxy and that no socket of it got: fragments, or its listener was gone.",
            counters.proxy_missed,
        ),
    ] {
        page.counter(name, help, value)?;
    }
    Ok(())
}

fn history(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let view = metrics.history.view();
    page.gauge("flows_history_flows", "Flows in memory.", view.flows())?;
    page.gauge(
        "flows_history_bytes",
        "Memory used by the flows in memory, in bytes.",
        view.bytes() as u64,
    )?;
    page.gauge(
        "flows_history_capacity_flows",
        "Number of flows that are at least kept in memory.",
        metrics.history.capacity(),
    )
}

fn enforcement(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let status = metrics.status.load();
    let not_enforced = status
        .problems
        .iter()
        .filter(|problem| problem.not_enforced)
        .count();
    for (name, help, value) in [
        (
            "flows_revision",
            "The node's policy revision: it grows by one with every change that came into force.",
            u64::from(status.revision),
        ),
        (
            "flows_manifests_generation",
            "Number of the current snapshot of the manifests.",
            status.generation,
        ),
        (
            "flows_policies",
            "Policies in force.",
            status.policies as u64,
        ),
        (
            "flows_policies_not_enforced",
            "Policies of which NO version is enforced.",
            not_enforced as u64,
        ),
        (
            "flows_manifest_problems",
            "Problems in manifests and policies.",
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
            "1 if the manifests could not be applied to the kernel.",
            u64::from(status.failure.is_some()),
        ),
    ] {
        page.gauge(name, help, value)?;
    }
    Ok(())
}

fn integrity(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let status = metrics.status.load();
    let repairs = status.repairs.iter();
    page.counters(
        "flows_datapath_repairs",
        "Programs and pins that the agent restored, by the kind of damage.",
        repairs.map(|(damage, repairs)| ([("damage", damage.word())], *repairs)),
    )?;
    page.gauge(
        "flows_datapath_problems",
        "Problems of the datapath within the last 10 minutes.",
        status.datapath.len() as u64,
    )
}

fn changes(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let (bytes, limit) = metrics.changes.usage();
    page.gauge(
        "flows_changes_bytes",
        "Bytes that the recorded changes of the cluster's state take.",
        bytes as u64,
    )?;
    page.gauge(
        "flows_changes_max_bytes",
        "Bytes that they may take; the oldest ones make room.",
        limit as u64,
    )?;
    page.counter(
        "flows_changes_unwritten",
        "Records of changes that could not be written to the file; they are kept in memory.",
        metrics.changes.unwritten(),
    )
}

type Value = fn(&MapUsage) -> u64;

fn maps(page: &mut Writer<'_>, metrics: &Metrics, counted: Option<&Counted>) -> fmt::Result {
    let status = metrics.status.load();
    let tracked = counted.map(|counted| counted.fills.as_slice());
    let tracked = tracked.unwrap_or_default();
    let values: [(&str, &str, Value); 3] = [
        ("flows_map_entries", "Entries of a map.", |usage| {
            usage.entries
        }),
        (
            "flows_map_wanted_entries",
            "Entries that the manifests ask for; if they don't fit, what needs too much is left out (see `flows status`).",
            |usage| usage.wanted,
        ),
        ("flows_map_max_entries", "Size of a map.", |usage| {
            usage.max.into()
        }),
    ];
    for (name, help, value) in values {
        let usage = status.fills.iter().chain(tracked);
        let samples = usage.map(|usage| ([("map", usage.map)], value(usage)));
        page.gauges(name, help, samples)?;
    }
    let live = counted.iter().flat_map(|counted| counted.live);
    page.gauges(
        "flows_connections",
        "Connections that have not timed out.",
        live.map(|(family, live)| ([("family", family)], live)),
    )?;
    let Some(counted) = counted else {
        return Ok(());
    };
    let replaced = counted.replaced.iter();
    page.gauge(
        "flows_connections_replaced",
        "Live connections of the node's pods that were evicted for newer ones of the same pod.",
        replaced.map(|replaced| replaced.connections).sum::<u64>(),
    )
}

fn kind(key: &FlowMetricsKey) -> (&'static str, &'static str) {
    match key.part {
        FlowKind::EgressVerdict | FlowKind::IngressVerdict => ("PolicyVerdict", ""),
        FlowKind::Drop => ("Drop", ""),
        FlowKind::Trace => (
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

fn verdict(key: &FlowMetricsKey) -> &'static str {
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
