//! Counts of requests at layer 7 by what the metrics tell apart, from the same pass over the facts that
//! stores them.
//!
//! What clients send stands in some labels (methods, topics, types of records). So each family has at most
//! a thousand combinations; what comes beyond them is counted under `other`, and how often that was is told.

use std::sync::{Mutex, PoisonError};

use flow::view::Direction;
use foldhash::HashMap;
use proto::flow::{self as pb, layer7::Record};

use super::rule_counts::{MOST, OTHER, RuleCounts, RuleSeries};
use crate::{
    fact::{Outcome, Request},
    history::NamedRequest,
    hubble::dns_rcode,
    node::names::{PolicyRef, PolicyVersions},
};

/// A label's value is cut to so many bytes.
const LONGEST: usize = 120;

/// Upper bounds of the histograms, seconds: Prometheus' usual ones, which Hubble has.
pub const BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A histogram: samples in each of [`BOUNDS`] and above them (not summed up), and their sum in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// By the bound that they are not above; the last is above all.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// Seconds.
    pub sum: f64,
}

impl Latency {
    fn observe(&mut self, ns: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a latency is rounded anyway")]
        let seconds = ns as f64 / 1e9;
        let at = BOUNDS.iter().position(|bound| seconds <= *bound);
        self.buckets[at.unwrap_or(BOUNDS.len())] += 1;
        self.sum += seconds;
    }
}

/// One combination of labels' values, in the order of the family's labels.
type Values = Box<[Box<str>]>;

/// A family of counters or histograms.
#[derive(Clone, Debug)]
pub struct Family<T> {
    series: HashMap<Values, T>,
}

impl<T> Default for Family<T> {
    fn default() -> Self {
        Self {
            series: HashMap::default(),
        }
    }
}

impl<T: Default> Family<T> {
    /// The series of these values or, if there is no room for another one, that of the rest; and whether
    /// there was room.
    fn of(&mut self, values: &[&str]) -> (&mut T, bool) {
        let key: Values = values.iter().map(|value| cut(value).into()).collect();
        let fits = self.series.contains_key(&key) || self.series.len() < MOST;
        let key = match fits {
            true => key,
            false => values.iter().map(|_| OTHER.into()).collect(),
        };
        (self.series.entry(key).or_default(), fits)
    }
}

impl<T> Family<T> {
    /// All, by their values.
    pub fn sorted(&self) -> Vec<(&[Box<str>], &T)> {
        let series = self.series.iter();
        let mut all: Vec<(&[Box<str>], &T)> =
            series.map(|(values, value)| (&**values, value)).collect();
        all.sort_unstable_by_key(|(values, _)| *values);
        all
    }
}

fn cut(value: &str) -> &str {
    value
        .get(..value.floor_char_boundary(LONGEST))
        .unwrap_or(value)
}

/// What is counted. The labels of each family stand in its comment, in order.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts {
    /// rcode, qtypes, ips_returned
    pub dns_queries: Family<u64>,
    /// rcode, qtypes, ips_returned
    pub dns_responses: Family<u64>,
    /// type, qtypes
    pub dns_response_types: Family<u64>,
    /// method, protocol, status, reporter
    pub http_requests: Family<u64>,
    /// method, reporter
    pub http_duration: Family<Latency>,
    /// topic, api_key, error_code, reporter
    pub kafka_requests: Family<u64>,
    /// topic, api_key, reporter
    pub kafka_duration: Family<Latency>,
    /// By the rule that decided.
    pub by_rule: RuleCounts,
    /// protocol, direction
    pub duration: Family<Latency>,
    /// Flows of type L7: protocol, verdict.
    pub flows: Family<u64>,
    /// Requests that a family had no room to tell apart.
    pub overflowed: u64,
}

/// The sums of an observer.
#[derive(Debug, Default)]
pub struct RequestMetrics(Mutex<RequestCounts>);

impl RequestMetrics {
    /// All, as they are now.
    pub fn counts(&self) -> RequestCounts {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }

    /// Takes the policies in force, by whose rules requests are counted.
    pub fn keep_policies(&self, policies: &PolicyVersions) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.by_rule.keep(policies);
    }

    /// What rules of layer 7 decided.
    pub fn by_rule(&self) -> RuleCounts {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.by_rule.clone()
    }

    /// Counts a request or an answer.
    pub fn count(&self, named: &NamedRequest) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.count(named);
    }
}

impl RequestCounts {
    fn count(&mut self, named: &NamedRequest) {
        let request = &named.request;
        let verdict = request.outcome.verdict().as_str_name();
        let mut fits = add(&mut self.flows, &[protocol(request), verdict]);
        match &request.content.record {
            Some(Record::Dns(dns)) => fits &= self.dns(request, dns),
            Some(Record::Http(http)) if request.is_reply => fits &= self.http(request, http),
            Some(Record::Kafka(kafka)) if request.is_reply => fits &= self.kafka(request, kafka),
            Some(Record::Http(_) | Record::Kafka(_)) | None => {}
        }
        if request.is_reply {
            let latency = request.content.latency_ns;
            if latency > 0 {
                let labels = [protocol(request), request.direction.name()];
                fits &= observe(&mut self.duration, &labels, latency);
            }
        } else {
            let policy = named.rule.policies.first();
            let rule = policy.and_then(|policy| policy.rules.first());
            fits &= self.by_rule.add(RuleSeries {
                policy: policy.map(policy_name).unwrap_or_default(),
                path: rule.map(|rule| request.place(rule.path)),
                protocol: protocol(request),
                direction: request.direction.name(),
                outcome: request.outcome,
            });
        }
        self.overflowed += u64::from(!fits);
    }

    fn dns(&mut self, request: &Request, dns: &pb::Dns) -> bool {
        let (types, addresses) = (dns.qtypes.join(","), dns.ips.len().to_string());
        if request.outcome == Outcome::Denied {
            let labels = ["Policy denied", &*types, &*addresses];
            return add(&mut self.dns_queries, &labels);
        }
        if !request.is_reply {
            return add(&mut self.dns_queries, &["", &*types, &*addresses]);
        }
        let code = dns_rcode(dns.rcode);
        let mut fits = add(&mut self.dns_responses, &[code, &*types, &*addresses]);
        for of in &dns.rrtypes {
            fits &= add(&mut self.dns_response_types, &[of, &*types]);
        }
        fits
    }

    fn http(&mut self, request: &Request, http: &pb::Http) -> bool {
        let (status, reporter) = (http.code.to_string(), reporter(request));
        let labels = [&*http.method, &*http.protocol, &*status, reporter];
        let fits = add(&mut self.http_requests, &labels);
        let labels = [&*http.method, reporter];
        fits & observe(&mut self.http_duration, &labels, request.content.latency_ns)
    }

    fn kafka(&mut self, request: &Request, kafka: &pb::Kafka) -> bool {
        let (code, reporter) = (kafka.error_code.to_string(), reporter(request));
        let labels = [&*kafka.topic, &*kafka.api_key, &*code, reporter];
        let fits = add(&mut self.kafka_requests, &labels);
        let labels = [&*kafka.topic, &*kafka.api_key, reporter];
        fits & observe(
            &mut self.kafka_duration,
            &labels,
            request.content.latency_ns,
        )
    }
}

fn add(family: &mut Family<u64>, values: &[&str]) -> bool {
    let (sum, fits) = family.of(values);
    *sum += 1;
    fits
}

fn observe(family: &mut Family<Latency>, values: &[&str], ns: u64) -> bool {
    let (latency, fits) = family.of(values);
    latency.observe(ns);
    fits
}

/// Whose proxy pass tells it, in Hubble's words.
fn reporter(request: &Request) -> &'static str {
    match request.direction {
        Direction::Egress => "client",
        Direction::Ingress => "server",
    }
}

fn protocol(request: &Request) -> &'static str {
    match &request.content.record {
        Some(Record::Dns(_)) => "DNS",
        Some(Record::Http(_)) => "HTTP",
        Some(Record::Kafka(_)) => "Kafka",
        None => "TLS",
    }
}

/// `cnp shop/api`.
fn policy_name(policy: &PolicyRef) -> Box<str> {
    let kind = flow::format::short_kind(policy.kind.name());
    match &*policy.namespace {
        "" => format!("{kind} {}", policy.name),
        namespace => format!("{kind} {namespace}/{}", policy.name),
    }
    .into()
}
