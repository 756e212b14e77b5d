//! A flow as a row: what filters, tables and sums ask for, with names shared between rows.

use std::{hash::Hash as _, net::IpAddr, sync::Arc};

use flow::{FlowView, Identity, Side, TrafficDirection, Verdict, view::Transport};
use proto::{
    flow::{Endpoint, Flow, IpVersion, Layer7, LostEventSource, Policy, Service},
    flows::v1::Decision,
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeState,
};

use super::intern::{Names, hash};

/// What a store holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// A flow.
    Flow(Row),
    /// A place where something else happened.
    Mark(Box<Mark>),
}

/// What a stream says besides flows, and what its reader adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Events were lost here.
    Lost {
        /// When it was noticed, Unix ns.
        time: i64,
        /// By whom; empty if the server did not say.
        node: String,
        /// How many.
        events: u64,
        /// At which stage.
        stage: LostEventSource,
    },
    /// The state of nodes changed.
    Nodes {
        /// Unix ns.
        time: i64,
        /// To what.
        state: NodeState,
        /// Which.
        nodes: Vec<String>,
        /// The server's words.
        message: String,
    },
    /// The connection to the server broke and was made again: what came meanwhile was asked for, as
    /// far back as the server remembers.
    Reconnected {
        /// When it broke, Unix ns.
        lost: i64,
        /// When it was back.
        time: i64,
        /// Why it broke.
        why: String,
        /// What happened in between has been read from the server's history. If false, the server has
        /// forgotten some of it, how much is not known.
        complete: bool,
    },
    /// A line of a file is no flow.
    Unreadable {
        /// Which, from 1.
        line: u64,
        /// Why.
        why: String,
    },
}

/// An end's names; `None` if the server named nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End(pub(super) Option<Endpoint>);

/// Where a flow was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
}

/// Who decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decided {
    /// Egress allowed, ingress allowed, egress denied, ingress denied by.
    pub(super) policies: [Vec<Policy>; 4],
    pub(super) log: Vec<String>,
    /// At the source and at the destination, as our servers tell.
    pub(super) ends: [Option<Decision>; 2],
}

/// A flow. Holds what [`FlowView`] shows.
#[derive(Clone, Debug)]
pub struct Row {
    time: i64,
    /// Hash of the unique id or, without one, of the whole message.
    key: u64,
    ends: [Arc<End>; 2],
    ips: [Option<IpAddr>; 2],
    ports: [u16; 2],
    has_ports: bool,
    transport: Option<Transport>,
    tcp_flags: Option<u16>,
    ip_version: IpVersion,
    encrypted: bool,
    verdict: Verdict,
    drop_reason: i32,
    event_type: Option<(i32, i32)>,
    direction: TrafficDirection,
    is_reply: Option<bool>,
    node: Arc<Node>,
    decided: Option<Arc<Decided>>,
    /// What few flows have.
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Rare {
    source_xlated: Option<IpAddr>,
    names: [Vec<String>; 2],
    services: [Option<Service>; 2],
    interface: Option<(u32, String)>,
    l7: Option<Layer7>,
    trace_id: String,
    ip_trace_id: u64,
}

impl Mark {
    /// Events that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match self {
            Self::Lost { events, .. } => *events,
            Self::Nodes { .. } | Self::Reconnected { .. } | Self::Unreadable { .. } => 0,
        }
    }

    /// When it was, Unix ns; 0 if it has no time.
    #[must_use]
    pub fn time(&self) -> i64 {
        match self {
            Self::Lost { time, .. } | Self::Nodes { time, .. } | Self::Reconnected { time, .. } => {
                *time
            }
            Self::Unreadable { .. } => 0,
        }
    }
}

impl Item {
    /// When it was, Unix ns.
    #[must_use]
    pub fn time(&self) -> i64 {
        match self {
            Self::Flow(row) => row.time,
            Self::Mark(mark) => mark.time(),
        }
    }
}

/// What tells a flow from all others: its unique id or, without one, all of it.
pub(crate) fn key(flow: &Flow) -> u64 {
    hash(|to| {
        if flow.uuid.is_empty() {
            prost::Message::encode_to_vec(flow).hash(to);
        } else {
            flow.uuid.hash(to);
        }
    })
}

/// A response as an item, with the message behind it.
pub(super) fn item<'a>(
    response: &'a GetFlowsResponse,
    names: &mut Names,
) -> Option<(Item, Option<&'a Flow>)> {
    let time = |time: Option<Timestamp>| time.map_or(0, |time| time.unix_nanos());
    match response.response_types.as_ref()? {
        ResponseTypes::Flow(flow) => {
            let mut row = Row::new(flow, names);
            if flow.time.is_none() {
                row.time = time(response.time);
            }
            Some((Item::Flow(row), Some(flow)))
        }
        ResponseTypes::LostEvents(lost) => {
            let mark = Mark::Lost {
                time: time(lost.last.or(response.time)),
                node: response.node_name.clone(),
                events: lost.num_events_lost,
                stage: lost.source(),
            };
            Some((Item::Mark(Box::new(mark)), None))
        }
        ResponseTypes::NodeStatus(status) => {
            let mark = Mark::Nodes {
                time: time(response.time),
                state: status.state_change(),
                nodes: status.node_names.clone(),
                message: status.message.clone(),
            };
            Some((Item::Mark(Box::new(mark)), None))
        }
    }
}

impl Row {
    fn new(flow: &Flow, names: &mut Names) -> Self {
        let extension = flow.extension();
        let sides = [Side::Source, Side::Destination];
        let ports = sides.map(|side| flow.port(side));
        Self {
            time: flow.time.map_or(0, |time| time.unix_nanos()),
            key: key(flow),
            ends: [
                names.end(flow.source.as_ref()),
                names.end(flow.destination.as_ref()),
            ],
            ips: sides.map(|side| flow.ip(side)),
            ports: ports.map(Option::unwrap_or_default),
            has_ports: ports.iter().any(Option::is_some),
            transport: flow.transport(),
            tcp_flags: flow.tcp_flags(),
            ip_version: flow.ip_version(),
            encrypted: flow.encrypted(),
            verdict: flow.verdict(),
            drop_reason: FlowView::drop_reason(flow),
            event_type: flow.event_type(),
            direction: flow.direction(),
            is_reply: FlowView::is_reply(flow),
            node: names.node(flow),
            decided: names.decided(flow, extension.as_ref()),
            rare: Rare::of(flow),
        }
    }

    /// When it was, Unix ns.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }

    /// A hash of its unique id.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.key
    }

    fn end(&self, side: Side) -> Option<&Endpoint> {
        self.ends[at(side)].0.as_ref()
    }
}

impl Rare {
    fn of(flow: &Flow) -> Option<Box<Self>> {
        let rare = Self {
            source_xlated: flow.source_xlated(),
            names: [flow.source_names.clone(), flow.destination_names.clone()],
            services: [
                flow.source_service.clone(),
                flow.destination_service.clone(),
            ],
            interface: FlowView::interface(flow).map(|(index, name)| (index, name.to_owned())),
            l7: flow.l7.clone(),
            trace_id: flow.trace_id().to_owned(),
            ip_trace_id: FlowView::ip_trace_id(flow),
        };
        (rare != Self::default()).then(|| Box::new(rare))
    }
}

fn at(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
    }
}

impl FlowView for Row {
    fn verdict(&self) -> Verdict {
        self.verdict
    }
    fn drop_reason(&self) -> i32 {
        self.drop_reason
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        self.event_type
    }
    fn direction(&self) -> TrafficDirection {
        self.direction
    }
    fn is_reply(&self) -> Option<bool> {
        self.is_reply
    }
    fn transport(&self) -> Option<Transport> {
        self.transport
    }
    fn port(&self, side: Side) -> Option<u16> {
        self.has_ports.then(|| self.ports[at(side)])
    }
    fn tcp_flags(&self) -> Option<u16> {
        self.tcp_flags
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        self.ips[at(side)]
    }
    fn source_xlated(&self) -> Option<IpAddr> {
        self.rare.as_ref()?.source_xlated
    }
    fn ip_version(&self) -> IpVersion {
        self.ip_version
    }
    fn encrypted(&self) -> bool {
        self.encrypted
    }
    fn identity(&self, side: Side) -> Option<Identity> {
        self.end(side).map(|end| Identity(end.identity))
    }
    fn namespace(&self, side: Side) -> &str {
        self.end(side).map_or("", |end| &end.namespace)
    }
    fn pod(&self, side: Side) -> &str {
        self.end(side).map_or("", |end| &end.pod_name)
    }
    fn cluster(&self, side: Side) -> &str {
        self.end(side).map_or("", |end| &end.cluster_name)
    }
    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.end(side)
            .is_some_and(|end| end.labels.iter().any(|label| is(label)))
    }
    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        self.end(side)
            .is_some_and(|end| end.workloads.iter().any(|w| is(&w.kind, &w.name)))
    }
    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.names[at(side)].iter().any(|name| is(name)))
    }
    fn service(&self, side: Side) -> Option<(&str, &str)> {
        let service = self.rare.as_ref()?.services[at(side)].as_ref()?;
        Some((&service.namespace, &service.name))
    }
    fn node(&self) -> &str {
        &self.node.name
    }
    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.node.labels.iter().any(|label| is(label))
    }
    fn interface(&self) -> Option<(u32, &str)> {
        let (index, name) = self.rare.as_ref()?.interface.as_ref()?;
        Some((*index, name))
    }
    fn l7(&self) -> Option<&Layer7> {
        self.rare.as_ref()?.l7.as_ref()
    }
    /// By a hash: texts that differ are taken for equal once in 2^64.
    fn uuid_is(&self, text: &str) -> bool {
        !text.is_empty() && self.key == hash(|to| text.hash(to))
    }
    fn trace_id(&self) -> &str {
        self.rare.as_ref().map_or("", |rare| &rare.trace_id)
    }
    fn ip_trace_id(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.ip_trace_id)
    }
}
