//! Links to connections: when it began, and a digest of both ends. So a link means the same in every run
//! of flows-ui, and however the connections were joined.

use std::fmt;
use std::str::FromStr;

use flow::Side;
use flow::connection::Connection;

use super::{NoId, fnv};

/// What tells a connection from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId {
    /// When it began, Unix ns. It may be found to have begun a little earlier, once the other node is heard.
    pub(crate) start: i64,
    digest: u64,
}

impl ConnectionId {
    pub(crate) fn of(connection: &Connection<'_, u64>) -> Self {
        Self {
            start: connection.start(),
            digest: digest(connection),
        }
    }

    /// Whether the ends are the same: another connection of theirs may be, too.
    pub(crate) fn is_between(&self, connection: &Connection<'_, u64>) -> bool {
        self.digest == digest(connection)
    }
}

fn digest(connection: &Connection<'_, u64>) -> u64 {
    let ends = [Side::Source, Side::Destination].map(|side| connection.end(side));
    fnv(&format!("{ends:?} {:?}", connection.transport()))
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.start, self.digest)
    }
}

impl FromStr for ConnectionId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (start, digest) = text.split_once('-').ok_or(NoId)?;
        if digest.len() != 16 || digest.starts_with('+') {
            return Err(NoId);
        }
        let digest = u64::from_str_radix(digest, 16);
        match (start.parse(), digest) {
            (Ok(start), Ok(digest)) => Ok(Self { start, digest }),
            _ => Err(NoId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for text in ["1767323045500000000-cbf29ce484222325", "0-0000000000000001"] {
            assert_eq!(text.parse::<ConnectionId>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "-",
            "17",
            "17-",
            "17-1",
            "x-cbf29ce484222325",
            "17-+bf29ce484222325",
        ] {
            assert_eq!(text.parse::<ConnectionId>(), Err(NoId), "{text}");
        }
    }
}
