//! The proxy's records as facts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use abi::policy::COOKIE_NONE;
use flow::view::{Direction, Transport};
use proto::flow::{self as pb, L7FlowType, layer7};
use proto::flows::v1::{GetProxyRecordsResponse, ProxyEnd, ProxyRecord};
use tracing::warn;

use super::ProxyStats;
use crate::fact::{Fact, Loss, Outcome, Request, Stage};

/// Where facts go. What finds no room is counted, and told as soon as there is some.
pub(super) struct Facts {
    to: SyncSender<Fact>,
    stats: Arc<ProxyStats>,
    lost: u64,
    last: u64,
}

impl Facts {
    pub(super) fn new(to: SyncSender<Fact>, stats: Arc<ProxyStats>) -> Self {
        Self {
            to,
            stats,
            lost: 0,
            last: 0,
        }
    }

    /// Tells what came in a message.
    pub(super) fn tell(&mut self, told: GetProxyRecordsResponse) {
        let add = |counter: &AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed);
        add(&self.stats.records, told.records.len() as u64);
        add(&self.stats.lost_in_proxy, told.lost);
        for record in told.records {
            match requests(record) {
                Some(requests) => requests
                    .into_iter()
                    .for_each(|request| self.request(request)),
                None => {
                    warn!("a record of flows-proxy that can't be read; is it of another version?");
                    self.lost += 1;
                    self.stats.malformed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.lost += told.lost;
        self.tell_lost();
    }

    fn request(&mut self, request: Request) {
        self.tell_lost();
        self.last = request.time;
        match self.to.try_send(Fact::Request(Box::new(request))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.lost += 1;
                self.stats.lost_in_queue.fetch_add(1, Ordering::Relaxed);
            }
            // The agent ends.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn tell_lost(&mut self) {
        if self.lost == 0 {
            return;
        }
        let loss = Loss {
            time: self.last,
            first: self.last,
            stage: Stage::Queue,
            events: self.lost,
            cpu: None,
        };
        if self.to.try_send(Fact::Loss(loss)).is_ok() {
            self.lost = 0;
        }
    }
}

fn address(end: &ProxyEnd) -> Option<SocketAddr> {
    let ip: IpAddr = end.address.parse().ok()?;
    Some(SocketAddr::new(ip, u16::try_from(end.port).ok()?))
}

/// A record as requests: one, but for a Kafka request of several topics, which Hubble has one by one.
fn requests(record: ProxyRecord) -> Option<Vec<Request>> {
    let (client, server) = (record.client.as_ref()?, record.server.as_ref()?);
    let direction = match record.direction() {
        pb::TrafficDirection::Egress => Direction::Egress,
        pb::TrafficDirection::Ingress => Direction::Ingress,
        pb::TrafficDirection::Unknown => return None,
    };
    let outcome = match record.verdict() {
        pb::Verdict::Forwarded => Outcome::Forwarded,
        pb::Verdict::Dropped => Outcome::Denied,
        pb::Verdict::Error => Outcome::Failed,
        pb::Verdict::Unknown
        | pb::Verdict::Audit
        | pb::Verdict::Redirected
        | pb::Verdict::Traced
        | pb::Verdict::Translated => return None,
    };
    let time = record.time.as_ref()?;
    let seconds = u64::try_from(time.seconds).ok()?;
    let mut ends = [address(client)?, address(server)?];
    let mut identities = [client.identity, server.identity];
    if record.is_reply {
        ends.reverse();
        identities.reverse();
    }
    let content = record.layer7.clone().unwrap_or_else(|| pb::Layer7 {
        r#type: if record.is_reply {
            L7FlowType::Response.into()
        } else {
            L7FlowType::Request.into()
        },
        ..pb::Layer7::default()
    });
    let request = Request {
        time: seconds.checked_mul(1_000_000_000)? + u64::try_from(time.nanos).ok()?,
        ends,
        transport: match u8::try_from(record.protocol).ok()? {
            abi::proto::TCP => Transport::Tcp,
            abi::proto::UDP => Transport::Udp,
            _ => return None,
        },
        identities,
        direction,
        is_reply: record.is_reply,
        outcome,
        cookie: record.rule_cookie.unwrap_or(COOKIE_NONE),
        item: record.rule_item,
        why: record.reason.into(),
        content,
    };
    let more = record.kafka_more_topics.into_iter().filter_map(|topic| {
        let mut more = request.clone();
        let Some(layer7::Record::Kafka(kafka)) = &mut more.content.record else {
            return None;
        };
        kafka.topic = topic;
        Some(more)
    });
    let more: Vec<_> = more.collect();
    Some(std::iter::once(request).chain(more).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use policy::Layer7List;

    use super::*;

    fn record() -> ProxyRecord {
        let end = |address: &str, port, identity| {
            Some(ProxyEnd {
                address: address.into(),
                port,
                identity,
                endpoint: None,
            })
        };
        ProxyRecord {
            time: Some(proto::google::Timestamp {
                seconds: 7,
                nanos: 5,
            }),
            client: end("10.0.0.1", 40_000, 1_000),
            server: end("10.0.0.2", 9092, 2_000),
            protocol: 6,
            direction: pb::TrafficDirection::Ingress.into(),
            verdict: pb::Verdict::Dropped.into(),
            rule_cookie: Some(17),
            rule_item: Some(2),
            reason: "allows orders".into(),
            ..ProxyRecord::default()
        }
    }

    #[test]
    fn is_read_and_turned_round_if_it_is_an_answer() {
        let read = requests(record()).expect("a record");
        let [request] = &read[..] else {
            unreachable!("one: {read:?}")
        };
        assert_eq!(request.time, 7_000_000_005);
        assert_eq!(
            (request.ends[0].port(), request.identities[0]),
            (40_000, 1_000)
        );
        assert_eq!((request.outcome, request.cookie), (Outcome::Denied, 17));
        // A connection as such has no record: its rules are names of servers.
        assert_eq!(
            (request.list(), request.item),
            (Layer7List::ServerNames, Some(2))
        );
        assert_eq!(request.content.r#type(), L7FlowType::Request);
        let answer = ProxyRecord {
            is_reply: true,
            rule_cookie: None,
            ..record()
        };
        let read = requests(answer).expect("a record");
        assert_eq!(
            (read[0].ends[0].port(), read[0].identities[0]),
            (9092, 2_000)
        );
        assert_eq!(read[0].cookie, COOKIE_NONE);
    }

    #[test]
    fn a_topic_is_a_flow_each() {
        let kafka = pb::Layer7 {
            record: Some(layer7::Record::Kafka(pb::Kafka {
                topic: "a".into(),
                ..pb::Kafka::default()
            })),
            ..pb::Layer7::default()
        };
        let several = ProxyRecord {
            layer7: Some(kafka),
            kafka_more_topics: vec!["b".into(), "c".into()],
            ..record()
        };
        let topics: Vec<_> = requests(several)
            .expect("a record")
            .into_iter()
            .map(|request| match request.content.record {
                Some(layer7::Record::Kafka(kafka)) => kafka.topic,
                other => unreachable!("{other:?}"),
            })
            .collect();
        assert_eq!(topics, ["a", "b", "c"]);
    }

    #[test]
    fn what_cannot_be_read_or_finds_no_room_is_counted() {
        let (to, from) = sync_channel(1);
        let stats = Arc::<ProxyStats>::default();
        let mut facts = Facts::new(to, Arc::clone(&stats));
        let unreadable = ProxyRecord {
            verdict: pb::Verdict::Unknown.into(),
            ..record()
        };
        facts.tell(GetProxyRecordsResponse {
            records: vec![record(), unreadable, record()],
            lost: 3,
        });
        assert!(matches!(from.try_recv(), Ok(Fact::Request(_))));
        facts.tell(GetProxyRecordsResponse::default());
        let Ok(Fact::Loss(loss)) = from.try_recv() else {
            unreachable!("a loss")
        };
        assert_eq!((loss.events, loss.stage), (5, Stage::Queue));
        let counts = [
            &stats.records,
            &stats.lost_in_proxy,
            &stats.lost_in_queue,
            &stats.malformed,
        ];
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [3, 3, 1, 1]);
    }
}
