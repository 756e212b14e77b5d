//! Records as messages.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use l7::kafka::ApiKey;
use l7::rules::{Direction, Protocol};
use l7::wire::dns::type_name;
use proto::flow::layer7::Record as Content;
use proto::flow::{self, HttpHeader, L7FlowType};
use proto::flows::v1::{ProxyEnd, ProxyRecord};
use proto::google::Timestamp;

use crate::record::{Dns, Http, Kafka, Layer7, Lines, Record, Verdict};
use crate::world::End;

/// What Hubble has for the time to live of an answer without addresses.
const NO_TTL: u32 = u32::MAX;

fn time(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}

fn end(socket: SocketAddr, end: End) -> ProxyEnd {
    ProxyEnd {
        address: socket.ip().to_string(),
        port: socket.port().into(),
        identity: end.identity,
        endpoint: end.endpoint,
    }
}

fn headers(lines: &Lines) -> Vec<HttpHeader> {
    let headers = lines.iter().map(|(key, value)| HttpHeader {
        key: key.into(),
        value: value.into(),
    });
    headers.collect()
}

/// A record.
pub(super) fn record(record: Record) -> ProxyRecord {
    let Record {
        time: began,
        hop,
        direction,
        is_reply,
        verdict,
        rule,
        item,
        reason,
        latency,
        layer7,
    } = record;
    let message = ProxyRecord {
        time: Some(time(began)),
        client: Some(end(hop.client, hop.source)),
        server: Some(end(hop.server, hop.destination)),
        protocol: match hop.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
        },
        direction: match direction {
            Direction::Ingress => flow::TrafficDirection::Ingress,
            Direction::Egress => flow::TrafficDirection::Egress,
        }
        .into(),
        is_reply,
        verdict: match verdict {
            Verdict::Allowed => flow::Verdict::Forwarded,
            Verdict::Denied => flow::Verdict::Dropped,
            Verdict::Error => flow::Verdict::Error,
        }
        .into(),
        rule_cookie: rule.map(|rule| rule.0),
        rule_item: item.and_then(|item| u32::try_from(item).ok()),
        reason: reason.into(),
        ..ProxyRecord::default()
    };
    let kind = match is_reply {
        true => L7FlowType::Response,
        false => L7FlowType::Request,
    };
    let latency = latency.map_or(0, |latency| latency.as_nanos());
    let with = |content| {
        Some(flow::Layer7 {
            r#type: kind.into(),
            latency_ns: u64::try_from(latency).unwrap_or(u64::MAX),
            record: Some(content),
        })
    };
    match layer7 {
        Layer7::Connection => message,
        Layer7::Tls(server_name) => ProxyRecord {
            server_name: server_name.map(String::from),
            ..message
        },
        Layer7::Dns(dns) => ProxyRecord {
            layer7: with(Content::Dns(of_dns(dns, is_reply))),
            ..message
        },
        Layer7::Http(http) => {
            let (http, missing, rejected) = of_http(&http);
            ProxyRecord {
                layer7: with(Content::Http(http)),
                http_missing_headers: missing,
                http_rejected_headers: rejected,
                ..message
            }
        }
        Layer7::Kafka(kafka) => {
            let client_id = kafka.client_id.to_string();
            let has_more = kafka.has_more_topics;
            let (kafka, more) = of_kafka(kafka);
            ProxyRecord {
                layer7: with(Content::Kafka(kafka)),
                kafka_client_id: client_id,
                kafka_more_topics: more,
                kafka_has_more_topics: has_more,
                ..message
            }
        }
    }
}

fn of_dns(dns: Dns, is_reply: bool) -> flow::Dns {
    let no_ttl = if is_reply { NO_TTL } else { 0 };
    flow::Dns {
        query: dns.query.into(),
        ips: dns.addresses.iter().map(IpAddr::to_string).collect(),
        ttl: dns.ttl.unwrap_or(no_ttl),
        cnames: dns.cnames.into_iter().map(String::from).collect(),
        observation_source: "proxy".to_owned(),
        rcode: dns.rcode.into(),
        qtypes: vec![type_name(dns.qtype).to_owned()],
        rrtypes: dns
            .rrtypes
            .into_iter()
            .map(|rtype| type_name(rtype).to_owned())
            .collect(),
    }
}

fn of_http(http: &Http) -> (flow::Http, Vec<HttpHeader>, Vec<HttpHeader>) {
    let message = flow::Http {
        code: http.status.into(),
        method: (*http.method).to_owned(),
        url: (*http.url).to_owned(),
        protocol: http.protocol.to_owned(),
        headers: headers(&http.headers),
    };
    (message, headers(&http.missing), headers(&http.rejected))
}

fn of_kafka(kafka: Kafka) -> (flow::Kafka, Vec<String>) {
    let mut topics = kafka.topics.into_iter().map(String::from);
    let message = flow::Kafka {
        error_code: kafka.error_code.into(),
        api_version: kafka.api_version.into(),
        api_key: ApiKey(kafka.api_key).to_string(),
        correlation_id: kafka.correlation_id,
        topic: topics.next().unwrap_or_default(),
    };
    (message, topics.collect())
}
