//! Attributes of bpf(2), one per group of commands.

#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(super) enum Command {
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    ProgLoad = 5,
    ObjPin = 6,
    ObjGet = 7,
    ProgAttach = 8,
    ProgDetach = 9,
    TestRun = 10,
    ProgById = 13,
    ObjGetInfo = 15,
    ProgQuery = 16,
    BtfLoad = 18,
    MapLookupBatch = 24,
    MapUpdateBatch = 26,
    MapDeleteBatch = 27,
    LinkCreate = 28,
    LinkUpdate = 29,
    LinkDetach = 34,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct MapCreate {
    pub(super) kind: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) flags: u32,
    pub(super) inner: u32,
    pub(super) numa: u32,
    pub(super) name: [u8; 16],
    pub(super) ifindex: u32,
    pub(super) btf: u32,
    pub(super) btf_key: u32,
    pub(super) btf_value: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct BtfLoad {
    pub(super) btf: u64,
    pub(super) log: u64,
    pub(super) size: u32,
    pub(super) log_size: u32,
    pub(super) log_level: u32,
    pub(super) padding: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Element {
    pub(super) map: u32,
    pub(super) padding: u32,
    pub(super) key: u64,
    pub(super) value: u64,
    pub(super) flags: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Elements {
    pub(super) in_batch: u64,
    pub(super) out_batch: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    pub(super) count: u32,
    pub(super) map: u32,
    pub(super) element_flags: u64,
    pub(super) flags: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Object {
    pub(super) pathname: u64,
    pub(super) fd: u32,
    pub(super) flags: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Info {
    pub(super) fd: u32,
    pub(super) length: u32,
    pub(super) info: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct LinkCreate {
    pub(super) program: u32,
    pub(super) target: u32,
    pub(super) attach_type: u32,
    pub(super) flags: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct LinkUpdate {
    pub(super) link: u32,
    pub(super) program: u32,
    pub(super) flags: u32,
    pub(super) old_program: u32,
}

/// As far as the name.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ProgLoad {
    pub(super) kind: u32,
    pub(super) instruction_count: u32,
    pub(super) instructions: u64,
    pub(super) license: u64,
    pub(super) log_level: u32,
    pub(super) log_size: u32,
    pub(super) log: u64,
    pub(super) kernel_version: u32,
    pub(super) flags: u32,
    pub(super) name: [u8; 16],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ProgAttach {
    pub(super) target: u32,
    pub(super) program: u32,
    pub(super) attach_type: u32,
    pub(super) flags: u32,
    pub(super) replaced: u32,
    pub(super) relative: u32,
    pub(super) expected_revision: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ProgQuery {
    pub(super) target: u32,
    pub(super) attach_type: u32,
    pub(super) query_flags: u32,
    pub(super) attach_flags: u32,
    pub(super) programs: u64,
    pub(super) count: u32,
    pub(super) padding: u32,
    pub(super) program_flags: u64,
    pub(super) links: u64,
    pub(super) link_flags: u64,
    pub(super) revision: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ById {
    pub(super) id: u32,
    pub(super) next: u32,
    pub(super) flags: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct TestRun {
    pub(super) program: u32,
    pub(super) result: u32,
    pub(super) data_size_in: u32,
    pub(super) data_size_out: u32,
    pub(super) data_in: u64,
    pub(super) data_out: u64,
    pub(super) repeat: u32,
    pub(super) duration: u32,
    pub(super) ctx_size_in: u32,
    pub(super) ctx_size_out: u32,
    pub(super) ctx_in: u64,
    pub(super) ctx_out: u64,
    pub(super) flags: u32,
    pub(super) cpu: u32,
    pub(super) batch_size: u32,
    pub(super) padding: u32,
}

const _: () = assert!(size_of::<MapCreate>() == 60);
const _: () = assert!(size_of::<BtfLoad>() == 32);
const _: () = assert!(size_of::<Elements>() == 56);
const _: () = assert!(size_of::<TestRun>() == 80);
const _: () = assert!(size_of::<ProgLoad>() == 64);
const _: () = assert!(size_of::<ProgAttach>() == 32);
const _: () = assert!(size_of::<ProgQuery>() == 64);
