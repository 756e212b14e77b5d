//! Questions to numbers: ranges, which Hubble's filters have no form for.

use crate::attribute::Attribute;
use crate::view::FlowView;

/// A question to a number: it is there, and in one of the ranges, ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberLeaf {
    /// Which number.
    pub(crate) of: &'static Attribute,
    pub(crate) ranges: Vec<(u64, u64)>,
}

impl NumberLeaf {
    pub(super) fn matches<V: FlowView>(&self, flow: &V) -> bool {
        self.of.number(flow).is_some_and(|number| {
            let mut ranges = self.ranges.iter();
            ranges.any(|(from, to)| (*from..=*to).contains(&number))
        })
    }
}
