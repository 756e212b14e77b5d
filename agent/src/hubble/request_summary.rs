//! Hubble's one-line summary of what a proxy saw.

use proto::flow::{Dns, Http, Kafka, L7FlowType, Layer7, layer7::Record};

/// The text of `Flow.Summary`.
pub(super) fn request_summary(seen: &Layer7) -> String {
    let is_response = seen.r#type() == L7FlowType::Response;
    match &seen.record {
        Some(Record::Dns(dns)) if is_response => dns_answer(dns),
        Some(Record::Dns(dns)) => format!("DNS Query {} {}", dns.query, dns.qtypes.join(",")),
        Some(Record::Http(http)) if is_response => http_response(http, seen.latency_ns),
        Some(Record::Http(http)) => format!("{} {} {}", http.protocol, http.method, http.url),
        Some(Record::Kafka(kafka)) => kafka_message(kafka, is_response),
        None => String::new(),
    }
}

fn dns_answer(dns: &Dns) -> String {
    let answer = if dns.rcode == 0 {
        let ips = (!dns.ips.is_empty()).then(|| format!("{:?}", dns.ips.join(",")));
        let cnames =
            (!dns.cnames.is_empty()).then(|| format!("CNAMEs: {:?}", dns.cnames.join(",")));
        let parts: Vec<_> = ips.into_iter().chain(cnames).collect();
        parts.join(",")
    } else {
        format!("RCode: {}", rcode(dns.rcode))
    };
    let source = if dns.observation_source == "proxy" {
        "Proxy"
    } else {
        "Query"
    };
    let (query, types) = (&dns.query, dns.qtypes.join(","));
    format!(
        "DNS Answer {answer} TTL: {} ({source} {query} {types})",
        dns.ttl
    )
}

/// Response codes of DNS in the words of gopacket, which Hubble prints; of 0 as its metrics have it.
pub(crate) fn rcode(number: u32) -> &'static str {
    match number {
        0 => "No Error",
        1 => "Format Error",
        2 => "Server Failure",
        3 => "Non-Existent Domain",
        4 => "Not Implemented",
        5 => "Query Refused",
        6 => "Name Exists when it should not",
        7 => "RR Set Exists when it should not",
        8 => "RR Set that should exist does not",
        9 => "Server Not Authoritative for zone",
        10 => "Name not contained in zone",
        16 => "Bad OPT Version",
        _ => "Unknown",
    }
}

fn http_response(http: &Http, latency_ns: u64) -> String {
    let Http {
        code,
        method,
        url,
        protocol,
        ..
    } = http;
    format!(
        "{protocol} {code} {}ms ({method} {url})",
        latency_ns / 1_000_000
    )
}

fn kafka_message(kafka: &Kafka, is_response: bool) -> String {
    let kind = if is_response { "response" } else { "request" };
    let code = if is_response {
        format!(" return code {}", kafka.error_code)
    } else {
        String::new()
    };
    format!(
        "Kafka {kind} {} correlation id {} topic '{}'{code}",
        kafka.api_key, kafka.correlation_id, kafka.topic
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: Record) -> [String; 2] {
        [L7FlowType::Request, L7FlowType::Response].map(|kind| {
            request_summary(&Layer7 {
                r#type: kind.into(),
                latency_ns: 3_999_999,
                record: Some(of.clone()),
            })
        })
    }

    #[test]
    fn is_as_hubble_writes_it() {
        let dns = |rcode, ips: &[&str], cnames: &[&str]| Dns {
            query: "api.example.com.".into(),
            ips: ips.iter().map(ToString::to_string).collect(),
            cnames: cnames.iter().map(ToString::to_string).collect(),
            ttl: 30,
            rcode,
            observation_source: "proxy".into(),
            qtypes: vec!["A".into(), "AAAA".into()],
            ..Dns::default()
        };
        let [query, answer] = texts(Record::Dns(dns(0, &["198.51.100.1", "198.51.100.2"], &[])));
        assert_eq!(query, "DNS Query api.example.com. A,AAAA");
        assert_eq!(
            answer,
            "DNS Answer \"198.51.100.1,198.51.100.2\" TTL: 30 (Proxy api.example.com. A,AAAA)"
        );
        let [_, answer] = texts(Record::Dns(dns(3, &["198.51.100.1"], &[])));
        assert_eq!(
            answer,
            "DNS Answer RCode: Non-Existent Domain TTL: 30 (Proxy api.example.com. A,AAAA)"
        );
        let [_, answer] = texts(Record::Dns(dns(0, &[], &["b.", "c."])));
        assert_eq!(
            answer,
            "DNS Answer CNAMEs: \"b.,c.\" TTL: 30 (Proxy api.example.com. A,AAAA)"
        );
        let [_, answer] = texts(Record::Dns(dns(0, &[], &[])));
        assert_eq!(
            answer,
            "DNS Answer  TTL: 30 (Proxy api.example.com. A,AAAA)"
        );
        let http = Http {
            code: 200,
            method: "GET".into(),
            url: "http://be:8080/a".into(),
            protocol: "HTTP/1.1".into(),
            ..Http::default()
        };
        assert_eq!(
            texts(Record::Http(http)),
            [
                "HTTP/1.1 GET http://be:8080/a",
                "HTTP/1.1 200 3ms (GET http://be:8080/a)"
            ]
        );
        let kafka = Kafka {
            error_code: 29,
            api_key: "produce".into(),
            correlation_id: 5,
            topic: "orders".into(),
            ..Kafka::default()
        };
        assert_eq!(
            texts(Record::Kafka(kafka)),
            [
                "Kafka request produce correlation id 5 topic 'orders'",
                "Kafka response produce correlation id 5 topic 'orders' return code 29"
            ]
        );
    }
}
