//! The loaded programs over maps of a test's making, for runs on packets of its making.

use std::net::IpAddr;

use abi::event::Event;
use loader::testrun::{Input, Program, SHOT};
use loader::{Datapath, Desired, IfIndex, Options, RingItem, RingOptions, RingReader};

use crate::namespace::{Bpffs, enter, object};

/// A network namespace with interfaces for pods, a bpffs, and what is loaded.
pub struct Kernel {
    datapath: Datapath,
    readers: Vec<RingReader>,
    /// One for each pod.
    pub interfaces: Vec<IfIndex>,
    // Last: the rest is closed before it is unmounted.
    _bpffs: Bpffs,
}

impl Kernel {
    /// Root's, with this many interfaces.
    ///
    /// # Panics
    /// Without root, or without `FLOWS_BPF_OBJECT`.
    pub fn new(pods: usize) -> Self {
        let object = object();
        let names: Vec<String> = (0..pods).map(|n| format!("pod-{n}")).collect();
        let interfaces = enter(names.iter().map(String::as_str));
        let bpffs = Bpffs::new();
        let options = Options::new(bpffs.path());
        let datapath = Datapath::open(&object, &options).expect("the object loads");
        let readers = datapath
            .rings(RingOptions { bytes: 1 << 16 })
            .expect("rings");
        Self {
            datapath,
            readers,
            interfaces,
            _bpffs: bpffs,
        }
    }

    /// Takes this content, and knows no connection.
    ///
    /// # Panics
    /// If the maps don't take it.
    pub fn begin(&mut self, desired: &Desired) {
        self.datapath.apply(desired).expect("the maps take it");
        let stats = self.datapath.stats();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        stats
            .connections4(|key, _| v4.push(key))
            .expect("connections");
        stats
            .connections6(|key, _| v6.push(key))
            .expect("connections");
        for key in v4 {
            stats.forget_connection4(&key).expect("a connection");
        }
        for key in v6 {
            stats.forget_connection6(&key).expect("a connection");
        }
    }

    /// Runs a program on a frame: whether it dropped it, and the event that it sent.
    ///
    /// # Panics
    /// If the kernel doesn't take the frame.
    pub fn run(
        &mut self,
        program: Program,
        interface: IfIndex,
        frame: &[u8],
    ) -> (bool, Vec<Event>) {
        let input = Input {
            packet: frame,
            interface,
            repeat: 1,
        };
        let output = self
            .datapath
            .test_run(program, &input)
            .expect("the kernel takes the frame");
        let mut events = Vec::new();
        for reader in &mut self.readers {
            reader.drain(|item| {
                if let RingItem::Event(sample) = item {
                    events.push(sample.event);
                }
            });
        }
        (output.action == SHOT, events)
    }
}

/// The first packet of a connection; `number` makes it one of its own.
///
/// # Panics
/// If the addresses are of two families.
pub fn frame(src: IpAddr, dst: IpAddr, protocol: u8, port: u16, number: u16) -> Vec<u8> {
    let port_be = port.to_be_bytes();
    let own = number.to_be_bytes();
    let payload: Vec<u8> = match protocol {
        6 => [
            &own[..],
            &port_be,
            &[0; 8],
            &[0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0],
        ]
        .concat(),
        17 => [&own[..], &port_be, &[0, 8, 0, 0]].concat(),
        132 => [&own[..], &port_be, &[0; 8], &[1, 0, 0, 20], &[1; 16]].concat(),
        _ => [
            &[u8::try_from(port).expect("an ICMP type"), 0, 0, 0],
            &own[..],
            &[0, 1],
        ]
        .concat(),
    };
    let length = u16::try_from(payload.len()).expect("short");
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            frame.extend([0x08, 0, 0x45, 0]);
            frame.extend((length + 20).to_be_bytes());
            frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            frame.extend(src.octets());
            frame.extend(dst.octets());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend(src.octets());
            frame.extend(dst.octets());
        }
        (src, dst) => panic!("{src} -> {dst}"),
    }
    frame.extend(payload);
    frame
}
