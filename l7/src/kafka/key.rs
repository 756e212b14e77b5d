//! Kinds of requests: their numbers, names, roles, and whether topics matter.

use std::fmt;

/// Names of the keys that rules can name, by number (Cilium's table; it ends at 33).
pub const NAMES: [&str; 34] = [
    "produce",
    "fetch",
    "offsets",
    "metadata",
    "leaderandisr",
    "stopreplica",
    "updatemetadata",
    "controlledshutdown",
    "offsetcommit",
    "offsetfetch",
    "findcoordinator",
    "joingroup",
    "heartbeat",
    "leavegroup",
    "syncgroup",
    "describegroups",
    "listgroups",
    "saslhandshake",
    "apiversions",
    "createtopics",
    "deletetopics",
    "deleterecords",
    "initproducerid",
    "offsetforleaderepoch",
    "addpartitionstotxn",
    "addoffsetstotxn",
    "endtxn",
    "writetxnmarkers",
    "txnoffsetcommit",
    "describeacls",
    "createacls",
    "deleteacls",
    "describeconfigs",
    "alterconfigs",
];

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKey(pub i16);

impl ApiKey {
    /// Produce.
    pub const PRODUCE: Self = Self(0);
    /// Fetch.
    pub const FETCH: Self = Self(1);
    /// ListOffsets.
    pub(super) const LIST_OFFSETS: Self = Self(2);
    /// Metadata.
    pub const METADATA: Self = Self(3);
    /// ControlledShutdown, whose oldest header has no client id.
    pub(super) const CONTROLLED_SHUTDOWN: Self = Self(7);
    /// OffsetFetch.
    pub(super) const OFFSET_FETCH: Self = Self(9);
    /// FindCoordinator.
    pub(super) const FIND_COORDINATOR: Self = Self(10);
    /// SaslHandshake.
    pub const SASL_HANDSHAKE: Self = Self(17);
    /// ApiVersions.
    pub const API_VERSIONS: Self = Self(18);
    /// InitProducerId: idempotent producers ask it.
    pub const INIT_PRODUCER_ID: Self = Self(22);
    /// AddPartitionsToTxn.
    pub(super) const ADD_PARTITIONS_TO_TXN: Self = Self(24);
    /// AddOffsetsToTxn.
    pub(super) const ADD_OFFSETS_TO_TXN: Self = Self(25);
    /// EndTxn.
    pub(super) const END_TXN: Self = Self(26);
    /// SaslAuthenticate.
    pub const SASL_AUTHENTICATE: Self = Self(36);

    /// The key of that name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let number = NAMES
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))?;
        i16::try_from(number).ok().map(Self)
    }

    /// Its name in rules and flows; none: it is written as a number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let number = usize::try_from(self.0).ok()?;
        NAMES.get(number).copied()
    }

    /// What a rule's topic means for such requests.
    pub(super) fn topics(self) -> Topics {
        match self.0 {
            0..=3 | 8 | 9 => Topics::Matched,
            // Cilium's list of requests with topics that it doesn't read ...
            4..=6 | 19..=21 | 23 | 24 | 27 | 28 | 34 | 35 | 37 => Topics::Unmatched,
            // ... and those that came later. Cilium takes them for requests without topics, which any
            // rule with a topic allows.
            43..=47 | 61 | 68 | 75 | 78 | 79 | 83..=87 | 90..=92 => Topics::Unmatched,
            // What nobody has a table of may name topics.
            _ if self.name().is_none() && super::schema::find(self.0).is_none() => {
                Topics::Unmatched
            }
            _ => Topics::None,
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}

/// What a rule's topic means for a kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topics {
    /// The request's topics must be covered.
    Matched,
    /// The request has topics, but a rule with a topic never matches it (Cilium doesn't read them).
    Unmatched,
    /// It has none: a rule's topic is ignored.
    None,
}

/// What a client does: a set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes to topics.
    Produce,
    /// Reads from topics, as a member of a group too.
    Consume,
}

impl Role {
    /// Its name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Consume => "consume",
        }
    }

    /// Its keys, as Cilium's.
    #[must_use]
    pub const fn keys(self) -> &'static [i16] {
        match self {
            Self::Produce => &[0, 3, 18],
            Self::Consume => &[1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18],
        }
    }
}
