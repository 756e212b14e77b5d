//! The messages of Kafka as tables: which fields a request or an answer has in which version, and what
//! of them matters here. From Apache Kafka's `clients/src/main/resources/common/message/*.json` at
//! 4.0.0 (commit 1eb7644349) and, for versions that came later, the crate `kafka-protocol` 0.18;
//! `l7/tests/kafka/interop.rs` holds every table and version against that crate.
//!
//! Why tables of our own: that crate, as every library looked at, decodes whole frames into objects,
//! and reserves memory for as many elements as an array announces: a metadata request of 4 bytes asks
//! for 150 GB and ends the process. Here a request is read as it arrives, and nothing but names is kept.
//!
//! A request's table ends with the last field that matters. Of an answer's arrays only those have
//! elements that an answer of ours has ([`Field::each`]); tagged fields are skipped when read and left
//! out when written.

mod cluster;
mod data;
mod groups;
mod topics;
mod transactions;

/// What of a field is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Skip,
    /// Name of a topic.
    Topic,
    /// Id of a topic.
    TopicId,
    /// Number of a partition.
    Partition,
    /// What an answer repeats of an element: a group, a key, a resource.
    Name,
    /// A second text of that kind.
    Second,
    /// Kind of a resource.
    Type,
    /// Produce: how many acknowledgements are wanted; 0 = no answer.
    Acks,
    /// Fetch: how long the broker may wait, in ms.
    MaxWait,
    /// Fetch: the session's id.
    Session,
    /// Fetch: which request of the session this is.
    Epoch,
    /// FindCoordinator: of a group (0) or a transaction (1).
    KeyType,
    /// An answer's error code.
    Error,
    /// An answer's error code that says something only when no element does.
    ErrorIfEmpty,
}

/// Form of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// So many bytes: integers in network order, booleans, uuids.
    Fixed(u8),
    /// Text: its length is 2 bytes, or a varint in flexible versions.
    Text,
    /// Bytes: their length is 4 bytes, or a varint.
    Bytes,
    /// An array of structures, which in flexible versions have tagged fields.
    Array(&'static [Field]),
    /// An array of plain values.
    List(&'static Field),
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// Oldest and newest version that has it.
    pub(super) versions: (i16, i16),
    pub(super) role: Role,
    /// Written as null where there is nothing to say.
    pub(super) null: bool,
    /// An array whose elements an answer repeats.
    pub(super) each: bool,
    /// What is written where there is nothing to say.
    pub(super) default: i64,
}

impl Field {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            versions: (0, i16::MAX),
            role: Role::Skip,
            null: false,
            each: false,
            default: 0,
        }
    }

    const fn since(mut self, version: i16) -> Self {
        self.versions.0 = version;
        self
    }

    const fn until(mut self, version: i16) -> Self {
        self.versions.1 = version;
        self
    }

    const fn is(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    const fn null(mut self) -> Self {
        self.null = true;
        self
    }

    const fn each(mut self) -> Self {
        self.each = true;
        self
    }

    const fn or(mut self, default: i64) -> Self {
        self.default = default;
        self
    }

    /// Whether messages of that version have it.
    pub(super) const fn is_in(&self, version: i16) -> bool {
        self.versions.0 <= version && version <= self.versions.1
    }
}

const I8: Field = Field::new(Kind::Fixed(1));
const I16: Field = Field::new(Kind::Fixed(2));
const I32: Field = Field::new(Kind::Fixed(4));
const I64: Field = Field::new(Kind::Fixed(8));
const UUID: Field = Field::new(Kind::Fixed(16));
const TEXT: Field = Field::new(Kind::Text);
const BYTES: Field = Field::new(Kind::Bytes);
/// An array of an answer of which ours has no element.
const NONE: Field = array(&[]);

const fn array(fields: &'static [Field]) -> Field {
    Field::new(Kind::Array(fields))
}

const fn list(item: &'static Field) -> Field {
    Field::new(Kind::List(item))
}

/// No version is flexible.
const NEVER: i16 = i16::MAX;

/// Error codes of Kafka (`org.apache.kafka.common.protocol.Errors`).
pub(super) mod code {
    pub(in super::super) const TOPIC: i16 = 29;
    pub(in super::super) const GROUP: i16 = 30;
    pub(in super::super) const CLUSTER: i16 = 31;
    pub(in super::super) const UNSUPPORTED_VERSION: i16 = 35;
    pub(in super::super) const TRANSACTIONAL_ID: i16 = 53;
    pub(in super::super) const DELEGATION_TOKEN: i16 = 65;
    pub(in super::super) const FETCH_SESSION_ID_NOT_FOUND: i16 = 70;
}

/// A kind of request, as far as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) key: i16,
    /// Newest version that is read; the oldest is 0.
    pub(super) newest: i16,
    /// Newest version that clients are offered.
    pub(super) offered: i16,
    /// Oldest version with compact lengths and tagged fields.
    flexible: i16,
    pub(super) request: &'static [Field],
    pub(super) response: &'static [Field],
    /// Error code of a refusal.
    pub(super) refused_by: i16,
}

impl Api {
    const fn offered(mut self, version: i16) -> Self {
        self.offered = version;
        self
    }

    const fn refused_by(mut self, code: i16) -> Self {
        self.refused_by = code;
        self
    }

    /// Whether that version has compact lengths and tagged fields.
    pub(super) const fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }

    /// Whether that version's request and answer are in the tables.
    pub(super) const fn reads(&self, version: i16) -> bool {
        0 <= version && version <= self.newest
    }
}

const fn api(
    key: i16,
    newest: i16,
    flexible: i16,
    request: &'static [Field],
    response: &'static [Field],
) -> Api {
    Api {
        key,
        newest,
        offered: newest,
        flexible,
        request,
        response,
        refused_by: code::CLUSTER,
    }
}

/// The kind of request with that key, if there is a table of it.
pub(super) fn find(key: i16) -> Option<&'static Api> {
    all().find(|api| api.key == key)
}

/// All kinds of requests that there are tables of.
pub(super) fn all() -> impl Iterator<Item = &'static Api> {
    [
        data::APIS,
        groups::APIS,
        topics::APIS,
        transactions::APIS,
        cluster::APIS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a message nests no deeper than is kept, and no element takes no bytes.
    fn check(fields: &[Field], version: i16, flexible: bool, depth: usize, what: &str) {
        assert!(depth <= 6, "{what}");
        for field in fields.iter().filter(|field| field.is_in(version)) {
            if let Kind::Array(inside) = field.kind {
                let some = inside.iter().any(|field| field.is_in(version));
                assert!(some || flexible, "{what}");
                check(inside, version, flexible, depth.saturating_add(1), what);
            }
        }
    }

    #[test]
    fn every_table_can_be_walked() {
        let mut keys = std::collections::BTreeSet::new();
        for api in all() {
            assert!(keys.insert(api.key), "{} twice", api.key);
            for version in 0..=api.newest {
                let what = format!("{} version {version}", api.key);
                let flexible = api.is_flexible(version);
                check(api.request, version, flexible, 1, &what);
                // Of the other answers no element is read.
                if matches!(api.key, 3 | 18) {
                    check(api.response, version, flexible, 1, &what);
                }
            }
        }
        assert!(keys.len() > 50, "{keys:?}");
    }

    #[test]
    fn every_refusal_has_a_place_for_its_error() {
        fn errors(fields: &[Field], version: i16) -> bool {
            let mut present = fields.iter().filter(|field| field.is_in(version));
            present.any(|field| match field.kind {
                Kind::Array(inside) if field.each => errors(inside, version),
                Kind::Array(_) | Kind::List(_) | Kind::Text | Kind::Bytes => false,
                Kind::Fixed(_) => field.role == Role::Error,
            })
        }
        for api in all() {
            for version in 0..=api.newest {
                // Log directories: from version 3 on.
                let none = api.key == 35 && version < 3;
                let what = format!("{} version {version}", api.key);
                assert_eq!(errors(api.response, version), !none, "{what}");
            }
        }
    }
}
