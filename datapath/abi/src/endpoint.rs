//! A pod of this node, as the datapath needs it. Array map, index = endpoint index (0 is never used).

/// Size of the endpoints array: pods of one node.
pub const MAX_ENDPOINTS: u32 = 4096;

/// Set in every valid value.
pub const PRESENT: u32 = 1 << 0;

/// 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Interface index of the host side of the pod's veth, in the node's network namespace.
    pub ifindex: u32,
    /// The pod's security identity.
    pub identity: u32,
    /// Index in the tables map.
    pub table: u32,
    /// A second table that is judged in shadow and only reported; 0 = none.
    pub candidate: u32,
    /// [`PRESENT`].
    pub flags: u32,
    /// Room, zero.
    pub reserved: [u32; 3],
}

const _: () = assert!(size_of::<Endpoint>() == 32);
