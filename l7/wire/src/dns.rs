//! A DNS message read where it lies (RFC 1035), and the answers that a proxy makes itself.
//!
//! ```text
//! bytes -> Query     what is asked, or how to refuse what is not one question (RFC 1035, 4.1; as miekg/dns)
//! bytes -> Response  code, addresses, aliases, least time to live
//! Query -> bytes     REFUSED, SERVFAIL and the like: the query's header and question
//! ```
//!
//! Nothing beyond what the message's counts delimit is read: what stands after it is not of the message, and
//! [`Query::message`] leaves it out.

mod cursor;
mod query;
mod reply;
mod response;
mod text;

pub use query::{Query, Rejected};
pub use reply::{MAX_REPLY, NoRoom};
pub use response::{Data, Record, Records, Response};
pub use text::{rcode_text, type_name};

/// Bytes of a message's header.
const HEADER: usize = 12;

/// Response codes that a proxy gives (RFC 1035, 4.1.1; RFC 2136).
pub mod rcode {
    /// The query could not be read.
    pub const FORMAT_ERROR: u8 = 1;
    /// It could not be answered.
    pub const SERVER_FAILURE: u8 = 2;
    /// There is no such name.
    pub const NAME_ERROR: u8 = 3;
    /// A kind of query that isn't served.
    pub const NOT_IMPLEMENTED: u8 = 4;
    /// Policy forbids it.
    pub const REFUSED: u8 = 5;
}

/// Types of records that are looked into.
pub mod rtype {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// Another name for the owner.
    pub const CNAME: u16 = 5;
    /// An IPv6 address (RFC 3596).
    pub const AAAA: u16 = 28;
    /// What the sender can do (RFC 6891): not a record.
    pub const OPT: u16 = 41;
}

/// The class that names and addresses have.
const CLASS_IN: u16 = 1;

/// A message that is not one: cut off, a pointer that doesn't lead back, a name that is too long or has too many
/// pointers, an address of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a DNS message")
    }
}

impl core::error::Error for Malformed {}

/// The first 12 bytes.
#[derive(Clone, Copy)]
struct Header {
    id: u16,
    flags: u16,
    /// Of questions, answers, authority and additional records.
    counts: [u16; 4],
}

impl Header {
    const RESPONSE: u16 = 1 << 15;
    const TRUNCATED: u16 = 1 << 9;
    const RECURSION_DESIRED: u16 = 1 << 8;
    const CHECKING_DISABLED: u16 = 1 << 4;

    fn read(cursor: &mut cursor::Cursor<'_>) -> Result<Self, Malformed> {
        let (id, flags) = (cursor.u16()?, cursor.u16()?);
        let counts = [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?];
        Ok(Self { id, flags, counts })
    }

    fn is_response(&self) -> bool {
        self.flags & Self::RESPONSE != 0
    }

    /// 0 to 15.
    fn opcode(&self) -> u8 {
        self.flags.to_be_bytes()[0] >> 3 & 0xf
    }

    /// 0 to 15.
    fn rcode(&self) -> u8 {
        self.flags.to_be_bytes()[1] & 0xf
    }
}
