//! Policies, and requests to be judged by them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::timeline::Timeline;

/// See the crate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Of the form.
    pub version: u32,
    pub fixtures: Fixtures,
    pub sets: Vec<Set>,
    pub validation: Vec<Validation>,
    pub timelines: Vec<Timeline>,
}

/// Namespaces and pods that all sets share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    pub cluster: String,
    /// Labels by name.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pub pods: BTreeMap<String, Pod>,
}

/// A pod.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pod {
    pub ns: String,
    pub labels: BTreeMap<String, String>,
    /// By name.
    #[serde(default)]
    pub ports: BTreeMap<String, NamedPort>,
}

/// A port with a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPort {
    pub port: u16,
    pub proto: String,
}

impl Fixtures {
    /// The address of each pod: all are on one node, whose range is 10.1.0.0/24.
    pub fn addresses(&self) -> BTreeMap<&str, IpAddr> {
        let pods = self.pods.keys().zip(1_u8..);
        pods.map(|(name, n)| (name.as_str(), IpAddr::from([10, 1, 0, n])))
            .collect()
    }

    /// Namespaces and pods as manifests, the pods on the node `a`.
    pub fn manifests(&self) -> String {
        let mut text = String::new();
        let mut put = |manifest: &Value| writeln!(text, "{manifest}\n---").unwrap();
        for (name, labels) in &self.namespaces {
            put(&serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels},
            }));
        }
        let addresses = self.addresses();
        for (name, pod) in &self.pods {
            let ports = pod.ports.iter().map(|(name, of)| {
                serde_json::json!({"name": name, "containerPort": of.port, "protocol": of.proto})
            });
            put(&serde_json::json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": pod.ns, "labels": pod.labels},
                "spec": {
                    "nodeName": "a",
                    "containers": [{"name": "c", "ports": ports.collect::<Vec<_>>()}],
                },
                "status": {"podIP": addresses[name.as_str()]},
            }));
        }
        text
    }
}

/// Policies, and what is asked of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    pub id: String,
    pub title: String,
    /// The policies load, but can't be merged, in these words.
    pub merge_error: Option<String>,
    /// Manifests.
    pub policies: Vec<Value>,
    pub probes: Vec<Probe>,
}

impl Set {
    /// The policies as manifests.
    pub fn manifests(&self) -> String {
        let policies = self.policies.iter();
        policies.map(|policy| format!("{policy}\n---\n")).collect()
    }

    /// What sort of case it is: `http`, `raw`, `dns`, ...
    pub fn kind(&self) -> &str {
        self.id.split('-').next().unwrap()
    }
}

/// Who asks whom, what, and what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Row")]
pub struct Probe {
    /// A pod, `host`, `ip:ADDRESS` or `fqdn:NAME@ADDRESS`.
    pub from: String,
    /// As `from`.
    pub to: String,
    /// `ingress` or `egress`.
    pub dir: String,
    pub port: u16,
    pub proto: String,
    pub l4: L4,
    pub request: Request,
    pub expect: Expect,
    pub status: Option<Status>,
    /// What the server must see: the path, or values of headers; null: none.
    pub upstream: BTreeMap<String, Value>,
    pub why: String,
    pub note: String,
}

/// A probe as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    from: String,
    to: String,
    dir: String,
    port: u16,
    proto: String,
    l4: L4,
    http: Option<Http>,
    raw: Option<String>,
    dns: Option<Dns>,
    kafka: Option<Kafka>,
    tls: Option<Tls>,
    #[serde(rename = "none")]
    _none: Option<Value>,
    expect: Expect,
    status: Option<Status>,
    #[serde(default)]
    upstream: BTreeMap<String, Value>,
    why: String,
    #[serde(default)]
    note: String,
    #[serde(rename = "checked")]
    _checked: String,
    /// Of Cilium's engine, where another answer is wanted on purpose.
    #[serde(rename = "engine_said")]
    _engine_said: Option<Value>,
}

impl TryFrom<Row> for Probe {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let requests = [
            row.http.map(Request::Http),
            row.raw.map(Request::Raw),
            row.dns.map(Request::Dns),
            row.kafka.map(Request::Kafka),
            row.tls.map(Request::Tls),
        ];
        let mut requests = requests.into_iter().flatten();
        let request = requests.next().unwrap_or(Request::None);
        if requests.next().is_some() {
            return Err("a probe has one request");
        }
        Ok(Self {
            from: row.from,
            to: row.to,
            dir: row.dir,
            port: row.port,
            proto: row.proto,
            l4: row.l4,
            request,
            expect: row.expect,
            status: row.status,
            upstream: row.upstream,
            why: row.why,
            note: row.note,
        })
    }
}

impl Probe {
    /// Who is judged, and who is on the other side.
    pub fn ends(&self) -> (&str, &str) {
        match self.dir.as_str() {
            "ingress" => (&self.to, &self.from),
            "egress" => (&self.from, &self.to),
            other => panic!("{other}"),
        }
    }

    /// The statuses that must come, in order; of CONNECT the table says that 405 does as well as 404, of HTTP/0.9
    /// and unknown codings that 400 does.
    pub fn statuses(&self) -> Vec<u16> {
        match &self.status {
            Some(Status::All(all)) => all.clone(),
            Some(Status::One(one)) => vec![*one],
            None => match self.expect {
                Expect::Allowed => vec![200],
                Expect::Denied => vec![403],
                Expect::Redirect => vec![307],
                Expect::Refused
                | Expect::Rejected
                | Expect::Mixed
                | Expect::Dropped
                | Expect::MergeError => panic!("{self}: no statuses"),
            },
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            dir,
            port,
            proto,
            request,
            why,
            ..
        } = self;
        write!(
            f,
            "{from} -> {to} {port}/{proto} {dir}, {request:?} ({why})"
        )
    }
}

/// What becomes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum L4 {
    /// To the proxy.
    Redirected,
    /// Plain.
    Allowed,
    /// Dropped.
    Denied,
    /// There is no verdict: the policies can't be merged.
    Error,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    Allowed,
    /// HTTP: 403; Kafka: an answer with an error; TLS: reset.
    Denied,
    /// DNS: REFUSED.
    Refused,
    /// HTTP: 307.
    Redirect,
    /// HTTP: 4xx or 5xx of who reads it, nothing passed on.
    Rejected,
    /// See the statuses.
    Mixed,
    /// The packet: no answer.
    Dropped,
    MergeError,
}

/// Of HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Status {
    /// Of a request.
    One(u16),
    /// Of a stream of bytes, in order.
    All(Vec<u16>),
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Request {
    Http(Http),
    /// Bytes of a stream that is to be HTTP.
    Raw(String),
    Dns(Dns),
    Kafka(Kafka),
    Tls(Tls),
    /// A connection, no more.
    None,
}

/// A request of HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub method: String,
    pub path: String,
    pub host: String,
    /// A value, or a list: as many lines.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    #[serde(default)]
    pub version: Version,
}

/// Of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Version {
    /// HTTP/1.1, unless it is said. The same as HTTP/2 comes out the same.
    #[default]
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2 alone.
    #[serde(rename = "2")]
    Http2,
}

/// A query.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    pub name: String,
    #[serde(rename = "type")]
    pub rtype: String,
}

/// A request of Kafka.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub api_key: i16,
    pub api_version: i16,
    pub client_id: Option<String>,
    #[serde(default)]
    pub topics: Vec<String>,
}

/// A connection of TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Empty: none.
    pub sni: String,
}

/// A policy that is refused, or not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    pub id: String,
    pub title: String,
    pub policy: Value,
    /// Must be part of the refusal.
    pub load_error: Option<String>,
    /// Cilium takes it.
    #[serde(default)]
    pub accepted: bool,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub checked: String,
    #[serde(default)]
    pub why: String,
}
