//! A place in a message, which only goes forward.

use super::Malformed;
use crate::name::Name;

/// Most pointers in one name: one behind each of the most labels that a name can have (as miekg/dns). Ones
/// without labels between them would otherwise make each name as long to read as its message.
const MAX_POINTERS: u8 = 126;

/// Reads a message from its start.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Bytes from the message's start.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        let taken = self.message.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or(Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A name, whose pointers are followed. What one leads to must stand as a whole before the labels that it
    /// ends: none leads round in a circle, and no name goes on behind the place that it was read at.
    pub(super) fn name(&mut self) -> Result<Name, Malformed> {
        let mut name = Name::ROOT;
        let mut here = self.clone();
        // Where the labels that are being read began, and how many pointers were followed.
        let (mut start, mut pointers) = (here.at, 0_u8);
        loop {
            let length = here.u8()?;
            match length >> 6 {
                0 if length == 0 => break,
                0 => {
                    let label = here.take(usize::from(length))?;
                    name.push(label).or(Err(Malformed))?;
                }
                3 => {
                    let low = here.u8()?;
                    if pointers == 0 {
                        self.at = here.at;
                    }
                    if pointers >= MAX_POINTERS {
                        return Err(Malformed);
                    }
                    pointers = pointers.saturating_add(1);
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    // The header is no name.
                    if target >= start || target < super::HEADER {
                        return Err(Malformed);
                    }
                    here = Self {
                        message: here.message.get(..start).ok_or(Malformed)?,
                        at: target,
                    };
                    start = target;
                }
                // RFC 6891, 5: other kinds of labels are gone.
                _ => return Err(Malformed),
            }
        }
        if pointers == 0 {
            self.at = here.at;
        }
        Ok(name)
    }
}
