//! Answers that a proxy gives itself, into the caller's memory.

use core::fmt;

use super::query::{Query, Rejected};
use super::{HEADER, Header};
use crate::name::MAX_NAME;

/// Most bytes of an answer that is made here: a header and a question.
pub const MAX_REPLY: usize = HEADER + MAX_NAME + 4;

/// The buffer is smaller than the answer; [`MAX_REPLY`] bytes always do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the answer")
    }
}

impl core::error::Error for NoRoom {}

impl Query<'_> {
    /// Writes the answer with `rcode`, the query's id and its question, and no records. Returns its length.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn reply(&self, rcode: u8, out: &mut [u8]) -> Result<usize, NoRoom> {
        let repeated = Header::RECURSION_DESIRED | Header::CHECKING_DISABLED;
        let flags = opcode(self.header.flags) | self.header.flags & repeated;
        let flags = flags | Header::RESPONSE | u16::from(rcode & 0xf);
        write(out, self.header.id, flags, 1, self.question())
    }
}

impl Rejected {
    /// Writes the answer: a header alone, since there may be no question. Returns its length, `None` if none
    /// is to be sent.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn reply(&self, out: &mut [u8]) -> Result<Option<usize>, NoRoom> {
        let (Some(rcode), Self::Format { id, flags } | Self::NotImplemented { id, flags }) =
            (self.rcode(), self)
        else {
            return Ok(None);
        };
        let flags = opcode(*flags) | flags & Header::RECURSION_DESIRED;
        let flags = flags | Header::RESPONSE | u16::from(rcode);
        write(out, *id, flags, 0, &[]).map(Some)
    }
}

fn opcode(flags: u16) -> u16 {
    flags & 0x7800
}

fn write(
    out: &mut [u8],
    id: u16,
    flags: u16,
    questions: u16,
    question: &[u8],
) -> Result<usize, NoRoom> {
    let length = HEADER.checked_add(question.len()).ok_or(NoRoom)?;
    let out = out.get_mut(..length).ok_or(NoRoom)?;
    let words = [id, flags, questions, 0, 0, 0];
    let (header, rest) = out.split_at_mut_checked(HEADER).ok_or(NoRoom)?;
    for (place, word) in header.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    rest.copy_from_slice(question);
    Ok(length)
}
