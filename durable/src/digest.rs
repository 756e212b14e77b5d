//! A digest that is the same on every machine and in every version of this program: identities and
//! versions of policies are derived from it, so the standard library's hashers (free to change) don't
//! do. FNV-1a over 64 bits, finished as in `splitmix64`. Not meant against an adversary: who decides
//! on labels of pods decides on policy anyway, and collisions are resolved.

/// Of bytes behind others with the checksum `before`, to find out whether they were damaged. The same on
/// every machine and in every version.
pub fn checksum(before: u64, bytes: &[u8]) -> u64 {
    let mut digest = Digest::default();
    digest.bytes(&before.to_be_bytes());
    digest.bytes(bytes);
    digest.finish()
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Feeds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Feeds a tag, the length and the bytes, so that neighbouring values can't run together.
    pub fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes(&[tag]);
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }

    /// The number.
    pub fn finish(self) -> u64 {
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
