//! What is one end of an edge: a workload, or something outside.

use client::Row;
use flow::expr::quote;
use flow::{FlowView as _, Identity, Side};

/// What an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Workload,
    Pod,
    World,
    Host,
    Dns,
    Entity,
    Address,
}

/// An end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) kind: Kind,
    /// Empty for what is in none.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl End {
    /// Of a flow.
    pub(crate) fn of(row: &Row, side: Side) -> Self {
        let namespace = row.namespace(side).to_owned();
        let mut workload = String::new();
        row.any_workload(side, &mut |_kind, name| {
            name.clone_into(&mut workload);
            true
        });
        if !workload.is_empty() {
            return Self {
                kind: Kind::Workload,
                namespace,
                name: workload,
            };
        }
        let pod = row.pod(side);
        if !pod.is_empty() {
            return Self {
                kind: Kind::Pod,
                namespace,
                name: pod.to_owned(),
            };
        }
        let mut dns = String::new();
        row.any_name(side, &mut |name| {
            name.clone_into(&mut dns);
            true
        });
        if !dns.is_empty() {
            return Self::outside(Kind::Dns, dns);
        }
        let identity = row.identity(side);
        match identity.and_then(Identity::name) {
            Some(name @ ("world" | "world-ipv4" | "world-ipv6")) => {
                Self::outside(Kind::World, name)
            }
            Some(name @ ("host" | "remote-node")) => Self::outside(Kind::Host, name),
            Some("unknown") | None => match row.ip(side) {
                Some(ip) => Self::outside(Kind::Address, ip.to_string()),
                None => Self::outside(Kind::Entity, "unknown"),
            },
            Some(name) => Self::outside(Kind::Entity, name),
        }
    }

    /// All that there is no room for.
    pub(crate) fn others() -> Self {
        Self::outside(Kind::Entity, "others")
    }

    fn outside(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: String::new(),
            name: name.into(),
        }
    }

    /// Tells it from all others.
    pub(crate) fn id(&self) -> String {
        let kind = match self.kind {
            Kind::Workload => "workload",
            Kind::Pod => "pod",
            Kind::World => "world",
            Kind::Host => "host",
            Kind::Dns => "dns",
            Kind::Entity => "entity",
            Kind::Address => "address",
        };
        format!("{kind}:{}/{}", self.namespace, self.name)
    }

    /// The expression for flows from or to it.
    pub(crate) fn term(&self) -> String {
        let scoped = |field: &str| match self.namespace.as_str() {
            "" => format!("{field} == {}", quote(&self.name)),
            namespace => format!(
                "{field} == {}",
                quote(&format!("{namespace}/{}", self.name))
            ),
        };
        match self.kind {
            Kind::Workload => scoped("workload"),
            Kind::Pod => scoped("pod"),
            Kind::Dns => format!("fqdn == {}", quote(&self.name)),
            Kind::Address => format!("ip == {}", self.name),
            Kind::World | Kind::Host | Kind::Entity => format!("identity == {}", self.name),
        }
    }
}
