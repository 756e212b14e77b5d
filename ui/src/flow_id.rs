//! Links to flows: what tells a flow from all others, wherever and whenever it is read again.
//!
//! Sequence numbers end with the program. A link has the flow's time and its unique id; if the server
//! gave it none, a digest of who talked to whom.

mod connection;

use std::fmt;
use std::hash::Hasher as _;
use std::str::FromStr;

use client::{Row, Snapshot};
use flow::{FlowView as _, Side};
use fnv::FnvHasher;

pub(crate) use connection::ConnectionId;

/// The longest unique id that is taken as it is, in characters.
const LONGEST: usize = 64;

/// What tells a flow from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlowId {
    /// Unix ns.
    pub(crate) time: i64,
    mark: String,
}

/// The text is no [`FlowId`], or no [`ConnectionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a flow is named by its sequence number or by its id (`id` of a row), a connection by its id"
)]
pub(crate) struct NoId;

impl FlowId {
    pub(crate) fn of(row: &Row) -> Self {
        let mut mark = String::new();
        row.uuid(&mut |text| mark.push_str(text));
        if !is_mark(&mark) {
            mark = digest(row);
        }
        Self {
            time: row.time(),
            mark,
        }
    }

    /// The number of the flow, if it is held. Looks at the time of every flow until it is found.
    pub(crate) fn find(&self, snapshot: &Snapshot) -> Option<u64> {
        // The newest first: those are asked for mostly.
        let mut rows = snapshot.iter(snapshot.range()).rev();
        rows.find_map(|(number, item)| match item {
            client::Item::Flow(row) if row.time() == self.time && Self::of(row) == *self => {
                Some(number)
            }
            client::Item::Flow(_) | client::Item::Marker(_) => None,
        })
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.mark)
    }
}

impl FromStr for FlowId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (time, mark) = text.split_once('-').ok_or(NoId)?;
        match time.parse() {
            Ok(time) if is_mark(mark) => Ok(Self {
                time,
                mark: mark.to_owned(),
            }),
            _ => Err(NoId),
        }
    }
}

/// Whether it can stand in an address as it is.
fn is_mark(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(good)
}

/// Of what the flows of one moment differ in: FNV-1a, which is the same in every version of the program.
fn digest(row: &Row) -> String {
    let ends = [Side::Source, Side::Destination].map(|side| (row.ip(side), row.port(side)));
    let text = format!(
        "{:?} {:?} {} {} {} {:?} {:?} {:?} {:?} {}",
        ends,
        row.transport(),
        row.node(),
        row.verdict_number(),
        row.drop_reason(),
        row.event_type(),
        row.direction(),
        row.is_reply(),
        row.tcp_flags(),
        row.summary(),
    );
    format!("{:016x}", fnv(&text))
}

fn fnv(text: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links of before lead to the same flows.
    #[test]
    fn digests_stay_what_they_were() {
        for (text, digest) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv(text), digest, "{text:?}");
        }
    }

    #[test]
    fn texts() {
        for text in [
            "1767323045500000000-00000000-0000-4000-8000-0123456789ab",
            "0-x",
            "17-cbf29ce484222325",
        ] {
            assert_eq!(text.parse::<FlowId>().unwrap().to_string(), text);
        }
        let long = format!("1-{}", "x".repeat(65));
        for text in ["", "-", "17", "17-", "x-y", "-5-x", "1-a b", "1-\"", &long] {
            assert_eq!(text.parse::<FlowId>(), Err(NoId), "{text}");
        }
    }
}
