//! What Hubble calls agent events: what changed on the node that is no packet. They follow from what
//! the enforcing thread publishes, by comparing it with what it published before.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use cluster::{ObjectName, SharedTable, differ::changed};
use pb::agent_event::Notification;
use proto::flow as pb;
use tokio::sync::watch;

use crate::{
    hubble::timestamp,
    node::{
        Progress, clock,
        names::{Endpoint, NameTable},
    },
};

/// Events that are kept.
const KEPT: usize = 8_192;

/// An event, with its place among all of this agent's.
#[derive(Clone, Debug)]
pub struct AgentEvent {
    /// From 0, without gaps.
    pub sequence: u64,
    /// Wall clock, ns since 1970.
    pub time: u64,
    /// The event.
    pub event: pb::AgentEvent,
}

/// The newest events.
#[derive(Debug)]
pub struct AgentEvents {
    kept: Mutex<VecDeque<AgentEvent>>,
    /// Sequence number of the next event.
    next: watch::Sender<u64>,
}

impl AgentEvents {
    /// With the start of the agent as first event. `now`: wall clock, ns since 1970.
    pub fn new(now: u64) -> Arc<Self> {
        let events = Arc::new(Self {
            kept: Mutex::default(),
            next: watch::Sender::new(0),
        });
        let started = pb::TimeNotification {
            time: Some(timestamp(now)),
        };
        let started = Notification::AgentStart(started);
        events.push(now, vec![(pb::AgentEventType::AgentStarted, started)]);
        events
    }

    fn push(&self, now: u64, new: Vec<(pb::AgentEventType, Notification)>) {
        if new.is_empty() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sequence = *self.next.borrow();
        for (kind, notification) in new {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(AgentEvent {
                sequence,
                time: now,
                event: pb::AgentEvent {
                    r#type: kind.into(),
                    notification: Some(notification),
                },
            });
            sequence += 1;
        }
        drop(kept);
        self.next.send_replace(sequence);
    }

    /// Those from a sequence number on that are kept, at most `most`.
    pub fn since(&self, sequence: u64, most: usize) -> Vec<AgentEvent> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.partition_point(|event| event.sequence < sequence);
        kept.iter().skip(from).take(most).cloned().collect()
    }

    /// The next event's sequence number, and its changes.
    pub fn next(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// Compares and keeps, until what is published ends.
    pub async fn follow(
        self: Arc<Self>,
        names: Arc<ArcSwap<NameTable>>,
        mut progress: watch::Receiver<Arc<Progress>>,
    ) {
        let mut seen = (Arc::<NameTable>::default(), Arc::<Progress>::default());
        loop {
            let now = (names.load_full(), Arc::clone(&progress.borrow_and_update()));
            // With a cluster's addresses this takes a moment.
            let events = Arc::clone(&self);
            let told = tokio::task::spawn_blocking(move || {
                let time = clock::wall().unwrap_or_default();
                let mut new = policies(&seen.1, &now.1);
                new.extend(endpoints(&seen.0, &now.0));
                new.extend(addresses(&seen.0, &now.0));
                events.push(time, new);
                now
            });
            let (Ok(now), Ok(())) = (told.await, progress.changed().await) else {
                return;
            };
            seen = now;
        }
    }
}

type New = Vec<(pb::AgentEventType, Notification)>;

fn policies(before: &Progress, now: &Progress) -> New {
    let update = |name: &ObjectName, rule_count| {
        Notification::PolicyUpdate(pb::PolicyUpdateNotification {
            labels: policy_labels(name),
            revision: now.revision.into(),
            rule_count,
        })
    };
    let changed = changed(&before.policies, &now.policies, |one, other| one == other);
    let (gone, come): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(.., now)| now.is_none());
    let gone = gone
        .into_iter()
        .map(|(name, ..)| (pb::AgentEventType::PolicyDeleted, update(name, 0)));
    let come = come
        .into_iter()
        .map(|(name, ..)| (pb::AgentEventType::PolicyUpdated, update(name, 1)));
    gone.chain(come).collect()
}

/// The labels by which Cilium tells whose a rule is.
fn policy_labels(name: &ObjectName) -> Vec<String> {
    let label = |key: &str, value: &str| format!("k8s:io.cilium.k8s.policy.{key}={value}");
    let mut labels = vec![
        label("derived-from", name.kind.name()),
        label("name", &name.name),
    ];
    labels.extend(name.namespace.as_deref().map(|it| label("namespace", it)));
    labels.sort();
    labels
}

fn endpoints(before: &NameTable, now: &NameTable) -> New {
    let is_same = |a: &Endpoint, b: &Endpoint| (&a.namespace, &a.pod) == (&b.namespace, &b.pod);
    let update = |endpoint: &Endpoint| {
        Notification::EndpointUpdate(pb::EndpointUpdateNotification {
            id: endpoint.id.into(),
            labels: endpoint.labels.clone(),
            error: String::new(),
            pod_name: endpoint.pod.clone(),
            namespace: endpoint.namespace.clone(),
        })
    };
    let mut new = New::new();
    for endpoint in sorted(&before.by_index) {
        let stays = now.by_index.get(&endpoint.id);
        if !stays.is_some_and(|stays| is_same(stays, endpoint)) {
            new.push((pb::AgentEventType::EndpointDeleted, update(endpoint)));
        }
    }
    for endpoint in sorted(&now.by_index) {
        let known = before.by_index.get(&endpoint.id);
        match known.filter(|known| is_same(known, endpoint)) {
            None => new.push((pb::AgentEventType::EndpointCreated, update(endpoint))),
            Some(known) if known.identity != endpoint.identity => {
                let notification = pb::EndpointRegenNotification {
                    id: endpoint.id.into(),
                    labels: endpoint.labels.clone(),
                    error: String::new(),
                };
                let notification = Notification::EndpointRegenerate(notification);
                new.push((pb::AgentEventType::EndpointRegenerateSuccess, notification));
            }
            Some(_) => {}
        }
    }
    new
}

fn sorted(endpoints: &foldhash::HashMap<u32, Arc<Endpoint>>) -> Vec<&Arc<Endpoint>> {
    let mut endpoints: Vec<_> = endpoints.values().collect();
    endpoints.sort_by_key(|endpoint| endpoint.id);
    endpoints
}

/// Whose addresses are, by identity.
fn addresses(before: &NameTable, now: &NameTable) -> New {
    let mut new: Vec<(String, pb::AgentEventType, pb::IpCacheNotification)> = Vec::new();
    let is_same = |known: &Arc<Endpoint>, now: &Arc<Endpoint>| {
        Arc::ptr_eq(known, now)
            || (known.identity, &known.namespace, &known.pod)
                == (now.identity, &now.namespace, &now.pod)
    };
    let mut push =
        |key: crate::node::names::AddrKey, kind, endpoint: &Endpoint, old: Option<u32>| {
            let ip = key.ip();
            let cidr = format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 });
            let notification = pb::IpCacheNotification {
                cidr: cidr.clone(),
                identity: endpoint.identity,
                old_identity: old.map(Into::into),
                namespace: endpoint.namespace.clone(),
                pod_name: endpoint.pod.clone(),
                ..pb::IpCacheNotification::default()
            };
            new.push((cidr, kind, notification));
        };
    for (key, known, endpoint) in SharedTable::changed(&before.by_address, &now.by_address) {
        match (known, endpoint) {
            (Some(known), None) => push(*key, pb::AgentEventType::IpcacheDeleted, known, None),
            (known, Some(endpoint)) if !known.is_some_and(|known| is_same(known, endpoint)) => {
                let old = known.map(|known| known.identity);
                push(*key, pb::AgentEventType::IpcacheUpserted, endpoint, old);
            }
            (_, Some(_)) | (None, None) => {}
        }
    }
    new.sort_by(|a, b| a.0.cmp(&b.0));
    new.into_iter()
        .map(|(_, kind, notification)| (kind, Notification::IpcacheUpdate(notification)))
        .collect()
}
