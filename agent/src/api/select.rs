//! Which flows a request selects.

use flow::{Filter, FilterError, Identity, Program, filter::Bounds};
use proto::flow as pb;

use crate::{
    fact::FlowKind,
    history::{PacketRef, RequestRef, Segment},
    hubble::{FlowBuilder, stored_flow::StoredFlow, stored_request::StoredRequest},
};

/// The filters of a request.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    filter: Filter,
    everything: bool,
}

/// A filter that cannot be applied. It never selects more than was asked for instead.
pub type SelectionError = FilterError;

impl Selection {
    /// The selection of a whitelist and a blacklist.
    ///
    /// # Errors
    /// A value that cannot be read, or a field that is not supported.
    pub fn new(
        whitelist: &[pb::FlowFilter],
        blacklist: &[pb::FlowFilter],
    ) -> Result<Self, SelectionError> {
        Ok(Filter::from_lists(whitelist, blacklist)?.into())
    }

    /// What is asked of a segment's events; `None` if none of them can be selected.
    pub fn in_segment(&self, segment: &Segment) -> Option<InSegment> {
        if self.everything {
            return Some(InSegment(None));
        }
        // What a program remembers of identities holds within a segment; over a long time a number may
        // come to mean other labels.
        let program = self.filter.program();
        program
            .could_match(&SegmentBounds(segment))
            .then_some(InSegment(Some(program)))
    }
}

impl From<Filter> for Selection {
    fn from(filter: Filter) -> Self {
        Self {
            everything: filter.is_everything(),
            filter,
        }
    }
}

/// A selection made ready for one segment.
#[derive(Debug)]
pub struct InSegment(Option<Program>);

impl InSegment {
    /// Whether a flow is selected.
    pub fn matches(
        &mut self,
        flow_builder: &FlowBuilder,
        stored: &PacketRef<'_>,
        part: FlowKind,
    ) -> bool {
        match &mut self.0 {
            None => true,
            Some(program) => program.matches(&StoredFlow::new(flow_builder, *stored, part)),
        }
    }

    /// Whether the flow of a request is selected.
    pub fn matches_request(&mut self, flow_builder: &FlowBuilder, stored: &RequestRef<'_>) -> bool {
        match &mut self.0 {
            None => true,
            Some(program) => program.matches(&StoredRequest::new(flow_builder, *stored)),
        }
    }
}

/// What is known of all flows of a segment.
struct SegmentBounds<'a>(&'a Segment);

impl Bounds for SegmentBounds<'_> {
    fn verdict(&self, verdict: pb::Verdict) -> bool {
        let summary = self.0.summary();
        match verdict {
            pb::Verdict::Dropped => summary.has_drops,
            pb::Verdict::Forwarded => summary.has_allowed,
            pb::Verdict::Redirected => summary.redirected,
            pb::Verdict::Error => summary.has_errors,
            pb::Verdict::Unknown
            | pb::Verdict::Audit
            | pb::Verdict::Traced
            | pb::Verdict::Translated => false,
        }
    }

    fn identity(&self, _: flow::Side, identity: Identity) -> bool {
        self.0.endpoints().any(|end| end.identity == identity.0)
    }
}
