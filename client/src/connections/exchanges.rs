//! The requests of one connection with their answers, for its details.

use flow::{FlowView as _, TrafficDirection, Verdict, request::RequestView};
use proto::flow::{L7FlowType, Layer7, layer7::Record};

use crate::store::{Row, Snapshot};

/// A request, and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// When it was asked, Unix ns; of one whose request isn't held, when it was answered.
    pub time: i64,
    /// FORWARDED; DROPPED: no rule allowed it; ERROR: it was allowed and failed.
    pub verdict: Verdict,
    /// `GET http://api/cart`, `A api.example.com`, `produce orders`.
    pub asked: String,
    /// `200`, `192.0.2.7`, `code 0`; `None`: no answer is known.
    pub answer: Option<String>,
    /// How long the answer took, ns; 0: not known.
    pub latency_ns: u64,
    /// Why it was denied, with the rule that came nearest; may be empty.
    pub reason: String,
    /// The policies whose rules allowed it, at both ends, or of a denied one those that came nearest:
    /// `cnp shop/web, cnp shop/api`; may be empty.
    pub policies: String,
    /// Number of its first flow; of a denied one of the flow that denies it.
    pub number: u64,
    /// The ends that have told of it: source, destination.
    told: [bool; 2],
}

/// The requests that flows of these numbers tell of, the flows in the order of time.
#[must_use]
pub fn exchanges(snapshot: &Snapshot, numbers: &[u64]) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    for number in numbers {
        let Some(row) = snapshot.row(*number) else {
            continue;
        };
        let Some(layer7) = row.l7() else { continue };
        let at = usize::from(row.direction() == TrafficDirection::Ingress);
        let asked = asked(row, layer7);
        let is_answer = layer7.r#type() == L7FlowType::Response || row.is_reply() == Some(true);
        let is_open = |one: &&mut Exchange| one.asked == asked && one.answer.is_none();
        if is_answer {
            // An answer is told for each end, too: the first counts.
            let answer = answer(layer7, row.verdict());
            let mut before = all.iter_mut().rev().filter(|one| one.asked == asked);
            let known = before.any(|one| one.answer.as_ref() == Some(&answer) && one.told[at]);
            match all.iter_mut().find(is_open) {
                Some(open) => {
                    open.answer = Some(answer);
                    open.latency_ns = layer7.latency_ns;
                    if row.verdict() == Verdict::Error {
                        open.verdict = Verdict::Error;
                    }
                }
                None if known => {}
                None => all.push(Exchange {
                    answer: Some(answer),
                    latency_ns: layer7.latency_ns,
                    ..Exchange::new(row, *number, asked)
                }),
            }
            continue;
        }
        let view = RequestView::new(row);
        let policies = view.as_ref().map(RequestView::policies).unwrap_or_default();
        let reason = view.map(|view| view.reason());
        let reason = reason.filter(|_| row.verdict() != Verdict::Forwarded);
        match all.iter_mut().find(|one| is_open(one) && !one.told[at]) {
            // The other end's rules judged the same.
            Some(known) => {
                known.told[at] = true;
                if row.verdict() != Verdict::Forwarded {
                    known.verdict = row.verdict();
                    known.reason = reason.unwrap_or_default();
                    (known.policies, known.number) = (policies, *number);
                } else if known.verdict == Verdict::Forwarded && known.policies != policies {
                    let between = if known.policies.is_empty() { "" } else { ", " };
                    known.policies.push_str(between);
                    known.policies.push_str(&policies);
                }
            }
            None => {
                let mut exchange = Exchange::new(row, *number, asked);
                exchange.told[at] = true;
                exchange.reason = reason.unwrap_or_default();
                exchange.policies = policies;
                all.push(exchange);
            }
        }
    }
    all
}

impl Exchange {
    fn new(row: &Row, number: u64, asked: String) -> Self {
        Self {
            time: row.time(),
            verdict: row.verdict(),
            asked,
            answer: None,
            latency_ns: 0,
            reason: String::new(),
            policies: String::new(),
            number,
            told: [false; 2],
        }
    }
}

/// What was asked of a flow of layer 7, in full; alike for a request and its answer.
#[must_use]
pub fn asked(row: &Row, layer7: &Layer7) -> String {
    match &layer7.record {
        Some(Record::Http(http)) => format!("{} {}", http.method, http.url),
        Some(Record::Dns(dns)) => {
            let name = dns.query.strip_suffix('.').unwrap_or(&dns.query);
            format!("{} {name}", dns.qtypes.join(","))
        }
        Some(Record::Kafka(kafka)) => {
            let text = format!("{} {}", kafka.api_key, kafka.topic);
            text.trim_end().to_owned()
        }
        None => RequestView::new(row).map_or_else(|| "TLS".to_owned(), |view| view.subject()),
    }
}

fn answer(layer7: &Layer7, verdict: Verdict) -> String {
    match &layer7.record {
        Some(Record::Http(http)) if http.code != 0 => http.code.to_string(),
        Some(Record::Dns(dns)) if dns.rcode == 0 && !dns.ips.is_empty() => dns.ips.join(","),
        Some(Record::Dns(dns)) => match dns.rcode {
            0 => "no address".to_owned(),
            3 => "no such name".to_owned(),
            code => format!("rcode {code}"),
        },
        Some(Record::Kafka(kafka)) => format!("code {}", kafka.error_code),
        Some(Record::Http(_)) | None if verdict == Verdict::Error => "failed".to_owned(),
        Some(Record::Http(_)) | None => "answered".to_owned(),
    }
}
