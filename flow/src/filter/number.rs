//! Questions to numbers: ranges, which Hubble's filters have no form for.

use proto::flow::layer7::Record;

use super::leaf::record;
use crate::view::{Extra, FlowView, Side};

/// What is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberOf {
    /// Port.
    Port(Side),
    /// Identity.
    Identity(Side),
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// Status of an HTTP response.
    HttpStatus,
    /// Response code of DNS.
    DnsRcode,
    /// Trace id in an IP option.
    IpTraceId,
    /// Bytes of the connection so far.
    Bytes,
    /// Packets of the connection so far.
    Packets,
    /// Round trip of the handshake in microseconds.
    Rtt,
    /// Policy revision.
    Revision,
    /// Further packets that a drop stands for.
    Limited,
    /// Number of the cause of the event.
    Cause,
    /// Number of what a policy verdict matched on.
    Match,
    /// Number of the trace reason.
    TraceReason,
}

impl NumberOf {
    /// The number; `None` if the flow has none.
    pub fn of<V: FlowView>(self, flow: &V) -> Option<u64> {
        let extra = |read: fn(&Extra<'_>) -> Option<u64>| Extra::read(flow, read).flatten();
        match self {
            Self::Port(side) => flow.port(side).map(u64::from),
            Self::Identity(side) => flow.identity(side).map(|identity| identity.0.into()),
            Self::IcmpType => flow.icmp().map(|(kind, _)| kind.into()),
            Self::IcmpCode => flow.icmp().map(|(_, code)| code.into()),
            Self::HttpStatus => match record(flow) {
                Some(Record::Http(http)) if http.code != 0 => Some(http.code.into()),
                Some(_) | None => None,
            },
            Self::DnsRcode => match record(flow) {
                Some(Record::Dns(dns)) => Some(dns.rcode.into()),
                Some(_) | None => None,
            },
            Self::IpTraceId => Some(flow.ip_trace_id()).filter(|id| *id != 0),
            Self::Bytes => extra(|extra| extra.volume().map(|volume| volume.bytes)),
            Self::Packets => extra(|extra| extra.volume().map(|volume| volume.packets)),
            Self::Rtt => extra(|extra| extra.rtt_us.map(u64::from)),
            Self::Revision => {
                extra(|extra| Some(u64::from(extra.revision)).filter(|revision| *revision != 0))
            }
            Self::Limited => extra(|extra| Some(extra.limited)),
            Self::Cause => extra(|extra| u64::try_from(extra.cause as i32).ok()),
            Self::Match => {
                let verdict = flow
                    .event_type()
                    .is_some_and(|(kind, _)| kind == crate::vocabulary::event::POLICY_VERDICT);
                verdict.then(|| flow.match_type().into())
            }
            Self::TraceReason => u64::try_from(flow.trace_reason() as i32)
                .ok()
                .filter(|reason| *reason != 0),
        }
    }
}

/// A question to a number: it is there, and in one of the ranges, ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberLeaf {
    pub(crate) of: NumberOf,
    pub(crate) ranges: Vec<(u64, u64)>,
}

impl NumberLeaf {
    pub(super) fn matches<V: FlowView>(&self, flow: &V) -> bool {
        self.of.of(flow).is_some_and(|number| {
            let mut ranges = self.ranges.iter();
            ranges.any(|(from, to)| (*from..=*to).contains(&number))
        })
    }
}
