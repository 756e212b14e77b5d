//! A query: one question, or what to answer to what is not.

use core::fmt;

use super::cursor::Cursor;
use super::{HEADER, Header, Malformed, rcode, rtype};
use crate::name::Name;

/// Operations that are passed on: queries and a zone's notices.
const OPCODE_QUERY: u8 = 0;
const OPCODE_NOTIFY: u8 = 4;

/// A message with one question.
#[derive(Clone)]
pub struct Query<'a> {
    pub(super) header: HeaderOf,
    /// What is asked for, in canonical form.
    pub name: Name,
    /// Type of the records that are asked for.
    pub qtype: u16,
    /// Their class.
    pub qclass: u16,
    /// Most bytes of an answer by UDP that the sender takes (RFC 6891); `None` if it doesn't say: 512.
    pub edns_size: Option<u16>,
    message: &'a [u8],
    question_end: usize,
}

/// Of the header what an answer repeats.
#[derive(Clone, Copy)]
pub(super) struct HeaderOf {
    pub(super) id: u16,
    pub(super) flags: u16,
}

/// What is not a query that can be judged, and what to answer. As miekg/dns does for Cilium
/// (`defaultMsgAcceptFunc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Nothing: it is shorter than a header, or itself a response.
    Ignore,
    /// FORMERR.
    Format {
        /// Of the query.
        id: u16,
        /// Of the query.
        flags: u16,
    },
    /// NOTIMP.
    NotImplemented {
        /// Of the query.
        id: u16,
        /// Of the query.
        flags: u16,
    },
}

impl Rejected {
    /// The response code to answer with; `None`: not at all.
    pub fn rcode(&self) -> Option<u8> {
        match self {
            Self::Ignore => None,
            Self::Format { .. } => Some(rcode::FORMAT_ERROR),
            Self::NotImplemented { .. } => Some(rcode::NOT_IMPLEMENTED),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignore => "not a DNS query",
            Self::Format { .. } => "not one well-formed DNS question",
            Self::NotImplemented { .. } => "a DNS operation other than a query or a notice",
        })
    }
}

impl core::error::Error for Rejected {}

impl<'a> Query<'a> {
    /// Reads a query. Type, class and what the sender can do are not judged.
    ///
    /// # Errors
    /// With what to answer, if it is not one question with at most one answer or authority record and two
    /// additional ones.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(bytes);
        let header = Header::read(&mut cursor).or(Err(Rejected::Ignore))?;
        if header.is_response() {
            return Err(Rejected::Ignore);
        }
        let Header { id, flags, counts } = header;
        if !matches!(header.opcode(), OPCODE_QUERY | OPCODE_NOTIFY) {
            return Err(Rejected::NotImplemented { id, flags });
        }
        let [questions, answers, authority, additional] = counts;
        if questions != 1 || answers > 1 || authority > 1 || additional > 2 {
            return Err(Rejected::Format { id, flags });
        }
        Self::rest(bytes, cursor, header).or(Err(Rejected::Format { id, flags }))
    }

    fn rest(bytes: &'a [u8], mut cursor: Cursor<'a>, header: Header) -> Result<Self, Malformed> {
        let name = cursor.name()?;
        let (qtype, qclass) = (cursor.u16()?, cursor.u16()?);
        let question_end = cursor.position();
        let mut edns_size = None;
        for count in header.counts.iter().skip(1) {
            for _ in 0..*count {
                let _owner = cursor.name()?;
                let (kind, class) = (cursor.u16()?, cursor.u16()?);
                let _ttl = cursor.u32()?;
                let length = cursor.u16()?;
                cursor.take(usize::from(length))?;
                if kind == rtype::OPT {
                    edns_size = Some(class);
                }
            }
        }
        Ok(Self {
            header: HeaderOf {
                id: header.id,
                flags: header.flags,
            },
            name,
            qtype,
            qclass,
            edns_size,
            message: bytes.get(..cursor.position()).ok_or(Malformed)?,
            question_end,
        })
    }

    /// What the answer must repeat.
    pub fn id(&self) -> u16 {
        self.header.id
    }

    /// The message without what stands after it.
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The question as sent: a resolver may check its answer's letter case.
    pub(super) fn question(&self) -> &'a [u8] {
        self.message
            .get(HEADER..self.question_end)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("id", &self.id())
            .field("name", &self.name)
            .field("qtype", &self.qtype)
            .finish_non_exhaustive()
    }
}
