//! Records as bytes: which types of the ABI may be read from and written to maps.

use abi::addr::{Addr, Cidr4, Cidr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::endpoint::Endpoint;
use abi::event::Event;
use abi::node::Limit;
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;

/// A type that any bytes of its size are a valid value of.
///
/// # Safety
/// `repr(C)` or primitive, made of integers only.
pub(crate) unsafe trait Record: Copy {}

/// A record without padding: each of its bytes is initialised.
///
/// # Safety
/// The sizes of the fields sum up to the size of the type.
pub(crate) unsafe trait Plain: Record {}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: integers, or a repr(C) structure of integers (crate abi).
        unsafe impl Record for $type {}
        // SAFETY: without padding: the ABI asserts the size, which is the sum of the fields.
        unsafe impl Plain for $type {}
    )*};
}

plain!(u32, u64, [u32; 4], Cidr4, Cidr6, CtKey4, CtKey6, PolicyKey);
plain!(Addr, Endpoint, Table, PolicyEntry, Limit, CtEntry, FragKey);

// SAFETY: repr(C), integers only (crate abi).
unsafe impl Record for FragEntry {}
// SAFETY: repr(C), integers only (crate abi).
unsafe impl Record for Event {}
// SAFETY: two records and integers, repr(C).
unsafe impl<T: Record> Record for Staged<T> {}
// SAFETY: T is a multiple of 4 bytes long and aligned to 4 (asserted below for the four there are),
// so that nothing is between or after the fields.
unsafe impl<T: Plain> Plain for Staged<T> {}

const _: () = assert!(size_of::<Staged<Addr>>() == 40);
const _: () = assert!(size_of::<Staged<Endpoint>>() == 72);
const _: () = assert!(size_of::<Staged<Table>>() == 88);
const _: () = assert!(size_of::<Staged<PolicyEntry>>() == 32);

/// The bytes of a record.
pub(crate) fn bytes<T: Plain>(record: &T) -> &[u8] {
    let start = std::ptr::from_ref(record).cast();
    // SAFETY: the bytes of a live value, all initialised (Plain).
    unsafe { std::slice::from_raw_parts(start, size_of::<T>()) }
}

/// The bytes of records in a row.
pub(crate) fn slice_bytes<T: Plain>(records: &[T]) -> &[u8] {
    let start = records.as_ptr().cast();
    // SAFETY: the bytes of a live slice, all initialised (Plain).
    unsafe { std::slice::from_raw_parts(start, size_of_val(records)) }
}

/// The record at the front of `bytes`, none if they are too short.
pub(crate) fn read<T: Record>(bytes: &[u8]) -> Option<T> {
    if bytes.len() < size_of::<T>() {
        return None;
    }
    let start = bytes.as_ptr().cast();
    // SAFETY: long enough, alignment isn't needed, and any bytes are a value (Record).
    Some(unsafe { std::ptr::read_unaligned(start) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_bytes() {
        let key = PolicyKey {
            table: 7,
            identity: 300,
            port: 443,
            proto: 6,
            shape: 24,
        };
        let mut shifted = vec![0];
        shifted.extend_from_slice(bytes(&key));
        assert_eq!(read::<PolicyKey>(&shifted[1..]), Some(key));
        assert_eq!(read::<PolicyKey>(&shifted[2..]), None);
        assert_eq!(
            slice_bytes(&[1u32, 2]),
            [1u32.to_ne_bytes(), 2u32.to_ne_bytes()].concat()
        );
    }
}
