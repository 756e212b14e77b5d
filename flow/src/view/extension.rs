//! What only our own servers say of a flow: decisions with their rules, volumes, times.

use proto::flow::Verdict;
use proto::flows::v1::{self, Cause};

use super::FlowView;

/// One of the two places where a connection is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The pod that opened it.
    Egress,
    /// The pod that it was opened to.
    Ingress,
}

impl Direction {
    /// `egress` or `ingress`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }
}

/// A policy, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PolicyName<'a> {
    /// `CiliumNetworkPolicy`, `CiliumClusterwideNetworkPolicy` or `NetworkPolicy`; may be empty.
    pub kind: &'a str,
    /// Empty for clusterwide policies.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
}

/// A rule of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rule<'a> {
    /// Whose rule.
    pub policy: PolicyName<'a>,
    /// What it says, in short; may be empty.
    pub text: &'a str,
}

/// Some rules.
pub trait Rules {
    /// Calls `is` on each until that says true, and says whether it did.
    fn any(&self, is: &mut dyn FnMut(Rule<'_>) -> bool) -> bool;
}

impl Rules for () {
    fn any(&self, _is: &mut dyn FnMut(Rule<'_>) -> bool) -> bool {
        false
    }
}

impl Rules for Vec<v1::Rule> {
    fn any(&self, is: &mut dyn FnMut(Rule<'_>) -> bool) -> bool {
        self.iter().any(|rule| {
            is(Rule {
                policy: PolicyName {
                    kind: rule.kind().name(),
                    namespace: &rule.namespace,
                    name: &rule.name,
                },
                text: &rule.text,
            })
        })
    }
}

/// What one end decided.
#[derive(Clone, Copy)]
pub struct EndpointDecision<'a> {
    /// FORWARDED, REDIRECTED or DROPPED.
    pub verdict: Verdict,
    /// Number of the drop reason; 0 if not dropped.
    pub drop_reason: i32,
    /// What it matched on, see [`crate::monitor_api::match_type_text`].
    pub match_type: u32,
    /// No rule matched, and what the policies in `rules` do not allow is denied.
    pub default_deny: bool,
    /// The rules that decided or, of a default deny, would have had to allow it.
    pub rules: &'a dyn Rules,
    /// One line that says all of it; usually empty.
    pub why: &'a str,
}

impl<'a> EndpointDecision<'a> {
    /// From the message.
    pub fn from_message(end: &'a v1::Decision) -> Self {
        Self {
            verdict: end.verdict(),
            drop_reason: end.drop_reason,
            match_type: end.match_type,
            default_deny: end.default_deny,
            rules: &end.rules,
            why: &end.why,
        }
    }
}

/// Packets and bytes so far, of a connection in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the IP header on.
    pub bytes: u64,
}

/// What a flow's extension says.
#[derive(Clone, Copy, Default)]
pub struct Extension<'a> {
    /// Decided where the connection was opened; `None` if it wasn't judged at this node.
    pub egress: Option<EndpointDecision<'a>>,
    /// Decided where it was opened to.
    pub ingress: Option<EndpointDecision<'a>>,
    /// Volume in the direction in which the connection was opened.
    pub forward: Option<Volume>,
    /// Volume against it.
    pub reply: Option<Volume>,
    /// Round trip of the TCP handshake in microseconds.
    pub rtt_us: Option<u32>,
    /// The node's policy revision.
    pub revision: u32,
    /// Further packets dropped alike, which this flow stands for.
    pub limited: u64,
    /// Delivered behind a flow that happened later.
    pub late: bool,
    /// Why the event was sent.
    pub cause: Cause,
}

impl<'a> Extension<'a> {
    /// From the message.
    pub fn from_message(message: &'a v1::FlowExtension) -> Self {
        let volume = |volume: v1::Volume| Volume {
            packets: volume.packets,
            bytes: volume.bytes,
        };
        Self {
            egress: message.egress.as_ref().map(EndpointDecision::from_message),
            ingress: message.ingress.as_ref().map(EndpointDecision::from_message),
            forward: message.forward.map(volume),
            reply: message.reply.map(volume),
            rtt_us: Some(message.handshake_rtt_us).filter(|us| *us != 0),
            revision: message.revision,
            limited: message.limited,
            late: message.late,
            cause: message.cause(),
        }
    }

    /// Reads something of a flow's extension; `None` if the flow has no extension.
    pub fn read<V: FlowView + ?Sized, T>(
        flow: &V,
        read: impl FnOnce(&Extension<'_>) -> T,
    ) -> Option<T> {
        let mut read = Some(read);
        let mut found = None;
        flow.with_extension(&mut |extension| {
            if let Some(read) = read.take() {
                found = Some(read(extension));
            }
        });
        found
    }

    /// What was decided at the ends, egress first.
    pub fn ends(&self) -> impl Iterator<Item = (Direction, &EndpointDecision<'a>)> {
        let egress = self.egress.as_ref().map(|end| (Direction::Egress, end));
        let ingress = self.ingress.as_ref().map(|end| (Direction::Ingress, end));
        egress.into_iter().chain(ingress)
    }

    /// The decisions that explain a flow which was dropped, or wasn't: what allowed a packet does not
    /// explain its drop at the other end, nor the other way round.
    pub fn explaining(
        &self,
        dropped: bool,
    ) -> impl Iterator<Item = (Direction, &EndpointDecision<'a>)> {
        self.ends()
            .filter(move |(_, end)| (end.verdict == Verdict::Dropped) == dropped)
    }

    /// Packets and bytes of both directions so far; `None` if neither is known.
    pub fn volume(&self) -> Option<Volume> {
        let (forward, reply) = (self.forward, self.reply);
        if forward.is_none() && reply.is_none() {
            return None;
        }
        let (forward, reply) = (forward.unwrap_or_default(), reply.unwrap_or_default());
        Some(Volume {
            packets: forward.packets.saturating_add(reply.packets),
            bytes: forward.bytes.saturating_add(reply.bytes),
        })
    }
}
