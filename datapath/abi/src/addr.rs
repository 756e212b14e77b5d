//! Who an address is: the hash of known addresses and the trie of prefixes have the same value.

/// IPv4 address as it stands in the packet: four bytes in network order read as a native word.
pub type Addr4 = u32;
/// IPv6 address, four such words.
pub type Addr6 = [u32; 4];

/// Set in every valid value; a value without it is absent (staged insertion or deletion).
pub const PRESENT: u8 = 1 << 0;
/// The address belongs to a pod of this node; `endpoint` is its index.
pub const LOCAL: u8 = 1 << 1;

/// What is known of an address or prefix. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addr {
    /// Security identity.
    pub identity: u32,
    /// Index in the endpoints map if [`LOCAL`], else 0.
    pub endpoint: u32,
    /// Tick ([`crate::node::tick`]) after which the entry no longer counts; 0 = never. For names
    /// learned from DNS.
    pub expires: u32,
    /// [`PRESENT`], [`LOCAL`].
    pub flags: u8,
    /// Key index for encryption towards the address's node; 0 = none.
    pub encrypt_key: u8,
    /// Cluster of the address in a mesh; 0 = this one.
    pub cluster: u16,
}

/// Key of the IPv4 prefix trie (`BPF_MAP_TYPE_LPM_TRIE`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cidr4 {
    /// Length of the prefix in bits, 0 to 32.
    pub prefix_len: u32,
    /// Network order.
    pub addr: Addr4,
}

/// Key of the IPv6 prefix trie.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cidr6 {
    /// Length of the prefix in bits, 0 to 128.
    pub prefix_len: u32,
    /// Network order.
    pub addr: Addr6,
}

const _: () = assert!(size_of::<Addr>() == 16);
const _: () = assert!(size_of::<Cidr4>() == 8);
const _: () = assert!(size_of::<Cidr6>() == 20);
