//! Which flows a request selects.

use abi::event;
use proto::flow as pb;
use thiserror::Error;

use crate::history::{EventRef, Part, Segment};

/// The filters of a request, ready to be asked.
#[derive(Clone, Debug)]
pub struct Selection {
    verdicts: Option<Vec<i32>>,
}

/// A filter that cannot be applied. It never selects more than was asked for instead.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// Not known here.
    #[error("unsupported filter: only the verdict can be filtered by")]
    Unsupported,
}

impl Selection {
    /// The selection of a whitelist and a blacklist.
    ///
    /// # Errors
    /// See [`SelectionError`].
    pub fn new(
        whitelist: &[pb::FlowFilter],
        blacklist: &[pb::FlowFilter],
    ) -> Result<Self, SelectionError> {
        if !blacklist.is_empty() {
            return Err(SelectionError::Unsupported);
        }
        let mut verdicts = Vec::new();
        for filter in whitelist {
            let only = pb::FlowFilter {
                verdict: filter.verdict.clone(),
                ..pb::FlowFilter::default()
            };
            if only != *filter {
                return Err(SelectionError::Unsupported);
            }
            verdicts.extend(&filter.verdict);
        }
        Ok(Self {
            verdicts: whitelist
                .iter()
                .all(|filter| !filter.verdict.is_empty())
                .then_some(verdicts)
                .filter(|verdicts| !verdicts.is_empty()),
        })
    }

    /// Whether some flow of a segment may be selected.
    pub fn may_match(&self, segment: &Segment) -> bool {
        let _ = segment;
        true
    }

    /// What a segment's events are asked.
    pub fn in_segment<'a>(&'a self, segment: &'a Segment) -> InSegment<'a> {
        let _ = segment;
        InSegment { selection: self }
    }
}

/// A selection made ready for one segment.
#[derive(Debug)]
pub struct InSegment<'a> {
    selection: &'a Selection,
}

impl InSegment<'_> {
    /// Whether a flow is selected.
    pub fn matches(&self, stored: &EventRef<'_>, part: Part) -> bool {
        let given = match part {
            Part::EgressVerdict => stored.event().egress,
            Part::IngressVerdict => stored.event().ingress,
            Part::Drop => 130,
            Part::Trace => event::FORWARDED,
        };
        let verdict = match given {
            event::REDIRECTED => pb::Verdict::Redirected,
            130.. => pb::Verdict::Dropped,
            _ => pb::Verdict::Forwarded,
        };
        self.selection
            .verdicts
            .as_ref()
            .is_none_or(|verdicts| verdicts.contains(&verdict.into()))
    }
}
