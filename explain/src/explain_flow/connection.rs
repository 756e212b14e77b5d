//! Who the two ends of a flow are: by what the flow says of them, and by what is in the cluster now.

use std::net::IpAddr;

use super::flow::{RecordedEnd, RecordedEndpoint, RecordedFlow, Transport};
use super::sanitize::plain;
use crate::trace::{End, PolicyContext, Port, Request};
use cluster::labels::{CLUSTER, NAMESPACE, NAMESPACE_LABELS, SERVICE_ACCOUNT};
use cluster::{Label, Labels, NamespacedName};
use policy::bounded;
use policy::rule::protocol;

/// The connection that a flow belongs to, from who opened it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) source: FlowEnd,
    pub(super) destination: FlowEnd,
    /// Destination port; ICMP: type. `None` if the flow doesn't tell, or no policy could name it.
    pub(super) port: Option<Port>,
    /// The flow is against the direction in which the connection was opened.
    pub(super) reply: bool,
    /// The request that the flow is about.
    pub(super) request: Option<Request>,
    /// It is about one, and doesn't tell it.
    pub(super) hides_request: bool,
    /// Why the request was denied, as the flow says; empty if it doesn't.
    pub(super) why: String,
}

/// One end.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowEnd {
    /// As people call it.
    pub(super) name: String,
    /// To ask about it; `None` if the flow doesn't tell who it is.
    pub(super) end: Option<End>,
    /// The same for a command line.
    pub(super) argument: Option<Argument>,
    /// What to know about it.
    pub(super) note: Option<String>,
    /// Why there is no `end`, if there is more to say than that the flow doesn't tell.
    pub(super) missing: Option<String>,
}

/// An end on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Pod(String),
    Labels(String),
    Ip(IpAddr),
    Entity(&'static str),
}

/// The most labels that an end is believed to have.
const MOST_LABELS: usize = 256;

impl Connection {
    pub(super) fn from_flow(context: &PolicyContext<'_>, flow: &RecordedFlow) -> Self {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let end = |end: &RecordedEnd| {
            FlowEnd::from_endpoint(context, end.endpoint.as_ref(), address(&end.ip))
        };
        let (sender, receiver) = (end(&flow.source), end(&flow.destination));
        let (source, destination) = match flow.reply {
            true => (receiver, sender),
            false => (sender, receiver),
        };
        let port = flow
            .transport
            .and_then(|transport| port(transport, flow.reply));
        let layer7 = flow.layer7.as_ref();
        let request = layer7.and_then(|of| of.request.clone());
        // Without a port there is nothing that a proxy could have read.
        let request = request.filter(|_| port.is_some());
        Self {
            source,
            destination,
            port,
            reply: flow.reply,
            hides_request: layer7.is_some() && request.is_none(),
            why: layer7.map_or_else(String::new, |of| plain(&of.why)),
            request,
        }
    }
}

fn port(transport: Transport, reply: bool) -> Option<Port> {
    let (protocol, port) = match transport {
        Transport::Ports {
            protocol,
            source_port,
            destination_port,
        } => match reply {
            true => (protocol, source_port),
            false => (protocol, destination_port),
        },
        Transport::IcmpV4 { message_type } => (
            protocol::ICMP,
            request(message_type, [(0, 8), (14, 13)], reply)?,
        ),
        Transport::IcmpV6 { message_type } => (
            protocol::ICMPV6,
            request(message_type, [(129, 128), (140, 139)], reply)?,
        ),
    };
    let icmp = matches!(protocol, protocol::ICMP | protocol::ICMPV6);
    let port = u16::try_from(port).ok()?;
    let fits = if icmp { port <= 255 } else { port > 0 };
    fits.then_some(Port::Number { protocol, port })
}

/// The type of the message that is answered by one of this type.
fn request(kind: u32, answers: [(u32, u32); 2], reply: bool) -> Option<u32> {
    if !reply {
        return Some(kind);
    }
    let mut answers = answers.iter();
    answers
        .find(|(answer, _)| *answer == kind)
        .map(|(_, request)| *request)
}

impl FlowEnd {
    fn from_endpoint(
        context: &PolicyContext<'_>,
        endpoint: Option<&RecordedEndpoint>,
        ip: Option<IpAddr>,
    ) -> Self {
        let Some(endpoint) = endpoint else {
            return Self::from_address(ip);
        };
        let texts = endpoint.labels.iter().take(MOST_LABELS);
        let labels: Labels = texts
            .filter_map(|text| plain(text).parse::<Label>().ok())
            .collect();
        if !endpoint.pod_name.is_empty() && !endpoint.namespace.is_empty() {
            return Self::from_pod(context, endpoint, &labels);
        }
        if let Some(end) = Self::from_reserved(&labels, ip) {
            return end;
        }
        if labels.get(Some("k8s"), NAMESPACE).is_some() {
            return Self::from_labels(context, &labels, ip);
        }
        Self::from_address(ip)
    }

    fn from_address(ip: Option<IpAddr>) -> Self {
        match ip {
            Some(ip) => Self {
                name: ip.to_string(),
                end: Some(End::Ip(ip)),
                argument: Some(Argument::Ip(ip)),
                ..Self::default()
            },
            None => Self {
                name: "somebody".to_owned(),
                ..Self::default()
            },
        }
    }

    fn from_pod(context: &PolicyContext<'_>, endpoint: &RecordedEndpoint, labels: &Labels) -> Self {
        let name = format!(
            "{}/{}",
            plain(&endpoint.namespace),
            plain(&endpoint.pod_name)
        );
        let key = NamespacedName::new(&plain(&endpoint.namespace), &plain(&endpoint.pod_name));
        if let Some(pod) = context.state().pods.get(&key) {
            let present = context
                .state()
                .identity_labels(pod, &context.config().cluster);
            let changed = !labels.is_empty() && !same_labels(labels, &present);
            return Self {
                end: Some(End::Pod(key)),
                argument: Some(Argument::Pod(name.clone())),
                note: changed.then(|| {
                    format!(
                        "the labels of {name} changed since the flow was recorded: {}",
                        difference(labels, &present)
                    )
                }),
                name,
                missing: None,
            };
        }
        if labels.get(Some("k8s"), NAMESPACE).is_none() {
            return Self {
                missing: Some(format!(
                    "{name} no longer exists, and the flow does not record its labels"
                )),
                name,
                ..Self::default()
            };
        }
        Self {
            end: Some(End::Former {
                name: name.clone().into(),
                labels: labels.clone(),
            }),
            argument: Some(Argument::Labels(own_labels(labels))),
            note: Some(format!(
                "{name} no longer exists; evaluated with its labels from the flow"
            )),
            name,
            missing: None,
        }
    }

    /// What is no pod: the world, nodes.
    fn from_reserved(labels: &Labels, ip: Option<IpAddr>) -> Option<Self> {
        /// Those that say more than the address does.
        const NAMED: [&str; 6] = [
            "host",
            "kube-apiserver",
            "remote-node",
            "ingress",
            "health",
            "init",
        ];
        const BY_ADDRESS: [&str; 4] = ["world", "world-ipv4", "world-ipv6", "unmanaged"];
        let named = NAMED.iter().find(|name| labels.is_reserved(name));
        let name = match (named, ip) {
            (Some(name), _) => name,
            (None, ip) => {
                let name = BY_ADDRESS.iter().find(|name| labels.is_reserved(name))?;
                if ip.is_some() {
                    return Some(Self::from_address(ip));
                }
                name
            }
        };
        Some(Self {
            name: match ip {
                Some(ip) => format!("{name} ({ip})"),
                None => (*name).to_owned(),
            },
            end: Some(End::Entity((*name).to_owned())),
            argument: Some(Argument::Entity(name)),
            ..Self::default()
        })
    }

    /// A pod of which only the identity was known.
    fn from_labels(context: &PolicyContext<'_>, labels: &Labels, ip: Option<IpAddr>) -> Self {
        let mut pods = context.state().pods.values();
        let pod = pods.find(|pod| {
            !pod.host_network && ip.is_some_and(|ip| pod.ips.contains(&ip)) && {
                let present = context
                    .state()
                    .identity_labels(pod, &context.config().cluster);
                same_labels(labels, &present)
            }
        });
        if let Some(pod) = pod {
            let name = pod.name.to_string();
            return Self {
                end: Some(End::Pod(pod.name.clone())),
                argument: Some(Argument::Pod(name.clone())),
                name,
                ..Self::default()
            };
        }
        let own = own_labels(labels);
        let name = format!("a pod with {}", plain(&own));
        Self {
            end: Some(End::Former {
                name: name.clone().into(),
                labels: labels.clone(),
            }),
            argument: Some(Argument::Labels(own)),
            name,
            ..Self::default()
        }
    }
}

/// Whether the labels of a flow are those of an identity. Some servers leave out what follows from the
/// rest.
fn same_labels(recorded: &Labels, present: &Labels) -> bool {
    let shown = |label: &&Label| !label.key.starts_with("io.cilium.k8s.");
    recorded
        .iter()
        .filter(shown)
        .eq(present.iter().filter(shown))
}

/// What the one has and the other has not.
fn difference(recorded: &Labels, present: &Labels) -> String {
    let only = |of: &Labels, other: &Labels, sign: &str| -> Vec<String> {
        let shown = |label: &&Label| !label.key.starts_with("io.cilium.k8s.");
        let own = of.iter().filter(shown);
        own.filter(|label| !other.iter().any(|known| known == *label))
            .map(|label| format!("{sign}{label}"))
            .collect()
    };
    let mut texts = only(recorded, present, "-");
    texts.extend(only(present, recorded, "+"));
    bounded::list(&texts, " ")
}

/// Labels for a command line, without those that the rest makes plain.
fn own_labels(labels: &Labels) -> String {
    let said = labels.iter().filter(|label| {
        let key = &*label.key;
        key != CLUSTER
            && !key.starts_with(NAMESPACE_LABELS)
            && !(key == SERVICE_ACCOUNT && &*label.value == "default")
    });
    let said = said.map(|label| match &*label.source {
        "k8s" => format!("{}={}", label.key, label.value),
        source => format!("{source}:{}={}", label.key, label.value),
    });
    said.collect::<Vec<_>>().join(",")
}
