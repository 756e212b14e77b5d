//! What becomes of a request on a connection that is redirected: the same judgement as the proxy's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cluster::{Identity, ObjectName};
use l7::http::{NoSecrets, Normalized, normalize};
use l7::kafka::{ApiKey, Head, Options, Topics, Verdict};
use l7::rules::{Decision, PeerKind, Protocol, RuleRef, Rules, Set};
use l7::wire::name::Name;
use l7::wire::tls::ServerName;
use policy::rule::{Policy, protocol};
use policy::{Cookies, Direction, Layer7List, PortRuleItem, Reason, RulePath};
use thiserror::Error;

use policy::bounded;

mod recorded;

pub use recorded::REDACTED;

/// A request, or what a connection begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Of HTTP.
    Http {
        /// Its method.
        method: String,
        /// Path and query, normalized.
        path: Vec<u8>,
        /// Host as sent, with a port if one is.
        host: String,
        /// Names and values of its headers.
        headers: Vec<(String, String)>,
    },
    /// A question for a name.
    Dns(Name),
    /// To a Kafka broker.
    Kafka {
        /// What is asked.
        head: Head,
        /// The topics that it names, each once.
        topics: Vec<String>,
    },
    /// A TLS connection, and the server that it names.
    Tls(Option<ServerName>),
}

impl fmt::Display for Request {
    /// `HTTP GET /public`, `DNS api.example.com`, `Kafka produce to orders`, `TLS to api.example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { method, path, .. } => {
                write!(f, "HTTP {method} {}", String::from_utf8_lossy(path))
            }
            Self::Dns(name) => write!(f, "DNS {}", name_text(name)),
            Self::Kafka { head, topics } => {
                write!(f, "Kafka {}", head.api_key)?;
                match topics.is_empty() {
                    true => Ok(()),
                    false => write!(f, " to {}", bounded::list(topics, ", ")),
                }
            }
            Self::Tls(Some(name)) => write!(f, "TLS to {name}"),
            Self::Tls(None) => f.write_str("a connection that names no TLS server"),
        }
    }
}

/// A name as people write it, without the dot at its end.
pub(super) fn name_text(name: &Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Not a request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// A path that no request may have.
    #[error("{0:?} is not the path of a request: write /path or /path?query")]
    Path(String),
    /// A path that a client is told to ask for in another form.
    #[error("{0:?} has an escaped slash: a client is sent to {1:?} instead")]
    EscapedSlash(String, String),
    /// Not a name.
    #[error("{0:?} is not a name: write www.example.com")]
    Name(String),
    /// A version that there can't be.
    #[error("{0} is not a version of Kafka's requests: write a number from 0 to 32767")]
    ApiVersion(String),
    /// Not the name of a key, nor a number.
    #[error("{0:?} is not an API key of Kafka: write its name, such as produce, or its number")]
    ApiKey(String),
}

impl Request {
    /// A request of HTTP.
    ///
    /// # Errors
    /// No request that goes on has this path.
    pub fn http(
        method: &str,
        path: &str,
        host: &str,
        headers: Vec<(String, String)>,
    ) -> Result<Self, RequestError> {
        let normalized = match normalize(path.as_bytes()) {
            Ok(Normalized::Path(path)) => path.into_owned(),
            Ok(Normalized::Redirect(other)) => {
                let other = String::from_utf8_lossy(&other).into_owned();
                return Err(RequestError::EscapedSlash(path.to_owned(), other));
            }
            Err(_) => return Err(RequestError::Path(path.to_owned())),
        };
        Ok(Self::Http {
            method: method.to_owned(),
            path: normalized,
            host: host.to_owned(),
            headers,
        })
    }

    /// A question for a name.
    ///
    /// # Errors
    /// It is none.
    pub fn dns(name: &str) -> Result<Self, RequestError> {
        match Name::from_text(name) {
            Ok(name) => Ok(Self::Dns(name)),
            Err(_) => Err(RequestError::Name(name.to_owned())),
        }
    }

    /// A request of a kind, by the name or number of its key, for topics.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn kafka(
        api_key: &str,
        api_version: i16,
        client_id: Option<&str>,
        topics: &[&str],
    ) -> Result<Self, RequestError> {
        let number = || api_key.parse().ok().map(ApiKey);
        let api_key = ApiKey::named(api_key)
            .or_else(number)
            .ok_or_else(|| RequestError::ApiKey(api_key.to_owned()))?;
        let mut names: Vec<String> = Vec::new();
        for topic in topics {
            if !names.iter().any(|name| name == topic) {
                names.push((*topic).to_owned());
            }
        }
        Ok(Self::Kafka {
            head: Head {
                api_key,
                api_version,
                correlation_id: 0,
                client_id: client_id.map(str::to_owned),
            },
            topics: names,
        })
    }

    /// A TLS connection to a server of this name.
    ///
    /// # Errors
    /// It is none.
    pub fn tls(server_name: &str) -> Result<Self, RequestError> {
        match ServerName::new(server_name.as_bytes()) {
            Some(name) => Ok(Self::Tls(Some(name))),
            None => Err(RequestError::Name(server_name.to_owned())),
        }
    }
}

/// What one end's rules of layer 7 say of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestVerdict {
    /// One of them allows it.
    pub allowed: bool,
    /// The rule that allows it; of a denied one the rule that comes nearest.
    pub rule: Option<Layer7Rule>,
    /// Of a denied one, what first doesn't fit: `path /b is not /a`.
    pub failed: Option<String>,
}

impl RequestVerdict {
    /// Of a denied one the rule that comes nearest, and what of the request doesn't fit it:
    /// `ingress[0].toPorts[0].rules.http[1] of cnp shop/web (path /b is not /a)`.
    pub fn nearest(&self) -> Option<String> {
        let rule = self.rule.as_ref().filter(|_| !self.allowed)?;
        let failed = self.failed.as_deref().unwrap_or_default();
        Some(format!("{rule} ({failed})"))
    }

    /// The same with what its rule says.
    pub(super) fn with_text(mut self, policies: &BTreeMap<ObjectName, Arc<Policy>>) -> Self {
        if let Some(Layer7Rule::OfPolicy { policy, path, text }) = &mut self.rule {
            *text = rule_text(policies, policy, *path);
        }
        self
    }

    /// Denied, and by no single rule.
    pub(super) fn refused(failed: &str) -> Self {
        Self {
            allowed: false,
            rule: None,
            failed: Some(failed.to_owned()),
        }
    }
}

/// A rule of a policy that had to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer7Rule {
    /// A rule of layer 7, or one that has none and allows everything.
    OfPolicy {
        /// Whose it is.
        policy: ObjectName,
        /// Where it stands there: `spec.ingress[0].toPorts[1].rules.http[2]`.
        path: RulePath,
        /// What it allows: `GET /public`; empty: everything.
        text: String,
    },
    /// None: a reason without policies, such as that a pod's own node may always reach it.
    Implicit(Arc<Reason>),
}

impl fmt::Display for Layer7Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfPolicy { policy, path, .. } => {
                let path = path.to_string();
                let path = path.strip_prefix("spec.").unwrap_or(&path);
                write!(f, "{path} of {policy}")
            }
            Self::Implicit(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for RequestVerdict {
    /// `allowed by ingress[0].toPorts[0].rules.http[1] of cnp shop/web`, `denied: no rule of layer 7 allows it;
    /// nearest: ingress[0].toPorts[0].rules.http[1] of cnp shop/web (path /b is not /a)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed.as_deref().unwrap_or_default();
        match (self.allowed, &self.rule) {
            (true, Some(rule @ Layer7Rule::OfPolicy { .. })) => write!(f, "allowed by {rule}"),
            (true, Some(Layer7Rule::Implicit(reason))) => write!(f, "allowed: {reason}"),
            (true, None) => f.write_str("allowed"),
            (false, Some(rule)) => write!(
                f,
                "denied: no rule of layer 7 allows it; nearest: {rule} ({failed})"
            ),
            (false, None) => write!(f, "denied: {failed}"),
        }
    }
}

/// What names the rules behind cookies.
pub trait RuleNames {
    /// The rules behind a cookie; `None` if it isn't known.
    fn reason(&self, cookie: u32) -> Option<&Arc<Reason>>;
}

impl RuleNames for Cookies {
    fn reason(&self, cookie: u32) -> Option<&Arc<Reason>> {
        self.resolve(cookie)
    }
}

/// A port of one end.
#[derive(Clone, Copy, Debug)]
pub struct PortQuery {
    /// Table of the end that is judged.
    pub table: u32,
    /// Seen from it.
    pub direction: Direction,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port.
    pub port: u16,
}

/// Judges a request on a port that is redirected.
pub fn judge_port(
    rules: &Rules,
    asked: PortQuery,
    peer: Identity,
    request: &Request,
    cookies: &dyn RuleNames,
) -> RequestVerdict {
    let protocol = match asked.protocol {
        protocol::TCP => Some(Protocol::Tcp),
        protocol::UDP => Some(Protocol::Udp),
        _ => None,
    };
    let direction = match asked.direction {
        Direction::Ingress => l7::rules::Direction::Ingress,
        Direction::Egress => l7::rules::Direction::Egress,
    };
    let set = protocol.and_then(|protocol| rules.get(asked.table, direction, protocol, asked.port));
    match set {
        Some(set) => judge(set, peer, request, cookies),
        None => RequestVerdict::refused("no proxy takes this protocol"),
    }
}

/// Whether rules that select everybody allow a request.
pub(crate) fn rules_allow(set: &Set, request: &Request) -> bool {
    judge(set, Identity(0), request, &Cookies::default()).allowed
}

/// Judges a request by the rules of a port. `cookies` are those of the tables that the rules stand beside.
fn judge(set: &Set, peer: Identity, request: &Request, cookies: &dyn RuleNames) -> RequestVerdict {
    match set.peer_kind(peer.0) {
        PeerKind::NotSelected => return RequestVerdict::refused("no rule selects this peer"),
        PeerKind::Conflict => {
            return RequestVerdict::refused(
                "rules of several protocols select this peer on this port: its connections are refused",
            );
        }
        PeerKind::Plain | PeerKind::Http | PeerKind::Kafka | PeerKind::Dns | PeerKind::Tls => {}
    }
    let (decision, list) = match request {
        Request::Http {
            method,
            path,
            host,
            headers,
        } => {
            let request = l7::http::Request {
                method,
                authority: host,
                path,
                headers: headers.as_slice(),
            };
            let (decision, _) = set.judge_http(peer.0, &request, &NoSecrets);
            (decision, Layer7List::Http)
        }
        Request::Dns(name) => (set.judge_dns(peer.0, name), Layer7List::Dns),
        Request::Tls(name) => (
            set.judge_server_name(peer.0, name.as_ref()),
            Layer7List::ServerNames,
        ),
        Request::Kafka { head, topics } => return kafka(set, peer, head, topics, cookies),
    };
    let named = |rule, item| named(cookies, rule, list, item);
    match decision {
        Decision::Allowed(allowed) => RequestVerdict {
            allowed: true,
            rule: named(allowed.rule, allowed.item),
            failed: None,
        },
        Decision::Denied(denial) => RequestVerdict {
            allowed: false,
            failed: Some(denial.to_string()),
            rule: denial
                .nearest
                .and_then(|nearest| named(nearest.rule, nearest.item)),
        },
    }
}

fn kafka(
    set: &Set,
    peer: Identity,
    head: &Head,
    topics: &[String],
    cookies: &dyn RuleNames,
) -> RequestVerdict {
    let rules = set.kafka(peer.0, Options::default());
    let topics = Topics {
        names: topics.to_vec(),
        unnamed: false,
    };
    let named = |index: Option<usize>| {
        let rule = rules.rule(index?)?;
        named(cookies, rule.rule, Layer7List::Kafka, rule.item)
    };
    match rules.rules.judge(head, &topics) {
        Verdict::Allowed(index) => RequestVerdict {
            allowed: true,
            rule: named(index),
            failed: None,
        },
        Verdict::Denied(denial) => RequestVerdict {
            allowed: false,
            failed: Some(denial.text(&rules.rules, head)),
            rule: named(denial.nearest),
        },
    }
}

/// The rule behind a reference.
fn named(
    cookies: &dyn RuleNames,
    RuleRef(cookie): RuleRef,
    list: Layer7List,
    item: Option<usize>,
) -> Option<Layer7Rule> {
    let reason = cookies.reason(cookie)?;
    let Some(origin) = reason.origins.first() else {
        return Some(Layer7Rule::Implicit(Arc::clone(reason)));
    };
    Some(Layer7Rule::OfPolicy {
        policy: origin.policy.clone(),
        path: match item {
            Some(item) => origin.rule.layer7(list, item),
            None => origin.rule,
        },
        text: String::new(),
    })
}

/// What a rule of layer 7 says; empty of another one.
pub(super) fn rule_text(
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    policy: &ObjectName,
    path: RulePath,
) -> String {
    let Some(PortRuleItem {
        index,
        rule: Some(item),
    }) = path.port_rule
    else {
        return String::new();
    };
    let port_rule = RulePath {
        port_rule: Some(PortRuleItem { index, rule: None }),
        ..path
    };
    let rules = policies.get(policy).into_iter();
    let rules = rules.flat_map(|policy| &policy.rules);
    let statements = rules.flat_map(|rule| rule.egress.iter().chain(&rule.ingress));
    let elements = statements.flat_map(|statement| &statement.elements);
    let mut items = elements.flat_map(|element| &element.port_rules);
    let found = items.find(|rule| rule.path == port_rule);
    let index = usize::try_from(item.index).ok();
    found
        .zip(index)
        .and_then(|(rule, index)| rule.item_text(index))
        .unwrap_or_default()
}
