//! The rules as texts: to be handed to another process, and kept on disk.

use serde::{Deserialize, Serialize};

use crate::http::RuleSpec;
use crate::kafka;
use crate::names::NameSpec;

/// The form of the file; another one is refused.
pub const VERSION: u32 = 1;
/// Most bytes of a file that is read.
pub const MAX_BYTES: usize = 256 << 20;
/// Most bindings.
pub const MAX_BINDINGS: usize = 1 << 20;
/// Most alternatives of all sets.
pub const MAX_ALTERNATIVES: usize = 1 << 20;
/// Most rules of layer 7 in all alternatives.
pub const MAX_ITEMS: usize = 1 << 20;

/// A rule of a policy. What the number stands for is the caller's: a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleRef(pub u32);

/// All rules of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// [`VERSION`].
    pub version: u32,
    /// Which state of the policies it is; the caller's number.
    pub revision: u64,
    /// Rules that places share.
    pub sets: Vec<SetSpec>,
    /// Where which set counts.
    pub bindings: Vec<Binding>,
}

/// Where a set counts. Ports of one endpoint, direction and protocol must not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The endpoint, by the caller's number.
    pub endpoint: u32,
    /// Which of its policies.
    pub direction: Direction,
    /// Of the connection.
    pub protocol: Protocol,
    /// First port, in host order.
    pub first_port: u16,
    /// Last port.
    pub last_port: u16,
    /// Index of the set.
    pub set: u32,
}

/// Of whose policy the rules are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The server's: peers are clients.
    Ingress,
    /// The client's: peers are servers.
    Egress,
}

/// What carries the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// The alternatives of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SetSpec {
    /// In an order that the caller chooses: of several that allow, the first is named.
    pub alternatives: Vec<Alternative>,
}

/// One rule of a policy, as far as it concerns the port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Which rule.
    pub rule: RuleRef,
    /// Whom it selects.
    pub peers: Peers,
    /// Whether it covers more than this port: a rule without ports, or with a range. DNS looks at rules of
    /// exactly its port alone, as in Cilium (`pkg/proxy/dns.go` setRules): such a rule doesn't open names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_wide: bool,
    /// What it allows them.
    pub allows: Allows,
}

/// Whom a rule selects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peers {
    /// Everybody.
    Any,
    /// These identities, in any order.
    Identities(Box<[u32]>),
}

/// What a rule allows whom it selects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Allows {
    /// Everything: it has no rules of layer 7.
    Everything,
    /// Requests that one of these fits.
    Http(Vec<RuleSpec>),
    /// Requests to brokers, whose topics all have one of these.
    Kafka(Vec<kafka::RuleSpec>),
    /// Questions for these names.
    Dns(Vec<NameSpec>),
    /// TLS connections to these servers.
    ServerNames(Vec<Box<str>>),
}

impl Allows {
    /// How many rules of layer 7 these are.
    pub fn items(&self) -> usize {
        match self {
            Self::Everything => 0,
            Self::Http(rules) => rules.len(),
            Self::Kafka(rules) => rules.len(),
            Self::Dns(rules) => rules.len(),
            Self::ServerNames(names) => names.len(),
        }
    }
}

/// A file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// More than [`MAX_BYTES`].
    #[error("{0} bytes of rules; at most {MAX_BYTES} are read")]
    TooLong(usize),
    /// Not JSON, or of another form.
    #[error("not a snapshot of rules")]
    Form(#[from] serde_json::Error),
    /// Of another version.
    #[error("version {0} of the rules; this program reads version {VERSION}")]
    Version(u32),
    /// More than is allowed of something.
    #[error("{count} {what}; at most {most} are read")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        most: usize,
    },
}

impl Snapshot {
    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// If it is too long, damaged, or of another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > MAX_BYTES {
            return Err(LoadError::TooLong(bytes.len()));
        }
        // Of another version nothing else may be as this one has it.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let Head { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            return Err(LoadError::Version(version));
        }
        let snapshot: Self = serde_json::from_slice(bytes)?;
        snapshot.check_size()?;
        Ok(snapshot)
    }

    /// Writes it.
    ///
    /// # Errors
    /// Never, but what serializes says it could.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn check_size(&self) -> Result<(), LoadError> {
        let alternatives = || self.sets.iter().flat_map(|set| &set.alternatives);
        let counts = [
            ("bindings", self.bindings.len(), MAX_BINDINGS),
            ("sets", self.sets.len(), MAX_BINDINGS),
            ("alternatives", alternatives().count(), MAX_ALTERNATIVES),
            (
                "rules",
                alternatives().map(|one| one.allows.items()).sum(),
                MAX_ITEMS,
            ),
        ];
        for (what, count, most) in counts {
            if count > most {
                return Err(LoadError::TooMany { what, count, most });
            }
        }
        Ok(())
    }
}
