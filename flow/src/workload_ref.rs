//! Who an end of a flow is: a workload or pod, or the best that is known of what is outside.

use crate::expr::quote;
use crate::identity::Identity;
use crate::view::{FlowView, Side};

/// What an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// What makes pods.
    Workload,
    /// A pod that no workload is known of.
    Pod,
    /// A service whose pod is not known.
    Service,
    /// A DNS name.
    Dns,
    /// The reserved identities of what is outside the cluster.
    World,
    /// This or another node.
    Host,
    /// Another reserved identity.
    Entity,
    /// Nothing but an address is known.
    Address,
}

impl Kind {
    /// Its name, as in `workload`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Dns => "dns",
            Self::World => "world",
            Self::Host => "host",
            Self::Entity => "entity",
            Self::Address => "address",
        }
    }
}

/// An end of a flow. Ends of many flows are the same if they are the same workload, pod, ...
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadRef {
    /// What it is.
    pub kind: Kind,
    /// Empty for what is in none.
    pub namespace: String,
    /// Its name, without the namespace.
    pub name: String,
}

impl WorkloadRef {
    /// The end of a flow on that side.
    pub fn of<V: FlowView>(flow: &V, side: Side) -> Self {
        let within = |kind, name: &str| Self {
            kind,
            namespace: flow.namespace(side).to_owned(),
            name: name.to_owned(),
        };
        let mut found = None;
        flow.any_workload(side, &mut |_kind, name| {
            found = (!name.is_empty()).then(|| within(Kind::Workload, name));
            found.is_some()
        });
        if let Some(workload) = found {
            return workload;
        }
        let pod = flow.pod(side);
        if !pod.is_empty() {
            return within(Kind::Pod, pod);
        }
        if let Some((namespace, name)) = flow.service(side) {
            return Self {
                kind: Kind::Service,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
        }
        let mut dns = String::new();
        flow.any_name(side, &mut |name| {
            name.clone_into(&mut dns);
            true
        });
        if !dns.is_empty() {
            return Self::outside(Kind::Dns, dns);
        }
        match flow.identity(side).and_then(Identity::name) {
            Some(name @ ("world" | "world-ipv4" | "world-ipv6")) => {
                Self::outside(Kind::World, name)
            }
            Some(name @ ("host" | "remote-node")) => Self::outside(Kind::Host, name),
            Some("unknown") | None => match flow.ip(side) {
                Some(ip) => Self::outside(Kind::Address, ip.to_string()),
                None => Self::outside(Kind::Entity, "unknown"),
            },
            Some(name) => Self::outside(Kind::Entity, name),
        }
    }

    /// What is in no namespace.
    pub fn outside(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: String::new(),
            name: name.into(),
        }
    }

    /// Tells it from all others: `workload:shop/cart`.
    pub fn id(&self) -> String {
        format!("{}:{}/{}", self.kind.name(), self.namespace, self.name)
    }

    /// The expression for flows from or to it.
    pub fn term(&self) -> String {
        self.term_of("")
    }

    /// The expression for flows of which it is that end.
    pub fn term_at(&self, side: Side) -> String {
        self.term_of(prefix(side))
    }

    fn term_of(&self, end: &str) -> String {
        let name = quote(&self.name);
        let scoped = match self.namespace.as_str() {
            "" => name.clone(),
            namespace => quote(&format!("{namespace}/{}", self.name)),
        };
        match self.kind {
            Kind::Workload => format!("{end}workload == {scoped}"),
            Kind::Pod => format!("{end}pod == {scoped}"),
            Kind::Service => format!("{end}service == {scoped}"),
            Kind::Dns => format!("{end}fqdn == {name}"),
            Kind::Address => format!("{end}ip == {}", self.name),
            Kind::World | Kind::Host | Kind::Entity => format!("{end}identity == {}", self.name),
        }
    }
}

/// What the fields of a side begin with.
pub(crate) const fn prefix(side: Side) -> &'static str {
    match side {
        Side::Source => "src.",
        Side::Destination => "dst.",
    }
}

impl std::fmt::Display for WorkloadRef {
    /// `namespace/name`, or the name alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}
