//! What names' addresses are open to, in the course of time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

/// Answers of DNS and connections on one node, one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    pub id: String,
    pub title: String,
    pub why: String,
    /// Of the `toFQDNs` of the pods' egress rule on TCP 443.
    pub selectors: Vec<Selector>,
    pub pods: Vec<String>,
    #[serde(default)]
    pub config: Config,
    pub steps: Vec<Step>,
    #[serde(default)]
    pub note: String,
    pub checked: String,
}

impl Timeline {
    /// The policy of its pods: the selectors on TCP 443, and every name may be asked for.
    pub fn policy(&self) -> String {
        let spec = serde_json::json!({
            "endpointSelector": {"matchLabels": {"app": "frontend"}},
            "egress": [
                {
                    "toFQDNs": self.selectors.iter().map(|one| &one.0).collect::<Vec<_>>(),
                    "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
                },
                {
                    "toEndpoints": [{"matchLabels": {
                        "io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns",
                    }}],
                    "toPorts": [{
                        "ports": [{"port": "53", "protocol": "ANY"}],
                        "rules": {"dns": [{"matchPattern": "*"}]},
                    }],
                },
            ],
        });
        let manifest = serde_json::json!({
            "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"name": self.id, "namespace": "prod"}, "spec": spec,
        });
        manifest.to_string()
    }
}

/// `matchName` or `matchPattern`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Selector(pub BTreeMap<String, String>);

/// Options of Cilium, by name: those of the head.
pub type Config = BTreeMap<String, Value>;

/// What happens at a moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Row")]
pub struct Step {
    /// s.
    pub t: u64,
    pub action: Action,
    pub why: String,
}

/// What happens, and what must come of it.
#[derive(Clone, Debug)]
pub enum Action {
    /// An answer passes.
    Dns(Answer),
    /// A new connection, which ends at once or stays open under a name.
    Connect {
        connect: Connect,
        open: Option<String>,
        expect: Outcome,
    },
    /// An open connection is closed.
    Close(String),
    /// A packet of an open connection.
    PacketOn { name: String, expect: Outcome },
    /// One of Cilium's collectors runs: `dns` or `ct`.
    Collect(String),
}

/// An answer of DNS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The pod that asked.
    pub from: String,
    /// What it asked for.
    pub name: String,
    #[serde(default)]
    pub ips: Vec<IpAddr>,
    /// s; the least of the chain.
    #[serde(default)]
    pub ttl: u32,
    /// `NOERROR` unless it is said.
    pub rcode: Option<String>,
    /// What the name stands for, one after the other.
    #[serde(default)]
    pub cname: Vec<String>,
}

/// A new connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    pub from: String,
    pub to: IpAddr,
    pub port: u16,
}

/// A step as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    t: u64,
    dns: Option<Answer>,
    connect: Option<Connect>,
    close: Option<String>,
    packet_on: Option<String>,
    gc: Option<String>,
    open: Option<String>,
    expect: Option<Outcome>,
    /// What Cilium does where both is right.
    #[serde(rename = "cilium")]
    _cilium: Option<Value>,
    /// Addresses with an open connection, as one of Cilium's collectors sees them.
    #[serde(rename = "alive")]
    _alive: Option<Vec<IpAddr>>,
    #[serde(default)]
    why: String,
    #[serde(rename = "note")]
    _note: Option<String>,
}

impl TryFrom<Row> for Step {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let expect = row.expect.ok_or("it says nothing of what must come of it");
        let connect = row.connect.map(|connect| {
            Ok(Action::Connect {
                connect,
                open: row.open,
                expect: expect?,
            })
        });
        let packet = row.packet_on.map(|name| {
            Ok(Action::PacketOn {
                name,
                expect: expect?,
            })
        });
        let actions = [
            row.dns.map(|answer| Ok(Action::Dns(answer))),
            connect,
            row.close.map(|name| Ok(Action::Close(name))),
            packet,
            row.gc.map(|which| Ok(Action::Collect(which))),
        ];
        let mut actions = actions.into_iter().flatten();
        let action = actions.next().ok_or("nothing happens in a step")??;
        if actions.next().is_some() {
            return Err("one thing happens in a step");
        }
        Ok(Self {
            t: row.t,
            action,
            why: row.why,
        })
    }
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Allowed,
    Denied,
    /// Both is right.
    Either,
    /// The packet passes.
    Alive,
    /// It does not.
    Dead,
}
