//! The loaded programs, and maps for them, in a network namespace of their own: for runs on packets of
//! the tests' making.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::net::IpAddr;

use abi::event::Event;
use loader::testrun::{Input, Program, SHOT};
use loader::{Datapath, Desired, IfIndex, Options, RingItem, RingOptions, RingReader};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};

/// A network namespace with interfaces for pods, a bpffs, and what is loaded.
pub(crate) struct Kernel {
    datapath: Datapath,
    readers: Vec<RingReader>,
    pub(crate) interfaces: Vec<IfIndex>,
    // Last: the rest is closed before it is unmounted.
    _mount: Mount,
}

struct Mount {
    directory: std::path::PathBuf,
    _parent: tempfile::TempDir,
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = umount2(&self.directory, MntFlags::MNT_DETACH);
        if !std::thread::panicking() {
            unmounted.expect("mounted when the datapath was opened");
        }
    }
}

impl Kernel {
    /// Root's, with this many interfaces.
    pub(crate) fn new(pods: usize) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this needs root: run `cargo xtask test` or `cargo xtask policy-cases`"
        );
        let object = std::env::var_os("FLOWS_BPF_OBJECT").expect(
            "FLOWS_BPF_OBJECT must name the eBPF object: run through `cargo xtask`, or set it to what \
             `cargo xtask build-bpf` prints",
        );
        let object = std::fs::read(object).expect("FLOWS_BPF_OBJECT can be read");
        unshare(CloneFlags::CLONE_NEWNET).expect("root may have a network namespace");
        let interfaces = (0..pods).map(|n| {
            let name = format!("pod-{n}");
            let made = std::process::Command::new("ip")
                .args([
                    "link",
                    "add",
                    &name,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    &format!("in-{n}"),
                ])
                .status();
            assert!(
                made.expect("iproute2 is installed").success(),
                "ip link add {name}"
            );
            IfIndex(nix::net::if_::if_nametoindex(name.as_str()).expect("just made"))
        });
        let interfaces = interfaces.collect();
        let parent = tempfile::tempdir().expect("a temporary directory");
        let directory = parent.path().join("bpf");
        let datapath =
            Datapath::open(&object, &Options::new(&directory)).expect("the object loads");
        let readers = datapath
            .rings(RingOptions { bytes: 1 << 16 })
            .expect("rings");
        Self {
            datapath,
            readers,
            interfaces,
            _mount: Mount {
                directory,
                _parent: parent,
            },
        }
    }

    /// Takes this content, and knows no connection.
    pub(crate) fn begin(&mut self, desired: &Desired) {
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
    pub(crate) fn run(
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
pub(crate) fn frame(src: IpAddr, dst: IpAddr, protocol: u8, port: u16, number: u16) -> Vec<u8> {
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
