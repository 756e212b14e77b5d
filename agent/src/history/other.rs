//! Facts that are no packets, as they are kept. There are far fewer of them, and a request, with its names, is of its
//! own length.

use std::sync::Arc;

use crate::fact::{Loss, Request};
use crate::node::names::{Attribution, Endpoint};

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

/// A fact that is no packet, as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Other {
    /// Its index among all facts of the segment.
    pub(super) at: usize,
    pub(super) fact: OtherFact,
}

#[derive(Clone, Debug)]
pub(super) enum OtherFact {
    Loss(Loss),
    Request(Arc<NamedRequest>),
}
