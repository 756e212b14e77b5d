//! A flow as recorded and the decision in it. Texts are as they came; whatever is shown of them goes
//! through [`sanitize`](super::sanitize) first.

use cluster::Kind;
use policy::{Direction, RulePath};

use crate::trace::Request;

/// What a flow says of itself. Whatever it doesn't tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedFlow {
    /// What happened to the packet.
    pub verdict: Verdict,
    /// Why, if it was dropped.
    pub drop_reason: DropReason,
    /// The end that decided: the source's egress, or the destination's ingress.
    pub direction: Option<Direction>,
    /// The packet is against the direction in which the connection was opened.
    pub reply: bool,
    /// Sender of the packet.
    pub source: RecordedEnd,
    /// Its receiver.
    pub destination: RecordedEnd,
    /// Protocol and ports; `None` if they aren't told, or no policy can name the protocol.
    pub transport: Option<Transport>,
    /// Node that saw it.
    pub node_name: String,
    /// Network interface on which it was seen.
    pub interface: String,
    /// [`abi::policy::match_type`].
    pub match_type: u32,
    /// What the source's policies decided.
    pub egress: RecordedPolicies,
    /// What the destination's policies decided.
    pub ingress: RecordedPolicies,
    /// The node's policy revision then; 0 if it isn't told.
    pub revision: u32,
    /// It is about a request, or the answer to one, instead of a packet.
    pub layer7: Option<RecordedRequest>,
}

/// A request that a flow is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The request; `None` if the flow doesn't tell it.
    pub request: Option<Request>,
    /// Why it was denied or failed; empty if nobody said.
    pub why: String,
}

/// One end of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedEnd {
    /// IP address.
    pub ip: String,
    /// Who had it.
    pub endpoint: Option<RecordedEndpoint>,
}

/// Who a flow says that an end is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedEndpoint {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod; empty if it is none.
    pub pod_name: String,
    /// `k8s:app=web`: labels of the identity.
    pub labels: Vec<String>,
}

/// Protocol and ports of a packet, from sender to receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// With ports.
    Ports {
        /// IP protocol number.
        protocol: u8,
        /// The sender's.
        source_port: u32,
        /// The receiver's.
        destination_port: u32,
    },
    /// ICMP of IPv4.
    IcmpV4 {
        /// Type of the message.
        message_type: u32,
    },
    /// ICMP of IPv6.
    IcmpV6 {
        /// Type of the message.
        message_type: u32,
    },
}

/// What one end's policies are recorded to have decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedPolicies {
    /// The policies that allowed it.
    pub allowed_by: Vec<RecordedPolicy>,
    /// The policies that denied it.
    pub denied_by: Vec<RecordedPolicy>,
    /// The decision with its rules, where servers of ours recorded it.
    pub decision: Option<EndpointDecision>,
}

/// A policy that decided, without its rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedPolicy {
    /// Kind; `None` if it isn't known.
    pub kind: Option<Kind>,
    /// Empty for clusterwide policies.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels of its rules.
    pub labels: Vec<String>,
    /// The revision at which it counted.
    pub revision: u64,
}

/// One end's decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointDecision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why, if the packet was dropped.
    pub drop_reason: DropReason,
    /// [`abi::policy::match_type`].
    pub match_type: u32,
    /// No rule matched, and the policies of `rules` put the end in default deny.
    pub default_deny: bool,
    /// The rules behind it.
    pub rules: Vec<RecordedRule>,
}

/// A rule that decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedRule {
    /// Kind of its policy; `None` if it isn't known.
    pub kind: Option<Kind>,
    /// Its policy's; empty for clusterwide policies.
    pub namespace: String,
    /// Its policy's name.
    pub name: String,
    /// Where it stands in the policy.
    pub path: Option<RulePath>,
    /// `allows app=web on 8080/TCP`.
    pub text: String,
    /// Version of the policy's object.
    pub version: String,
    /// The rule's labels.
    pub labels: Vec<String>,
}

/// What happened to a packet, in Hubble's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It isn't told.
    #[default]
    Unknown,
    /// It went on.
    Forwarded,
    /// It was dropped.
    Dropped,
    /// The datapath failed.
    Error,
    /// It would have been dropped, and went on.
    Audit,
    /// It went on to a proxy.
    Redirected,
    /// It was only seen.
    Traced,
    /// Its address was translated.
    Translated,
}

/// Why a packet was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropReason {
    /// Hubble's number ([`abi::reason`] has those of this datapath); 0 if it isn't told.
    pub number: i32,
    /// What happened: `the connection table is full`.
    pub meaning: &'static str,
    /// What usually causes it.
    pub usual_cause: &'static str,
}

/// The decision that a flow records, safe to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedDecision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why, if the packet was dropped.
    pub drop_reason: DropReason,
    /// The end that decided; `None` if the flow doesn't tell.
    pub direction: Option<Direction>,
    /// Whose policies decided: `production/db`; empty if the flow doesn't tell.
    pub end: String,
    /// [`abi::policy::match_type`].
    pub match_type: u32,
    /// No rule matched, and the policies of `decided_by` put the end in default deny.
    pub default_deny: bool,
    /// The rules behind it.
    pub decided_by: Vec<RecordedRule>,
    /// In one line.
    pub text: String,
    /// Node that decided.
    pub node_name: String,
    /// Its revision then; 0 if the flow doesn't tell.
    pub revision: u32,
}

impl Verdict {
    /// Whether the packet went on; `None` if that isn't what it tells.
    pub fn allows(self) -> Option<bool> {
        match self {
            Self::Forwarded | Self::Redirected => Some(true),
            Self::Dropped => Some(false),
            Self::Unknown | Self::Error | Self::Audit | Self::Traced | Self::Translated => None,
        }
    }
}

impl DropReason {
    /// Whether it is one of this datapath's reasons.
    pub(super) fn is(self, reason: u8) -> bool {
        self.number == i32::from(reason)
    }
}

impl RecordedDecision {
    /// Whether it is a drop that no policy made. Where no reason is told it may have been one.
    pub(super) fn is_not_policy(&self) -> bool {
        let reason = self.drop_reason;
        self.verdict == Verdict::Dropped
            && reason.number != 0
            && !reason.is(abi::reason::POLICY_DENIED)
            && !reason.is(abi::reason::POLICY_DENY)
    }

    /// Whether the flow is one that would name the rules, if there had been any.
    pub(super) fn tells_rules(&self) -> bool {
        self.revision > 0 || !self.decided_by.is_empty()
    }
}
