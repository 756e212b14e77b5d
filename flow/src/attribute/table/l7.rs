//! What a proxy saw, and what names a flow or tells it in a line.

use super::super::names::{self, Known};
use super::super::read::{Read, dns, http, text, url_path};
use super::{Section, attribute, left};
use crate::attribute::{Attribute, AttributeId as Id, ValueType};
use crate::format;
use crate::request::subject_of;

pub(in crate::attribute) static L7: &[Attribute] = &[
    Attribute {
        aliases: &["http.response.code"],
        known: Known::Texts(names::http_statuses),
        ..attribute(
            Id::HttpStatus,
            "http.status",
            ValueType::Number,
            "status of an HTTP response; 5+ is all that begin with 5",
            Read::Number(|flow, _| {
                let code = http(flow).map(|http| http.code.into());
                code.filter(|code| *code != 0)
            }),
        )
    },
    Attribute {
        aliases: &["http.request.method"],
        known: Known::Texts(names::http_methods),
        ..attribute(
            Id::HttpMethod,
            "http.method",
            ValueType::Text,
            "HTTP method, in any case",
            Read::Text(|flow, _, is| http(flow).is_some_and(|http| text(&http.method, is))),
        )
    },
    Attribute {
        aliases: &["http.request.path"],
        ..attribute(
            Id::HttpPath,
            "http.path",
            ValueType::Text,
            "path of the HTTP URL",
            Read::Text(|flow, _, is| {
                let path = http(flow).and_then(|http| url_path(&http.url));
                path.is_some_and(|path| text(&path, is))
            }),
        )
    },
    Attribute {
        aliases: &["http.request.uri"],
        ..attribute(
            Id::HttpUrl,
            "http.url",
            ValueType::Text,
            "HTTP URL",
            Read::Text(|flow, _, is| http(flow).is_some_and(|http| text(&http.url, is))),
        )
    },
    attribute(
        Id::HttpHeader,
        "http.header",
        ValueType::Text,
        "HTTP header, KEY:VALUE",
        Read::Text(|flow, _, is| {
            http(flow).is_some_and(|http| {
                let mut headers = http.headers.iter();
                headers.any(|header| is(&format!("{}:{}", header.key, header.value)))
            })
        }),
    ),
    Attribute {
        aliases: &["dns.qry.name"],
        ..attribute(
            Id::DnsQuery,
            "dns.query",
            ValueType::Text,
            "name asked for in DNS, without the dot at its end",
            Read::Text(|flow, _, is| {
                dns(flow)
                    .is_some_and(|dns| text(dns.query.strip_suffix('.').unwrap_or(&dns.query), is))
            }),
        )
    },
    attribute(
        Id::DnsRcode,
        "dns.rcode",
        ValueType::Number,
        "response code of DNS",
        Read::Number(|flow, _| dns(flow).map(|dns| dns.rcode.into())),
    ),
    attribute(
        Id::Request,
        "request",
        ValueType::Text,
        "what was asked for, as rows have it; of connections: what was denied",
        Read::Text(|flow, _, is| {
            let subject = subject_of(flow);
            subject.is_some_and(|subject| text(&subject, is))
        }),
    ),
    Attribute {
        aliases: &["trace.id"],
        column: left(Section::Observation, "TRACE ID", 8, 32),
        ..attribute(
            Id::TraceId,
            "traceid",
            ValueType::Text,
            "trace id of the request",
            Read::Text(|flow, _, is| text(flow.trace_id(), is)),
        )
    },
    Attribute {
        aliases: &["ip.trace.id"],
        ..attribute(
            Id::IpTraceId,
            "ip.traceid",
            ValueType::Number,
            "trace id in an IP option",
            Read::Number(|flow, _| Some(flow.ip_trace_id()).filter(|id| *id != 0)),
        )
    },
    Attribute {
        column: left(Section::Observation, "UUID", 8, 36),
        ..attribute(
            Id::Uuid,
            "uuid",
            ValueType::Text,
            "unique id of the flow",
            Read::Text(|flow, _, is| {
                let mut found = false;
                flow.uuid(&mut |uuid| found = is(uuid));
                found
            }),
        )
    },
    Attribute {
        column: left(Section::Packet, "SUMMARY", 10, 32),
        ..attribute(
            Id::Summary,
            "summary",
            ValueType::Text,
            "the packet or request in one line",
            Read::Text(|flow, _, is| text(&format::packet(flow), is)),
        )
    },
];
