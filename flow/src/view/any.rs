//! A flow of whatever form.

use std::net::IpAddr;

use proto::flow::{Flow, IpVersion, Layer7, TraceReason, TrafficDirection, Verdict};

use super::{Address, ConnectionFacts, Extension, FlowView, PolicyName, Side, Transport, forward};
use crate::identity::Identity;

/// A flow whose form isn't said: where an event and a whole connection are treated alike.
pub struct AnyFlow<'a> {
    flow: &'a dyn FlowView,
}

impl<'a> AnyFlow<'a> {
    /// The flow, without its form.
    pub fn new(flow: &'a dyn FlowView) -> Self {
        Self { flow }
    }

    fn side(&self, side: Side) -> Side {
        side
    }
}

impl std::fmt::Debug for AnyFlow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyFlow").finish_non_exhaustive()
    }
}

impl FlowView for AnyFlow<'_> {
    forward! {}

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        self.flow.with_extension(see);
    }
}
