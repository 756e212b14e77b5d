//! Sets of ports as people write them.

use std::collections::BTreeSet;
use std::fmt;

use crate::trace::{Span, spans_between};

/// Ports, by protocol; ICMP: types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortSet {
    /// Protocol, first, last; neighbours put together, sorted by the order of protocols that
    /// [`spans_between`] has.
    ranges: Vec<(u8, u16, u16)>,
}

impl PortSet {
    /// Of spans in the order in which [`spans_between`] gives them.
    pub(crate) fn from_spans(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut set = Self::default();
        for span in spans {
            match set.ranges.last_mut() {
                Some((protocol, _, last))
                    if *protocol == span.protocol && last.checked_add(1) == Some(span.first) =>
                {
                    *last = span.last;
                }
                _ => set.ranges.push((span.protocol, span.first, span.last)),
            }
        }
        set
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a port of a protocol is among them.
    pub fn contains(&self, protocol: u8, port: u16) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(of, first, last)| *of == protocol && (*first..=*last).contains(&port))
    }

    /// Protocol, first and last of each range, both included.
    pub fn ranges(&self) -> &[(u8, u16, u16)] {
        &self.ranges
    }

    /// `8080/TCP`, `8000-9000/TCP`, `UDP`, `ICMP type 8`.
    pub fn texts(&self) -> Vec<String> {
        let spans = self.ranges.iter().map(|(protocol, first, last)| Span {
            protocol: *protocol,
            first: *first,
            last: *last,
            named: true,
        });
        spans.map(|span| span.text()).collect()
    }

    /// All other ports.
    fn complement(&self) -> Self {
        let named: BTreeSet<(u8, u16, u16)> = self.ranges.iter().copied().collect();
        let spans = spans_between(&named).into_iter();
        Self::from_spans(spans.filter(|span| !self.contains(span.protocol, span.first)))
    }
}

/// The shorter of what they are and what they aren't.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.complement();
        if others.is_empty() {
            return f.write_str("all ports");
        }
        if others.ranges.len() < self.ranges.len() {
            let texts = others.texts();
            return write!(
                f,
                "all ports except {}",
                policy::bounded::list(&texts, ", ")
            );
        }
        f.write_str(&policy::bounded::list(&self.texts(), ", "))
    }
}
