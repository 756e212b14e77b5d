//! Records of the requests that one side judged.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

use l7::kafka::{Close, Denial, Event, Head, Outcome};
use l7::rules::{Direction, KafkaRules};

use crate::connection::Connection;
use crate::record::{Kafka, Layer7, Record, Verdict};

/// Topics of a request that are reported; whether there are more is reported too.
const TOPICS: usize = 64;
/// Requests without an answer that are remembered. Beyond it are those that want none.
const REMEMBERED: usize = 1_000;
/// Bytes of topics that are remembered for answers.
const REMEMBERED_BYTES: usize = 1 << 20;

/// What is remembered of requests until their answers.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    in_flight: VecDeque<InFlight>,
    bytes: usize,
}

#[derive(Debug)]
struct InFlight {
    request: u64,
    record: Record,
    began: Instant,
    bytes: usize,
}

impl Reporter {
    /// Tells what happened.
    pub(super) fn report(
        &mut self,
        connection: &Connection,
        direction: Direction,
        rules: Option<&KafkaRules>,
        event: &Event,
    ) {
        match event {
            Event::Request {
                request,
                head,
                topics,
                has_more_topics,
                outcome,
                error_code,
            } => {
                let layer7 = Kafka {
                    topics: topics
                        .iter()
                        .take(TOPICS)
                        .map(|topic| topic.as_str().into())
                        .collect(),
                    has_more_topics: *has_more_topics || topics.len() > TOPICS,
                    error_code: *error_code,
                    ..of_head(head)
                };
                let hop = connection.hop();
                let layer7 = Layer7::Kafka(layer7);
                let record = Record::request(SystemTime::now(), hop, direction, layer7);
                let record = judged(record, outcome, rules, head);
                connection.context.records.push(record.clone());
                self.remember(*request, record);
            }
            Event::Answer { request, .. } => {
                if let Some(in_flight) = self.recall(*request) {
                    let latency = in_flight.began.elapsed();
                    let layer7 = in_flight.record.layer7.clone();
                    let reply = in_flight.record.reply(latency, layer7);
                    let reply = Record {
                        // The request was denied; its answer was not.
                        verdict: Verdict::Allowed,
                        reason: Box::default(),
                        ..reply
                    };
                    connection.context.records.push(reply);
                }
            }
        }
    }

    /// Tells why the connection is reset.
    pub(super) fn report_close(
        &self,
        connection: &Connection,
        direction: Direction,
        rules: Option<&KafkaRules>,
        close: &Close,
    ) {
        let (head, denial) = match close {
            Close::Refused { head, denial } | Close::DeniedUnderWay { head, denial, .. } => {
                (Some(head), Some(denial))
            }
            Close::RequestTooLong { head, .. }
            | Close::Version(head)
            | Close::AnswerUnread { head, .. }
            | Close::AnswerTooLong { head, .. } => (Some(head), None),
            Close::Request(_) | Close::RawSasl | Close::Answer { .. } => (None, None),
        };
        let layer7 = head.map_or(Layer7::Connection, |head| Layer7::Kafka(of_head(head)));
        let record = Record::request(SystemTime::now(), connection.hop(), direction, layer7);
        let record = match (head, denial) {
            (Some(head), Some(denial)) => {
                let record = denied(record, denial, rules, head);
                let reason = format!("{close}: {}", record.reason).into();
                Record { reason, ..record }
            }
            (Some(_) | None, _) => record.failed(close),
        };
        connection.context.records.push(record);
    }

    fn remember(&mut self, request: u64, record: Record) {
        let bytes = match &record.layer7 {
            Layer7::Kafka(kafka) => kafka.topics.iter().map(|topic| topic.len()).sum(),
            Layer7::Connection | Layer7::Dns(_) | Layer7::Http(_) | Layer7::Tls(_) => 0,
        };
        self.bytes += bytes;
        self.in_flight.push_back(InFlight {
            request,
            record,
            began: Instant::now(),
            bytes,
        });
        while self.in_flight.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            let Some(forgotten) = self.in_flight.pop_front() else {
                break;
            };
            self.bytes -= forgotten.bytes;
        }
    }

    /// What was in_flight; those before it that want no answer are forgotten.
    fn recall(&mut self, request: u64) -> Option<InFlight> {
        while self.in_flight.front()?.request <= request {
            let in_flight = self.in_flight.pop_front()?;
            self.bytes -= in_flight.bytes;
            if in_flight.request == request {
                return Some(in_flight);
            }
        }
        None
    }
}

fn of_head(head: &Head) -> Kafka {
    Kafka {
        api_key: head.api_key.0,
        api_version: head.api_version,
        correlation_id: head.correlation_id,
        client_id: head.client_id.as_deref().unwrap_or_default().into(),
        topics: Vec::new(),
        has_more_topics: false,
        error_code: 0,
    }
}

fn judged(record: Record, outcome: &Outcome, rules: Option<&KafkaRules>, head: &Head) -> Record {
    match outcome {
        Outcome::Allowed(index) => {
            let rule = index
                .zip(rules)
                .and_then(|(index, rules)| rules.rule(index));
            Record {
                rule: rule.map(|rule| rule.rule),
                item: rule.and_then(|rule| rule.item),
                ..record
            }
        }
        Outcome::Filtered(denial) => {
            let record = denied(record, denial, rules, head);
            Record {
                verdict: Verdict::Allowed,
                reason: format!("without some topics: {}", record.reason).into(),
                ..record
            }
        }
        Outcome::Denied(denial) => denied(record, denial, rules, head),
        Outcome::SessionUnknown => {
            record.failed("what the fetch session wants isn't known: the client begins a new one")
        }
        Outcome::VersionUnknown => {
            record.failed("a newer version than is read: the client asks in an older one")
        }
    }
}

fn denied(record: Record, denial: &Denial, rules: Option<&KafkaRules>, head: &Head) -> Record {
    let nearest = denial.nearest.zip(rules);
    let nearest = nearest.and_then(|(index, rules)| rules.rule(index));
    let reason = rules.map_or_else(String::new, |rules| denial.text(&rules.rules, head));
    Record {
        verdict: Verdict::Denied,
        rule: nearest.map(|rule| rule.rule),
        item: nearest.and_then(|rule| rule.item),
        reason: reason.into(),
        ..record
    }
}
