//! Metrics of requests at layer 7, and of the proxy that tells of them.

use std::{fmt, sync::atomic::Ordering};

use serve::metrics::Writer;

use super::Metrics;
use crate::observe::{BOUNDS, Family, Latency};

/// Writes a family of counters with these labels.
fn counters(
    page: &mut Writer<'_>,
    name: &str,
    help: &str,
    labels: &[&str],
    family: &Family<u64>,
) -> fmt::Result {
    let series = family.sorted().into_iter();
    page.counters(
        name,
        help,
        series.map(|(values, value)| (named(labels, values), *value)),
    )
}

/// The same of histograms, in seconds.
fn histograms(
    page: &mut Writer<'_>,
    name: &str,
    help: &str,
    labels: &[&str],
    family: &Family<Latency>,
) -> fmt::Result {
    let series = family.sorted().into_iter();
    page.histograms(
        name,
        help,
        &BOUNDS,
        series.map(|(values, of)| (named(labels, values), (&of.buckets[..], of.sum))),
    )
}

fn named<'a>(labels: &[&'a str], values: &'a [Box<str>]) -> Vec<(&'a str, &'a str)> {
    let values = values.iter().map(|value| &**value);
    labels.iter().copied().zip(values).collect()
}

/// Hubble's families `dns`, `http` (as `httpV2` has it) and `kafka`, and what Hubble has no name for.
pub(super) fn requests(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let counts = metrics.stats.request_metrics.counts();
    let dns = ["rcode", "qtypes", "ips_returned"];
    let http = ["method", "protocol", "status", "reporter"];
    let kafka = ["topic", "api_key", "error_code", "reporter"];
    for (name, help, labels, family) in [
        (
            "hubble_dns_queries",
            "DNS queries that the proxy saw.",
            &dns[..],
            &counts.dns_queries,
        ),
        (
            "hubble_dns_responses",
            "DNS answers that the proxy saw.",
            &dns,
            &counts.dns_responses,
        ),
        (
            "hubble_dns_response_types",
            "Records in DNS answers, by type.",
            &["type", "qtypes"],
            &counts.dns_response_types,
        ),
        (
            "hubble_http_requests",
            "HTTP requests that were answered, by the proxy itself too.",
            &http,
            &counts.http_requests,
        ),
        (
            "hubble_kafka_requests",
            "Kafka requests that were answered, by topic.",
            &kafka,
            &counts.kafka_requests,
        ),
    ] {
        counters(page, name, help, labels, family)?;
    }
    let labels = ["policy", "rule", "protocol", "direction", "verdict"];
    let by_rule = counts.by_rule.labelled();
    page.counters(
        "flows_requests",
        "Requests of layer 7, by the rule that allowed them or, of denied ones, came nearest, of policies in force.",
        by_rule.iter().map(|(values, sum)| {
            let values = values.iter().map(String::as_str);
            (labels.into_iter().zip(values).collect::<Vec<_>>(), *sum)
        }),
    )?;
    for (name, help, labels, family) in [
        (
            "hubble_http_request_duration_seconds",
            "Time to the answer of HTTP requests.",
            &["method", "reporter"][..],
            &counts.http_duration,
        ),
        (
            "hubble_kafka_request_duration_seconds",
            "Time to the answer of Kafka requests.",
            &["topic", "api_key", "reporter"],
            &counts.kafka_duration,
        ),
        (
            "flows_request_duration_seconds",
            "Time to the answer of requests of layer 7.",
            &["protocol", "direction"],
            &counts.duration,
        ),
    ] {
        histograms(page, name, help, labels, family)?;
    }
    page.counter(
        "flows_requests_overflowed",
        "Requests that a metric counts under `other`, for want of room to tell them apart.",
        counts.overflowed,
    )
}

/// Whether the proxy is there, and what of its records was lost where; nothing without a proxy.
pub(super) fn proxy(page: &mut Writer<'_>, metrics: &Metrics) -> fmt::Result {
    let Some(proxy) = &metrics.proxy else {
        return Ok(());
    };
    page.gauge(
        "flows_proxy_connected",
        "1 if flows-proxy is connected; without it what is redirected to it is dropped.",
        u64::from(proxy.is_there()),
    )?;
    if let Some(room) = proxy.room() {
        page.gauge(
            "flows_proxy_held_bytes",
            "What flows-proxy holds of what readers do not take, beyond a piece for each connection.",
            room.held,
        )?;
        page.gauge(
            "flows_proxy_crowded_clients",
            "Clients whose connections hold as much as they may, and wait for their readers.",
            room.crowded.len() as u64,
        )?;
        let stopped = [("stopped", room.stopped), ("given_up", room.given_up)];
        page.counters(
            "flows_proxy_connections_without_room",
            "Connections that were stopped because their client held as much as it may, and those of them that were \
             reset because their reader took nothing.",
            stopped.map(|(what, count)| ([("what", what)], count)),
        )?;
    }
    page.counter(
        "flows_proxy_records",
        "Records of requests that came from flows-proxy.",
        proxy.records.load(Ordering::Relaxed),
    )?;
    let lost = [
        ("agent_queue", &proxy.lost_in_queue),
        ("malformed", &proxy.malformed),
        ("proxy", &proxy.lost_in_proxy),
    ];
    page.counters(
        "flows_proxy_records_lost",
        "Records of requests that were lost, by the stage where it happened.",
        lost.map(|(stage, lost)| ([("stage", stage)], lost.load(Ordering::Relaxed))),
    )
}
