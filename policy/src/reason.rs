//! What a cookie names: the rules behind a decision, and how to say it.

use std::fmt;
use std::sync::Arc;

use cluster::ObjectName;
use serde::{Deserialize, Serialize};

use crate::bounded;

/// Seen from the pod whose table it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// One policy's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// Kind, namespace and name of the policy.
    pub policy: ObjectName,
    /// Its `metadata.uid`, if it has one.
    pub uid: Option<Arc<str>>,
    /// Its resource version, or a digest of it.
    pub version: Arc<str>,
    /// Where in the policy: `spec.ingress[0]`, `specs[1].egressDeny[2]`. For a default deny: the rules
    /// that selected the pod, such as `spec` or `specs[0], specs[2]`.
    pub rule: Arc<str>,
    /// What it says, for people: `allows app=auth-service on 5432/TCP`.
    pub text: Arc<str>,
    /// The rule's own labels (`spec.labels`): `unspec:team=payments`.
    #[serde(default)]
    pub labels: Vec<Arc<str>>,
    /// What is to stand in the log (`spec.log.value`); not of a default deny.
    #[serde(default)]
    pub log: Option<Arc<str>>,
}

impl Origin {
    /// The labels that Cilium gives the rule: those that say whose it is, and its own. Sorted.
    pub fn policy_labels(&self) -> Vec<String> {
        const PREFIX: &str = "k8s:io.cilium.k8s.policy";
        let mut labels = vec![
            format!("{PREFIX}.derived-from={}", self.policy.kind.name()),
            format!("{PREFIX}.name={}", self.policy.name),
        ];
        if let Some(namespace) = &self.policy.namespace {
            labels.push(format!("{PREFIX}.namespace={namespace}"));
        }
        if let Some(uid) = &self.uid {
            labels.push(format!("{PREFIX}.uid={uid}"));
        }
        labels.extend(self.labels.iter().map(|label| label.to_string()));
        labels.sort();
        labels
    }
}

/// Why a decision came out as it did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// Direction that was judged.
    pub direction: Direction,
    /// What kind of reason.
    pub kind: ReasonKind,
    /// The policies behind it, in order of their names; empty for the implicit reasons.
    pub origins: Vec<Origin>,
}

/// Kinds of [`Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// No policy enforces the direction.
    AllowAny,
    /// The pod's own node may always reach it.
    AllowLocalhost,
    /// Rules allow it.
    Allow,
    /// Rules deny it.
    Deny,
    /// The origins put the direction in default deny and nothing allows it.
    DefaultDeny,
    /// In default deny because enforcement is always on; no policy selects the pod.
    AlwaysEnforced,
    /// In default deny because the pod's labels aren't known yet.
    Init,
}

impl Reason {
    /// A reason without policies.
    pub(crate) const fn implicit(direction: Direction, kind: ReasonKind) -> Self {
        Self {
            direction,
            kind,
            origins: Vec::new(),
        }
    }
}

impl Reason {
    /// The rules behind it by their paths, without what they say: `cnp shop/web spec.ingress[0]`. Of a
    /// reason without policies what it says.
    pub fn by_path(&self) -> String {
        if self.origins.is_empty() {
            return self.to_string();
        }
        let shown = bounded::shown(&self.origins).iter();
        let shown: Vec<String> = shown
            .map(|origin| format!("{} {}", origin.policy, bounded::item(&origin.rule)))
            .collect();
        format!("{}{}", shown.join("; "), bounded::more(self.origins.len()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = self.direction;
        match self.kind {
            ReasonKind::AllowAny => return write!(f, "no policy enforces {direction}"),
            ReasonKind::AllowLocalhost => {
                return f.write_str("a pod's own node may always reach it");
            }
            ReasonKind::AlwaysEnforced => {
                return write!(
                    f,
                    "default deny {direction}: enforcement is always on and no policy selects it"
                );
            }
            ReasonKind::Init => {
                return write!(
                    f,
                    "default deny {direction}: its labels aren't known yet (reserved:init)"
                );
            }
            ReasonKind::DefaultDeny => write!(f, "default deny {direction}: ")?,
            ReasonKind::Allow | ReasonKind::Deny => {}
        }
        for (n, origin) in bounded::shown(&self.origins).iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            let selects = match self.kind {
                ReasonKind::DefaultDeny => " selects it,",
                ReasonKind::Allow
                | ReasonKind::Deny
                | ReasonKind::AllowAny
                | ReasonKind::AllowLocalhost
                | ReasonKind::AlwaysEnforced
                | ReasonKind::Init => "",
            };
            write!(f, "{}{selects} {}", origin.policy, origin.text)?;
        }
        f.write_str(&bounded::more(self.origins.len()))
    }
}
