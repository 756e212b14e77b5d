//! What a header says of its entries, counted so that entries can come and go.

use abi::policy::{
    Direction as Header, EGRESS, ENFORCED, ENTRY_DENY, HAS_DENY, PolicyEntry, PolicyKey,
};

/// How many entries of a direction have each shape: what its header says of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    peer: [u32; SHAPES],
    any: [u32; SHAPES],
    denies: u32,
}

/// Shapes are 0 to [`abi::policy::SHAPE_PORT`].
const SHAPES: usize = abi::policy::SHAPE_PORT as usize + 1;

impl Shapes {
    fn cell(&mut self, key: &PolicyKey) -> &mut u32 {
        let column = if key.identity == 0 {
            &mut self.any
        } else {
            &mut self.peer
        };
        &mut column[usize::from(key.shape & !EGRESS)]
    }

    pub(crate) fn add(&mut self, key: &PolicyKey, entry: &PolicyEntry) {
        *self.cell(key) += 1;
        self.denies += u32::from(entry.flags & ENTRY_DENY != 0);
    }

    pub(crate) fn remove(&mut self, key: &PolicyKey, entry: &PolicyEntry) {
        *self.cell(key) -= 1;
        self.denies -= u32::from(entry.flags & ENTRY_DENY != 0);
    }

    pub(crate) fn header(&self, enforced: bool, default_cookie: u32) -> Header {
        let bits = |counts: &[u32; SHAPES]| {
            let set = counts.iter().zip(0..).filter(|(count, _)| **count > 0);
            set.fold(0, |bits, (_, shape)| bits | 1 << shape)
        };
        let mut flags = 0;
        if enforced {
            flags |= ENFORCED;
        }
        if self.denies > 0 {
            flags |= HAS_DENY;
        }
        Header {
            peer_shapes: bits(&self.peer),
            any_shapes: bits(&self.any),
            default_cookie,
            flags,
        }
    }
}
