//! A flow as a row: what filters, tables and sums ask for, with names shared between rows.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use flow::{
    FlowView, Identity, Side, TrafficDirection, Verdict,
    view::{Address, EndpointDecision, Extension, PolicyName, Transport, Volume},
};
use proto::flow::{Endpoint, Flow, IpVersion, Layer7, TraceReason};
use uuid::Uuid;

use super::{
    intern::{Names, Shape, hash},
    parts::Parts,
};

/// A flow. Holds all that [`FlowView`] shows.
#[derive(Clone, Debug)]
pub struct Row {
    /// Unix ns; 0 if not known.
    time: i64,
    id: Id,
    ips: [Option<IpAddr>; 2],
    ports: Option<[u16; 2]>,
    transport: Option<Transport>,
    tcp_flags: Option<u16>,
    ip_version: IpVersion,
    encrypted: bool,
    /// Forward and reply, where it is known; of our servers.
    volume: [Volume; 2],
    has_volume: [bool; 2],
    limited: u64,
    rtt_us: Option<NonZeroU32>,
    shape: Arc<Shape>,
    /// What few flows have.
    rare: Option<Box<OptionalFields>>,
}

// A million of them are held.
const _: () = assert!(size_of::<Row>() <= 144);

/// What tells a flow from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    /// Its unique id, in the usual form.
    Uuid(Uuid),
    /// A hash of its id in another form or, without one, of the whole message; as bytes, which stand
    /// anywhere.
    Hash([u8; 8]),
}

/// What few flows have.
#[derive(Clone, Debug, Default, PartialEq)]
struct OptionalFields {
    /// An id in another than the usual form.
    uuid: String,
    icmp: Option<(u32, u32)>,
    /// Of packets that aren't IP, and addresses that can't be read.
    addresses: [String; 2],
    source_xlated: Option<IpAddr>,
    l7: Option<Box<Layer7>>,
    trace_id: String,
    ip_trace_id: u64,
    summary: String,
}

impl Id {
    pub(crate) fn of(flow: &Flow) -> Self {
        use std::hash::Hash as _;
        match canonical(&flow.uuid) {
            Some(uuid) => Self::Uuid(uuid),
            None if flow.uuid.is_empty() => {
                Self::Hash(hash(|to| prost::Message::encode_to_vec(flow).hash(to)).to_ne_bytes())
            }
            None => Self::Hash(hash(|to| flow.uuid.hash(to)).to_ne_bytes()),
        }
    }
}

/// A UUID in the form in which it is printed again.
fn canonical(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut buffer) == text).then_some(uuid)
}

impl Row {
    /// `parts` then has both parts of the message.
    pub(super) fn new(flow: &Flow, names: &mut Names, parts: &mut Parts) -> Self {
        let id = Id::of(flow);
        parts.cut(flow, matches!(id, Id::Uuid(_)));
        let shape = names.shape(&parts.common, flow);
        let extension = match shape.occasion {
            // Most are cut in two, and this is the small part.
            Some(_) => parts.own_of_extension().or_else(|| flow.extension()),
            None => None,
        };
        let extension = extension.as_ref().map(Extension::from_message);
        let extension = extension.unwrap_or_default();
        let volume = [extension.forward, extension.reply];
        let sides = [Side::Source, Side::Destination];
        let ports = match sides.map(|side| flow.port(side)) {
            [None, None] => None,
            ports => Some(ports.map(Option::unwrap_or_default)),
        };
        Self {
            time: flow.time_ns().unwrap_or_default(),
            id,
            ips: sides.map(|side| flow.ip(side)),
            ports,
            transport: flow.transport(),
            tcp_flags: flow.tcp_flags(),
            ip_version: flow.ip_version(),
            encrypted: flow.encrypted(),
            volume: volume.map(Option::unwrap_or_default),
            has_volume: volume.map(|volume| volume.is_some()),
            limited: extension.limited,
            rtt_us: extension.rtt_us.and_then(NonZeroU32::new),
            shape,
            rare: OptionalFields::of(flow, id),
        }
    }

    /// The part of its message that it shares.
    pub(super) fn common(&self) -> &[u8] {
        &self.shape.common
    }

    /// The id that stands in the row and not in the message.
    pub(super) fn uuid_apart(&self) -> Option<Uuid> {
        match self.id {
            Id::Uuid(uuid) => Some(uuid),
            Id::Hash(_) => None,
        }
    }

    /// When it was, Unix ns; 0 if that isn't known.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }

    pub(super) fn set_time(&mut self, time: i64) {
        self.time = time;
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    fn end(&self, side: Side) -> Option<&Endpoint> {
        self.shape.ends[at(side)].0.as_ref()
    }

    fn rare<'a, T>(&'a self, read: impl FnOnce(&'a OptionalFields) -> T) -> Option<T> {
        self.rare.as_deref().map(read)
    }
}

impl OptionalFields {
    fn of(flow: &Flow, id: Id) -> Option<Box<Self>> {
        let addresses = [Side::Source, Side::Destination].map(|side| {
            if flow.ip(side).is_some() {
                String::new()
            } else {
                flow.address(side).to_string()
            }
        });
        let rare = Self {
            uuid: match id {
                Id::Uuid(_) => String::new(),
                Id::Hash(_) => flow.uuid.clone(),
            },
            icmp: flow.icmp(),
            addresses,
            source_xlated: flow.source_xlated(),
            l7: flow.l7.clone().map(Box::new),
            trace_id: flow.trace_id().to_owned(),
            ip_trace_id: FlowView::ip_trace_id(flow),
            summary: match &flow.l7 {
                None => String::new(),
                Some(_) => FlowView::summary(flow).to_owned(),
            },
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
    fn time_ns(&self) -> Option<i64> {
        (self.time != 0).then_some(self.time)
    }
    fn verdict(&self) -> Verdict {
        Verdict::try_from(self.shape.verdict).unwrap_or(Verdict::Unknown)
    }
    fn verdict_number(&self) -> i32 {
        self.shape.verdict
    }
    fn drop_reason(&self) -> i32 {
        self.shape.drop_reason
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        self.shape.event_type
    }
    fn direction(&self) -> TrafficDirection {
        self.shape.direction
    }
    fn match_type(&self) -> u32 {
        self.shape.match_type
    }
    fn trace_reason(&self) -> TraceReason {
        self.shape.trace_reason
    }
    fn is_reply(&self) -> Option<bool> {
        self.shape.is_reply
    }
    fn transport(&self) -> Option<Transport> {
        self.transport
    }
    fn port(&self, side: Side) -> Option<u16> {
        self.ports.map(|ports| ports[at(side)])
    }
    fn tcp_flags(&self) -> Option<u16> {
        self.tcp_flags
    }
    fn icmp(&self) -> Option<(u32, u32)> {
        self.rare(|rare| rare.icmp)?
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        self.ips[at(side)]
    }
    fn address(&self, side: Side) -> Address<'_> {
        if let Some(ip) = self.ips[at(side)] {
            return Address::Ip(ip);
        }
        match self.rare(|rare| rare.addresses[at(side)].as_str()) {
            None | Some("") => Address::None,
            Some(text) if self.ip_version == IpVersion::IpNotUsed => Address::Mac(text),
            Some(text) => Address::IpText(text),
        }
    }
    fn source_xlated(&self) -> Option<IpAddr> {
        self.rare(|rare| rare.source_xlated)?
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
        self.shape.names[at(side)].iter().any(|name| is(name))
    }
    fn service(&self, side: Side) -> Option<(&str, &str)> {
        let service = self.shape.services[at(side)].as_ref()?;
        Some((&service.namespace, &service.name))
    }
    fn node(&self) -> &str {
        &self.shape.node.name
    }
    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.shape.node.labels.iter().any(|label| is(label))
    }
    fn interface(&self) -> Option<(u32, &str)> {
        let (index, name) = self.shape.interface.as_ref()?;
        Some((*index, name))
    }
    fn l7(&self) -> Option<&Layer7> {
        self.rare(|rare| rare.l7.as_deref())?
    }
    fn uuid_is(&self, text: &str) -> bool {
        match self.id {
            Id::Uuid(uuid) => canonical(text) == Some(uuid),
            Id::Hash(_) => self.rare(|rare| rare.uuid.as_str()).unwrap_or_default() == text,
        }
    }
    fn uuid(&self, see: &mut dyn FnMut(&str)) {
        match self.id {
            Id::Uuid(uuid) => see(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Id::Hash(_) => match self.rare(|rare| rare.uuid.as_str()) {
                None | Some("") => {}
                Some(text) => see(text),
            },
        }
    }
    fn trace_id(&self) -> &str {
        self.rare(|rare| rare.trace_id.as_str()).unwrap_or_default()
    }
    fn ip_trace_id(&self) -> u64 {
        self.rare(|rare| rare.ip_trace_id).unwrap_or_default()
    }
    fn summary(&self) -> &str {
        match self.rare(|rare| rare.summary.as_str()) {
            None | Some("") => &self.shape.summary,
            Some(own) => own,
        }
    }
    fn any_policy(&self, is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool {
        let Some(decided) = &self.shape.decided else {
            return false;
        };
        decided.policies.iter().any(|[kind, namespace, name]| {
            is(PolicyName {
                kind,
                namespace,
                name,
            })
        })
    }
    fn any_policy_log(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.shape.policy_log.iter().any(|value| is(value))
    }
    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        let Some(occasion) = self.shape.occasion else {
            return;
        };
        let end = |at: usize| {
            let end = self.shape.decided.as_ref()?.ends[at].as_ref()?;
            Some(EndpointDecision::from_message(end))
        };
        let volume = |at: usize| self.has_volume[at].then_some(self.volume[at]);
        see(&Extension {
            egress: end(0),
            ingress: end(1),
            forward: volume(0),
            reply: volume(1),
            rtt_us: self.rtt_us.map(NonZeroU32::get),
            revision: occasion.revision,
            limited: self.limited,
            late: occasion.late,
            cause: occasion.cause,
        });
    }

    // Rows are made to be small: expressions in CEL are for those who have the message.
    flow::absent! { connection message }
}
