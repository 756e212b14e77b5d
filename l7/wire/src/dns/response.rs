//! A response: what a server answered.

use core::fmt;

use super::cursor::Cursor;
use super::{CLASS_IN, Header, Malformed, rtype};
use crate::name::Name;

/// A response that was read to its end once, so that its records can be looked at again and again.
#[derive(Clone)]
pub struct Response<'a> {
    /// Of the query that it answers.
    pub id: u16,
    /// Code, with the bits that RFC 6891 adds: 0 to 4095.
    pub rcode: u16,
    /// Whether the answer didn't fit: the client asks again by TCP.
    pub truncated: bool,
    /// Name and type of the first question; `None` if the server repeats none.
    pub question: Option<(Name, u16)>,
    message: &'a [u8],
    /// Where the answers are.
    answers: Cursor<'a>,
    count: u16,
    /// Of all addresses and aliases.
    least_ttl: Option<u32>,
    has_addresses: bool,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is.
    pub owner: Name,
    /// Its type.
    pub rtype: u16,
    /// Seconds, as sent.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says, of what is looked into: class IN alone.
#[expect(clippy::large_enum_variant, reason = "nothing here allocates")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A([u8; 4]),
    /// An IPv6 address.
    Aaaa([u8; 16]),
    /// The owner is another name for this one.
    Cname(Name),
    /// Anything else.
    Other,
}

impl<'a> Response<'a> {
    /// Reads a response.
    ///
    /// # Errors
    /// If it is none, cut off (other than by the bit that says so), or has records that are not what their
    /// type says.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let header = Header::read(&mut cursor)?;
        if !header.is_response() {
            return Err(Malformed);
        }
        let [questions, count, authority, additional] = header.counts;
        let mut question = None;
        for _ in 0..questions {
            let (name, qtype, _class) = (cursor.name()?, cursor.u16()?, cursor.u16()?);
            question.get_or_insert((name, qtype));
        }
        let answers = cursor.clone();
        let truncated = header.flags & Header::TRUNCATED != 0;
        let mut rcode = u16::from(header.rcode());
        let mut whole = 0_u16;
        let mut is_cut = false;
        let mut least_ttl: Option<u32> = None;
        let mut has_addresses = false;
        let all = [count, authority, additional].map(u32::from);
        for index in 0..all.into_iter().fold(0, u32::saturating_add) {
            let mut next = cursor.clone();
            let (found, _class) = match record(&mut next) {
                Ok(found) => found,
                // The counts may be those of before the cut.
                Err(Malformed) if truncated => {
                    is_cut = true;
                    break;
                }
                Err(Malformed) => return Err(Malformed),
            };
            cursor = next;
            if index < count.into() {
                whole = whole.saturating_add(1);
                has_addresses |= matches!(found.data, Data::A(_) | Data::Aaaa(_));
                if found.data != Data::Other {
                    least_ttl = Some(least_ttl.map_or(found.ttl, |least| least.min(found.ttl)));
                }
            } else if found.rtype == rtype::OPT {
                // RFC 6891, 6.1.3: the upper eight of twelve bits.
                let [upper, ..] = found.ttl.to_be_bytes();
                rcode = rcode & 0xf | u16::from(upper) << 4;
            }
        }
        Ok(Self {
            id: header.id,
            rcode,
            truncated,
            question,
            message: match is_cut {
                true => bytes,
                false => bytes.get(..cursor.position()).ok_or(Malformed)?,
            },
            answers,
            count: whole,
            least_ttl,
            has_addresses: has_addresses && rcode == 0,
        })
    }

    /// What is to be passed on: the message without what stands after it. One that was cut is passed as it
    /// came, since its counts may speak of what was cut.
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The records of the answer section, in order.
    pub fn answers(&self) -> Records<'a> {
        Records {
            cursor: self.answers.clone(),
            left: self.count,
        }
    }

    /// The least time to live of all addresses and aliases, in seconds, in any order and whether or not their
    /// names fit (Cilium's rule); `None` without any.
    pub fn least_ttl(&self) -> Option<u32> {
        self.least_ttl
    }

    /// Whether addresses are to be learned from it: no error, and one at least.
    pub fn has_addresses(&self) -> bool {
        self.has_addresses
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("id", &self.id)
            .field("rcode", &self.rcode)
            .field("question", &self.question)
            .field("answers", &self.count)
            .finish_non_exhaustive()
    }
}

/// Records of a message that was read to its end before.
#[derive(Clone)]
pub struct Records<'a> {
    cursor: Cursor<'a>,
    left: u16,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.left = self.left.checked_sub(1)?;
        record(&mut self.cursor).ok().map(|(record, _class)| record)
    }
}

/// A record and its class.
fn record(cursor: &mut Cursor<'_>) -> Result<(Record, u16), Malformed> {
    let owner = cursor.name()?;
    let (rtype, class) = (cursor.u16()?, cursor.u16()?);
    let ttl = cursor.u32()?;
    let length = usize::from(cursor.u16()?);
    // A name in it may point to before it, but not go on behind its end.
    let mut inside = cursor.clone();
    let bytes = cursor.take(length)?;
    let data = match rtype {
        _ if class != CLASS_IN => Data::Other,
        rtype::A => Data::A(bytes.try_into().or(Err(Malformed))?),
        rtype::AAAA => Data::Aaaa(bytes.try_into().or(Err(Malformed))?),
        rtype::CNAME => {
            let name = inside.name()?;
            if inside.position() != cursor.position() {
                return Err(Malformed);
            }
            Data::Cname(name)
        }
        _ => Data::Other,
    };
    let record = Record {
        owner,
        rtype,
        ttl,
        data,
    };
    Ok((record, class))
}
