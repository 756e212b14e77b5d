//! A pair of filters, and what may stand beside what.

use proto::flow::{FlowFilter, flow_filter::Experimental};

use super::value::{self, ValueError};
use crate::filter::event_type;

/// Flags of which a pair of filters can have one only.
const CONFLICTS: &[&[&str]] = &[
    &[
        "from-fqdn",
        "from-ip",
        "ip",
        "fqdn",
        "from-namespace",
        "namespace",
        "from-all-namespaces",
        "all-namespaces",
    ],
    &["from-fqdn", "from-ip", "ip", "fqdn", "from-pod", "pod"],
    &[
        "to-fqdn",
        "to-ip",
        "ip",
        "fqdn",
        "to-namespace",
        "namespace",
        "to-all-namespaces",
        "all-namespaces",
    ],
    &["to-fqdn", "to-ip", "ip", "fqdn", "to-pod", "pod"],
    &["to-pod", "namespace", "all-namespaces"],
    &["from-pod", "namespace", "all-namespaces"],
    &["to-service", "namespace", "all-namespaces"],
    &["from-service", "namespace", "all-namespaces"],
    &["label", "from-label"],
    &["label", "to-label"],
    &["service", "from-service"],
    &["service", "to-service"],
    &["port", "from-port"],
    &["port", "to-port"],
    &["identity", "from-identity"],
    &["identity", "to-identity"],
    &["workload", "from-workload"],
    &["workload", "to-workload"],
    &["encrypted", "unencrypted"],
];

/// A filter, and the namespaces that will complete the names in it.
#[derive(Debug, Default, PartialEq)]
struct Half {
    filter: FlowFilter,
    source_namespaces: Vec<String>,
    destination_namespaces: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Tracker {
    used: Vec<&'static str>,
    left: Half,
    right: Half,
}

/// Which field of a filter a flag that comes in three forms is about.
macro_rules! sided {
    ($self:ident, $name:ident, $value:expr, $source:ident, $destination:ident) => {{
        let value = $value;
        match $name.split_once('-').map(|(side, _)| side) {
            Some("from") => $self.both(|half| half.filter.$source.push(value.clone())),
            Some("to") => $self.both(|half| half.filter.$destination.push(value.clone())),
            _ => {
                $self.left.filter.$source.push(value.clone());
                $self.right.filter.$destination.push(value);
            }
        }
    }};
}

impl Tracker {
    fn both(&mut self, change: impl Fn(&mut Half)) {
        change(&mut self.left);
        change(&mut self.right);
    }

    fn plain(&mut self, change: impl Fn(&mut FlowFilter)) {
        self.both(|half| change(&mut half.filter));
    }

    /// Takes a flag, which is one of [`super::FLAGS`].
    pub(super) fn set(&mut self, name: &'static str, value: &str) -> Result<(), ValueError> {
        if !self.used.contains(&name) {
            self.used.push(name);
        }
        for group in CONFLICTS {
            let mut used = group.iter().filter(|name| self.used.contains(name));
            if let (Some(first), Some(second)) = (used.next(), used.next()) {
                return Err(ValueError::Combination(first, second));
            }
        }
        self.put(name, value)?;
        self.left.check()?;
        self.right.check()
    }

    fn put(&mut self, name: &'static str, value: &str) -> Result<(), ValueError> {
        let text = || value.to_owned();
        match name {
            "from-cluster" | "cluster" | "to-cluster" => sided!(
                self,
                name,
                text(),
                source_cluster_name,
                destination_cluster_name
            ),
            "from-fqdn" | "fqdn" | "to-fqdn" => {
                sided!(self, name, text(), source_fqdn, destination_fqdn);
            }
            "from-ip" | "ip" | "to-ip" => sided!(self, name, text(), source_ip, destination_ip),
            "from-pod" | "pod" | "to-pod" => {
                sided!(self, name, text(), source_pod, destination_pod);
            }
            "from-label" | "label" | "to-label" => {
                sided!(self, name, text(), source_label, destination_label);
            }
            "from-service" | "service" | "to-service" => {
                sided!(self, name, text(), source_service, destination_service);
            }
            "from-port" | "port" | "to-port" => {
                sided!(self, name, text(), source_port, destination_port);
            }
            "from-workload" | "workload" | "to-workload" => {
                let workload = value::workload(value);
                sided!(self, name, workload, source_workload, destination_workload);
            }
            "from-identity" | "identity" | "to-identity" => {
                let identity = value::identity(value)?;
                sided!(self, name, identity, source_identity, destination_identity);
            }
            "from-namespace" | "namespace" | "to-namespace" => self.namespace(name, value),
            "from-all-namespaces" | "all-namespaces" | "to-all-namespaces" => {
                self.namespace(name, "");
            }
            _ => self.put_plain(name, value)?,
        }
        Ok(())
    }

    fn namespace(&mut self, name: &str, namespace: &str) {
        let namespace = || namespace.to_owned();
        match name.split_once('-').map(|(side, _)| side) {
            Some("from") => self.both(|half| half.source_namespaces.push(namespace())),
            Some("to") => self.both(|half| half.destination_namespaces.push(namespace())),
            _ => {
                self.left.source_namespaces.push(namespace());
                self.right.destination_namespaces.push(namespace());
            }
        }
    }

    /// Flags that are not about a side.
    fn put_plain(&mut self, name: &'static str, value: &str) -> Result<(), ValueError> {
        let text = || value.to_owned();
        match name {
            "uuid" => self.plain(|f| f.uuid.push(text())),
            "node-name" => self.plain(|f| f.node_name.push(text())),
            "node-label" => self.plain(|f| f.node_labels.push(text())),
            "protocol" => self.plain(|f| f.protocol.push(text())),
            "tcp-flags" => {
                let flags = value::tcp_flags(value)?;
                self.plain(|f| f.tcp_flags.push(flags));
            }
            "type" => {
                let kind = event_type(value)?;
                self.plain(|f| f.event_type.push(kind));
            }
            "verdict" => {
                let verdict = value::verdict(value)?;
                self.plain(|f| f.verdict.push(verdict));
            }
            "drop-reason-desc" => {
                let reason = value::drop_reason(value)?;
                self.plain(|f| f.drop_reason_desc.push(reason));
            }
            "http-status" => self.plain(|f| f.http_status_code.push(text())),
            "http-method" => self.plain(|f| f.http_method.push(text())),
            "http-path" => self.plain(|f| f.http_path.push(text())),
            "http-url" => self.plain(|f| f.http_url.push(text())),
            "http-header" => {
                let header = value::header(value)?;
                self.plain(|f| f.http_header.push(header.clone()));
            }
            "dns-query" => self.plain(|f| f.dns_query.push(text())),
            "trace-id" => self.plain(|f| f.trace_id.push(text())),
            "ip-trace-id" => {
                let id = value::ip_trace_id(value)?;
                self.plain(|f| f.ip_trace_id.push(id));
            }
            "snat-ip" => self.plain(|f| f.source_ip_xlated.push(text())),
            "ipv4" | "ipv6" | "ip-version" => {
                let version = value::ip_version(if name == "ip-version" { value } else { name });
                self.plain(|f| f.ip_version.push(version));
            }
            "traffic-direction" => {
                let direction = value::direction(value)?;
                self.plain(|f| f.traffic_direction.push(direction));
            }
            "reply" => {
                let reply = value::boolean(value)?;
                self.plain(|f| f.reply.push(reply));
            }
            "cel-expression" => self.plain(|f| {
                let experimental = f.experimental.get_or_insert_with(Experimental::default);
                experimental.cel_expression.push(text());
            }),
            "interface" => self.plain(|f| {
                f.interface.push(proto::flow::NetworkInterface {
                    index: 0,
                    name: text(),
                });
            }),
            "encrypted" => self.plain(|f| f.encrypted.push(true)),
            "unencrypted" => self.plain(|f| f.encrypted.push(false)),
            _ => return Err(ValueError::NotTaken),
        }
        Ok(())
    }

    /// The filters that the flags describe: none, one or two.
    pub(super) fn filters(self) -> Vec<FlowFilter> {
        let (left, right) = (self.left.complete(), self.right.complete());
        let mut filters = Vec::new();
        let empty = FlowFilter::default();
        if left != empty || right != empty {
            let same = left == right;
            filters.push(left);
            if !same {
                filters.push(right);
            }
        }
        filters
    }
}

/// Names with their namespaces: those that have none get each of `namespaces`.
fn within(names: &[String], namespaces: &[String]) -> Vec<String> {
    names
        .iter()
        .flat_map(|name| {
            let one = name.contains('/').then(|| name.clone());
            let each = namespaces
                .iter()
                .filter(|_| !name.contains('/'))
                .map(move |ns| format!("{ns}/{name}"));
            one.into_iter().chain(each)
        })
        .collect()
}

impl Half {
    fn check(&self) -> Result<(), ValueError> {
        let f = &self.filter;
        for (namespaces, pods, services) in [
            (&self.source_namespaces, &f.source_pod, &f.source_service),
            (
                &self.destination_namespaces,
                &f.destination_pod,
                &f.destination_service,
            ),
        ] {
            if namespaces.is_empty() || namespaces.iter().any(String::is_empty) {
                continue;
            }
            for name in pods.iter().chain(services) {
                if let Some((namespace, _)) = name.split_once('/')
                    && !namespaces.iter().any(|ns| ns == namespace)
                {
                    return Err(ValueError::Namespace {
                        namespaces: namespaces.join(", "),
                        name: name.clone(),
                    });
                }
            }
        }
        for (pods, services) in [
            (&f.source_pod, &f.source_service),
            (&f.destination_pod, &f.destination_service),
        ] {
            for service in services {
                for pod in pods {
                    let of = |name: &str| name.split_once('/').map(|(ns, _)| ns.to_owned());
                    if let (Some(service_ns), Some(pod_ns)) = (of(service), of(pod))
                        && service_ns != pod_ns
                    {
                        return Err(ValueError::ServiceNamespace {
                            service: service.clone(),
                            pod: pod.clone(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The filter, with namespaces put before names or, without any names, in their stead.
    fn complete(self) -> FlowFilter {
        let mut f = self.filter;
        for (namespaces, pods, services) in [
            (
                self.source_namespaces,
                &mut f.source_pod,
                &mut f.source_service,
            ),
            (
                self.destination_namespaces,
                &mut f.destination_pod,
                &mut f.destination_service,
            ),
        ] {
            if namespaces.is_empty() {
                continue;
            }
            if pods.is_empty() && services.is_empty() {
                *pods = namespaces.iter().map(|ns| format!("{ns}/")).collect();
            }
            *pods = within(pods, &namespaces);
            *services = within(services, &namespaces);
        }
        f
    }
}
