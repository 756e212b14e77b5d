//! A run of items, and the messages behind them.

use std::borrow::Cow;

use proto::flow::Flow;

use super::{item::Item, parts};

/// Items per chunk.
pub(super) const LENGTH: usize = 1024;
/// A chunk of huge messages ends sooner (bytes): their ends are counted in 32 bits.
const HEAVY: usize = 1 << 30;

/// Items with numbers in a row. Grows until it is sealed.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    first: u64,
    items: Vec<Item>,
    messages: Messages,
}

/// What is each message's own (see [`parts`]), one after the other; marks have nothing.
#[derive(Clone, Debug)]
enum Messages {
    Open {
        bytes: Vec<u8>,
        ends: Vec<u32>,
    },
    /// The same bytes compressed: neighbours are much alike.
    Sealed {
        packed: Box<[u8]>,
        ends: Box<[u32]>,
    },
}

impl Chunk {
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            items: Vec::new(),
            messages: Messages::Open {
                bytes: Vec::new(),
                ends: Vec::new(),
            },
        }
    }

    /// `own`: the part of the item's message that is its own; nothing of a mark.
    pub(super) fn push(&mut self, item: Item, own: &[u8]) {
        let Messages::Open { bytes, ends } = &mut self.messages else {
            return;
        };
        bytes.extend_from_slice(own);
        // It is full long before.
        ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.items.push(item);
    }

    /// Whether it is to be sealed.
    pub(super) fn is_full(&self) -> bool {
        let is_heavy = match &self.messages {
            Messages::Open { bytes, .. } => bytes.len() > HEAVY,
            Messages::Sealed { .. } => true,
        };
        is_heavy || self.items.len() >= LENGTH
    }

    pub(super) fn seal(&mut self) {
        if let Messages::Open { bytes, ends } = &mut self.messages {
            self.items.shrink_to_fit();
            self.messages = Messages::Sealed {
                packed: lz4_flex::compress_prepend_size(bytes).into(),
                ends: std::mem::take(ends).into(),
            };
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self.messages, Messages::Sealed { .. })
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// The messages behind the items, unpacked.
    pub(super) fn unpacked(&self) -> Option<Cow<'_, [u8]>> {
        Some(match &self.messages {
            Messages::Open { bytes, .. } => Cow::Borrowed(bytes),
            Messages::Sealed { packed, .. } => {
                Cow::Owned(lz4_flex::decompress_size_prepended(packed).ok()?)
            }
        })
    }

    /// The message of an item, out of what [`Self::unpacked`] gave.
    pub(super) fn message(&self, unpacked: &[u8], index: usize) -> Option<Flow> {
        let Item::Flow(row) = self.items.get(index)? else {
            return None;
        };
        let ends: &[u32] = match &self.messages {
            Messages::Open { ends, .. } => ends,
            Messages::Sealed { ends, .. } => ends,
        };
        let end = |index: usize| usize::try_from(*ends.get(index)?).ok();
        let start = match index.checked_sub(1) {
            Some(before) => end(before)?,
            None => 0,
        };
        let own = unpacked.get(start..end(index)?)?;
        parts::join(row.common(), own, row.uuid_apart())
    }
}
