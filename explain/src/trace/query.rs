//! What is asked: two ends and a port, as people write them.

use std::net::IpAddr;
use std::sync::Arc;

use cluster::spelling::{closest_by, did_you_mean};
use cluster::{Identity, Labels, NamespacedName, Pod, SharedMap};
use l7::wire::name::Name;
use thiserror::Error;

use policy::bounded;
use policy::rule::protocol;
use policy::selector::{Demand, Key, Requirement, Selector};

use super::request::RequestError;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceQuery {
    /// Who opens the connection.
    pub source: End,
    /// To whom.
    pub destination: End,
    /// On which port.
    pub port: Port,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The pod of this name.
    Pod(NamespacedName),
    /// The pod of this name, in whichever namespace it is.
    Named(Arc<str>),
    /// A pod with these labels, or one that would have them.
    Labels(Selector),
    /// Whoever has this address.
    Ip(IpAddr),
    /// A reserved identity, by name.
    Entity(String),
    /// A pod that is no longer there, by all labels of its identity.
    Former {
        /// What it was called.
        name: Arc<str>,
        /// Labels of its identity.
        labels: Labels,
    },
    /// An address outside of the cluster that was learned for this name.
    Fqdn(Box<Name>),
}

/// A port as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By number; ICMP: type.
    Number {
        /// IP protocol number.
        protocol: u8,
        /// Port.
        port: u16,
    },
    /// By the name that the destination gives it.
    Named {
        /// IP protocol number, if one was given.
        protocol: Option<u8>,
        /// Name, lower case.
        name: Arc<str>,
    },
    /// Whatever port: which ones are allowed?
    Any,
}

/// Why a question has no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// One of the two ends is not named.
    #[error("the {0} is not named")]
    Missing(&'static str),
    /// Not an address.
    #[error("{0:?} is not an IP address")]
    Address(String),
    /// Not the name of a pod.
    #[error("{0:?} is not the name of a pod: write NAMESPACE/NAME, or NAME if only one pod has it")]
    PodName(String),
    /// Not the name of a server outside of the cluster.
    #[error("{0:?} is not a name: write api.example.com")]
    Fqdn(String),
    /// A connection from a name.
    #[error(
        "the source is a name: only a destination may be one, since addresses are learned for egress"
    )]
    FqdnSource,
    /// Not a request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A request to whatever port.
    #[error(
        "a request needs the port that it is sent to: name it behind the destination or by --dport"
    )]
    RequestPort,
    /// Not a list of labels.
    #[error("{0:?} is not a list of labels: write app=web,tier=data")]
    Labels(String),
    /// Not a port.
    #[error(
        "{0:?} is not a port: write 5432, 53/udp, a name such as http, or 8/icmp (the type) or 128/icmpv6"
    )]
    Port(String),
    /// There is no such pod.
    #[error("there is no pod {name}{}", did_you_mean(.near))]
    NoPod {
        /// What was asked for.
        name: String,
        /// Pods that may be meant.
        near: Vec<String>,
    },
    /// Pods of several namespaces have the name.
    #[error("pods of several namespaces are named {name}: {}; name one of them", bounded::list(.pods, ", "))]
    SeveralPods {
        /// What was asked for.
        name: String,
        /// The pods.
        pods: Vec<String>,
    },
    /// No pod has the labels, and what is missing to imagine one.
    #[error(
        "no pod has {labels}; to ask about one that isn't there yet give its namespace, too: \
         {labels},io.kubernetes.pod.namespace=NAMESPACE"
    )]
    NoLabels {
        /// What was asked for.
        labels: String,
    },
    /// Pods with different labels or ports match.
    #[error(
        "{labels} matches pods that differ in their labels or named ports: {pods}; name one of them, or \
         give more labels"
    )]
    Ambiguous {
        /// What was asked for.
        labels: String,
        /// Some of the pods.
        pods: String,
    },
    /// Not one identity.
    #[error("{name:?} is not a single identity; use one of {}", entities().collect::<Vec<_>>().join(", "))]
    Entity {
        /// What was asked for.
        name: String,
    },
    /// The destination has no port of this name.
    #[error("{destination} has no port named {name}; {known}")]
    NoNamedPort {
        /// The destination.
        destination: String,
        /// What was asked for.
        name: String,
        /// What it has.
        known: String,
    },
    /// The address of a service, which policy never sees.
    #[error(
        "{ip} is the address of service {service}: policies apply to the pod behind it and its port; ask \
         for one of its pods with --dst-pod"
    )]
    Service {
        /// The address.
        ip: IpAddr,
        /// The service.
        service: NamespacedName,
    },
}

/// Identities that can be asked for by name.
fn entities() -> impl Iterator<Item = &'static str> {
    Identity::reserved().filter_map(Identity::name)
}

impl End {
    /// A pod by `namespace/name`, or by its name alone.
    ///
    /// # Errors
    /// The text isn't of that form.
    pub fn pod(text: &str) -> Result<Self, QueryError> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self::Pod(NamespacedName::new(namespace, name)))
            }
            None if !text.is_empty() => Ok(Self::Named(text.into())),
            _ => Err(QueryError::PodName(text.to_owned())),
        }
    }

    /// Labels as `app=web,k8s:tier=data`; a key alone asks that the label is there. `reserved:host`
    /// is the entity.
    ///
    /// # Errors
    /// The text isn't of that form.
    pub fn labels(text: &str) -> Result<Self, QueryError> {
        let bad = || QueryError::Labels(text.to_owned());
        let mut requirements = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            if let Some(name) = part.strip_prefix("reserved:") {
                if text.trim() != part {
                    return Err(bad());
                }
                return Self::entity(name);
            }
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key.trim(), Some(value.trim())),
                None => (part, None),
            };
            let key = Key::parse(key);
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            if key.name.is_empty() || !key.name.chars().all(fits) {
                return Err(bad());
            }
            requirements.push(match value {
                Some(value) => Requirement::equals(key, value),
                None => Requirement {
                    key,
                    demand: Demand::Exists,
                },
            });
        }
        Ok(Self::Labels(Selector::new(requirements)))
    }

    /// An address.
    ///
    /// # Errors
    /// The text is none.
    pub fn ip(text: &str) -> Result<Self, QueryError> {
        text.parse()
            .map(Self::Ip)
            .map_err(|_not_an_address| QueryError::Address(text.to_owned()))
    }

    /// A name outside of the cluster.
    ///
    /// # Errors
    /// The text is none.
    pub fn fqdn(text: &str) -> Result<Self, QueryError> {
        let name = Name::from_text(text)
            .ok()
            .filter(|name| *name != Name::ROOT);
        name.map(|name| Self::Fqdn(Box::new(name)))
            .ok_or_else(|| QueryError::Fqdn(text.to_owned()))
    }

    /// A reserved identity by name.
    ///
    /// # Errors
    /// No identity has the name, or more than one (`cluster`, `all`).
    pub fn entity(name: &str) -> Result<Self, QueryError> {
        match entities().any(|entity| entity == name) {
            true => Ok(Self::Entity(name.to_owned())),
            false => Err(QueryError::Entity {
                name: name.to_owned(),
            }),
        }
    }
}

impl Port {
    /// Reads `5432`, `53/udp`, `http`, `http/tcp`, `8/icmp`; nothing is any port.
    ///
    /// # Errors
    /// The text isn't of that form.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let bad = || QueryError::Port(text.to_owned());
        let (port, wanted) = match text.split_once('/') {
            Some((port, wanted)) => (port, Some(wanted)),
            None => (text, None),
        };
        let wanted = match wanted.map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("icmpv4") => Some(protocol::ICMP),
            Some("icmp6") => Some(protocol::ICMPV6),
            Some(wanted) => {
                let named = cluster::protocol::NAMES
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                Some(named.ok_or_else(bad)?.1)
            }
        };
        let icmp = matches!(wanted, Some(protocol::ICMP | protocol::ICMPV6));
        if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() {
            let port: u16 = port.parse().map_err(|_out_of_range| bad())?;
            if icmp && port > 255 || !icmp && port == 0 {
                return Err(bad());
            }
            return Ok(Self::Number {
                protocol: wanted.unwrap_or(protocol::TCP),
                port,
            });
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if icmp || port.is_empty() || port.len() > 15 || !port.chars().all(fits) {
            return Err(bad());
        }
        Ok(Self::Named {
            protocol: wanted,
            name: port.to_lowercase().into(),
        })
    }
}

/// Pods that may be meant by a name that none has: those of the workload of that name, those of that name
/// in another namespace, those whose names begin so, or else the one that is spelled most like it.
pub(super) fn near(
    namespace: Option<&str>,
    name: &str,
    pods: &SharedMap<NamespacedName, Arc<Pod>>,
) -> Vec<String> {
    let here = |pod: &Pod| namespace.is_none_or(|namespace| *pod.name.namespace == *namespace);
    let tests: [&dyn Fn(&Pod) -> bool; 3] = [
        &|pod| {
            here(pod)
                && pod
                    .workload
                    .as_ref()
                    .is_some_and(|workload| *workload.name == *name)
        },
        &|pod| *pod.name.name == *name,
        &|pod| here(pod) && pod.name.name.starts_with(name),
    ];
    for test in tests {
        let found = pods.values().filter(|pod| test(pod));
        let found: Vec<String> = found.map(|pod| pod.name.to_string()).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let found = match namespace {
        Some(namespace) => closest_by(&format!("{namespace}/{name}"), pods.keys(), |pod| {
            pod.to_string()
        }),
        None => closest_by(name, pods.keys(), |pod| Arc::clone(&pod.name)),
    };
    found.map(ToString::to_string).into_iter().collect()
}
