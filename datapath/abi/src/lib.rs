//! Records and map keys shared by the kernel program and user space.
//!
//! Everything here is `repr(C)`, plain integers and arrays of them, explicit padding that is zero.
//! Nothing here decides: the verdict is in `flows-datapath-core`. What there is to say of each map stands
//! in [`maps`]; `datapath/ebpf` has them, `flows-loader` makes and opens them.
//!
//! Byte order: addresses are raw network-order words as they stand in the packet (`_be`), ports and
//! all other numbers are in host order.
#![no_std]

pub mod addr;
pub mod conntrack;
pub mod endpoint;
pub mod event;
pub mod identity;
pub mod maps;
pub mod node;
pub mod policy;
pub mod proto;
pub mod proxy;
pub mod reason;
pub mod staged;

/// Version of all layouts in this crate; part of the names under which maps are pinned, so that an
/// agent never adopts maps of another layout.
pub const ABI_VERSION: u32 = 3;
