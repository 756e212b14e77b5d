//! What a cookie names: the rules behind a decision, and how to say it.

use std::fmt;
use std::sync::Arc;

use cluster::ObjectName;
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::path::RulePath;

mod joined;

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

/// One rule's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// Kind, namespace and name of the policy.
    pub policy: ObjectName,
    /// Its `metadata.uid`, if it has one.
    pub uid: Option<Arc<str>>,
    /// Its resource version, or a digest of it.
    pub version: Arc<str>,
    /// Where in the policy. Of a default deny: the spec that selects the pod.
    pub rule: RulePath,
    /// What it says, for people: `allows app=auth-service on 5432/TCP`. Of a default deny: what all
    /// specs of the policy that select the pod allow.
    pub text: Arc<str>,
    /// The rule's own labels (`spec.labels`): `unspec:team=payments`.
    pub labels: Vec<Arc<str>>,
    /// What is to stand in the log (`spec.log.value`); not of a default deny.
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
    /// The rules behind it, in order of their policies' names and of their paths; empty for the implicit
    /// reasons.
    #[serde(deserialize_with = "joined::origins")]
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
    /// The rules behind it by their paths, for people, without what they say: `cnp shop/web
    /// spec.ingress[0]`. Of a reason without policies what it says.
    pub fn by_path(&self) -> String {
        if self.origins.is_empty() {
            return self.to_string();
        }
        let shown = bounded::shown(&self.origins).iter();
        let shown: Vec<String> = shown
            .map(|origin| format!("{} {}", origin.policy, origin.rule))
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
        let mut said: Vec<&Origin> = self.origins.iter().collect();
        let default_deny = self.kind == ReasonKind::DefaultDeny;
        if default_deny {
            // All rules of a policy say the same.
            said.dedup_by(|one, other| one.policy == other.policy);
        }
        for (n, origin) in bounded::shown(&said).iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            let selects = if default_deny { " selects it," } else { "" };
            write!(f, "{}{selects} {}", origin.policy, origin.text)?;
        }
        f.write_str(&bounded::more(said.len()))
    }
}
