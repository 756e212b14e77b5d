//! Requests at layer 7 as they are kept: with their names. There are far fewer of them than packets, and
//! each is of its own length.

use std::sync::Arc;

use flow::Side;

use super::segment::Segment;
use crate::fact::Request;
use crate::node::names::{Attribution, Endpoint, Node};

/// A request with the names it had on arrival.
#[derive(Clone, Debug)]
pub struct NamedRequest {
    /// The request.
    pub request: Request,
    /// Source and destination.
    pub ends: [Arc<Endpoint>; 2],
    /// The rule behind what became of it.
    pub rule: Arc<Attribution>,
}

/// One of a segment.
#[derive(Clone, Copy, Debug)]
pub struct RequestRef<'a> {
    pub(super) segment: &'a Segment,
    pub(super) named: &'a NamedRequest,
    pub(super) index: usize,
}

impl<'a> RequestRef<'a> {
    /// The request; its time is the wall clock in ns.
    pub fn request(&self) -> &'a Request {
        &self.named.request
    }

    /// Sequence number among the facts since the agent's start.
    pub fn sequence(&self) -> u64 {
        self.segment.start().records + self.index as u64
    }

    /// Index in its segment.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Who is at an end.
    pub fn end(&self, side: Side) -> &'a Endpoint {
        match side {
            Side::Source => &self.named.ends[0],
            Side::Destination => &self.named.ends[1],
        }
    }

    /// The rule behind what became of it.
    pub fn rule(&self) -> &'a Attribution {
        &self.named.rule
    }

    /// The node.
    pub fn node(&self) -> &'a Node {
        self.segment.node()
    }
}
