//! The packet cursor: bounded reads of a frame, wherever it lies.

/// A frame that starts with its Ethernet header. Every read is bounds-checked; `None` means that
/// the frame ends before.
///
/// Words come back as they stand in memory (network order read natively), because the kernel side
/// reads a whole array with one check and one wide load per element.
pub trait Packet {
    /// Length of the frame in bytes, Ethernet header included, also beyond what can be read here.
    fn len(&self) -> u32;
    /// No byte at all?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// `N` bytes from `offset`.
    fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;
    /// `N` 16-bit words from `offset`, raw.
    fn halves<const N: usize>(&self, offset: usize) -> Option<[u16; N]>;
    /// `N` 32-bit words from `offset`, raw.
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]>;
}

/// A frame in memory, for the host.
impl Packet for &[u8] {
    fn len(&self) -> u32 {
        u32::try_from(<[u8]>::len(self)).unwrap_or(u32::MAX)
    }

    fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk::<N>().copied()
    }

    fn halves<const N: usize>(&self, offset: usize) -> Option<[u16; N]> {
        let chunks = self.get(offset..)?.as_chunks::<2>().0.first_chunk::<N>()?;
        Some(chunks.map(u16::from_ne_bytes))
    }

    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        let chunks = self.get(offset..)?.as_chunks::<4>().0.first_chunk::<N>()?;
        Some(chunks.map(u32::from_ne_bytes))
    }
}
