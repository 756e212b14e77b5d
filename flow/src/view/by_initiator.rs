//! A flow as one of its connection.

use std::net::IpAddr;

use proto::flow::{Flow, IpVersion, Layer7, TraceReason, TrafficDirection, Verdict};

use super::{Address, ConnectionFacts, Extension, FlowView, PolicyName, Side, Transport, forward};
use crate::identity::Identity;

/// A flow with who opened the connection as its source: a reply has its ends swapped. So packets of
/// both directions are grouped together.
#[derive(Debug, Clone, Copy)]
pub struct ByInitiator<'a, V> {
    flow: &'a V,
    swapped: bool,
}

impl<'a, V: FlowView> ByInitiator<'a, V> {
    /// The flow, seen so.
    pub fn new(flow: &'a V) -> Self {
        Self {
            flow,
            swapped: flow.is_reply() == Some(true),
        }
    }

    pub(crate) fn side(&self, side: Side) -> Side {
        match (side, self.swapped) {
            (Side::Source, false) | (Side::Destination, true) => Side::Source,
            (Side::Destination, false) | (Side::Source, true) => Side::Destination,
        }
    }
}

impl<V: FlowView> FlowView for ByInitiator<'_, V> {
    forward! {}

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        self.flow.with_extension(see);
    }
}
