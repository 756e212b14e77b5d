//! A run of items, and the messages behind them.

use std::borrow::Cow;

use prost::Message as _;
use proto::flow::Flow;

use super::item::Item;

/// Items per chunk.
pub(super) const LENGTH: usize = 1024;

/// Items with numbers in a row. Grows until it is sealed.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    first: u64,
    items: Vec<Item>,
    messages: Messages,
}

/// Encoded flows, one after the other; marks have none.
#[derive(Clone, Debug)]
enum Messages {
    Open {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    /// The same bytes compressed: neighbours are much alike.
    Sealed {
        packed: Box<[u8]>,
        ends: Box<[usize]>,
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

    pub(super) fn push(&mut self, item: Item, message: Option<&Flow>) {
        let Messages::Open { bytes, ends } = &mut self.messages else {
            return;
        };
        if let Some(message) = message {
            // A vector takes any length.
            let _always = message.encode(bytes);
        }
        ends.push(bytes.len());
        self.items.push(item);
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
        if !matches!(self.items.get(index)?, Item::Flow(_)) {
            return None;
        }
        let ends: &[usize] = match &self.messages {
            Messages::Open { ends, .. } => ends,
            Messages::Sealed { ends, .. } => ends,
        };
        let start = index.checked_sub(1).map_or(0, |before| ends[before]);
        Flow::decode(unpacked.get(start..ends[index])?).ok()
    }
}
