//! Types of a map's keys and values as the kernel's type format has them (Documentation/bpf/btf.rst), as far as
//! it must know them: that the last word of a value is a lock.

use std::io;
use std::os::fd::OwnedFd;

use super::attr::{BtfLoad, Command};
use super::{address, bpf, owned};

/// Number of the keys' type.
pub(crate) const KEY: u32 = 5;
/// Number of the values' type.
pub(crate) const VALUE: u32 = 6;

const WORD: u32 = 4;

const KIND_INT: u32 = 1;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;

/// Types being written, in the order of their numbers, which begin with 1.
#[derive(Default)]
struct Types {
    types: Vec<u32>,
    /// Names, each ended by a zero; offset 0 is the empty name.
    names: Vec<u8>,
}

impl Types {
    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let offset = length(&self.names);
        self.names.extend_from_slice(name.as_bytes());
        self.names.push(0);
        offset
    }

    /// What all types begin with; `size` is in bytes.
    fn head(&mut self, name: &str, kind: u32, members: u32, size: u32) {
        let name = self.name(name);
        self.types.extend([name, kind << 24 | members, size]);
    }

    fn unsigned_word(&mut self) {
        self.head("word", KIND_INT, 0, WORD);
        self.types.push(WORD * 8);
    }

    fn words(&mut self, element: u32, count: u32) {
        self.head("", KIND_ARRAY, 0, 0);
        self.types.extend([element, element, count]);
    }

    /// Members: name, type, offset in bytes.
    fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) {
        self.head(name, KIND_STRUCT, length(members), size);
        for (name, number, offset) in members {
            let name = self.name(name);
            self.types.extend([name, *number, offset * 8]);
        }
    }

    fn encode(&self) -> Vec<u8> {
        const MAGIC: u16 = 0xeb9f;
        const VERSION: u8 = 1;
        const FLAGS: u8 = 0;
        const HEADER: u32 = 24;
        let types = length(&self.types) * WORD;
        let names = length(&self.names);
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([VERSION, FLAGS]);
        let header = [HEADER, 0, types, types, names];
        let words = header.iter().chain(&self.types);
        bytes.extend(words.flat_map(|word| word.to_ne_bytes()));
        bytes.extend_from_slice(&self.names);
        bytes
    }
}

fn length<T>(slice: &[T]) -> u32 {
    u32::try_from(slice.len()).expect("a few types")
}

/// Tells the kernel the types of a map whose values end with a lock. Sizes are in bytes and multiples of 4.
pub(crate) fn load_locked(key_size: u32, value_size: u32) -> io::Result<OwnedFd> {
    const UNSIGNED: u32 = 1;
    const LOCK: u32 = 2;
    const KEY_WORDS: u32 = 3;
    const VALUE_WORDS: u32 = 4;
    let content = value_size - WORD;
    let mut types = Types::default();
    types.names.push(0);
    types.unsigned_word();
    // The kernel knows the lock by this name.
    types.structure("bpf_spin_lock", WORD, &[("val", UNSIGNED, 0)]);
    types.words(UNSIGNED, key_size / WORD);
    types.words(UNSIGNED, content / WORD);
    types.structure("key", key_size, &[("words", KEY_WORDS, 0)]);
    let members = [("words", VALUE_WORDS, 0), ("lock", LOCK, content)];
    types.structure("value", value_size, &members);
    let bytes = types.encode();
    let mut attr = BtfLoad {
        btf: address(bytes.as_ptr()),
        log: 0,
        size: length(&bytes),
        log_size: 0,
        log_level: 0,
        padding: 0,
    };
    bpf(Command::BtfLoad, &mut attr).map(owned)
}
